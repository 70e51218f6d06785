"""Enclosures of the nodes of a graph over many cells at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from evoact.language.facts import rules
from evoact.language.facts.graph import Graph, Item
from evoact.language.facts.intervals import (
    FALSE,
    TRUE,
    Array,
    Box,
    Flags,
    add,
    div,
    down,
    maximum,
    mul,
    neg,
    point,
    select,
    sub,
    up,
)
from evoact.language.primitives import PRIMITIVES

LARGEST: Final = float(np.finfo(np.float32).max)
NOTHING_KNOWN: Final = Box(np.asarray(-np.inf), np.asarray(np.inf), FALSE, FALSE, FALSE, FALSE)


@dataclass
class Cells:
    """Open intervals of `x` (or points, where both ends are equal), and what nodes do there.

    Nodes are enclosed when first asked for.
    """

    graph: Graph
    left: Array
    right: Array
    hull: bool = False
    """At a jump give all values around it, rather than the one there."""
    known: dict[int, Box] = field(default_factory=dict, repr=False)

    def __getitem__(self, node: int) -> Box:
        if node not in self.known:
            with np.errstate(all="ignore"):
                for child in self.needed(node):
                    self.known[child] = self.enclosed(self.graph.items[child])
        return self.known[node]

    def needed(self, node: int) -> Iterable[int]:
        """Return a node and what it reads, without what is known, children first."""
        found, stack = set(), [node]
        while stack:
            current = stack.pop()
            if current not in found and current not in self.known:
                found.add(current)
                stack.extend(self.graph.items[current].args)
        return sorted(found)

    def enclosed(self, item: Item) -> Box:
        """Enclose one node, whose arguments are known."""
        if item.op == "x":
            wide = self.left < self.right
            return Box(self.left, self.right, TRUE, TRUE, wide, wide)
        if item.op == "const":
            return point(item.numbers[0])
        args = [self.known[arg] for arg in item.args]
        if item.op in _RULES:
            rule: Callable[..., Box] = _RULES[item.op]
            return rule(*args)
        if item.op == "if_positive":
            return select(*args, jump=not self.hull)
        if item.op == "clip":
            return clip(args[0], *item.numbers)
        if item.op == "multistep":
            return rules.multistep(args[0], int(args[1].lo), hull=self.hull)
        return rules.unary(PRIMITIVES[item.op], args[0], hull=self.hull)

    @cached_property
    def middle(self) -> Cells:
        """The points amidst the cells: between the signs the geometric mean."""
        low, high = np.abs(self.left), np.abs(self.right)
        sign = np.where(self.left + self.right < 0, -1.0, 1.0)
        ratio = np.maximum(low, high) > 4.0 * np.minimum(low, high)
        geometric = sign * np.sqrt(low) * np.sqrt(high)
        use = ratio & (self.left * sign > 0) & (self.right * sign > 0)
        at = np.where(use, geometric, 0.5 * self.left + 0.5 * self.right)
        return Cells(self.graph, at, at)

    def sharp(self, node: int, slope: int) -> Box:
        """Enclose a node by its value amidst each cell and its slope, too.

        Where the slope has one sign, the values at the ends are the bounds.
        """
        box, rise = self[node], self[slope]
        with np.errstate(all="ignore"):
            centre = self.middle[node]
            before, after = down(self.left - self.middle.left), up(self.right - self.middle.left)
            step = mul(rise, Box(before, after, TRUE, TRUE, FALSE, FALSE))
            near = add(centre, step)
            usable = box.ok & centre.ok
            box = narrowed(box, usable, near.lo, near.hi)
        return self.monotone(node, rise, box)

    @cached_property
    def ends(self) -> Cells:
        """The ends of the cells as points, shared ones once."""
        at = np.unique(np.concatenate([self.left, self.right]))
        return Cells(self.graph, at, at)

    def at_ends(self, node: int) -> tuple[Box, Box]:
        """Enclose a node at the left and at the right ends."""
        at, box = self.ends.left, self.ends[node]
        whole: list[Any] = [np.broadcast_to(part, at.shape) for part in box]
        places = np.searchsorted(at, self.left), np.searchsorted(at, self.right)
        first, last = (Box(*(part[place] for part in whole)) for place in places)
        return first, last

    def monotone(self, node: int, rise: Box, box: Box) -> Box:
        """Bound a node by its values at the ends of cells where it is monotone."""
        first, last = self.at_ends(node)
        up_, down_ = rise.lo >= 0, rise.hi <= 0
        usable = box.ok & first.ok & last.ok & (up_ | down_)
        low, high = np.where(up_, first.lo, last.lo), np.where(up_, last.hi, first.hi)
        return narrowed(box, usable, low, high)


def narrowed(box: Box, usable: Flags, low: Array, high: Array) -> Box:
    """Cut an enclosure; the new ends may be reached, though the old ones were not."""
    low = np.where(usable, np.maximum(box.lo, low), box.lo)
    high = np.where(usable, np.minimum(box.hi, high), box.hi)
    return box._replace(lo=low, hi=high, lo_open=box.lo_open & (low == box.lo),
                        hi_open=box.hi_open & (high == box.hi))  # fmt: skip


def clip(a: Box, low: float, high: float) -> Box:
    """Enclose a node of which is known that it lies within two numbers."""
    return a._replace(
        lo=np.maximum(a.lo, low),
        hi=np.minimum(a.hi, high),
        lo_open=a.lo_open & (a.lo >= low),
        hi_open=a.hi_open & (a.hi <= high),
    )


def power(a: Box, b: Box) -> Box:
    """Enclose `a ** b`."""
    if b.lo.ndim == 0 and b.lo == b.hi and b.lo == math.floor(b.lo):
        return _whole_power(a, float(b.lo))
    defined = (a.lo > 0) | ((a.lo >= 0) & (a.lo_open | (b.lo > 0)))
    base = np.maximum(a.lo, 0.0), np.maximum(a.hi, 0.0)
    corners = [np.power(u, v) for u in base for v in (b.lo, b.hi)]
    ends = np.broadcast_arrays(*(np.where(np.isnan(c), np.inf, c) for c in corners))
    box = _padded(np.minimum.reduce(ends), np.maximum.reduce(ends), a, b)
    spans = (a.lo < 1) & (a.hi > 1) & (b.lo < 0) & (b.hi > 0)  # saddle: corners still bound it
    lo = np.where(defined, np.where(spans, 0.0, np.maximum(box.lo, 0.0)), -np.inf)
    hi = np.where(defined, box.hi, np.inf)
    positive = a.positive & (lo == 0)
    return box._replace(lo=lo, hi=hi, ok=box.ok & defined, smooth=box.smooth & (a.lo > 0),
                        lo_open=positive)  # fmt: skip


def _padded(lo: Array, hi: Array, a: Box, b: Box) -> Box:
    lo = np.where(np.isinf(lo), down(lo), lo)
    lo = lo - np.abs(lo) * rules.RELATIVE - rules.ABSOLUTE
    hi = hi + np.abs(hi) * rules.RELATIVE + rules.ABSOLUTE
    return Box(lo, hi, a.ok & b.ok, a.smooth & b.smooth, FALSE, FALSE)


def _whole_power(a: Box, exponent: float) -> Box:
    if exponent < 0:
        return div(point(1.0), _whole_power(a, -exponent))
    if exponent == 0:
        return Box(np.ones_like(a.lo), np.ones_like(a.lo), a.ok, a.smooth, FALSE, FALSE)
    lo, hi = np.power(a.lo, exponent), np.power(a.hi, exponent)
    if exponent % 2:
        box = _padded(lo, hi, a, point(0.0))
        lo = np.where(a.lo >= 0, np.maximum(box.lo, 0.0), box.lo)
        hi = np.where(a.hi <= 0, np.minimum(box.hi, 0.0), box.hi)
        return box._replace(lo=lo, hi=hi, lo_open=(lo == 0) & a.positive,
                            hi_open=(hi == 0) & a.negative)  # fmt: skip
    inside = (a.lo <= 0) & (a.hi >= 0)
    box = _padded(np.where(inside, 0.0, np.minimum(lo, hi)), np.maximum(lo, hi), a, point(0.0))
    lo = np.maximum(box.lo, 0.0)
    return box._replace(lo=lo, lo_open=(lo == 0) & a.nonzero)


def aif(a: Box, b: Box, c: Box) -> Box:
    """Enclose a slope that is `b` where `a > 0`, else `c`."""
    return select(a, b, c, jump=False)


def minimum(a: Box, b: Box) -> Box:
    """Enclose `min(a, b)`."""
    return neg(maximum(neg(a), neg(b)))


def unknown(a: Box) -> Box:
    """Enclose what nothing is known of."""
    return NOTHING_KNOWN._replace(lo=np.full_like(a.lo, -np.inf), hi=np.full_like(a.lo, np.inf))


def hyp(u: Box, c: Box) -> Box:
    """Enclose `sqrt(u^2 + c)`."""
    size = np.abs(u.lo), np.abs(u.hi)
    inside = (u.lo <= 0) & (u.hi >= 0)
    least = np.where(inside, 0.0, np.minimum(*size))
    lo, hi = (np.hypot(end, np.sqrt(c.lo)) for end in (least, np.maximum(*size)))
    box = _padded(lo, hi, u, c)
    root = np.sqrt(c.lo)
    root = root if root * root == c.lo and root == np.rint(root) else down(root)
    return box._replace(lo=np.maximum(box.lo, root))


def hyp_slope(u: Box, c: Box) -> Box:
    """Enclose `u / sqrt(u^2 + c)`, which rises from -1 to 1."""
    ends = (u.lo, u.hi)
    lo, hi = (np.where(np.isinf(end), np.sign(end), end / np.hypot(end, np.sqrt(c.lo)))
              for end in ends)  # fmt: skip
    box = _padded(lo, hi, u, c)
    lo = np.where(u.lo >= 0, np.maximum(box.lo, 0.0), np.maximum(box.lo, -1.0))
    hi = np.where(u.hi <= 0, np.minimum(box.hi, 0.0), np.minimum(box.hi, 1.0))
    return box._replace(lo=lo, hi=hi, lo_open=(lo == -1) | ((lo == 0) & u.positive),
                        hi_open=(hi == 1) | ((hi == 0) & u.negative))  # fmt: skip


_RULES: Final[dict[str, Callable[..., Box]]] = {
    "add": add, "sub": sub, "mul": mul, "div": div, "neg": neg, "max": maximum, "min": minimum,
    "pow": power, "aif": aif, "hyp": hyp, "hyp_slope": hyp_slope, "unknown": unknown,
    "sinc_slope": rules.sinc_slope,
    "bessel_i1e_slope": rules.bessel_i1e_slope,
}  # fmt: skip


def as_flags(flags: Flags, like: Array) -> Flags:
    """Return flags for each cell."""
    return np.broadcast_to(flags, like.shape)
