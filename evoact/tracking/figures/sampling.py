"""Values of a function on a grid, as lines to draw: with gaps where there is no value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from evoact.language import FloatArray

RANGE: Final = 5.0
GRID: Final[FloatArray] = np.linspace(-RANGE, RANGE, 2001)
_STEP: Final = 1e-5  # near the cube root of float64's precision: best for central differences
_HALVINGS: Final = 30  # of the grid's interval: down to 5e-12
_HALVINGS_OF_SLOPES: Final = 6  # down to 8e-5, wider than what a difference spans
HIGHEST: Final = 10.0
"""A pole must not flatten the rest of a figure."""

At = Callable[[FloatArray], FloatArray]


def values_of(at: At) -> FloatArray:
    """Return a function's values on the grid, NaN where it jumps."""
    values = at(GRID)
    values[1:][_jumps(at, values)] = np.nan
    return values


def slopes_of(at: At) -> FloatArray:
    """Return a function's slopes on the grid, NaN where it jumps or bends."""

    def slope(x: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            return (at(x + _STEP) - at(x - _STEP)) / (2.0 * _STEP)

    slopes = slope(GRID)
    slopes[_is_jump(slopes)] = np.nan
    slopes[1:][_jumps(slope, slopes, _HALVINGS_OF_SLOPES)] = np.nan
    return slopes


def gaps(values: FloatArray) -> FloatArray:
    """Leave out what is not finite, and the line that would join the sides of a pole."""
    shown = np.where(np.isfinite(values), values, np.nan)
    far = np.where(np.abs(shown) > HIGHEST, np.sign(shown), 0.0)
    shown[1:][far[1:] * far[:-1] < 0] = np.nan
    return shown


def limits(curves: Sequence[FloatArray]) -> tuple[float, float]:
    """Return limits of an axis that has all curves and zero in it."""
    every = np.concatenate(curves)
    finite = every[np.isfinite(every)]
    if finite.size == 0:
        return -1.0, 1.0
    low, high = (float(v) for v in np.clip([finite.min(), finite.max()], -HIGHEST, HIGHEST))
    low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def _jumps(at: At, values: FloatArray, halvings: int = _HALVINGS) -> Any:
    """Where the function jumps between a point of the grid and the next.

    A jump keeps its height in ever smaller intervals; a steep slope does not.
    """
    with np.errstate(all="ignore"):
        rise = np.nan_to_num(np.abs(np.diff(values)), posinf=0.0)
    around = np.pad(rise, 2)
    suspects = np.flatnonzero(rise > 1e-3 + 1.5 * np.maximum(around[:-4], around[4:]))
    found = np.zeros(rise.size, dtype=bool)
    if suspects.size == 0:
        return found
    low, high = GRID[suspects], GRID[suspects + 1]
    for _ in range(halvings):
        middle = 0.5 * (low + high)
        first, second, third = at(low), at(middle), at(high)
        with np.errstate(all="ignore"):
            is_first = np.abs(second - first) >= np.abs(third - second)
        low, high = np.where(is_first, low, middle), np.where(is_first, middle, high)
    with np.errstate(all="ignore"):
        found[suspects] = np.abs(at(high) - at(low)) > 0.5 * rise[suspects]
    return found


def _is_jump(slope: FloatArray) -> FloatArray:
    """Where a difference spans a step of the function: no derivative, but a spike."""
    with np.errstate(all="ignore"):
        around = np.maximum(np.abs(np.roll(slope, 1)), np.abs(np.roll(slope, -1)))
        return np.asarray(np.abs(slope) > 100.0 * (1.0 + around))
