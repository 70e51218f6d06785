"""Whether value and gradient stay finite in float32: each step of both, rounded or not."""

from __future__ import annotations

import math
from functools import reduce
from typing import Final

import numpy as np

from evoact.language.expression import Expression
from evoact.language.facts.enclose import LARGEST, Cells
from evoact.language.facts.facts import Fact
from evoact.language.facts.graph import Graph, Item
from evoact.language.facts.intervals import FALSE, Array, Box, Flags
from evoact.language.facts.search import least, split
from evoact.language.facts.slopes import partial
from evoact.language.primitives import PRIMITIVES

NEAR: Final = 1e4
ROUNDING: Final = 1e-6
"""Relative; operations of float32 are within some of its units in the last place, 6e-8."""
SMALLEST: Final = 1e-37
"""Below this a float32 may be flushed to zero."""
REACH: Final = {"sinc": 1e38, "gaussian": 1.6e38, "window": 1.6e38}
"""Beyond these arguments torch's own steps overflow."""


class RoundedCells(Cells):
    """Cells in which every node is as inexact as in float32, and ends are reached."""

    slack = 0.0

    def __getitem__(self, node: int) -> Box:
        if not self.known:
            self.finite: Flags = np.ones(self.left.shape, dtype=bool)
        return super().__getitem__(node)

    def enclosed(self, item: Item) -> Box:
        """Enclose one node, and note where it may not be finite."""
        if item.op == "span":
            low, high = item.numbers[:2]  # a third tells apart what has the same bounds
            box = Box(np.asarray(low), np.asarray(high), FALSE, FALSE, FALSE, FALSE)
        else:
            box = super().enclosed(item)
            self.finite = self.finite & self.defined(item)
        if item.op not in ("x", "const"):
            box = _rounded(box, caps=_is_capped(item.op))
        if item.op in _WITHIN:
            low, high = PRIMITIVES[item.op].traits.range  # type: ignore[union-attr]
            box = box._replace(lo=np.maximum(box.lo, low), hi=np.minimum(box.hi, high))
        most = LARGEST * (1.0 + self.slack)
        self.finite = self.finite & (np.abs(box.lo) <= most) & (np.abs(box.hi) <= most)
        return box._replace(lo_open=FALSE, hi_open=FALSE)

    def defined(self, item: Item) -> Flags:
        """Whether a row is defined for all that its arguments may be."""
        args = [self.known[arg] for arg in item.args]
        if item.op == "div":
            return (args[1].lo > SMALLEST) | (args[1].hi < -SMALLEST)
        if item.op == "pow":
            whole = args[1].lo.ndim == 0 and float(args[1].lo).is_integer() and args[1].lo >= 0
            return np.asarray(whole) | (args[0].lo > SMALLEST)
        traits = PRIMITIVES[item.op].traits if item.op in PRIMITIVES else None
        if traits is None:
            return np.asarray(True)
        low, _ = traits.domain
        reach = REACH.get(item.op, math.inf)
        a = args[0]
        held = [(a.lo > pole + SMALLEST) | (a.hi < pole - SMALLEST) for pole in traits.poles]
        return reduce(np.logical_and, [a.lo >= low, a.hi <= reach, a.lo >= -reach, *held])


def _is_capped(op: str) -> bool:
    """Whether an operation overflows only where its exact value does."""
    row = PRIMITIVES.get(op)
    bounded = row is not None and row.traits and all(map(math.isfinite, row.traits.slope))
    return op in _CORRECT or bool(bounded)


_CORRECT: Final = frozenset(
    {"add", "sub", "mul", "div", "neg", "max", "min", "if_positive", "aif", "span"}
)


_WITHIN: Final = frozenset(
    {"sigmoid", "tanh", "hard_sigmoid", "softsign", "step", "sign", "window"}
)
"""Rows whose float32 value never leaves the range."""


def _rounded(box: Box, *, caps: bool) -> Box:
    """Widen an enclosure by the rounding of float32, which changes no sign."""
    lo = box.lo - np.abs(box.lo) * ROUNDING - SMALLEST
    hi = box.hi + np.abs(box.hi) * ROUNDING + SMALLEST
    if caps:
        most = LARGEST * (1.0 + 2.5e-8)  # what is within half a unit is rounded to it
        lo = np.where(box.lo >= -most, np.maximum(lo, -LARGEST), lo)
        hi = np.where(box.hi <= most, np.minimum(hi, LARGEST), hi)
    return box._replace(
        lo=np.where(box.lo >= 0, np.maximum(lo, 0.0), lo),
        hi=np.where(box.hi <= 0, np.minimum(hi, 0.0), hi),
    )


def gradient(graph: Graph, root: int) -> list[int]:
    """Return all nodes of the backward pass, as autograd makes them."""
    return backward(graph, root, graph.one)[0]


def backward(graph: Graph, root: int, seed: int) -> tuple[list[int], dict[int, int]]:
    """Return the nodes of the backward pass from a gradient `seed`, and that of each node."""
    flow = {root: seed}
    steps: list[int] = []
    for node in range(root, graph.x, -1):
        if node not in flow or graph.items[node].op == "const":
            continue
        for place, arg in enumerate(graph.items[node].args):
            if graph.items[arg].op == "const":
                continue
            part = graph.times(flow[node], _partial(graph, node, place))
            flow[arg] = graph.plus(flow[arg], part) if arg in flow else part
            steps += [part, flow[arg]]
    return steps, flow


def _partial(graph: Graph, node: int, place: int) -> int:
    """Return a partial derivative; of rows of bounded slope, those bounds."""
    item = graph.items[node]
    row = PRIMITIVES.get(item.op)
    if row is not None and row.surrogate:  # its slope is within these bounds
        return graph.item("span", numbers=(-1.0, 1.0))
    if row is None or row.traits is None or not all(map(math.isfinite, row.traits.slope)):
        return partial(graph, node, place)
    return graph.item("span", numbers=row.traits.slope)


def finite_facts(expression: Expression) -> tuple[Fact, Fact]:
    """Return whether it is finite for `|x| <= 1e4`, and for every float32."""
    return _finite(expression, NEAR), _finite(expression, LARGEST)


def _finite(expression: Expression, reach: float) -> Fact:
    graph = Graph(match=False)
    root = graph.tree(expression.root, expression.parameters)
    nodes = [root, *gradient(graph, root)]
    if hulls(graph, nodes, reach) is not None:
        return Fact(True, True)
    witness = _witness(expression, reach)
    if witness is not None:
        return Fact(False, *witness)
    return Fact(True, False, "no counterexample among samples")


def _grid(reach: float) -> tuple[Array, Array]:
    positive = [0.0, *np.geomspace(1e-30, 1e-3, 28), *np.geomspace(2e-3, 1.0, 20),
                *np.geomspace(1.1, reach, 60)]  # fmt: skip
    left = np.asarray([*(-np.asarray(positive[:0:-1])), *positive[:-1]])
    right = np.asarray([*left[1:], positive[-1]])
    left, right = left.astype(np.float64), right.astype(np.float64)
    left[0], right[-1] = -reach, reach
    return left, right


def hulls(graph: Graph, nodes: list[int], reach: float) -> list[tuple[float, float]] | None:
    """Return bounds of nodes for `|x| <= reach`; None if any step may not be finite."""
    low, high = np.full(len(nodes), np.inf), np.full(len(nodes), -np.inf)
    left, right = _grid(reach)
    for _ in range(3):
        cells = RoundedCells(graph, left, right)
        boxes = [cells[node] for node in nodes]
        bad = ~np.broadcast_to(cells.finite, left.shape)
        for i, box in enumerate(boxes):
            low[i] = np.min(np.broadcast_to(box.lo, left.shape)[~bad], initial=low[i])
            high[i] = np.max(np.broadcast_to(box.hi, left.shape)[~bad], initial=high[i])
        if not bad.any():
            return list(zip(map(float, low), map(float, high), strict=True))
        if bad.sum() > 200:
            return None
        left, right = split(left[bad], right[bad])
    return None


def _samples(reach: float) -> Array:
    size = np.concatenate([np.geomspace(1e-40, reach, 400), np.linspace(0.0, 20.0, 201), [1e4]])
    size = np.unique(size[size <= reach].astype(np.float32)).astype(np.float64)
    size = np.minimum(size, reach)
    return np.unique(np.concatenate([-size, size]))


def _witness(expression: Expression, reach: float) -> tuple[bool, str] | None:
    """Return whether a counterexample is certain, and what it is."""
    from evoact.language.facts.undefined import undefined

    x = _samples(reach)
    graph = Graph()
    root = graph.tree(expression.root, expression.parameters)
    lost = undefined(graph, root, x)
    if lost.any():  # yet by IEEE it may have a value there: atan(1 / 0) does
        without = lost & ~np.isfinite(np.broadcast_to(expression.numpy()(x), x.shape))
        at = without if without.any() else lost
        return bool(without.any()), f"not defined at x = {least(x[at]):.6g}"
    box = Cells(graph, x, x)[root]
    size = np.broadcast_to(np.maximum(box.lo, -box.hi), x.shape)
    large = size > 1.001 * LARGEST
    if large.any():
        return True, f"overflows float32 at x = {least(x[large]):.6g}"
    with np.errstate(all="ignore"):
        bad = ~_float32(expression, x)
    return (False, f"in float32 not finite at x = {least(x[bad]):.6g}") if bad.any() else None


def _float32(expression: Expression, x: Array) -> Flags:
    """Say where all steps of value and gradient are finite in float32, without rounding."""
    graph = Graph(match=False)
    root = graph.tree(expression.root, expression.parameters)
    nodes = [root, *gradient(graph, root)]
    cells = RoundedCells(graph, x, x)
    cells.slack = 0.01  # rounding of the last step is no counterexample
    for node in nodes:
        _ = cells[node]
    return np.broadcast_to(cells.finite, x.shape)
