"""The search loop: generations, then confirmation, then the end.

The loop is the same for a new study and a resumed one. Evolution is replayed
from the seed, with the evaluations that the journal holds; only what is
missing is trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evoact.errors import StudyError
from evoact.evolution import Evolution
from evoact.records import (
    Candidate,
    Evaluation,
    GenerationAsked,
    GenerationTold,
    StudyFinished,
)
from evoact.study.cohorts import cohorts_of, train
from evoact.study.confirm import choose_winner, confirmation, controls
from evoact.study.evaluators import Evaluator
from evoact.study.study import Study


def run(study: Study, evaluator: Evaluator) -> None:
    """Bring an open study to its end.

    Raises:
        StudyError: no candidate of the first generation could be trained, or
            the journal is of a search that this version would do otherwise.
    """
    if study.is_finished:
        return
    evolution = Evolution(study.spec, study.run.seed)
    for generation in range(study.spec.evolution.generations):
        candidates = evolution.ask()
        if not candidates:
            break  # the space is exhausted
        _ask(study, GenerationAsked(generation, tuple(candidates), tuple(evolution.rejected)))
        train(study, evaluator, cohorts_of(study, candidates, replicate=0))
        evaluations = [study.history.evaluations[c.id, 0] for c in candidates]
        evolution.tell(evaluations)
        if generation == 0:
            _refuse_hopeless(evaluations)
        if generation not in study.history.told:
            study.record(GenerationTold(generation))
    _confirm(study, evaluator)
    winner = choose_winner(study)
    _control(study, evaluator, winner)
    study.record(StudyFinished(winner))


def _ask(study: Study, asked: GenerationAsked) -> None:
    before = study.history.asked.get(asked.generation)
    if before is None:
        study.record(asked)
    elif before.candidates != asked.candidates:
        raise StudyError(
            f"generation {asked.generation} of {study.name} would be bred otherwise now; "
            f"resume it with the versions it was begun with: {study.run.versions}"
        )


def _refuse_hopeless(evaluations: Sequence[Evaluation]) -> None:
    if any(evaluation.is_ok for evaluation in evaluations):
        return
    reason, count = Counter(f"{e.status}: {e.reason}" for e in evaluations).most_common(1)[0]
    raise StudyError(
        f"none of the {len(evaluations)} candidates of the first generation could be trained; "
        f"{count} of them: {reason}"
    )


def _confirm(study: Study, evaluator: Evaluator) -> None:
    """Train finalists and baselines with fresh seeds, all replicates at once."""
    asked = study.history.confirmation
    if asked is None:
        asked = confirmation(study)
        study.record(asked)
    _replicate(study, evaluator, [*asked.finalists.values(), *asked.baselines.values()])


def _control(study: Study, evaluator: Evaluator, winner: str | None) -> None:
    """Train the winner's controls with the seeds that it was confirmed with."""
    asked = study.history.controls
    if asked is None:
        asked = controls(study, winner)
        if asked is None:
            return
        study.record(asked)
    _replicate(study, evaluator, [*asked.controls.values()])


def _replicate(study: Study, evaluator: Evaluator, candidates: Sequence[Candidate]) -> None:
    """Train candidates, each once, with all fresh seeds; what is there already stays."""
    assert study.history.confirmation is not None
    contestants = list({c.id: c for c in candidates}.values())
    replicates = study.history.confirmation.replicates
    cohorts = [c for r in replicates for c in cohorts_of(study, contestants, r)]
    train(study, evaluator, cohorts)
