"""Random typed expressions, for hypothesis."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any

from hypothesis import HealthCheck, reject, settings
from hypothesis import strategies as st

from evoact.language import (
    PRIMITIVES,
    WIDTHS,
    Const,
    Expression,
    ExpressionError,
    Kind,
    Node,
    Param,
    Parameter,
    Scope,
    call,
    parse,
)

# The same examples in every run; slow examples on a shared machine are no failure.
PROPERTY = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)

Numbers = Callable[[Random], float]

_EXTREME = (0.0, -0.0, 1.0, -1.0, 2.0, 0.1, 1 / 3, 5e-324, -1.7e308, 1e16, 1e-5)
_USUAL = (0.0, 1.0, -1.0, 2.0, 0.5, -0.25, 1e-6, 1e4)


def any_number(rng: Random) -> float:
    """Return any finite number, the awkward ones more often."""
    if rng.random() < 0.4:
        return rng.choice(_EXTREME)
    if rng.random() < 0.6:
        return rng.uniform(-10.0, 10.0)
    value = struct.unpack("d", rng.randbytes(8))[0]
    return value if math.isfinite(value) else 0.5


def usual_number(rng: Random) -> float:
    """Return a number as people and searches write them."""
    return rng.choice(_USUAL) if rng.random() < 0.4 else rng.uniform(-3.0, 3.0)


def tame_number(rng: Random) -> float:
    return rng.uniform(-2.0, 2.0)


_NAMES = (None, "beta", "a1", "a0", "t0", "a0_")
_INTEGERS = (2, 3, 4)

POINTWISE = tuple(name for name, row in PRIMITIVES.items() if not row.is_groupwise)
GROUPWISE = tuple(name for name, row in PRIMITIVES.items() if row.is_groupwise)
THRESHOLDS = tuple(name for name, row in PRIMITIVES.items() if row.surrogate)


@cache
def _makers(primitives: tuple[str, ...], width: Fraction) -> list[tuple[str, int, Fraction]]:
    """All (primitive, integer literal, width of the arguments) that give a width."""
    found = []
    for name in primitives:
        row = PRIMITIVES[name]
        for integer in _INTEGERS if Kind.INTEGER in row.signature else (2,):
            numbers = [integer if k is Kind.INTEGER else 0.5 for k in row.signature if k.is_literal]
            inner = width / row.widen(*numbers) if row.widen else width
            if inner in WIDTHS and not (row.adds_x and width != 1):
                found.append((name, integer, inner))
    return found


# The smallest trees of each width that read x.
_X_AT = {
    Fraction(1, 4): ("left(left(x))", "right(left(x))", "group_max(x, 4)"),
    Fraction(1, 2): ("left(x)", "right(x)", "group_max(x, 2)"),
    Fraction(1): ("x",),
    Fraction(2): ("concat(x, x)", "concat(x, -x)"),
}


class _Grower:
    """Grows a tree downwards: every node is asked for with the width that it must have."""

    def __init__(self, rng: Random, primitives: tuple[str, ...], numbers: Numbers) -> None:
        self.rng, self.primitives, self.numbers = rng, primitives, numbers
        names = rng.sample(_NAMES, rng.choice([0, 0, 1, 2, 3]))
        self.parameters = tuple(
            Parameter(numbers(rng) + 0.0, rng.choice(list(Scope)), name) for name in names
        )
        self.widths: dict[int, Fraction] = {}  # of parameters per channel

    def node(self, depth: int, width: Fraction) -> Node:
        if depth == 0 or self.rng.random() < 0.15:
            return self.leaf(width)
        name, integer, inner = self.rng.choice(_makers(self.primitives, width))
        return call(
            name,
            *(self.argument(k, integer, depth - 1, inner) for k in PRIMITIVES[name].signature),
        )

    def argument(self, kind: Kind, integer: int, depth: int, width: Fraction) -> Node:
        match kind:
            case Kind.INTEGER:
                return Const(float(integer))
            case Kind.FRACTION:
                return Const(self.rng.choice([0.5, 0.25, 0.1, 0.999]))
            case Kind.NUMBER:
                return Const(self.numbers(self.rng))
        return self.node(depth, width)

    def leaf(self, width: Fraction) -> Node:
        if self.rng.random() < 0.15:
            return Const(self.numbers(self.rng))
        if self.parameters and self.rng.random() < 0.3:
            index = self.rng.randrange(len(self.parameters))
            if self.fits(index, width):
                return Param(index)
        return parse(self.rng.choice(_X_AT[width])).root

    def fits(self, index: int, width: Fraction) -> bool:
        """Whether a parameter may be used here: per channel, at one width only."""
        if self.parameters[index].scope is Scope.LAYER:
            return True
        return self.widths.setdefault(index, width) == width


@st.composite
def expressions(
    draw: Any,
    primitives: tuple[str, ...] = tuple(PRIMITIVES),
    numbers: Numbers = any_number,
    max_depth: int = 5,
) -> Expression:
    """Return a valid expression over the given primitives; it may have parameters.

    Its width is any that exists, where the primitives are groupwise. The choices
    come from one number that hypothesis draws: drawn one by one, 4 in 10 trees
    were repetitions.
    """
    rng = Random(draw(st.integers(0, 2**64 - 1)))
    depths = [depth for depth in range(1, max_depth + 1) for _ in range(depth)]
    found = tree(rng, draw(st.sampled_from(depths)), primitives, numbers)
    return reject() if found is None else found


def tree(
    rng: Random,
    depth: int,
    primitives: tuple[str, ...] = tuple(PRIMITIVES),
    numbers: Numbers = any_number,
) -> Expression | None:
    """Return an expression; None where constants came out too large."""
    groupwise = any(PRIMITIVES[name].is_groupwise for name in primitives)
    width = rng.choice([Fraction(1), Fraction(1), *WIDTHS]) if groupwise else Fraction(1)
    grower = _Grower(rng, primitives, numbers)
    root = grower.node(depth, width)
    try:
        return Expression.build(root, grower.parameters)
    except ExpressionError as error:
        if "constants must be finite" not in error.message:  # widths are right by construction
            raise
        return None
