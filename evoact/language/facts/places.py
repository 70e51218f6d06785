"""Where exactly a zero lies, and whether the ends of intervals of zeros belong to them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from evoact.language.facts.enclose import Cells
from evoact.language.facts.facts import Interval
from evoact.language.facts.floating import floating
from evoact.language.facts.undefined import undefined


def placed(cells: Cells, node: int, left: float, right: float) -> tuple[float, bool]:
    """Return the zero between two points, and whether signs on both sides of it prove the place.

    Of places that rounding cannot tell apart it is zero, or that of few digits.
    """
    x = root_between(floating(cells.graph, node), left, right)
    for nice, reach in ((0.0, 1e-9), (float(f"{x:.12g}"), 1e-11 * abs(x))):
        if abs(nice - x) <= reach and left <= nice <= right and _may_be_zero(cells, node, nice):
            x = nice
            break
    margin = 1e-7 * max(abs(x), 1e-2)
    ends = np.asarray([max(left, x - margin), min(right, x + margin)])
    box = Cells(cells.graph, ends, ends)[node]
    above, below = (np.broadcast_to(sign, ends.shape) for sign in (box.positive, box.negative))
    return x, bool((above[0] and below[1]) or (below[0] and above[1]))


def _may_be_zero(cells: Cells, node: int, x: float) -> bool:
    at = np.asarray([x])
    box = Cells(cells.graph, at, at)[node]
    return bool(np.all((box.lo <= 0) & (box.hi >= 0) & np.isfinite(box.lo) & np.isfinite(box.hi)))


def root_between(function: Callable[[float], float], left: float, right: float) -> float:
    """Return the zero between two points where the signs differ, by halving if need be."""
    first, last = function(left), function(right)
    if first == 0.0 or last == 0.0:  # rounded to 0: the zero is there to float64's accuracy
        return left if first == 0.0 else right
    if math.isfinite(first) and math.isfinite(last) and first * last < 0:
        try:
            return float(brentq(function, left, right, xtol=1e-13, rtol=1e-14))
        except (ValueError, RuntimeError):  # not finite between the ends, or level
            pass
    for _ in range(80):
        middle = 0.5 * left + 0.5 * right
        if (function(middle) > 0) == (first > 0):
            left = middle
        else:
            right = middle
    return 0.5 * left + 0.5 * right


def ended(cells: Cells, node: int, intervals: tuple[tuple[float, float], ...]
          ) -> tuple[tuple[Interval, ...], bool]:  # fmt: skip
    """Return intervals that know whether their ends are zeros, and whether that is certain."""
    found, certain = [], True
    for pair in intervals:
        is_open = []
        for x in pair:
            at = np.asarray([x])
            box = Cells(cells.graph, at, at)[node]
            out = math.isfinite(x) and bool(
                np.all(box.nonzero) or undefined(cells.graph, node, at).all()
            )
            exact = bool(np.all((box.lo == 0) & (box.hi == 0)))
            certain = certain and (out or exact or not math.isfinite(x) or bool(np.all(box.ok)))
            is_open.append(out)
        found.append(Interval(*pair, low_open=is_open[0], high_open=is_open[1]))
    return tuple(found), certain
