"""The race of the best of a search, under seeds of its own, for the confirmation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evoact.records import Candidate, Evaluation, RaceAsked, SearchSpec, merits
from evoact.stats import still_racing
from evoact.study.cohorts import replicate
from evoact.study.evaluators import Evaluator
from evoact.study.study import Study


def race(study: Study, evaluator: Evaluator, top: Sequence[Candidate]) -> list[Candidate]:
    """Return who of the best is left after the race, best first.

    All are trained with some seeds, then those that are left with one after the
    other, until one alone is left or `evaluate.confirm.seeds` were used. The seeds
    are none of the confirmation's, and the test set is not read.
    """
    left = list(top)
    for number, replicates in enumerate(study.spec.evaluate.confirm.race_rounds()):
        if len(left) < 2:
            break
        if number == len(study.history.race):
            study.record(RaceAsked(tuple(c.id for c in left), replicates))
        asked = study.history.race[number]
        left = [study.history.candidates[id_] for id_ in asked.contestants]
        replicate(study, evaluator, left, asked.replicates)
        left = _still_racing(study, left)
    return best_first(study.spec, {candidate: study.history.raced(candidate) for candidate in left})


def best_first(
    spec: SearchSpec, judged: Mapping[Candidate, Sequence[Evaluation]]
) -> list[Candidate]:
    """Return candidates by the means of their evaluations under some seeds, best first.

    Those whose means break a limit come after those that keep all, and those of which no
    training ended well last.
    """
    means = {candidate: Evaluation.means(found) for candidate, found in judged.items()}
    good = [candidate for candidate in judged if means[candidate]]
    values = merits(spec, [means[candidate] for candidate in good])
    keyed = {
        candidate: (-spec.violation(means[candidate]), its[0])
        for candidate, its in zip(good, values, strict=True)
    }
    none_well = [candidate for candidate in judged if candidate not in keyed]
    return [*sorted(good, key=keyed.__getitem__, reverse=True), *none_well]


def _still_racing(study: Study, left: Sequence[Candidate]) -> list[Candidate]:
    """Leave out who failed more often, then who breaks limits, then who is shown to be worse.

    Each seed is a block of the test; of several tasks, each seed on each task.
    """
    values = {candidate: _values(study, candidate) for candidate in left}
    most = max(map(len, values.values()))
    well = [candidate for candidate in left if len(values[candidate]) == most]
    means = {candidate: Evaluation.means(study.history.raced(candidate)) for candidate in well}
    well = [c for c in well if means[c] and not study.spec.violation(means[c])] or well
    shared = [block for block in values[well[0]] if all(block in values[c] for c in well)]
    if not shared:
        return well
    table = [[values[candidate][block] for block in shared] for candidate in well]
    return [well[position] for position in still_racing(table)]


def _values(study: Study, candidate: Candidate) -> dict[tuple[int, str], float]:
    """Return the values of the first objective, more being better, by seed and task."""
    spec = study.spec
    sign = 1.0 if spec.objectives[spec.primary] == "max" else -1.0
    ended_well = [e for e in study.history.raced(candidate) if e.is_ok]
    return {
        (e.replicate, key): sign * e.objectives[key]
        for e in ended_well
        for key in spec.keys(spec.primary)
    }
