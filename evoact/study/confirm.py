"""Who is trained again with fresh seeds, who is called the winner, and its controls."""

from __future__ import annotations

from evoact.records import Candidate, ConfirmationAsked, ControlsAsked
from evoact.study.evaluators import Evaluator
from evoact.study.race import best_first, race
from evoact.study.study import Study

STATIC_LATE, STATIC_EARLY = "static late", "static early"


def confirmation(study: Study, evaluator: Evaluator) -> ConfirmationAsked:
    """Return the finalists, the baselines and the fresh replicates of a study.

    The finalists are the best of the search, or those that survive their race.
    """
    spec = study.spec.evaluate.confirm
    baselines = spec.baseline_candidates()
    known = {candidate.id for candidate in baselines.values()}
    best = [c for c in study.history.hall_of_fame(study.spec) if c.id not in known]
    top = best[: spec.top]
    chosen = race(study, evaluator, top)[: spec.survivors] if spec.race else top
    finalists = {candidate.short_id: candidate for candidate in chosen}
    return ConfirmationAsked(finalists, baselines, tuple(range(1, spec.seeds + 1)))


def choose_winner(study: Study) -> str | None:
    """Return the id of the finalist that is best on validation data.

    By its mean over the seeds of the race, where there was one, so that the fresh
    seeds choose nobody; else over the fresh seeds. Finalists of which a training
    with them failed come after those that never did, then those whose means break
    a limit after those that keep all. Without finalists, the best of the search.
    """
    asked = study.history.confirmation
    finalists = list(asked.finalists.values()) if asked else []
    if not finalists:
        best = study.best(1)
        return best[0].candidate.id if best else None
    confirmed = {candidate: study.history.confirmed(candidate) for candidate in finalists}
    ended_well = {c: sum(e.is_ok for e in confirmed[c]) for c in finalists}
    most = max(ended_well.values())
    judged = {c: study.history.raced(c) or confirmed[c] for c in finalists if ended_well[c] == most}
    return best_first(study.spec, judged)[0].id


def controls(study: Study, winner: str | None) -> ControlsAsked | None:
    """Return the controls of an annealed winner: its late and its early function alone.

    They say whether it is the annealing that makes the winner good. None where
    it was not annealed, or not confirmed itself.
    """
    asked = study.history.confirmation
    finalists = asked.finalists.values() if asked else ()
    candidate = next((c for c in finalists if c.id == winner), None)
    if candidate is None or candidate.early is None or not study.spec.evaluate.confirm.controls:
        return None
    alone = {STATIC_LATE: candidate.late, STATIC_EARLY: candidate.early}
    origin, parents = "control", (candidate.id,)
    made = {
        label: Candidate(e, None, origin, parents, head=candidate.head)
        for label, e in alone.items()
    }
    return ControlsAsked(candidate.id, made)
