"""Infimum and supremum of a function, and where they are reached."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from evoact.language.facts.edges import grows
from evoact.language.facts.enclose import Cells
from evoact.language.facts.facts import Fact
from evoact.language.facts.places import root_between
from evoact.language.facts.search import TOLERANCE
from evoact.language.facts.shape import Shape
from evoact.language.facts.undefined import undefined

_WAYS: Final = {"left": "-inf", "right": "inf", "below zero": "0", "above zero": "0"}
_ROUNDING: Final = 1e-11
"""Relative; above the rounding of limits, and far below `TOLERANCE`."""


def extremes(shape: Shape) -> dict[str, Fact]:
    """Return whether it is bounded, and its bounds."""
    low, high = _extreme(shape, -1.0), _extreme(shape, 1.0)
    if low.value is None or high.value is None:
        return {"bounded": Fact(None, False, "not known"), "minimum": low, "maximum": high}
    bounded = math.isfinite(low.value) and math.isfinite(high.value)
    if bounded:
        proved = low.certified and high.certified
    else:
        proved = any(f.certified for f in (low, high) if not math.isfinite(f.value))
    return {"bounded": Fact(bounded, proved), "minimum": low, "maximum": high}


def _extreme(shape: Shape, sign: float) -> Fact:
    """Return the supremum, or of a negative sign the infimum."""
    if sign * math.inf in shape.limits(0):
        return Fact(sign * math.inf, True)
    found = shape.bound(shape.root, shape.rise, sign)
    if not math.isfinite(found.least):
        return Fact(None, False, "not known")
    if found.least > 1e30:
        return Fact(sign * math.inf, False, "beyond 1e30 on samples")
    value, certified = sign * found.most, found.is_tight
    if not certified:
        value = sign * found.least
    limit = _approached(shape, value, sign, found.least, certified=certified)
    if limit is not None:
        return limit
    if not certified and grows(shape, shape.root, signs=(sign,)):
        return Fact(sign * math.inf, False, "beside a place where it is not defined")
    if not certified:
        return Fact(value, False, f"at x = {found.at:.6g}")
    at = _flat(shape, found.at)
    here = shape.at(shape.root, at)
    return _reached(shape, here if sign * here >= found.least else sign * found.least, at)


def _approached(
    shape: Shape, value: float, sign: float, least: float, *, certified: bool
) -> Fact | None:
    """Return the limit that a bound is, if it is one: no value seen lies beyond it."""
    for name, where in _WAYS.items():
        end = shape.trends[name][0].limit
        if end is None or not math.isfinite(end):
            continue
        near = abs(end - value) <= 3 * TOLERANCE * max(1.0, abs(end))
        if near and sign * end >= least - _ROUNDING * max(1.0, abs(end)):
            reached = where == "0" and _is_there(shape, 0.0, end)
            return Fact(end + 0.0, certified,
                        "at x = 0" if reached else f"as x goes to {where}")  # fmt: skip
    return None


def _reached(shape: Shape, value: float, at: float) -> Fact:
    """Say where a certified bound is reached: nearly there, if rounding `x` changes the value."""
    told = float(f"{at:.7g}")
    box = Cells(shape.graph, np.asarray([at]), np.asarray([at]))[shape.root]
    if abs(value) <= _ROUNDING and np.all((box.lo <= 0) & (box.hi >= 0)):
        value = 0.0  # not to be told from it
    word = "at" if _is_there(shape, told, value) else "near"
    return Fact(value, True, f"{word} x = {told:.7g}")


def _is_there(shape: Shape, x: float, value: float) -> bool:
    """Whether the function certainly has about this value at a point."""
    at = np.asarray([x])
    if undefined(shape.graph, shape.root, at).any():
        return False
    box = Cells(shape.graph, at, at)[shape.root]
    slack = 5 * TOLERANCE * max(1.0, abs(value))
    return bool(np.all((box.lo >= value - slack) & (box.hi <= value + slack)))


def _flat(shape: Shape, x: float) -> float:
    """Return where, near `x`, the slope is zero; `x` itself if it is nowhere."""

    def rise(at: float) -> float:
        found = shape.at(shape.rise, at)
        return found if math.isfinite(found) else 0.0

    for width in (1e-4, 1e-2, 0.1):
        a, b = x - width * max(abs(x), 1e-3), x + width * max(abs(x), 1e-3)
        first, last = rise(a), rise(b)
        if first * last < 0:
            return root_between(rise, a, b)
    return x
