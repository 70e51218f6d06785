"""Random trees of a strongly typed grammar.

DEAP's own generator fails where a type has no terminal at the depth limit;
this one knows the least depth in which a tree of each type can read `x`.
"""

from __future__ import annotations

import math
import random
from itertools import chain
from typing import Any, Final

from deap import gp

from evoact.errors import InputError
from evoact.evolution.primitive_set import Grammar
from evoact.evolution.trees import valid_expression
from evoact.evolution.types import Type

_X_SHARE: Final = 0.6  # of leaves, at least; the rest are drawn from all leaves
_EARLY_LEAF: Final = 0.15  # chance to stop above the depth limit
_TRIES: Final = 50


class Generator:
    """Grows random trees up to a depth.

    Args:
        grammar: the primitives and leaves to use, by type.
        rng: where every draw comes from.
    """

    def __init__(self, grammar: Grammar, rng: random.Random) -> None:
        self._roots, self._rng = grammar.roots, rng
        self._primitives = dict(grammar.pset.primitives)
        self._leaves = dict(grammar.pset.terminals)
        self._least = _least_depths(grammar.pset)

    def can_grow(self, type_: type[Type]) -> bool:
        """Whether the grammar has trees of a type; seeds may bring others."""
        return self._least.get(type_, math.inf) < math.inf

    def tree(self, extra_depth: int) -> list[Any]:
        """Return a random whole tree that reads `x` and stands for an expression.

        Args:
            extra_depth: how much deeper it may be than the shallowest that reads `x`.

        Raises:
            InputError: the grammar seems to have no such tree.
        """
        root = self._rng.choice(self._roots)
        for _ in range(_TRIES):
            tree = self.grow(root, int(self._least[root]) + extra_depth)
            if valid_expression(tree) is not None:
                return tree
        tree = self._of_x(root)
        if valid_expression(tree) is None:
            raise InputError(
                f"none of {_TRIES} random trees of type {root.__name__} has constant parts that "
                "are finite; list other primitives in language.primitives"
            )
        return tree

    def grow(self, type_: type[Type], depth: int) -> list[Any]:
        """Return a random tree of a type.

        At most `depth` primitives deep, or as deep as it takes to read `x`.
        """
        depth = max(depth, int(self._least[type_]))
        fitting = [p for p in self._primitives[type_] if self._needs(p) <= depth]
        if not fitting or (self._leaves[type_] and self._rng.random() < _EARLY_LEAF):
            return self._leaf(type_)
        primitive = self._rng.choice(fitting)
        return [primitive, *chain(*(self.grow(arg, depth - 1) for arg in primitive.args))]

    def _leaf(self, type_: type[Type]) -> list[Any]:
        """Return a leaf; mostly `x`, or as little around it as gives the type."""
        reads_x = self._primitives[type_] or _has_x(self._leaves[type_])
        if reads_x and self._rng.random() < _X_SHARE:
            return self._of_x(type_)
        chosen = self._rng.choice(self._leaves[type_])
        return [chosen() if isinstance(chosen, gp.MetaEphemeral) else chosen]

    def _of_x(self, type_: type[Type]) -> list[Any]:
        """Return a tree of least depth whose leaves are `x` wherever they can be."""
        leaves, least = self._leaves[type_], self._least[type_]
        if _has_x(leaves):
            return [leaves[0]]
        if not self._primitives[type_]:
            return self._leaf(type_)
        shallow = [p for p in self._primitives[type_] if self._needs(p) == least]
        primitive = self._rng.choice(shallow)
        return [primitive, *chain(*map(self._of_x, primitive.args))]

    def _needs(self, primitive: gp.Primitive) -> float:
        return 1.0 + max(self._least[arg] for arg in primitive.args)


def _has_x(leaves: list[Any]) -> bool:
    return bool(leaves) and not isinstance(leaves[0], gp.MetaEphemeral)


def _least_depths(pset: gp.PrimitiveSetTyped) -> dict[type[Type], float]:
    """Return the least depth of a tree of each type that reads `x`, if any does."""
    types = list(pset.terminals)
    least = {
        t: 0.0 if _has_x(pset.terminals[t]) or not pset.primitives[t] else math.inf for t in types
    }
    for _ in types:
        for type_ in types:
            for p in pset.primitives[type_]:
                least[type_] = min(least[type_], 1.0 + max(least[arg] for arg in p.args))
    return least
