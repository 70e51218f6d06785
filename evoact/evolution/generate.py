"""Random trees of a typed primitive set.

DEAP's own generator fails where a type has no terminal at the depth limit;
this one knows the least depth in which each type can be completed.
"""

from __future__ import annotations

import random
from typing import Any, Final

from deap import gp

_X_SHARE: Final = 0.6  # of leaves; the rest are constants and parameters
_EARLY_LEAF: Final = 0.15  # chance to stop above the depth limit


class Generator:
    """Grows random trees up to a depth.

    Args:
        pset: the primitives and terminals to use.
        rng: where every draw comes from.
    """

    def __init__(self, pset: gp.PrimitiveSetTyped, rng: random.Random) -> None:
        self._pset, self._rng = pset, rng
        self._least = _least_depths(pset)

    def grow(self, type_: type, depth: int) -> list[Any]:
        """Return a random tree of a type, at most `depth` primitives deep."""
        fitting = [p for p in self._pset.primitives[type_] if self._needs(p) <= depth]
        leaves = self._pset.terminals[type_]
        if not fitting or (leaves and self._rng.random() < _EARLY_LEAF):
            return [self._leaf(leaves)]
        primitive = self._rng.choice(fitting)
        tree = [primitive]
        for arg in primitive.args:
            tree += self.grow(arg, depth - 1)
        return tree

    def _needs(self, primitive: gp.Primitive) -> float:
        return 1.0 + max(self._least[arg] for arg in primitive.args)

    def _leaf(self, leaves: list[Any]) -> Any:
        if not isinstance(leaves[0], gp.MetaEphemeral) and self._rng.random() < _X_SHARE:
            return leaves[0]
        chosen = self._rng.choice(leaves)
        return chosen() if isinstance(chosen, gp.MetaEphemeral) else chosen


def _least_depths(pset: gp.PrimitiveSetTyped) -> dict[type, float]:
    """Return the least depth of a complete tree of each type."""
    types = {*pset.terminals, *pset.primitives}
    least = {type_: 0.0 if pset.terminals[type_] else float("inf") for type_ in types}
    for _ in types:
        for type_ in types:
            for p in pset.primitives[type_]:
                depth = 1.0 + max(least.get(arg, float("inf")) for arg in p.args)
                least[type_] = min(least[type_], depth)
    return least
