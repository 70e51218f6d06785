"""Enclosures of single rows: what their traits, and little else, say of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np

from evoact.language.facts.intervals import FALSE, Array, Box, Flags, div, down, point, up
from evoact.language.primitives import PRIMITIVES, Primitive

# numpy and scipy are within some units in the last place of the true value; where they
# exponentiate a rounded square, within 1e-13 relative. This is well above both.
RELATIVE: Final = 2e-12
ABSOLUTE: Final = 1e-300
PERIODIC: Final = {"sin": (math.pi / 2, math.pi), "cos": (0.0, math.pi)}
EXACT: Final = frozenset({"abs", "sqrt"})
CANCELLING: Final = frozenset({"sin", "cos", "sinc", "safe_log", "hard_sigmoid"})
"""Their error is not relative to the value."""
# The sign of the value is that of the argument.
SIGNED: Final = frozenset(
    {"tanh", "erf", "atan", "asinh", "sinh", "cube", "expm1", "silu", "gelu", "elu", "selu",
     "softsign", "signed_sqrt", "signed_log", "bessel_i1e", "log1p", "sqrt"}
)  # fmt: skip
# A finite end of the range that is reached nowhere but at a turning point.
ASYMPTOTIC: Final = frozenset(
    {"sigmoid", "log_sigmoid", "tanh", "erf", "erfc", "atan", "softplus", "softsign", "gaussian",
     "bessel_i0e", "exp", "expm1", "elu", "selu"}
)  # fmt: skip
# Not analytic at zero, where they may yet have a derivative.
ROUGH: Final = frozenset(
    {"elu", "selu", "signed_sqrt", "signed_log", "softsign", "bessel_i0e", "bessel_i1e",
     "safe_sqrt", "safe_log", "abs"}
)  # fmt: skip


def unary(row: Primitive, a: Box, *, hull: bool) -> Box:
    """Enclose a row of one argument that has traits."""
    if row.name in ("step", "sign", "window", "reciprocal"):
        return _broken(row, a, hull=hull)
    assert row.traits is not None
    low, high = row.traits.domain
    inside = a._replace(lo=np.clip(a.lo, low, high), hi=np.clip(a.hi, low, high))
    lo, hi = _bounds(row, inside)
    lo, hi = np.where(np.isnan(lo), -np.inf, lo), np.where(np.isnan(hi), np.inf, hi)
    defined = (a.lo >= low) & (a.hi <= high) & (a.lo <= high) & (a.hi >= low)
    for pole in row.traits.poles:
        defined = defined & ~_holds(a, pole)
    rough = (*row.traits.kinks, *((0.0,) if row.name in ROUGH else ()))
    smooth = a.smooth & defined & ~_any(a, rough)
    nothing = (a.hi < low) | (a.lo > high)
    box = Box(np.where(nothing, -np.inf, lo), np.where(nothing, np.inf, hi), a.ok & defined,
              smooth, FALSE, FALSE)  # fmt: skip
    return _by_sign(row, a, _in_range(row, box))


def _holds(a: Box, value: float) -> Flags:
    """Whether the argument may be `value`."""
    left = (a.lo < value) | ((a.lo == value) & ~a.lo_open)
    right = (a.hi > value) | ((a.hi == value) & ~a.hi_open)
    return left & right


def _any(a: Box, values: tuple[float, ...]) -> Flags:
    found: Flags = FALSE
    for value in values:
        found = found | _holds(a, value)
    return found


def _bounds(row: Primitive, a: Box) -> tuple[Array, Array]:
    first, last = evaluated(row, a.lo), evaluated(row, a.hi)
    lo, hi = np.minimum(first[0], last[0]), np.maximum(first[1], last[1])
    for at, low, high in _turns(row.name):
        within = (a.lo <= at) & (a.hi >= at)
        lo, hi = (
            np.where(within, np.minimum(lo, low), lo),
            np.where(within, np.maximum(hi, high), hi),
        )
    if row.name in PERIODIC:
        return _periodic(a, *PERIODIC[row.name], lo, hi)
    if row.name == "sinc":  # |sinc(x)| <= 1 / |pi x|, and its slope is at most 1.3704
        return _mean(a, evaluated(row, _middle(a)), 1.3704, np.maximum(_least(a), 1e-9))
    return lo, hi


def evaluated(row: Primitive, at: Array) -> tuple[Array, Array]:
    """Return bounds of a row's value at points."""
    value = np.asarray(row.numpy(at), dtype=np.float64)
    if row.name in EXACT:
        exact = (at == 0) | (row.name == "abs")
        return np.where(exact, value, down(down(value))), np.where(exact, value, up(up(value)))
    if row.name in ("square", "cube"):  # exact of whole numbers and eighths, as on the grid
        exact = (8.0 * at == np.rint(8.0 * at)) & (np.abs(at) < 2.0**13)
        low, high = down(down(value)), up(up(value))
        return np.where(exact, value, low), np.where(exact, value, high)
    pad = np.abs(value) * RELATIVE + (1e-14 if row.name in CANCELLING else ABSOLUTE)
    # At zero all rows are exact that are whole, or one half, there.
    pad = np.where((at == 0) & (2.0 * value == np.rint(2.0 * value)), 0.0, pad)
    return np.where(np.isinf(value), down(value), value - pad), np.where(
        np.isinf(value), value, value + pad
    )


@cache
def _turns(name: str) -> tuple[tuple[float, Array, Array], ...]:
    row = PRIMITIVES[name]
    assert row.traits is not None
    return tuple((at, *evaluated(row, np.asarray(at))) for at in row.traits.turning or ())


def _periodic(a: Box, peak: float, half: float, lo: Array, hi: Array) -> tuple[Array, Array]:
    """Add the peaks `peak + 2 half n` and the valleys between them."""
    first, last = (a.lo - peak) / half, (a.hi - peak) / half
    slack = 1e-12 + 1e-15 * np.maximum(np.abs(first), np.abs(last))
    first, last = first - slack, last + slack
    even = 2.0 * np.ceil(first / 2.0) <= last
    odd = 2.0 * np.ceil((first - 1.0) / 2.0) + 1.0 <= last
    lost = ~(np.maximum(np.abs(first), np.abs(last)) < 1e14)
    return np.where(odd | lost, -1.0, lo), np.where(even | lost, 1.0, hi)


def _middle(a: Box) -> Array:
    middle = 0.5 * a.lo + 0.5 * a.hi
    return np.where(np.isfinite(middle), middle, 0.0)


def _least(a: Box) -> Array:
    """Return the least magnitude of the argument."""
    return np.where((a.lo <= 0) & (a.hi >= 0), 0.0, np.minimum(np.abs(a.lo), np.abs(a.hi)))


def _mean(a: Box, centre: tuple[Array, Array], steepest: float, least: Array
          ) -> tuple[Array, Array]:  # fmt: skip
    """Bound a function that decays as `1 / |pi x|` by its value and slope amidst the cell."""
    radius = up(up(np.maximum(a.hi - _middle(a), _middle(a) - a.lo)) * steepest)
    bound = up(1.0 / (math.pi * least)) * (1.0 + 1e-12)
    lo = np.maximum(down(centre[0] - radius), -bound)
    return lo, np.minimum(up(centre[1] + radius), bound)


def _in_range(row: Primitive, box: Box) -> Box:
    """Cut an enclosure to the range of the row."""
    assert row.traits is not None
    low, high = row.traits.range
    reached = [value for _, first, last in _turns(row.name) for value in (first, last)]
    asymptotic = row.name in ASYMPTOTIC  # an infinite end is never reached, either
    lo_open, hi_open = (
        touched & (asymptotic and all(abs(value - end) > 1e-6 for value in reached))
        for touched, end in ((box.lo <= low, low), (box.hi >= high, high))
    )
    if row.name == "safe_exp":
        lo_open = box.lo <= 0.0
    return box._replace(lo=np.clip(box.lo, low, high), hi=np.clip(box.hi, low, high),
                        lo_open=lo_open, hi_open=hi_open)  # fmt: skip


def _by_sign(row: Primitive, a: Box, box: Box) -> Box:
    if row.name in ("square", "abs"):
        touched = (box.lo <= 0) & a.nonzero
        return box._replace(lo=np.maximum(box.lo, 0.0), lo_open=box.lo_open | touched)
    if row.name not in SIGNED:
        return box
    lo, hi = np.where(a.lo >= 0, np.maximum(box.lo, 0.0), box.lo), box.hi
    hi = np.where(a.hi <= 0, np.minimum(hi, 0.0), hi)
    return box._replace(
        lo=lo,
        hi=hi,
        lo_open=box.lo_open | ((lo == 0) & a.positive),
        hi_open=box.hi_open | ((hi == 0) & a.negative),
    )


def _broken(row: Primitive, a: Box, *, hull: bool) -> Box:
    """Enclose rows that jump."""
    if row.name == "reciprocal":
        return div(point(1.0), a)
    if row.name == "window":
        inner = steps(a, (-1.0,), hull=hull, low=0.0, closed=False)
        outer = steps(a, (1.0,), hull=hull, low=0.0, closed=True)
        lo, hi = inner.lo - outer.hi, inner.hi - outer.lo
        return Box(np.maximum(lo, 0.0), np.minimum(hi, 1.0), inner.ok & outer.ok,
                   inner.smooth & outer.smooth, FALSE, FALSE)  # fmt: skip
    right = steps(a, (0.0,), hull=hull, low=0.0, closed=False)
    if row.name == "step":
        return right
    left = steps(a, (0.0,), hull=hull, low=-1.0, closed=True)
    return right._replace(lo=right.lo + left.lo, hi=right.hi + left.hi)


def steps(a: Box, at: Sequence[float], *, hull: bool, low: float, closed: bool) -> Box:
    """Enclose `low +` the number of places that the argument is above (or at, if `closed`)."""
    lo_open, hi_open = (np.broadcast_to(flags, a.lo.shape) for flags in (a.lo_open, a.hi_open))
    least, most = np.full(a.lo.shape, low), np.full(a.lo.shape, low)
    calm = np.ones(a.lo.shape, dtype=bool)
    for place in at:
        surely = (a.lo > place) | ((a.lo == place) & (lo_open | (closed and not hull)))
        maybe = (a.hi > place) | ((a.hi == place) & ~hi_open & (closed or hull))
        least, most = least + surely, most + maybe
        calm &= (surely == maybe) & ~((a.lo == place) & (a.hi == place) & (a.lo.ndim > 0))
    return Box(least, most, a.ok & calm, a.smooth & calm, FALSE, FALSE)


def multistep(a: Box, k: int, *, hull: bool) -> Box:
    """Enclose the row `multistep`; its places are rounded, and so near them it is either."""
    at = [(2 * i - k - 1) / k for i in range(1, k + 1)]
    after = [math.nextafter(place, math.inf) for place in at]
    before = [math.nextafter(place, -math.inf) for place in at]
    least = steps(a, after, hull=hull, low=0.0, closed=False)
    most = steps(a, before, hull=True, low=0.0, closed=True)
    calm = a.ok & (least.lo == most.hi)
    return Box(down(least.lo / k), up(most.hi / k), calm, calm & a.smooth, FALSE, FALSE)


def sinc_slope(a: Box) -> Box:
    """Enclose the derivative of `sinc`, whose own slope is at most pi^2 / 3."""
    middle = _middle(a)
    away = np.where(np.abs(middle) < 1e-3, 1.0, middle)
    far = (np.cos(np.pi * away) - np.sinc(away)) / away
    near = -3.289868133696453 * middle * (1.0 - np.square(math.pi * middle) / 10.0)
    value = np.where(np.abs(middle) < 1e-3, near, far)
    # cos(pi x) is rounded by |x| units in the last place, and at most wholly wrong
    error = 1e-9 + np.minimum(1e-15 * np.abs(middle), 2.0) / np.maximum(np.abs(middle), 1.0)
    radius = up(np.maximum(a.hi - middle, middle - a.lo)) * 3.29
    most = np.minimum(1.3704, 1.4 / np.maximum(_least(a), 1e-9))  # |x sinc'(x)| <= 1 + 1/(pi |x|)
    lo, hi = value - error - radius, value + error + radius
    return Box(np.maximum(lo, -most), np.minimum(hi, most), a.ok, a.smooth, FALSE, FALSE)


def bessel_i1e_slope(a: Box) -> Box:
    """Enclose the derivative of `bessel_i1e`, whose own slope is at most 1.07."""
    special: Any = PRIMITIVES["bessel_i0e"].numpy, PRIMITIVES["bessel_i1e"].numpy
    middle = np.abs(_middle(a))
    away = np.where(middle < 1e-6, 1.0, middle)
    far = special[0](away) - special[1](away) * (1.0 + 1.0 / away)
    value = np.where(middle < 1e-6, 0.5 - middle, far)
    radius = up(np.maximum(a.hi - _middle(a), _middle(a) - a.lo)) * 1.07 + 1e-9
    smooth = a.smooth & ~_any(a, (0.0,))
    return Box(value - radius, value + radius, a.ok, smooth, FALSE, FALSE)
