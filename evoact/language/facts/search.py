"""Branch and bound over all inputs: bounds of nodes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from evoact.language.facts.enclose import LARGEST, Cells
from evoact.language.facts.intervals import Array

TOLERANCE: Final = 2e-7
"""Bounds are followed until they are so near each other, relative to their size."""
MOST_CELLS: Final = 1500
SPLIT: Final = 6
MOST_ROUNDS: Final = 9
TINY: Final = 1e-9


def borders(special: tuple[float, ...] = ()) -> Array:
    """Return the borders of the first cells, from the least to the largest float32."""
    positive = np.unique([TINY, *np.geomspace(2.0**-20, 1.0, 21), *np.linspace(0.0, 8.0, 65)[1:],
                          *np.geomspace(8.0, 2.0**15, 25), *np.geomspace(2.0**15, 2.0**120, 16),
                          LARGEST])  # fmt: skip
    return np.unique([*-positive, 0.0, *positive, *special])


@dataclass(frozen=True)
class Bound:
    """The supremum of a node: between `least`, taken at `at`, and `most`."""

    least: float
    most: float
    at: float

    @property
    def is_tight(self) -> bool:
        """Whether both are the same for all purposes."""
        return math.isfinite(self.least) and self.most - self.least <= 2 * TOLERANCE * max(
            1.0, abs(self.least)
        )


def supremum(start: Cells, points: Cells, node: int, slope: int, *, everywhere: bool
             ) -> Bound:  # fmt: skip
    """Return bounds of the supremum of a node over the cells and, if `everywhere`, at points."""
    at_points = points[node]
    lows = np.broadcast_to(np.where(at_points.ok, at_points.lo, -np.inf), points.left.shape)
    best = nearest_best(lows, points.left)
    least, at = float(lows[best]), float(points.left[best])
    values = at_points.hi if everywhere else np.where(at_points.ok, at_points.hi, -np.inf)
    most = float(np.max(values, initial=-np.inf))
    least, at = _polished(start, node, least, at)
    cells, settled = start, most
    for round_ in range(MOST_ROUNDS):
        box = cells.sharp(node, slope)
        highs = np.broadcast_to(box.hi, cells.left.shape)
        centre = cells.middle[node]
        seen = np.broadcast_to(np.where(centre.ok, centre.lo, -np.inf), cells.left.shape)
        if seen.size and seen.max() > least:
            best = nearest_best(seen, cells.middle.left)
            least, at = float(seen[best]), float(cells.middle.left[best])
        goal = least + TOLERANCE * max(1.0, abs(least))
        keep = highs > goal
        settled = max(settled, float(np.max(highs[~keep], initial=-np.inf)))
        left, right = cells.left[keep], cells.right[keep]
        stop = not len(left) or len(left) * SPLIT > MOST_CELLS or round_ == MOST_ROUNDS - 1
        if stop:
            most = max(settled, float(np.max(highs[keep], initial=-np.inf)))
            break
        cells = Cells(start.graph, *split(left, right))
    return Bound(least, most, at)


def nearest_best(values: Array, places: Array) -> int:
    """Return where the largest value is, the place nearest to zero if there are several."""
    return int(np.lexsort((np.abs(places), -values))[0])


def _polished(cells: Cells, node: int, least: float, at: float) -> tuple[float, float]:
    """Follow the best point to the top of its cell; what is found bounds all others."""
    places = cells.middle.left
    box = cells.middle[node]
    seen = np.broadcast_to(np.where(box.ok, box.lo, -np.inf), places.shape)
    for start in {int(np.argmax(seen)), int(np.argmin(np.abs(places - at)))} if len(seen) else ():
        left, right = cells.left[max(start - 1, 0)], cells.right[min(start + 1, len(seen) - 1)]
        for _ in range(6):
            inner = np.linspace(left, right, 33)
            found = Cells(cells.graph, inner, inner)[node]
            values = np.broadcast_to(np.where(found.ok, found.lo, -np.inf), inner.shape)
            best = int(np.argmax(values))
            if values[best] > least:
                least, at = float(values[best]), float(inner[best])
            left, right = inner[max(best - 1, 0)], inner[min(best + 1, 32)]
    return least, at


def split(left: Array, right: Array, parts: int = SPLIT, *, uneven: float = 0.0
          ) -> tuple[Array, Array]:  # fmt: skip
    """Cut each cell into equal parts (by ratio where it spans orders of magnitude).

    Zeros like to lie at even shares, where rounding hides their sign.
    """
    share = np.linspace(0.0, 1.0, parts + 1)
    share = share + uneven * share * (1.0 - share)
    sign = np.where(left + right < 0, -1.0, 1.0)
    low, high = np.maximum(np.abs(left), 1e-300), np.maximum(np.abs(right), 1e-300)
    far = (np.maximum(low, high) > 4.0 * np.minimum(low, high)) & (left * right > 0)
    with np.errstate(all="ignore"):
        ratio = sign[:, None] * low[:, None] * (high / low)[:, None] ** share
    even = left[:, None] + share * (right - left)[:, None]
    grid = np.where(far[:, None], ratio, even)
    grid[:, 0], grid[:, -1] = left, right
    first, last = grid[:, :-1].ravel(), grid[:, 1:].ravel()
    return first[first < last], last[first < last]


def least(x: Array) -> float:
    """Return the one nearest to zero; never -0, for which zero is kept differs by machine."""
    return float(x[np.argmin(np.abs(x))]) + 0.0
