"""Continuous piecewise-linear functions of one number, and how they are written.

Annealing starts a network with such a function and refines it as training goes
on. As text it is a sum of hinges, each of one cheap operation: `leaky_relu` of
`x - knot` bends between any two slopes, at the cost of `relu`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evoact.errors import InputError
from evoact.language.expression import Expression
from evoact.language.tree import Const, FloatArray, Node, X, call

_DIGITS: Final = 6
# What rounding in float64 leaves of a slope of 0, over the largest.
_NOTHING: Final = 1e-9
_GAP: Final = 1e-6
# A chain of so many sums is well within the depth of an expression.
_CHAIN: Final = 16


@dataclass(frozen=True, slots=True)
class PiecewiseLinear:
    """A continuous function `intercepts[i] + slopes[i] * x` on each piece `i`.

    Attributes:
        knots: where it bends, rising, in units of `x`.
        slopes: one more than there are knots, in units of `y` a unit of `x`.
        intercepts: as many as slopes, in units of `y`.

    Raises:
        InputError: the numbers do not fit together, or the pieces do not meet.

    >>> p = PiecewiseLinear((0.0,), (0.25, 1.0), (0.0, 0.0))
    >>> p([-2.0, 3.0]).tolist()
    [-0.5, 3.0]
    >>> str(p.expression())
    'leaky_relu(x, 0.25)'
    """

    knots: tuple[float, ...]
    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]

    def __post_init__(self) -> None:
        wanted = len(self.knots) + 1
        for name in ("slopes", "intercepts"):
            if len(getattr(self, name)) != wanted:
                raise InputError(
                    f"{name} has {len(getattr(self, name))} numbers for {wanted - 1} knots; "
                    f"wanted {wanted}, one a piece"
                )
        if not all(map(math.isfinite, (*self.knots, *self.slopes, *self.intercepts))):
            raise InputError(f"{self!r} has numbers that are not finite; wanted finite ones")
        if any(a >= b for a, b in zip(self.knots, self.knots[1:], strict=False)):
            raise InputError(f"knots is {self.knots}; wanted rising numbers: sort them")
        for i, knot in enumerate(self.knots):
            self._check_joint(i, knot)

    def _check_joint(self, i: int, knot: float) -> None:
        left = self.intercepts[i] + self.slopes[i] * knot
        right = self.intercepts[i + 1] + self.slopes[i + 1] * knot
        parts = (self.intercepts[i], self.intercepts[i + 1], left, right)
        if abs(left - right) > _GAP * max(map(abs, parts)):
            raise InputError(
                f"intercepts make pieces {i} and {i + 1} meet x = {knot:g} at {left:g} and "
                f"{right:g}; wanted one value there: `PiecewiseLinear.through` joins pieces"
            )

    @classmethod
    def through(
        cls, x: float, y: float, knots: Sequence[float], slopes: Sequence[float]
    ) -> PiecewiseLinear:
        """Return the function with such knots and slopes that is `y` at `x`.

        Args:
            x: any finite number, in units of `x`.
            y: the value there, in units of `y`.
            knots: rising, of shape `(pieces - 1,)`.
            slopes: of shape `(pieces,)`.

        Raises:
            InputError: the numbers do not fit together.

        >>> PiecewiseLinear.through(0.0, 2.0, [1.0], [0.0, 3.0]).intercepts
        (2.0, -1.0)
        """
        steps = [k * (a - b) for k, a, b in zip(knots, slopes, slopes[1:], strict=False)]
        rises = np.concatenate([[0.0], np.cumsum(steps)])
        at = int(np.searchsorted(knots, x))
        shift = y - slopes[min(at, len(slopes) - 1)] * x - rises[min(at, len(steps))]
        return cls(_floats(knots), _floats(slopes), _floats((rises + shift).tolist()))

    def __call__(self, x: float | Sequence[float] | FloatArray) -> FloatArray:
        """Return the values at finite `x`, of any shape, as float64 of that shape."""
        points = np.asarray(x, dtype=np.float64)
        piece = np.searchsorted(self.knots, points)
        values: FloatArray = np.take(self.intercepts, piece) + np.take(self.slopes, piece) * points
        return values

    @property
    def pieces(self) -> int:
        """How many pieces there are, at least 1."""
        return len(self.slopes)

    def expression(self) -> Expression:
        """Return the function as an expression of few and cheap operations.

        Numbers are rounded to 6 significant digits. One piece is `a * x + b`; two
        are `b + a * h` with `h` one of relu, abs and leaky_relu of `x - knot`; a
        ramp between two levels is a `clamp`; each further piece adds a hinge
        `c * relu(x - knot)`. All are continuous whatever rounding does.

        Raises:
            ExpressionError: more than about 70 pieces: larger than the language allows.

        >>> str(PiecewiseLinear.through(0.0, 0.0, [-1.0, 1.0], [0.0, 1.0, 0.0]).expression())
        'clamp(x, -1.0, 1.0)'
        >>> str(PiecewiseLinear.through(0.0, 0.5, [], [2.0]).expression())
        '2.0 * x + 0.5'
        """
        least = _NOTHING * max(map(abs, self.slopes))
        slopes = [s if abs(s) > least else 0.0 for s in self.slopes]
        bends = [i for i in range(len(self.knots)) if abs(slopes[i + 1] - slopes[i]) > least]
        knots = [self.knots[i] for i in bends]
        slopes = [slopes[i] for i in bends] + slopes[-1:]
        where = knots[0] if knots else 0.0
        value = float(self(where))
        if len(slopes) == 3 and slopes[0] == slopes[2] == 0.0:
            ramp = call("clamp", X(), Const(_rounded(knots[0])), Const(_rounded(knots[1])))
            node, value = _scaled(slopes[1], ramp), value - slopes[1] * where
        else:
            node = _summed(_hinges(knots, slopes))
        if abs(value) <= _NOTHING * max(map(abs, (*self.slopes, *self.intercepts))):
            return Expression.build(node)
        return Expression.build(_plus(node, value, Const(abs(_rounded(value)))))


def _hinges(knots: list[float], slopes: list[float]) -> list[tuple[float, Node]]:
    """Return terms with their signs, whose sum is 0 at the first knot, or at 0."""
    if not knots:
        return [(1.0, _scaled(slopes[0], X()))]
    terms = [(1.0, _bend(slopes[0], slopes[1], knots[0]))]
    for knot, before, after in zip(knots[1:], slopes[1:], slopes[2:], strict=False):
        turn = after - before
        terms.append((turn, _scaled(abs(turn), call("relu", _right_of(knot)))))
    return terms


def _bend(left: float, right: float, knot: float) -> Node:
    """Return a function that is 0 at a knot, with a slope on either side."""
    if abs(left) <= abs(right):
        return _scaled(right, _leaky(_right_of(knot), _rounded(left / right)))
    return _scaled(-left, _leaky(_left_of(knot), _rounded(right / left)))


def _leaky(node: Node, slope: float) -> Node:
    """Return `leaky_relu(node, slope)`, or what is the same and plainer."""
    if slope in (0.0, -1.0):
        return call("relu" if slope == 0.0 else "abs", node)
    return node if slope == 1.0 else call("leaky_relu", node, Const(slope))


def _right_of(knot: float) -> Node:
    return _plus(X(), -knot, Const(abs(_rounded(knot)))) if knot else X()


def _left_of(knot: float) -> Node:
    return call("sub", Const(_rounded(knot)), X()) if knot else call("neg", X())


def _scaled(factor: float, node: Node) -> Node:
    factor = _rounded(factor)
    if factor in (0.0, 1.0):
        return node if factor else Const(0.0)
    return call("neg", node) if factor == -1.0 else call("mul", Const(factor), node)


def _plus(node: Node, sign: float, other: Node) -> Node:
    if node == Const(0.0):
        return other if sign > 0.0 else Expression.build(call("neg", other)).root
    return call("add" if sign > 0.0 else "sub", node, other)


def _summed(terms: list[tuple[float, Node]]) -> Node:
    """Return the sum of terms with signs, the first of which is positive."""
    if len(terms) > _CHAIN:
        half = len(terms) // 2
        sign = terms[half][0]
        rest = [(term * sign, node) for term, node in terms[half:]]
        return _plus(_summed(terms[:half]), sign, _summed(rest))
    node = terms[0][1]
    for sign, term in terms[1:]:
        node = _plus(node, sign, term)
    return node


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}") + 0.0


def _floats(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(value) + 0.0 for value in values)
