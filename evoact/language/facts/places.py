"""Where exactly a zero lies, and whether the ends of intervals of zeros belong to them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from evoact.language.facts.enclose import Cells
from evoact.language.facts.facts import Interval
from evoact.language.facts.floating import floating
from evoact.language.facts.intervals import Array, Flags
from evoact.language.facts.undefined import undefined


def placed(cells: Cells, node: int, left: Array, right: Array) -> list[tuple[float, bool]]:
    """Return the zeros between pairs of points, and whether signs on both sides prove the place.

    Of places that rounding cannot tell apart it is zero, or that of few digits.
    """
    if not len(left):
        return []
    function = floating(cells.graph, node)
    found = np.asarray([root_between(function, *pair) for pair in zip(left, right, strict=True)])
    x, short = found.copy(), np.asarray([float(f"{at:.12g}") for at in found])
    for nice, reach in ((short, 1e-11 * np.abs(found)), (np.zeros_like(found), 1e-9)):
        fits = (np.abs(nice - found) <= reach) & (left <= nice) & (nice <= right)
        if fits.any():
            fits[fits] = _may_be_zero(cells, node, nice[fits])
            x[fits] = nice[fits]
    margin = 1e-7 * np.maximum(np.abs(x), 1e-2)
    ends = np.stack([np.maximum(left, x - margin), np.minimum(right, x + margin)])
    box = Cells(cells.graph, ends.ravel(), ends.ravel())[node]
    above, below = (
        np.broadcast_to(sign, ends.size).reshape(ends.shape)
        for sign in (box.positive, box.negative)
    )
    proved = (above[0] & below[1]) | (below[0] & above[1])
    return list(zip(x.tolist(), proved.tolist(), strict=True))


def _may_be_zero(cells: Cells, node: int, at: Array) -> Flags:
    box = Cells(cells.graph, at, at)[node]
    here = (box.lo <= 0) & (box.hi >= 0) & np.isfinite(box.lo) & np.isfinite(box.hi)
    return np.broadcast_to(here, at.shape)


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
