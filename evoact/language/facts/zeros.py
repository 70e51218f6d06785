"""Where a node is zero: isolated by signs, proved unique by slopes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evoact.language.facts.enclose import LARGEST, Cells
from evoact.language.facts.facts import Interval
from evoact.language.facts.intervals import Array, Box, Flags
from evoact.language.facts.places import ended, placed
from evoact.language.facts.search import MOST_CELLS, split
from evoact.language.facts.undefined import undefined


@dataclass(frozen=True)
class Zeros:
    """Where a node is zero; `is_all` where no other zero can be."""

    points: tuple[float, ...]
    intervals: tuple[Interval, ...]
    is_all: bool
    is_placed: bool = True
    """Whether all places are known to more digits than are shown."""


def zeros(cells: Cells, node: int, slope: int, lost: Flags | None = None) -> Zeros:
    """Find the zeros of a node on neighbouring cells and at their borders.

    `lost` says at which borders there is no value, and so no zero.
    """
    found: set[float] = set()
    flat: list[tuple[float, float]] = []
    is_all, is_placed, whole = True, True, cells
    doubts: list[float] = []
    ends = np.append(cells.left, cells.right[-1:])
    sure = _at_points(cells, ends, node, found, lost, slope)
    if not sure.all():  # a zero may be within rounding of a border: search without that border
        keep = ends[sure | (np.arange(len(ends)) % (len(ends) - 1) == 0)]
        doubts += [float(end) for end, known in zip(ends, sure, strict=True) if not known]
        doubts = [doubt for doubt in doubts if doubt in (ends[0], ends[-1])]
        ends = keep
        cells = Cells(cells.graph, ends[:-1], ends[1:])
    cells = _without_runs(cells, ends, node, slope)
    for round_ in range(7):
        state = _states(cells, node, slope)
        flat += zip(cells.left[state == FLAT], cells.right[state == FLAT], strict=True)
        crossed = cells.left[state == CROSSED], cells.right[state == CROSSED]
        for root, certain in placed(cells, node, *crossed):
            found.add(root)
            is_placed = is_placed and certain
        left, right = cells.left[state == OPEN], cells.right[state == OPEN]
        if not len(left) or len(left) * 4 > MOST_CELLS or round_ == 6:
            is_all = is_all and not len(left)
            break
        cells = Cells(cells.graph, *split(left, right, 4, uneven=0.03))
        inner = np.setdiff1d(cells.left, left)
        doubts += map(float, inner[~_at_points(cells, inner, node, found, None, slope)])
    certain = all(any(a <= doubt <= b for a, b in flat) for doubt in doubts)
    points, joined = _joined(whole, node, found, flat)
    intervals, known = ended(whole, node, joined)
    return Zeros(points, intervals, is_all and certain, is_placed and known)


def _at_points(cells: Cells, ends: Array, node: int, found: set[float], lost: Flags | None,
               slope: int) -> Flags:  # fmt: skip
    """Add the points that are zeros; return which are that, or certainly are not."""
    at = Cells(cells.graph, ends, ends)[node]
    exact = np.broadcast_to((at.lo == 0) & (at.hi == 0), ends.shape)
    if np.any(exact & ~at.ok):  # zero times what is not defined
        exact = exact & ~undefined(cells.graph, node, ends)
    if lost is not None:
        exact = exact & ~lost
    found.update(map(float, ends[exact]))
    sure = exact | np.broadcast_to(at.nonzero, ends.shape)
    sure = sure | lost if lost is not None else sure
    if not sure.all():
        sure = sure | _beside_zero(cells, ends, node, slope, exact)
    return np.asarray(sure)


def _runs(cells: Cells, ends: Array, node: int, slope: int) -> Flags:
    """Return the cells that lead from a zero at zero, falling or rising all the way.

    An analytic function that never turns back and is not zero at the end of
    such a run is zero at its start alone.
    """
    box, rise = cells.sharp(node, slope), cells[slope]
    at = Cells(cells.graph, ends, ends)[node]
    shape, run = cells.left.shape, np.zeros(cells.left.shape, dtype=bool)
    good = np.broadcast_to(box.ok & box.smooth, shape)
    calm = np.broadcast_to(at.ok & at.smooth, ends.shape)
    nonzero = np.broadcast_to(at.nonzero, ends.shape)
    start = int(np.searchsorted(ends, 0.0))
    if not (start < len(ends) and ends[start] == 0.0 and _is_zero(at, start, ends)):
        return run
    for direction in (1, -1):
        for way in (rise.lo >= 0, rise.hi <= 0):
            index = _last(np.broadcast_to(way, shape) & good, calm, nonzero, start, direction)
            if index is not None:
                run[min(start, index) : max(start, index)] = True
                break
    return run


def _is_zero(at: Box, index: int, ends: Array) -> bool:
    lo, hi = np.broadcast_to(at.lo, ends.shape), np.broadcast_to(at.hi, ends.shape)
    return bool(lo[index] == 0 and hi[index] == 0)


def _last(good: Flags, calm: Flags, nonzero: Flags, start: int, direction: int) -> int | None:
    """Return the first end on the way from `start` that is certainly not zero."""
    index = start
    while 0 <= index + direction < len(calm):
        cell = index if direction > 0 else index - 1
        if not good[cell]:
            return None
        index += direction
        if nonzero[index]:
            return index
        if not calm[index]:
            return None
    return None


def _beside_zero(cells: Cells, ends: Array, node: int, slope: int, exact: Flags) -> Flags:
    """Return the ends that lie within a run."""
    if len(ends) != len(cells.left) + 1 or not exact.any():
        return np.zeros(ends.shape, dtype=bool)
    run = _runs(cells, ends, node, slope)
    return np.append(run, False) & np.insert(run, 0, False)


def _without_runs(cells: Cells, ends: Array, node: int, slope: int) -> Cells:
    run = _runs(cells, ends, node, slope)
    return Cells(cells.graph, cells.left[~run], cells.right[~run]) if run.any() else cells


EMPTY, FLAT, CROSSED, OPEN = range(4)


def _states(cells: Cells, node: int, slope: int) -> Array:
    """Say of each open cell: no zero, all zero, exactly one, or not known."""
    shape = cells.left.shape
    box, rise = cells.sharp(node, slope), cells[slope]
    first, last = cells.at_ends(node)
    usable = box.ok & first.ok & last.ok
    strict = (rise.lo > 0) | (rise.hi < 0)
    weak = ((rise.lo >= 0) | (rise.hi <= 0)) & box.smooth
    differ = (first.positive & last.negative) | (first.negative & last.positive)
    same = (first.positive & last.positive) | (first.negative & last.negative)
    at_end = ((first.lo == 0) & (first.hi == 0) & last.nonzero) | (
        (last.lo == 0) & (last.hi == 0) & first.nonzero
    )
    monotone = usable & (strict | weak)
    state = np.full(shape, OPEN)
    state[np.broadcast_to(box.ok & (box.lo == 0) & (box.hi == 0), shape)] = FLAT
    state[np.broadcast_to(usable & (strict | weak) & differ, shape)] = CROSSED
    state[np.broadcast_to(monotone & (same | at_end), shape)] = EMPTY
    state[np.broadcast_to(box.nonzero, shape)] = EMPTY
    level = np.broadcast_to(box.ok & (rise.lo == 0) & (rise.hi == 0), shape)
    state[_levelled(cells, level, first, last)] = FLAT
    return state


def _levelled(cells: Cells, level: Flags, first: Box, last: Box) -> Flags:
    """Return the level cells that continue a zero at an end, through ends where nothing jumps."""
    flat = level & (((first.lo == 0) & (first.hi == 0) & first.ok)
                    | ((last.lo == 0) & (last.hi == 0) & last.ok))  # fmt: skip
    linked = (cells.right[:-1] == cells.left[1:]) & last.ok[:-1] & level[:-1] & level[1:]
    for i in np.flatnonzero(linked):
        flat[i + 1] |= flat[i]
    for i in np.flatnonzero(linked)[::-1]:
        flat[i] |= flat[i + 1]
    return np.asarray(flat)


def _joined(cells: Cells, node: int, points: set[float], flat: list[tuple[float, float]]
            ) -> tuple[tuple[float, ...], tuple[tuple[float, float], ...]]:  # fmt: skip
    """Join neighbouring intervals, and drop the points that lie in them."""
    joined: list[tuple[float, float]] = []
    for left, right in sorted((float(a), float(b)) for a, b in flat):
        if joined and joined[-1][1] == left and (left in points or _is_calm(cells, node, left)):
            joined[-1] = (joined[-1][0], right)
        else:
            joined.append((left, right))
    single = {p for p in points if not any(a <= p <= b for a, b in joined)}
    ends = [tuple(math.copysign(math.inf, e) if abs(e) == LARGEST else e for e in pair)
            for pair in joined]  # fmt: skip
    return tuple(sorted(p + 0.0 for p in single)), tuple((a, b) for a, b in ends)


def _is_calm(cells: Cells, node: int, x: float) -> bool:
    """Whether a node is certainly continuous at a point."""
    at = np.asarray([x])
    return bool(np.all(Cells(cells.graph, at, at)[node].ok))
