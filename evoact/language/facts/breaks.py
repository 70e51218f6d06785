"""Where a function is not continuous, or has no derivative."""

from __future__ import annotations

import math

import numpy as np

from evoact.language.facts.enclose import LARGEST, Cells
from evoact.language.facts.facts import Fact
from evoact.language.facts.intervals import Array, Flags
from evoact.language.facts.search import least, split
from evoact.language.facts.shape import Shape
from evoact.language.facts.undefined import undefined

NARROW = 1e-9
MOST = 8
"""More jumps than these are not listed where there may be others."""


def lost(shape: Shape) -> Flags:
    """Say at which borders the function is certainly not defined."""
    return undefined(shape.graph, shape.root, shape.borders)


def continuity(shape: Shape) -> dict[str, Fact]:
    """Return whether it is continuous, and where not."""
    gone = lost(shape)
    if gone.any():
        where = shape.borders[gone]
        places = _apart(where)
        note = f"not defined at x = {least(where):.6g}"
        many = len(places) > MOST
        return {"continuous": Fact(False, True, note),
                "jumps": Fact(None if many else places, False,
                              "not defined on a range" if many else note)}  # fmt: skip
    open_, jumps, proved = _jumps(shape)
    unsure = open_ is None or len(open_) + len(jumps) > len(proved)
    value = not proved and not unsure
    if unsure and not proved:
        return _estimated(shape, (*(open_ or ()), *jumps))
    places = _apart(np.asarray(proved))
    known = Fact(places, not unsure)
    if unsure and len(places) > MOST:
        known = Fact(None, False, "there are many")
    return {"continuous": Fact(value, True), "jumps": known}


def _jumps(shape: Shape) -> tuple[list[float] | None, list[float], list[float]]:
    """Return where it may break, where it has several values, and where it certainly jumps."""
    open_, points = _suspects(shape, shape.root)
    several = _several(shape, shape.root, points)
    return open_, several, _breaks(shape, shape.root, shape.rise, several)


def certain_jumps(shape: Shape) -> list[float]:
    """Return where it certainly jumps."""
    return _jumps(shape)[2]


def differentiability(shape: Shape, continuous: Fact, jumps: Fact) -> dict[str, Fact]:
    """Return whether it has a derivative everywhere, and where it is continuous without."""
    open_, points = _suspects(shape, shape.rise)
    if open_ is None:
        proved = _kinks(shape, _several(shape, shape.rise, points))
        certain = bool(proved) or (not continuous.value and continuous.certified)
        return {"differentiable": Fact(False, certain),
                "kinks": Fact(None, False, "not known")}  # fmt: skip
    rough = _several(shape, shape.rise, points)
    proved = _kinks(shape, rough)
    whole = [x for x in proved if not _is_among(x, jumps.value or ())]
    unsure = len(open_) + len(rough) - len(proved)
    kinks = Fact(_apart(np.asarray(whole)), not unsure and jumps.certified)
    if not continuous.value:
        return {"differentiable": Fact(False, continuous.certified), "kinks": kinks}
    if proved:
        return {"differentiable": Fact(False, True), "kinks": kinks}
    if unsure or not continuous.certified:
        seen = [x for x in (*rough, *open_) if _seems_kink(shape, x)]
        return {"differentiable": Fact(not seen, False),
                "kinks": Fact(_apart(np.asarray(seen)), False)}  # fmt: skip
    return {"differentiable": Fact(True, True), "kinks": kinks}


def _is_among(x: float, places: tuple[float, ...]) -> bool:
    return any(abs(x - place) <= NARROW * max(1.0, abs(x)) for place in places)


def _kinks(shape: Shape, places: list[float]) -> list[float]:
    found = _breaks(shape, shape.rise, shape.bend, places)
    sides = [shape.trends[name][1].limit for name in ("below zero", "above zero")]
    steep = any(side is not None and math.isinf(side) for side in sides)
    return sorted({*found, *(x for x in places if x == 0.0 and steep)})


def _suspects(shape: Shape, node: int) -> tuple[list[float] | None, list[float]]:
    """Return where a node may break: midpoints of small cells, and points.

    None instead of cells where there are too many.
    """
    points = shape.points[node]
    ok = np.broadcast_to(points.ok, shape.borders.shape)
    found = list(map(float, shape.borders[~ok]))
    box = shape.cells[node]
    bad = ~np.broadcast_to(box.ok, shape.cells.left.shape)
    left, right = shape.cells.left[bad], shape.cells.right[bad]
    for _ in range(6):
        wide = right - left > 1e-12 * np.maximum(np.abs(left), np.abs(right)) + 1e-299
        if not wide.any():
            break
        if wide.sum() > 150:
            return None, found
        first, last = split(left[wide], right[wide], 4)
        inner = Cells(shape.graph, first, first)
        fine = np.broadcast_to(inner[node].ok, first.shape)
        fresh = ~np.isin(first, left)
        found += map(float, first[~fine & fresh])
        keep = ~np.broadcast_to(Cells(shape.graph, first, last)[node].ok, first.shape)
        left = np.concatenate([left[~wide], first[keep]])
        right = np.concatenate([right[~wide], last[keep]])
    tiny = right - left <= 1e-12 * np.maximum(np.abs(left), np.abs(right)) + 1e-299
    found += map(float, 0.5 * (left[tiny] + right[tiny]))
    rest = [float(x) for x in 0.5 * left[~tiny] + 0.5 * right[~tiny]]
    return rest, _clustered(found)


def _clustered(places: list[float]) -> list[float]:
    """Return one place for all that differ by rounding alone: that amidst them."""
    groups: list[list[float]] = []
    for x in sorted(set(places)):
        if groups and x - groups[-1][-1] <= 1e-11 * abs(x) + 1e-298:
            groups[-1].append(x)
        else:
            groups.append([x])
    return [0.0 if 0.0 in group else group[len(group) // 2] for group in groups]


def _several(shape: Shape, node: int, places: list[float]) -> list[float]:
    """Return the places where a node has not one value, however it is approached."""
    if not places:
        return []
    at = np.asarray(places)
    box = Cells(shape.graph, at, at, hull=True)[node]
    single = np.broadcast_to((box.lo == box.hi) & np.isfinite(box.lo), at.shape)
    return list(map(float, at[~single]))


def _breaks(shape: Shape, node: int, slope: int, places: list[float]) -> list[float]:
    """Return where a node certainly jumps: it changes more than its slope allows."""
    if not places:
        return []
    at = np.asarray(places)
    margin = np.abs(at) * 1e-9 + 1e-290
    ends = at - margin, at + margin
    steep = Cells(shape.graph, *ends, hull=True)[slope]
    most = np.maximum(np.abs(steep.lo), np.abs(steep.hi)) * 4.0 * margin
    sides = [ends[0], ends[1]] if node == shape.rise else [ends[0], at, ends[1]]
    boxes = [Cells(shape.graph, side, side)[node] for side in sides]
    gaps = [np.maximum(a.lo - b.hi, b.lo - a.hi) for a in boxes for b in boxes if a is not b]
    gap = np.maximum.reduce(np.broadcast_arrays(*gaps, at - np.inf))
    return list(map(float, at[np.broadcast_to(np.isfinite(most) & (gap > most), at.shape)]))


def _seems_kink(shape: Shape, x: float) -> bool:
    margin = 1e-6 * max(abs(x), 1.0)
    first, last = shape.at(shape.rise, x - margin), shape.at(shape.rise, x + margin)
    return not abs(first - last) < 1e-3 * max(1.0, abs(first))


def _estimated(shape: Shape, places: tuple[float, ...] = ()) -> dict[str, Fact]:
    """Look for steps on a fine grid, where nothing was proved."""
    seen = []
    for x in places:
        margin = 1e-9 * max(abs(x), 1.0)
        first, last = shape.at(shape.root, x - margin), shape.at(shape.root, x + margin)
        if not abs(first - last) < 1e-4 * max(1.0, abs(first)):
            seen.append(x)
    found = _apart(np.asarray(seen))
    known = Fact(None, False, "there are many") if len(found) > MOST else Fact(found, False)
    return {"continuous": Fact(not seen, False), "jumps": known}


def _apart(places: Array) -> tuple[float, ...]:
    """Return places in order, without those that are all but equal to another."""
    found: list[float] = []
    for x in sorted(map(float, places)):
        if abs(x) <= LARGEST and (not found or x - found[-1] > NARROW * max(1.0, abs(x))):
            found.append(x + 0.0)
    return tuple(0.0 if abs(x) < 1e-280 else x for x in found)
