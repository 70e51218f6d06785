"""The race of the best of a search, under seeds of its own, for the confirmation."""

from __future__ import annotations

from collections.abc import Sequence

from evoact.records import Candidate, Evaluation, RaceAsked
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
    return sorted(left, key=lambda candidate: _merit(study, candidate), reverse=True)


def _merit(study: Study, candidate: Candidate) -> tuple[float, float]:
    means = Evaluation.means(study.history.raced(candidate))
    return (-study.spec.violation(means), study.spec.signed(means)[0]) if means else (0.0, 0.0)


def _still_racing(study: Study, left: Sequence[Candidate]) -> list[Candidate]:
    """Leave out who failed more often, then who breaks limits, then who is shown to be worse."""
    values = {candidate: _values(study, candidate) for candidate in left}
    most = max(map(len, values.values()))
    well = [candidate for candidate in left if len(values[candidate]) == most]
    keeping = [candidate for candidate in well if _merit(study, candidate)[0] == 0.0]
    well = keeping or well
    shared = [r for r in values[well[0]] if all(r in values[candidate] for candidate in well)]
    if not shared:
        return well
    table = [[values[candidate][r] for r in shared] for candidate in well]
    return [well[position] for position in still_racing(table)]


def _values(study: Study, candidate: Candidate) -> dict[int, float]:
    """Return the values of the first objective, more being better, by replicate."""
    ended_well = [e for e in study.history.raced(candidate) if e.is_ok]
    return {e.replicate: study.spec.signed(dict(e.objectives))[0] for e in ended_well}
