"""Interval arithmetic on many cells at once, rounded outwards.

A `Box` holds for each cell an interval that contains every value that a node
of a tree takes there. Infinite bounds mean "finite, however large".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = Any
"""Arrays of bool; numpy's types know no `&` of them that stays one."""


class Box(NamedTuple):
    """Enclosures of one node over cells; all fields broadcast with each other."""

    lo: Array
    hi: Array
    ok: Flags
    """Defined, finite and continuous on the cell."""
    smooth: Flags
    """Analytic on the cell: no kink at any order."""
    lo_open: Flags
    """The value is never `lo`."""
    hi_open: Flags

    @property
    def nonzero(self) -> Flags:
        """Where the value is certainly not zero."""
        return self.positive | self.negative

    @property
    def positive(self) -> Flags:
        """Where the value is certainly above zero."""
        return (self.lo > 0) | ((self.lo == 0) & self.lo_open)

    @property
    def negative(self) -> Flags:
        """Where the value is certainly below zero."""
        return (self.hi < 0) | ((self.hi == 0) & self.hi_open)


TRUE, FALSE = np.asarray(True), np.asarray(False)


def point(value: float) -> Box:
    """Return the enclosure of a constant."""
    at = np.asarray(value, dtype=np.float64)
    return Box(at, at, TRUE, TRUE, FALSE, FALSE)


def down(values: Array) -> Array:
    """Return the next float64 below each value."""
    return np.nextafter(values, -np.inf)


def up(values: Array) -> Array:
    """Return the next float64 above each value."""
    return np.nextafter(values, np.inf)


def _exact_sum(a: Array, b: Array, total: Array) -> Flags:
    part = total - a
    return ((a - (total - part)) + (b - part) == 0) & np.isfinite(total)


def add(a: Box, b: Box) -> Box:
    """Enclose `a + b`."""
    lo, hi = a.lo + b.lo, a.hi + b.hi
    lo = np.where(_exact_sum(a.lo, b.lo, lo), lo, down(lo))
    hi = np.where(_exact_sum(a.hi, b.hi, hi), hi, up(hi))
    return checked(
        Box(lo, hi, a.ok & b.ok, a.smooth & b.smooth, a.lo_open | b.lo_open, a.hi_open | b.hi_open)
    )


def neg(a: Box) -> Box:
    """Enclose `-a`."""
    return Box(-a.hi, -a.lo, a.ok, a.smooth, a.hi_open, a.lo_open)


def sub(a: Box, b: Box) -> Box:
    """Enclose `a - b`."""
    return add(a, neg(b))


def checked(box: Box) -> Box:
    """Replace bounds that are not numbers by infinite ones."""
    lo = np.where(np.isnan(box.lo), -np.inf, box.lo)
    hi = np.where(np.isnan(box.hi), np.inf, box.hi)
    return box._replace(lo=lo, hi=hi)


def _is_simple(a: Array) -> Flags:
    """Whether multiplying by these is exact: zero and powers of two."""
    return (a == 0) | (np.abs(np.frexp(a)[0]) == 0.5)


def _scaled(a: Box, factor: Array) -> tuple[Array, Array]:
    """Return bounds of a node times a number."""
    first, last = (a.lo, a.hi) if factor >= 0 else (a.hi, a.lo)
    return _exact_or(first * factor, first, factor, down), _exact_or(
        last * factor, last, factor, up
    )


def _exact_or(value: Array, a: Array, factor: Array, outwards: Callable[[Array], Array]) -> Array:
    small = (a == np.rint(a)) & (factor == np.rint(factor)) & (np.abs(value) < 2.0**53)
    normal = (np.abs(value) > 1e-290) & (np.abs(value) < np.inf)
    exact = small | (a == 0) | (normal & (_is_simple(a) | _is_simple(factor)))
    return np.where(exact, np.where(a == 0, 0.0, value), outwards(value))


def _corners(a: Box, b: Box) -> tuple[Array, Array]:
    """Return bounds of a product; only zero times infinity is not a number."""
    values = [u * v for u in (a.lo, a.hi) for v in (b.lo, b.hi)]
    values = [np.where(np.isnan(value), 0.0, value) for value in values]
    lo = np.minimum(np.minimum(values[0], values[1]), np.minimum(values[2], values[3]))
    hi = np.maximum(np.maximum(values[0], values[1]), np.maximum(values[2], values[3]))
    if lo.ndim and np.array_equal(lo, hi):  # points: products of eighths, as on the grid, are exact
        eighths = (8.0 * a.lo == np.rint(8.0 * a.lo)) & (8.0 * b.lo == np.rint(8.0 * b.lo))
        exact = eighths & (np.abs(lo) < 2.0**40)
        return np.where(exact, lo, down(lo)), np.where(exact, hi, up(hi))
    return down(lo), up(hi)


def mul(a: Box, b: Box) -> Box:
    """Enclose `a * b`."""
    if a.lo.ndim == 0 and a.lo == a.hi:
        a, b = b, a
    if b.lo.ndim == 0 and b.lo == b.hi:
        lo, hi = _scaled(a, b.lo)
    else:
        lo, hi = _corners(a, b)
    box = checked(Box(lo, hi, a.ok & b.ok, a.smooth & b.smooth, FALSE, FALSE))
    zero = ((a.lo == 0) & (a.hi == 0)) | ((b.lo == 0) & (b.hi == 0))
    box = box._replace(lo=np.where(zero, 0.0, box.lo), hi=np.where(zero, 0.0, box.hi))
    return _signed(a, b, box)


def _signed(a: Box, b: Box, box: Box) -> Box:
    """Keep what the signs of two factors say of their product or quotient."""
    above, below = (a.lo >= 0, b.lo >= 0), (a.hi <= 0, b.hi <= 0)
    lo = np.where((above[0] & above[1]) | (below[0] & below[1]), np.maximum(box.lo, 0.0), box.lo)
    hi = np.where((above[0] & below[1]) | (below[0] & above[1]), np.minimum(box.hi, 0.0), box.hi)
    never = a.nonzero & b.nonzero
    lo_open, hi_open = never & (lo == 0), never & (hi == 0)
    if b.lo.ndim == 0 and b.lo == b.hi and b.lo != 0:  # scaled by a number: open bounds stay open
        ends = (a.lo_open, a.hi_open) if b.lo > 0 else (a.hi_open, a.lo_open)
        lo_open, hi_open = lo_open | ends[0], hi_open | ends[1]
    return box._replace(lo=lo, hi=hi, lo_open=lo_open, hi_open=hi_open)


def div(a: Box, b: Box) -> Box:
    """Enclose `a / b`; not ok where `b` may be zero."""
    away = b.positive | b.negative
    touching = (b.lo >= 0) | (b.hi <= 0)
    lo_b = np.where(b.lo == 0, 0.0, b.lo)
    hi_b = np.where(b.hi == 0, -0.0, b.hi)
    pairs = [_quotient(u, v) for v in (lo_b, hi_b) for u in (a.lo, a.hi)]
    least, most = zip(*pairs, strict=True)
    lo = np.minimum(np.minimum(least[0], least[1]), np.minimum(least[2], least[3]))
    hi = np.maximum(np.maximum(most[0], most[1]), np.maximum(most[2], most[3]))
    lo, hi = np.where(touching, lo, -np.inf), np.where(touching, hi, np.inf)
    empty = (a.lo == 0) & (a.hi == 0) & away
    lo, hi = np.where(empty, 0.0, lo), np.where(empty, 0.0, hi)
    ok, smooth = a.ok & b.ok & away, a.smooth & b.smooth & away
    box = checked(Box(lo, hi, ok, smooth, FALSE, FALSE))
    signed, known = _signed(a, b, box), (b.lo != 0) | (b.hi != 0)  # zero itself has no side
    lo, hi = np.where(known, signed.lo, box.lo), np.where(known, signed.hi, box.hi)
    return box._replace(
        lo=lo, hi=hi, lo_open=signed.lo_open & known, hi_open=signed.hi_open & known
    )


def _quotient(a: Array, b: Array) -> tuple[Array, Array]:
    """Return bounds of a quotient of numbers; by powers of two it is exact."""
    value = a / b
    value = np.where((a == 0) | np.isnan(value), 0.0, value)
    exact = _is_simple(b) & (np.abs(value) > 1e-290) & (np.abs(value) < np.inf)
    return np.where(exact, value, down(value)), np.where(exact, value, up(value))


def maximum(a: Box, b: Box) -> Box:
    """Enclose `max(a, b)`."""
    lo_open = np.where(a.lo == b.lo, a.lo_open | b.lo_open,
                       np.where(a.lo > b.lo, a.lo_open, b.lo_open))  # fmt: skip
    hi_open = np.where(a.hi == b.hi, a.hi_open & b.hi_open,
                       np.where(a.hi > b.hi, a.hi_open, b.hi_open))  # fmt: skip
    apart = (a.lo >= b.hi) | (b.lo >= a.hi)
    return Box(np.maximum(a.lo, b.lo), np.maximum(a.hi, b.hi), a.ok & b.ok,
               a.smooth & b.smooth & apart, lo_open, hi_open)  # fmt: skip


def select(a: Box, b: Box, c: Box, *, jump: bool) -> Box:
    """Enclose `b where a > 0, else c`.

    With `jump` it is a value, which at `a = 0` is that of `c`; without, it is
    a slope, which there lies between those of both sides.
    """
    first = a.positive
    second = (a.hi <= 0) if jump else a.negative
    both = ~(first | second)
    lo = np.where(first, b.lo, np.where(second, c.lo, np.minimum(b.lo, c.lo)))
    hi = np.where(first, b.hi, np.where(second, c.hi, np.maximum(b.hi, c.hi)))
    calm = ~both & ~((a.lo == 0) & (a.hi == 0) & (a.lo.ndim > 0))  # zero itself is the jump
    ok = a.ok & calm & np.where(first, b.ok, c.ok)
    smooth = a.smooth & ~both & np.where(first, b.smooth, c.smooth)
    lo_open = np.where(first, b.lo_open, np.where(second, c.lo_open, b.lo_open & c.lo_open))
    hi_open = np.where(first, b.hi_open, np.where(second, c.hi_open, b.hi_open & c.hi_open))
    return Box(lo, hi, ok, smooth, lo_open, hi_open)
