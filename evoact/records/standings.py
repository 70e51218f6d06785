"""Who is best in a search, kept while evaluations come: nothing is sorted anew."""

from __future__ import annotations

from bisect import insort

from evoact.records.candidate import Candidate
from evoact.records.evaluation import Evaluation
from evoact.records.ranking import merits
from evoact.records.spec import SearchSpec

Standing = tuple[bool, int, float]
"""What is compared before the values, less being better: limits broken, rung, by how much."""

_Values = tuple[float, ...]
_Place = tuple[Standing, _Values, int, str]


class Standings:
    """The candidates of a search that were trained well, best first.

    See `History.hall_of_fame` for the order. Adding one takes the time of a place in a
    sorted list; with more objectives, of a comparison with the non-dominated ones. Ranks
    on several tasks change with every candidate, so there all is sorted when asked.

    Args:
        spec: the objectives and limits.
    """

    def __init__(self, spec: SearchSpec) -> None:
        self.spec = spec
        self._candidates: dict[str, Candidate] = {}
        self._evaluations: list[tuple[Candidate, Evaluation]] = []
        self._places: list[_Place] = []
        self._fronts: dict[Standing, list[_Place]] = {}
        self._leading: dict[int, tuple[bool, int, float]] = {}

    def add(self, candidate: Candidate, evaluation: Evaluation, generation: int) -> None:
        """Take a candidate that was trained well, and the generation it was asked in."""
        breaks, rung, _ = standing = _standing(self.spec, evaluation)
        self._candidates[candidate.id] = candidate
        if self.spec.primary in evaluation.objectives:
            sign = -1.0 if self.spec.objectives[self.spec.primary] == "max" else 1.0
            value = sign * evaluation.objectives[self.spec.primary]
            its = breaks, rung, value
            self._leading[generation] = min(its, self._leading.get(generation, its))
        if self.spec.tasks:
            self._evaluations.append((candidate, evaluation))
            return
        values = tuple(-v for v in self.spec.signed(evaluation.objectives))
        self._put((standing, values, candidate.late.nodes, candidate.id))

    def _put(self, place: _Place) -> None:
        if len(self.spec.objectives) == 1:
            insort(self._places, place)
            return
        front = self._fronts.setdefault(place[0], [])
        if not any(_dominates(other[1], place[1]) for other in front):
            front[:] = [other for other in front if not _dominates(place[1], other[1])]
            front.append(place)

    def best(self, size: int | None = None) -> list[Candidate]:
        """Return the best, best first; of more objectives the non-dominated ones."""
        return [self._candidates[place[3]] for place in self._sorted()[:size]]

    def leader(self, generation: int) -> float | None:
        """Return the best first objective of all asked up to a generation, if there is one."""
        found = [its for born, its in self._leading.items() if born <= generation]
        if not found:
            return None
        return -min(found)[2] if self.spec.objectives[self.spec.primary] == "max" else min(found)[2]

    def _sorted(self) -> list[_Place]:
        if self.spec.tasks:
            return self._of_tasks()
        if len(self.spec.objectives) == 1:
            return self._places
        return _of_fronts(self._fronts)

    def _of_tasks(self) -> list[_Place]:
        values = merits(self.spec, [e.objectives for _, e in self._evaluations])
        fresh = Standings(self.spec)
        for (candidate, evaluation), its in zip(self._evaluations, values, strict=True):
            standing, losses = _standing(self.spec, evaluation), tuple(-v for v in its)
            fresh._put((standing, losses, candidate.late.nodes, candidate.id))
        return fresh._places or _of_fronts(fresh._fronts)


def _of_fronts(fronts: dict[Standing, list[_Place]]) -> list[_Place]:
    """Return the places of all rungs; of those that break limits only if all do."""
    keep = [front for (breaks, *_), front in fronts.items() if not breaks]
    return sorted(place for front in (keep or fronts.values()) for place in front)


def _standing(spec: SearchSpec, evaluation: Evaluation) -> Standing:
    violation = spec.violation(evaluation.objectives)
    return violation > 0.0, -evaluation.rung, violation


def _dominates(a: _Values, b: _Values) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))
