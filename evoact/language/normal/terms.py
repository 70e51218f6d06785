"""Terms: expressions in which sums, products and extrema have any number of parts.

A term is what the normal form is computed on. Commuted and reassociated
writings of an expression are one term, because the parts are kept in one order:

- `sum`: `data` is a constant and a coefficient for each argument.
- `prod`: `data` is a coefficient and an integer exponent for each argument.
- `clip`: its argument held between `data`, two bounds that may be infinite.
- `max`, `min`: of two or more arguments, no constant among them.
- `num`, `param`, `x`: the leaves; a parameter's `data` is its rank.
- any other primitive by its name, with its arguments.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from evoact.language.primitives import PRIMITIVES

THRESHOLDS: Final = frozenset(row.name for row in PRIMITIVES.values() if row.surrogate)

LITERAL: Final = "="
"""Marks the names of calls that no rule has seen, from sums and extrema that rules made."""

_RANKS: Final = {"num": 0, "param": 1, "x": 2}
_TINY: Final = 2.0**-1022  # the smallest float with all its digits
_NOISE: Final = 4e-16


class UnwritableError(ArithmeticError):
    """A constant of the normal form would not be a finite float."""


class Term:
    """An immutable term; equal ones have equal keys.

    `key` orders terms as people write them: 2.0, a, x, small calls, large calls.
    `hard` says that a threshold is inside: its gradient is not that of its
    values, so rules that rest on values alone must leave it.
    """

    __slots__ = ("_hash", "args", "data", "hard", "key", "op", "size")

    def __init__(self, op: str, args: tuple[Term, ...] = (), data: tuple[float, ...] = ()) -> None:
        self.op, self.args, self.data = op, args, data
        self.size: int = _size(op, args, data)
        self.hard: bool = op.removeprefix(LITERAL) in THRESHOLDS or any(arg.hard for arg in args)
        self.key: tuple[object, ...] = (
            _RANKS.get(op, 3), self.size, op, tuple(arg.key for arg in args), data,
        )  # fmt: skip
        self._hash: int = hash((op, data, args))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Term) or self._hash != other._hash:
            return False
        return (self.op, self.data, self.args) == (other.op, other.data, other.args)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"{self.op}{self.data or ''}{self.args or ''}"

    @property
    def value(self) -> float:
        """The first number: of a constant its value, of a product its coefficient."""
        return self.data[0]


def _size(op: str, args: tuple[Term, ...], data: tuple[float, ...]) -> int:
    """Return how many nodes the written term has, without minus signs."""
    size = sum(arg.size for arg in args)
    if op == "sum":
        coefficients = sum(2 * (abs(n) != 1.0) for n in data[1:])
        return size + len(args) - 1 + 2 * (data[0] != 0.0) + coefficients
    if op == "prod":
        coefficient = 2 * (abs(data[0]) != 1.0) or int(max(data[1:]) < 0.0)
        return size + len(args) - 1 + coefficient + sum(abs(n) != 1.0 for n in data[1:])
    return size + 1 + (len(args) - 2 if op in {"max", "min"} else 0)


def num(value: float) -> Term:
    """Return a constant.

    Raises:
        UnwritableError: it is not finite.
    """
    if not math.isfinite(value):
        raise UnwritableError
    return Term("num", (), (value + 0.0,))


ZERO: Final = num(0.0)
ONE: Final = num(1.0)
INPUT: Final = Term("x")


def ordered(terms: Iterable[Term]) -> list[Term]:
    """Return terms in the one order in which they are written."""
    return sorted(terms, key=lambda term: term.key)


def total(numbers: list[float]) -> float:
    """Return the sum of numbers, rounded once; zero where only rounding is left."""
    if len(numbers) == 1:
        return numbers[0]
    try:
        result = math.fsum(numbers)
    except OverflowError as error:
        raise UnwritableError from error
    return 0.0 if abs(result) <= _NOISE * max(map(abs, numbers)) else result


def product(powers: list[tuple[float, int]]) -> float:
    """Return the product of powers of numbers, rounded once, so in any order.

    Raises:
        UnwritableError: it overflows, underflows or divides by zero.
    """
    powers = [(base, exponent) for base, exponent in powers if base != 1.0]
    if not powers:
        return 1.0
    if len(powers) == 1 and powers[0][1] == 1:
        return powers[0][0]
    if len(powers) == 2 and powers[0][1] == powers[1][1] == 1:
        result = powers[0][0] * powers[1][0]  # one operation, so rounded once
        if _TINY <= abs(result) < math.inf:
            return result
    return _exact_product(powers)


def _exact_product(powers: list[tuple[float, int]]) -> float:
    try:
        factors = (Fraction(base) ** exponent for base, exponent in powers)
        exact = math.prod(factors, start=Fraction(1))
        result = float(exact)
    except (OverflowError, ZeroDivisionError) as error:
        raise UnwritableError from error
    if abs(result) < _TINY and exact != result:
        raise UnwritableError
    return result


def quotient(a: float, b: float) -> float | None:
    """Return `a / b` if multiplying it by `b` gives `a` again, else None."""
    if not math.isfinite(a):
        return math.copysign(a, a * b)
    result = a / b
    good = result * b == a and (a == 0.0 or _TINY <= abs(result) < math.inf)
    return result + 0.0 if good else None
