"""Facts of pointwise functions that are not piecewise linear: by intervals."""

from __future__ import annotations

import math

import numpy as np

from evoact.language.facts import breaks
from evoact.language.facts.enclose import LARGEST, Cells
from evoact.language.facts.extremes import extremes
from evoact.language.facts.facts import Fact
from evoact.language.facts.intervals import Array
from evoact.language.facts.roots import crossings
from evoact.language.facts.shape import Shape
from evoact.language.facts.steepness import steepness


def smooth_facts(shape: Shape) -> dict[str, Fact]:
    """Return the facts of a function that is not known to be piecewise linear."""
    continuous = breaks.continuity(shape)
    rough = breaks.differentiability(shape, *continuous.values())
    return {
        **_linear(shape),
        **continuous,
        **rough,
        "monotone": _monotone(shape, continuous["continuous"]),
        **extremes(shape),
        "parity": _parity(shape),
        **steepness(shape, continuous["continuous"]),
        **_ends(shape),
        "zeros": crossings(shape, fixed=False),
        "fixed_points": crossings(shape, fixed=True),
    }


def _linear(shape: Shape) -> dict[str, Fact]:
    """A cell where the second derivative is not zero proves that it is not linear."""
    box = shape.cells[shape.bend]
    curved = np.any(box.ok & shape.cells[shape.rise].ok & ((box.lo > 0) | (box.hi < 0)))
    none = Fact(None, False, "not piecewise linear")
    return {"piecewise_linear": Fact(False, bool(curved)), "pieces": none, "knots": none}


def _monotone(shape: Shape, continuous: Fact) -> Fact:
    if refuted := _turns(shape):
        return refuted
    graph, rise, bend = shape.graph, shape.rise, shape.bend
    certain = continuous.value and continuous.certified
    rising = certain and shape.keeps_sign(rise, bend)
    falling = certain and shape.keeps_sign(graph.minus(rise), graph.minus(bend))
    if rising or falling:
        return Fact("constant" if rising and falling else
                    "increasing" if rising else "decreasing", True)  # fmt: skip
    box = shape.points[shape.root]
    values = 0.5 * np.broadcast_to(box.lo, shape.borders.shape) + 0.5 * box.hi
    steps = np.diff(values[np.isfinite(values)])
    slack = 1e-9 * np.max(np.abs(values[np.abs(shape.borders) < 100.0]), initial=0.0)
    if (steps >= -slack).all():
        return Fact("increasing", False)
    return Fact("decreasing" if (steps <= slack).all() else "no", False)


def _turns(shape: Shape) -> Fact | None:
    """Refute by points where it certainly rises and others where it certainly falls.

    Points of few digits come first: the note then shows the very points.
    """
    places = np.concatenate([shape.points.left, shape.cells.middle.left])
    short = np.asarray([float(f"{x:.4g}") for x in places])
    for points, digits in ((short, 4), (places, 17)):
        x = np.unique(points[np.abs(points) <= LARGEST])
        box = Cells(shape.graph, x, x)[shape.root]
        ok = np.broadcast_to(box.ok, x.shape)
        x, lo, hi = (np.broadcast_to(part, ok.shape)[ok] for part in (x, box.lo, box.hi))
        rise, fall = _widest(x, lo, hi), _widest(x, -hi, -lo)
        if rise is not None and fall is not None:
            shown = [f"f({a:.{digits}g}) {sign} f({b:.{digits}g})"
                     for (a, b), sign in ((rise, "<"), (fall, ">"))]  # fmt: skip
            return Fact("no", True, ", ".join(shown))
    return None


def _widest(x: Array, lo: Array, hi: Array) -> tuple[float, float] | None:
    """Return the points of the widest certain rise, of those near 0 if there are any."""
    least = np.minimum.accumulate(hi)
    rise = lo[1:] - least[:-1]
    if not (rise > 0.0).any():
        return None
    certain = np.where(rise > 0.0, rise, -np.inf)
    near = np.where(np.abs(x[1:]) <= 10.0, certain, -np.inf)
    end = 1 + int(np.argmax(near if (near > 0.0).any() else certain))
    lowest = end - 1 - int(np.argmin(hi[:end][::-1]))  # of several the nearest to the end
    return float(x[lowest]), float(x[end])


def _parity(shape: Shape) -> Fact:
    proved = _parity_of(shape)
    if proved != "no":
        return Fact(proved, True)
    x = np.abs(shape.borders[shape.borders > 1e-6])
    right = Cells(shape.graph, x, x)[shape.root]
    left = Cells(shape.graph, -x, -x)[shape.root]
    apart = np.any((left.lo > right.hi) | (left.hi < right.lo))
    unlike = np.any((-left.hi > right.hi) | (-left.lo < right.lo))
    if apart and unlike:
        return Fact("no", True)
    name = "even" if not apart else "odd"
    undefined = not np.any(np.isfinite(right.lo) & np.isfinite(left.lo))
    return Fact("no" if undefined else name, False)


def _parity_of(shape: Shape) -> str:
    """Return what the parities of the rows say."""
    from evoact.language.facts.parity import parity

    return parity(shape.graph, shape.root)


def _ends(shape: Shape) -> dict[str, Fact]:
    facts = {}
    for side in ("left", "right"):
        for name, trend in zip(("limit", "slope"), shape.trends[side], strict=True):
            if trend.limit is not None:
                facts[f"{name}_{side}"] = Fact(trend.limit + 0.0, True)
            else:
                node = shape.root if name == "limit" else shape.rise
                facts[f"{name}_{side}"] = _seen(shape, node, side, bounded=trend.bounded)
    return facts


def _seen(shape: Shape, node: int, side: str, *, bounded: bool) -> Fact:
    """Estimate a limit from large inputs."""
    sign = -1.0 if side == "left" else 1.0
    x = sign * np.geomspace(1e4, 1e8, 17)
    with np.errstate(all="ignore"):
        box = Cells(shape.graph, x, x)[node]
        values = np.broadcast_to(0.5 * box.lo + 0.5 * box.hi, x.shape)
    if not np.isfinite(values).all():
        return Fact(None, False, "not known")
    scale = max(1.0, float(np.abs(values).max()))
    if np.all(np.diff(np.abs(values)) <= 0) and abs(values[-1]) <= 0.1 * abs(values[0]):
        return Fact(0.0, False)
    if np.ptp(values[-4:]) <= 1e-6 * max(1.0, abs(values[-1])):
        return Fact(round(float(values[-1]), 9) + 0.0, False)
    growing = np.all(np.diff(values) > 0) or np.all(np.diff(values) < 0)
    if growing and scale > 10.0 and not bounded:
        return Fact(math.copysign(math.inf, values[-1]), False)
    return Fact(None, False, "no limit: it goes on swinging" if bounded else "not known")
