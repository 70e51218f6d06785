"""Facts of pointwise functions that are not piecewise linear: by intervals."""

from __future__ import annotations

import math

import numpy as np

from evoact.language.facts import breaks
from evoact.language.facts.enclose import Cells
from evoact.language.facts.facts import Fact
from evoact.language.facts.intervals import Array
from evoact.language.facts.roots import crossings
from evoact.language.facts.search import TOLERANCE, Bound
from evoact.language.facts.shape import Shape


def smooth_facts(shape: Shape) -> dict[str, Fact]:
    """Return the facts of a function that is not known to be piecewise linear."""
    continuous = breaks.continuity(shape)
    rough = breaks.differentiability(shape, continuous["continuous"])
    return {
        **_linear(shape),
        **continuous,
        **rough,
        "monotone": _monotone(shape, continuous["continuous"]),
        **_range(shape),
        "parity": _parity(shape),
        **_steepness(shape, continuous["continuous"]),
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
    """Refute by points where it certainly rises and others where it certainly falls."""
    x = np.sort(np.concatenate([shape.points.left, shape.cells.middle.left]))
    box = Cells(shape.graph, x, x)[shape.root]
    ok = np.broadcast_to(box.ok, x.shape)
    x, lo, hi = (np.broadcast_to(part, ok.shape)[ok] for part in (x, box.lo, box.hi))
    rise, fall = _widest(x, lo, hi), _widest(x, -hi, -lo)
    if rise is None or fall is None:
        return None
    shown = [f"f({a:.4g}) {sign} f({b:.4g})" for (a, b), sign in ((rise, "<"), (fall, ">"))]
    return Fact("no", True, ", ".join(shown))


def _widest(x: Array, lo: Array, hi: Array) -> tuple[float, float] | None:
    """Return the points of the widest certain rise, of those near 0 if there are any."""
    least = np.minimum.accumulate(hi)
    rise = lo[1:] - least[:-1]
    if not (rise > 0.0).any():
        return None
    certain = np.where(rise > 0.0, rise, -np.inf)
    near = np.where(np.abs(x[1:]) <= 10.0, certain, -np.inf)
    end = 1 + int(np.argmax(near if (near > 0.0).any() else certain))
    return float(x[int(np.argmin(hi[:end]))]), float(x[end])


def _range(shape: Shape) -> dict[str, Fact]:
    low = _extreme(shape, -1.0)
    high = _extreme(shape, 1.0)
    bounded = math.isfinite(low.value) and math.isfinite(high.value)
    known = [fact for fact in (low, high) if bounded or not math.isfinite(fact.value)]
    proved = all(f.certified for f in known) if bounded else any(f.certified for f in known)
    if not bounded and not proved and all(math.isfinite(f.value) or f.certified for f in known):
        proved = False
    return {"bounded": Fact(bounded, proved), "minimum": low, "maximum": high}


def _extreme(shape: Shape, sign: float) -> Fact:
    """Return the supremum, or of a negative sign the infimum."""
    limits = shape.limits(0)
    if sign * math.inf in limits:
        return Fact(sign * math.inf, True)
    found = shape.bound(shape.root, shape.rise, sign)
    ends = [shape.trends[name][0].limit for name in ("left", "right")]
    if found.least > 1e30:
        return Fact(sign * math.inf, False, "beyond 1e30 on samples")
    value, certified = sign * found.most, found.is_tight
    if not certified:
        value = sign * found.least
    for end, where in zip(ends, ("-inf", "inf"), strict=True):
        if (
            end is not None
            and math.isfinite(end)
            and abs(end - value) <= 3 * TOLERANCE * max(1.0, abs(end))
            and sign * end >= found.least - TOLERANCE * max(1.0, abs(end))
        ):
            return Fact(end, certified, f"as x goes to {where}")
    if not certified:
        return Fact(value, False, f"at x = {found.at:.6g}")
    at = _flat(shape, found.at)
    here = shape.at(shape.root, at)
    return Fact(here if sign * here >= found.least else sign * found.least, True,
                f"at x = {at:.7g}")  # fmt: skip


def _flat(shape: Shape, x: float) -> float:
    """Return where, near `x`, the slope is zero; `x` itself if it is nowhere."""
    from scipy.optimize import brentq

    def rise(at: float) -> float:
        found = shape.at(shape.rise, at)
        return found if math.isfinite(found) else 0.0

    for width in (1e-4, 1e-2, 0.1):
        a, b = x - width * max(abs(x), 1e-3), x + width * max(abs(x), 1e-3)
        first, last = rise(a), rise(b)
        if math.isfinite(first) and math.isfinite(last) and first * last < 0:
            return float(brentq(rise, a, b, xtol=1e-14))
    return x


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


def _steepness(shape: Shape, continuous: Fact) -> dict[str, Fact]:
    up, down = shape.steepest
    norm = _norm(shape)
    if not continuous.value:
        lipschitz = Fact(math.inf, continuous.certified, "not continuous")
    elif math.inf in map(abs, shape.limits(1)):
        lipschitz = Fact(math.inf, True, "the slope is not bounded")
    else:
        lipschitz = _lipschitz(up, down, certain=continuous.certified)
    return {"lipschitz": lipschitz, "one_lipschitz": _one(lipschitz, up, down),
            "gradient_norm_preserving": norm}  # fmt: skip


def _lipschitz(up: Bound, down: Bound, *, certain: bool) -> Fact:
    steep = up if up.least >= down.least else down
    most = max(up.most, down.most, 0.0)
    least = max(up.least, down.least, 0.0)
    if most - least <= 3 * TOLERANCE * max(1.0, least):
        return Fact(most, certain, f"at x = {steep.at:.6g}")
    if not math.isfinite(least) or least > 1e15:
        return Fact(math.inf, False, "on samples")
    note = f"certainly at most {most:.6g}" if certain and math.isfinite(most) else "on samples"
    return Fact(least, False, note)


def _one(lipschitz: Fact, up: Bound, down: Bound) -> Fact:
    most, least = max(up.most, down.most), max(up.least, down.least)
    if lipschitz.value == math.inf:
        return Fact(False, lipschitz.certified)
    if most <= 1.0 and lipschitz.value <= 1.0:
        return Fact(True, lipschitz.certified or "certainly" in lipschitz.note)
    if least > 1.0:
        return Fact(False, lipschitz.certified or "certainly" in lipschitz.note)
    return Fact(lipschitz.value <= 1.0 + 1e-6, False)


def _norm(shape: Shape) -> Fact:
    box = shape.cells[shape.rise]
    size = np.abs(box.lo), np.abs(box.hi)
    outside = (
        box.ok
        & shape.cells[shape.root].ok
        & ((box.lo > 1) | (box.hi < -1) | (np.maximum(*size) < 1))
    )
    if np.any(outside):
        return Fact(False, True)
    middle = shape.cells.middle[shape.rise]
    near = np.abs(np.abs(middle.lo + middle.hi) * 0.5 - 1.0) < 1e-6
    return Fact(bool(np.all(near)), False)


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
