"""How steep a function is: Lipschitz constants, and whether it keeps the norm of gradients."""

from __future__ import annotations

import math

import numpy as np

from evoact.language.facts import breaks
from evoact.language.facts.edges import grows
from evoact.language.facts.enclose import Cells
from evoact.language.facts.facts import Fact
from evoact.language.facts.intervals import Array
from evoact.language.facts.search import TOLERANCE, Bound
from evoact.language.facts.shape import Shape

_STEEP = 1e4
"""A slope beyond this beside a place without a value is taken for an infinite one."""


def steepness(shape: Shape, continuous: Fact) -> dict[str, Fact]:
    """Return the Lipschitz constant, whether it is at most 1, and whether `|f'|` is 1."""
    up, down = shape.steepest
    gone = shape.borders[breaks.lost(shape)]
    if math.inf in map(abs, shape.limits(1)):
        lipschitz = Fact(math.inf, True, "the slope is not bounded")
    elif gone.size:
        lipschitz = _where_defined(shape, gone)
    elif not continuous.value:
        lipschitz = Fact(math.inf, continuous.certified, "not continuous")
    else:
        lipschitz = _lipschitz(up, down, certain=continuous.certified)
    return {"lipschitz": lipschitz, "one_lipschitz": _one(lipschitz, up, down),
            "gradient_norm_preserving": _norm(shape)}  # fmt: skip


def _where_defined(shape: Shape, gone: Array) -> Fact:
    """Return the constant over the inputs that have a value: those without may be removable."""
    below, above = (shape.trends[name][0].limit for name in ("below zero", "above zero"))
    if math.inf in map(abs, shape.limits(0)) and _is_infinite_at_zero(below, above):
        return Fact(math.inf, True, "not bounded near x = 0")
    if below is not None and above is not None and abs(below - above) > 1e-6 * max(1.0, abs(below)):
        return Fact(math.inf, True, "it jumps at x = 0")
    if breaks.certain_jumps(shape):
        return Fact(math.inf, True, "it jumps")
    steep = max(shape.steepest, key=lambda bound: bound.least)
    if steep.least > _STEEP or _jumps_across(shape, gone) or grows(shape, shape.rise):
        return Fact(math.inf, False, "beside a place where it is not defined")
    return Fact(max(steep.least, 0.0), False, "on samples where it is defined")


def _is_infinite_at_zero(*sides: float | None) -> bool:
    return any(side is not None and math.isinf(side) for side in sides)


def _jumps_across(shape: Shape, gone: Array) -> bool:
    """Whether values differ on both sides of a place that has none."""
    margin = 1e-9 * np.maximum(1.0, np.abs(gone))
    left, right = (Cells(shape.graph, x, x)[shape.root] for x in (gone - margin, gone + margin))
    gap = np.maximum(left.lo - right.hi, right.lo - left.hi)
    return bool(np.any(np.isfinite(gap) & (gap > 1e-4)))


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
