"""The strongly typed primitive set that DEAP composes: a space's grammar.

Leaves carry their meaning as payload: `X`, a `Const`, or a `Slot` for a
learnable parameter.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Final

from deap import gp

from evoact.evolution.types import (
    Count,
    Number,
    Share,
    SizeType,
    ValueType,
    argument_types,
    value_type,
)
from evoact.language import Const, Scope
from evoact.records import LanguageSpec
from evoact.records.grammar import Rule, reachable, rules
from evoact.records.shape import ARITIES, Shape

_OF_X: Final = Fraction(1)
_INITIAL: Final = (0.1, 0.25, 0.5, 1.0, 1.0, 1.5, 2.0)
_COUNTS: Final = (2, 8)
_SHARES: Final = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Slot:
    """A learnable parameter in a tree; leaves with equal tags are one parameter."""

    initial: float
    scope: Scope
    tag: int


@dataclass(frozen=True, slots=True)
class Grammar:
    """What trees are made of.

    Attributes:
        pset: DEAP's primitive set: primitives and leaves by type.
        roots: the types that whole trees may have, one for each width allowed.
    """

    pset: gp.PrimitiveSetTyped
    roots: tuple[type[ValueType], ...]


def draw_constant(rng: random.Random) -> Const:
    """Draw a constant that reads well: two decimals, mostly within [-2, 2]."""
    return Const(round(rng.gauss(0.0, 1.0), 2) + 0.0)


def draw_slot(rng: random.Random, scope: Scope) -> Slot:
    """Draw a learnable parameter with a usual initial value."""
    return Slot(rng.choice(_INITIAL), scope, rng.getrandbits(32))


def draw_count(rng: random.Random) -> Const:
    """Draw a small integer, such as the steps of `multistep`."""
    return Const(float(rng.randint(*_COUNTS)))


def draw_share(rng: random.Random) -> Const:
    """Draw a share of the channels."""
    return Const(rng.choice(_SHARES))


def _size(size: int) -> Const:
    return Const(float(size))


def grammar(spec: LanguageSpec, rng: random.Random) -> Grammar:
    """Return the grammar of a space's language; leaves are drawn from `rng`.

    Args:
        spec: the primitives, widths and shape.
        rng: where constants and parameters come from.

    >>> from evoact.records import LanguageSpec
    >>> spec = LanguageSpec(primitives=["left", "concat", "tanh"], widths=["1/2", 1])
    >>> made = grammar(spec, random.Random(0))
    >>> [root.__name__ for root in made.roots]
    ['Value[1/2]', 'Value[1]']
    >>> sorted({p.name for p in made.pset.primitives[made.roots[0]]})
    ['concat', 'left', 'tanh']
    """
    shape = spec.shape_tree
    places: tuple[Shape | None, ...] = tuple(shape.places()) if shape else (None,)
    found = rules(spec.primitives)
    x_place = next((place for place in places if place and place.kind == "x"), None)
    roots = tuple(value_type(width, shape) for width in spec.widths)
    pset = gp.PrimitiveSetTyped("activation", [value_type(_OF_X, x_place)], roots[0])
    pset.renameArguments(ARG0="x")
    for place in places:
        for rule in found:
            _add_rule(pset, rule, place, found)
        _add_leaves(pset, spec, place, found, rng)
    _add_literals(pset, rng)
    return Grammar(pset, roots)


def _add_rule(
    pset: gp.PrimitiveSetTyped, rule: Rule, place: Shape | None, found: tuple[Rule, ...]
) -> None:
    inner: tuple[Shape | None, ...] = (None,) * rule.arity
    if place is not None:
        inner = place.args
        if ARITIES.get(place.kind) != rule.arity:
            return
        if not all(rule.inner in reachable(found, arg) for arg in place.args):
            return
    args = argument_types(rule.row, [value_type(rule.inner, arg) for arg in inner], rule.size)
    pset.addPrimitive(rule.row.numpy, args, value_type(rule.width, place), name=rule.row.name)


def _add_leaves(
    pset: gp.PrimitiveSetTyped,
    spec: LanguageSpec,
    place: Shape | None,
    found: tuple[Rule, ...],
    rng: random.Random,
) -> None:
    """Add constants and parameters at every width; `x` has a width, and is there already."""
    scope = Scope.CHANNEL if spec.parameters == "per_channel" else Scope.LAYER
    draws: dict[str, Callable[[], Const | Slot]] = {}
    if spec.constants:
        draws["constant"] = partial(draw_constant, rng)
    if spec.parameters != "none":
        draws["parameter"] = partial(draw_slot, rng, scope)
    for kind, draw in draws.items():
        if place is None or place.kind == kind:
            for width in dict.fromkeys(rule.inner for rule in found):
                pset.addEphemeralConstant(f"{kind}[{width}]", draw, value_type(width, place))


def _add_literals(pset: gp.PrimitiveSetTyped, rng: random.Random) -> None:
    draws = {Number: draw_constant, Count: draw_count, Share: draw_share}
    for used in list(pset.terminals):
        if issubclass(used, SizeType):
            pset.addEphemeralConstant(used.__name__, partial(_size, used.size), used)
        elif used in draws:
            pset.addEphemeralConstant(used.__name__, partial(draws[used], rng), used)
