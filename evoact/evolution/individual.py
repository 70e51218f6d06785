"""What DEAP breeds and selects: a tree with genes and a fitness."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from deap import base, gp
from deap.tools import emo, selection

from evoact.evolution.types import SizeType
from evoact.records import Anneal, Candidate


class Fitness(base.Fitness):  # type: ignore[misc]  # DEAP ships no types
    """Values of the objectives, each oriented so that more is better."""

    weights: tuple[float, ...] = (1.0,)

    def __init__(self, values: Sequence[float] = ()) -> None:
        # Set for each instance: DEAP checks the number of values against it.
        self.weights = (1.0,) * len(values) or (1.0,)
        super().__init__(values)


class Individual(gp.PrimitiveTree):  # type: ignore[misc]  # DEAP ships no types
    """A tree of primitives, its annealing genes, and the candidate it became."""

    def __init__(self, tree: Sequence[Any], anneal: Anneal | None = None) -> None:
        super().__init__(tree)
        self.anneal = anneal
        self.candidate: Candidate | None = None
        self.fitness = Fitness()

    def child(self) -> Individual:
        """Return a copy to vary: same tree and genes, no fitness."""
        return Individual(list(self), self.anneal)

    def form(self) -> tuple[str, ...]:
        """Return what the tree is but for its numbers: equal trees have equal forms."""
        return tuple(map(_word, self))


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
