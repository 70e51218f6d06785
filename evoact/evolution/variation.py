"""Making offspring: crossover and mutation of strongly typed trees.

All operators put in the place of a node only what gives the same type, so that
widths and shapes hold by themselves. An offspring without an expression (its
constant parts are not finite, or nothing reads `x`) is bred again.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from typing import Any, Final

from deap import gp

from evoact.evolution.generate import Generator
from evoact.evolution.individual import Individual
from evoact.evolution.primitive_set import Grammar, Slot
from evoact.evolution.rates import Rates, mutation_origin
from evoact.evolution.trees import leaf, valid_expression
from evoact.evolution.types import Count, Share, SizeType, Type, ValueType
from evoact.language import Const

_SUBTREE_DEPTH: Final = 2
_TRIES: Final = 10

Signature = tuple[type[Type], tuple[type[Type], ...]]


def crossover(a: Individual, b: Individual, rng: random.Random) -> Individual:
    """Return a copy of `a` in which a subtree is replaced by one of `b` of its type.

    Not DEAP's `cxOnePoint`: that chooses the type by iterating over a set of
    classes, in an order that changes with every process.
    """
    places: dict[type[Type], list[int]] = defaultdict(list)
    for index, node in enumerate(b):
        if not issubclass(node.ret, SizeType):  # equal ones are all that fit
            places[node.ret].append(index)
    common = [i for i, node in enumerate(a) if node.ret in places]
    for _ in range(_TRIES if common else 0):
        child = a.child()
        index = rng.choice(common)
        donor = rng.choice(places[child[index].ret])
        child[child.searchSubtree(index)] = b[b.searchSubtree(donor)]
        if valid_expression(child) is not None:
            return child
    return a.child()


class Mutation:
    """Changes a copy of a tree at one place."""

    def __init__(self, grammar: Grammar, generator: Generator, rng: random.Random) -> None:
        self._roots, self._generator, self._rng = grammar.roots, generator, rng
        self._alike: dict[Signature, list[gp.Primitive]] = defaultdict(list)
        self._around: dict[type[Type], list[gp.Primitive]] = defaultdict(list)
        for primitives in grammar.pset.primitives.values():
            for primitive in primitives:
                self._alike[_signature(primitive)].append(primitive)
                for arg in dict.fromkeys(primitive.args):
                    self._around[arg].append(primitive)
        self.operators = {
            "subtree": self._subtree,
            "replace": self._replace,
            "insert": self._insert,
            "shrink": self._shrink,
            "perturb": self._perturb,
        }
        self._even = Rates(list(self.operators), crossover=0.0, adaptive=False)

    def __call__(self, parent: Individual, rates: Rates | None = None) -> tuple[Individual, str]:
        """Return a changed copy and its origin: the operator, chosen by its rate, or evenly.

        An operator that finds nothing to change gives way to another one; after
        some tries the copy stays as it is.
        """
        rates, name = rates or self._even, ""
        for _ in range(_TRIES):
            name = rates.mutation(self._rng)
            child = self.operators[name](parent.child())
            if list(child) != list(parent) and valid_expression(child) is not None:
                return child, mutation_origin(name)
        return parent.child(), mutation_origin(name)

    def _subtree(self, tree: Individual) -> Individual:
        """Put a random tree in the place of one."""
        places = [i for i, node in enumerate(tree) if self._grows(node)]
        if places:
            index = self._rng.choice(places)
            grown = self._generator.grow(tree[index].ret, _SUBTREE_DEPTH)
            tree[tree.searchSubtree(index)] = grown
        return tree

    def _grows(self, node: Any) -> bool:
        return issubclass(node.ret, ValueType) and self._generator.can_grow(node.ret)

    def _replace(self, tree: Individual) -> Individual:
        """Put another primitive on the same arguments, or another leaf, at one place.

        Not DEAP's `mutNodeReplacement`: that fails at primitives whose signature
        no other in the set has, such as a seed's.
        """
        index = self._rng.randrange(len(tree))
        node = tree[index]
        if node.arity == 0:
            if self._generator.can_grow(node.ret):
                tree[index : index + 1] = self._generator.grow(node.ret, 0)
        elif others := self._alike.get(_signature(node)):
            other = self._rng.choice(others)
            tree[tree.searchSubtree(index)] = self._with_arguments(other, tree, index)
        return tree

    def _with_arguments(self, primitive: gp.Primitive, tree: Individual, index: int) -> list[Any]:
        """Apply a primitive to the values of a node; literals that fit stay too."""
        values: list[slice] = []
        literals: dict[type[Type], list[slice]] = defaultdict(list)
        for arg, part in zip(tree[index].args, _argument_slices(tree, index), strict=True):
            (values if issubclass(arg, ValueType) else literals[arg]).append(part)
        new = [primitive]
        for arg in primitive.args:
            fitting = values if issubclass(arg, ValueType) else literals[arg]
            new += tree[fitting.pop(0)] if fitting else self._generator.grow(arg, 0)
        return new

    def _insert(self, tree: Individual) -> Individual:
        """Put a primitive around one node; its other arguments are leaves."""
        index = self._rng.randrange(len(tree))
        inner = tree[index].ret
        wanted = self._roots if index == 0 else (inner,)
        around = [p for p in self._around.get(inner, ()) if p.ret in wanted]
        if not around or not issubclass(inner, ValueType):
            return tree
        primitive = self._rng.choice(around)
        kept = self._rng.choice([i for i, arg in enumerate(primitive.args) if arg is inner])
        place = tree.searchSubtree(index)
        grown: list[Any] = [primitive]
        for i, arg in enumerate(primitive.args):
            grown += tree[place] if i == kept else self._generator.grow(arg, 0)
        tree[place] = grown
        return tree

    def _shrink(self, tree: Individual) -> Individual:
        """Put one argument of a primitive in its place."""
        options = [
            (index, part)
            for index, node in enumerate(tree)
            if node.arity
            for arg, part in zip(node.args, _argument_slices(tree, index), strict=True)
            if arg in (self._roots if index == 0 else (node.ret,))
        ]
        if options:
            index, part = self._rng.choice(options)
            tree[tree.searchSubtree(index)] = tree[part]
        return tree

    def _perturb(self, tree: Individual) -> Individual:
        """Move one constant or one parameter's initial value by a normal step."""
        places = [i for i, node in enumerate(tree) if _is_movable(node)]
        if not places:
            return self._subtree(tree)
        chosen = tree[self._rng.choice(places)]
        moved = self._moved(chosen.value, chosen.ret)
        for index in places:
            node = tree[index]
            same_kind = isinstance(node.value, Slot) or node.ret is chosen.ret
            if node.value == chosen.value and same_kind:  # a shared parameter stays one
                tree[index] = leaf(moved, node.ret)
        return tree

    def _moved(self, payload: Const | Slot, type_: type[Type]) -> Const | Slot:
        if isinstance(payload, Slot):
            return replace(payload, initial=self._stepped(payload.initial))
        if type_ is Count:
            step = self._rng.choice((-1.0, 1.0))
            return Const(min(max(payload.value + step, 2.0), 1024.0))
        if type_ is Share:
            share = round(payload.value + self._rng.gauss(0.0, 0.15), 2)
            return Const(min(max(share, 0.05), 0.95))
        return Const(self._stepped(payload.value))

    def _stepped(self, value: float) -> float:
        return round(value + self._rng.gauss(0.0, 0.3 * max(0.5, abs(value))), 3) + 0.0


def _signature(primitive: gp.Primitive) -> Signature:
    """What a primitive gives, and of which values."""
    return primitive.ret, tuple(arg for arg in primitive.args if issubclass(arg, ValueType))


def _argument_slices(tree: Individual, index: int) -> list[slice]:
    slices: list[slice] = []
    begin = index + 1
    for _ in range(tree[index].arity):
        slices.append(tree.searchSubtree(begin))
        begin = slices[-1].stop
    return slices


def _is_movable(node: Any) -> bool:
    """Whether a leaf is a number that may move; a group's size is its type."""
    is_number = node.arity == 0 and isinstance(node.value, Const | Slot)
    return is_number and not issubclass(node.ret, SizeType)
