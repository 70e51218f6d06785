"""What DEAP breeds and selects: a tree with genes and a fitness."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deap import base, gp
from deap.tools import emo, selection

from evoact.evolution.types import SizeType
from evoact.records import Anneal, Candidate


class Fitness(base.Fitness):  # type: ignore[misc]  # DEAP ships no types
    """Values of the objectives, each oriented so that more is better.

    Values that were measured at different rungs are never compared: who reached
    a higher rung is better than who did not, and dominates it. Before that, who keeps
    the limits on what is measured is better than who does not; of two at one rung that
    do not, the one that breaks them less (Deb et al. 2002).

    >>> low, high = Fitness([0.9, 0.9], rung=0), Fitness([0.1, 0.1], rung=1)
    >>> high > low, high.dominates(low), low.dominates(high)
    (True, True, False)
    >>> Fitness([0.1, 0.1]).dominates(Fitness([0.9, 0.9], violation=0.5))
    True
    """

    weights: tuple[float, ...] = (1.0,)

    def __init__(self, values: Sequence[float] = (), rung: int = 0, violation: float = 0.0) -> None:
        # Set for each instance: DEAP checks the number of values against it.
        self.weights = (1.0,) * len(values) or (1.0,)
        self.rung = rung
        self.standing = (violation == 0.0, rung, -violation)
        super().__init__(values)

    def _order(self) -> tuple[float, ...]:
        return (*self.standing, *self.wvalues)

    def dominates(self, other: Fitness, obj: slice = slice(None)) -> bool:
        """Whether it stands higher, or equally and is nowhere worse and somewhere better."""
        if self.standing != other.standing:
            return self.standing > other.standing
        return bool(super().dominates(other, obj))

    # All that DEAP orders by; its `>`, `>=` and `!=` are made of these.

    def __hash__(self) -> int:
        return hash(self._order())

    def __le__(self, other: Fitness) -> bool:
        return self._order() <= other._order()

    def __lt__(self, other: Fitness) -> bool:
        return self._order() < other._order()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fitness) and self._order() == other._order()


@dataclass(frozen=True, slots=True)
class Score:
    """What selection sees of an evaluation: the objectives, and the rung they are of."""

    objectives: Mapping[str, float]
    rung: int


class Individual(gp.PrimitiveTree):  # type: ignore[misc]  # DEAP ships no types
    """A tree of primitives, its genes, and the candidate it became.

    Attributes:
        number: how many were asked before it.
        score: what its training gave, once that is told.
        of: the score of the parent that it is a changed copy of.
    """

    def __init__(
        self, tree: Sequence[Any], anneal: Anneal | None = None, head: str | None = None
    ) -> None:
        super().__init__(tree)
        self.anneal, self.head = anneal, head
        self.candidate: Candidate | None = None
        self.fitness = Fitness()
        self.number = 0
        self.score: Score | None = None
        self.of: Score | None = None
        self._form: tuple[str, ...] | None = None

    def child(self) -> Individual:
        """Return a copy to vary: same tree and genes, no fitness."""
        copy = Individual(list(self), self.anneal, self.head)
        copy.of = self.score
        return copy

    def form(self) -> tuple[str, ...]:
        """Return what the tree is but for its numbers: equal trees have equal forms.

        Made once: a tree that was asked for does not change.
        """
        if self._form is None:
            self._form = tuple(map(_word, self))
        return self._form


def _word(node: Any) -> str:
    if node.arity:
        return str(node.name)
    is_size = issubclass(node.ret, SizeType)  # no number but part of the form
    return str(node.ret.__name__ if is_size else type(node.value).__name__)


@contextmanager
def deap_draws_from(rng: random.Random) -> Iterator[None]:
    """Let DEAP draw from `rng`, and from nothing else.

    DEAP calls functions of the global `random` module. Its modules are given
    our generator for the time, rather than the global one our state: other
    threads of the process also draw from the global one, at any moment.
    """
    modules = (selection, emo)
    kept = [module.random for module in modules]
    for module in modules:
        module.random = rng
    try:
        yield
    finally:
        for module, original in zip(modules, kept, strict=True):
            module.random = original
