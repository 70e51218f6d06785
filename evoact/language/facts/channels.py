"""Whether functions across channels stay finite in float32, by bounds that hold in all channels.

Above a groupwise row, channels are of different inputs: what a part gives is
then any number within its bounds. Below, where a part is pointwise, it is
followed input by input as pointwise functions are.
"""

from __future__ import annotations

from typing import Final

from evoact.language.expression import Expression
from evoact.language.facts.enclose import LARGEST
from evoact.language.facts.finite import backward, hulls
from evoact.language.facts.graph import Graph
from evoact.language.tree import Call, Node, walk
from evoact.language.widths import values

Bounds = tuple[float, float]
_ROOM: Final = 1e6
"""Gradients keep so far from overflow: some of them are added up, over uses and channels."""
_CHANNELS: Final = 21.0
"""The logarithm of more channels than there are."""


def is_finite(expression: Expression, reach: float) -> bool:
    """Whether value and gradient are certainly finite where all `|x| <= reach`."""
    channels = _Channels(expression, reach)
    return channels.bounds(expression.root) is not None and channels.passes(
        expression.root, (1.0, 1.0)
    )


class _Channels:
    """Bounds of the parts of a tree, and of the gradients that reach them."""

    def __init__(self, expression: Expression, reach: float) -> None:
        self.parameters, self.reach = expression.parameters, reach
        self.known: dict[Node, Bounds | None] = {}

    def bounds(self, node: Node) -> Bounds | None:
        """Return bounds of a node's values; None if a step may not be finite."""
        if node not in self.known:
            self.known[node] = self.groupwise(node) if _works_across(node) else self.region(node)
        return self.known[node]

    def groupwise(self, node: Node) -> Bounds | None:
        assert isinstance(node, Call)
        found = [self.bounds(arg) for arg in values(node)]
        if node.primitive.adds_x:
            found.append((-self.reach, self.reach))
        known = [pair for pair in found if pair is not None]
        if len(known) < len(found):
            return None
        low, high = min(pair[0] for pair in known), max(pair[1] for pair in known)
        if node.primitive.name == "softmax":
            return 0.0, 1.0
        if node.primitive.name == "log_softmax":
            return (low - high - _CHANNELS, 0.0) if high - low < LARGEST / 2 else None
        return low, high

    def region(self, node: Node) -> Bounds | None:
        """Bound a pointwise part of `x` and of groupwise parts below it."""
        graph, root, parts = self.graph(node)
        found = hulls(graph, [root], self.reach) if parts is not None else None
        return found[0] if found is not None else None

    def graph(self, node: Node) -> tuple[Graph, int, dict[Node, int] | None]:
        """Return a graph in which groupwise parts are numbers within their bounds."""
        graph, parts = Graph(match=False), {}
        for place, part in enumerate(dict.fromkeys(outermost(node))):
            bounds = self.bounds(part)
            if bounds is None:
                return graph, graph.x, None
            parts[part] = graph.item("span", numbers=(*bounds, float(place)))
        return graph, graph.tree(node, self.parameters, known=parts), parts

    def passes(self, node: Node, gradient: Bounds) -> bool:
        """Whether all gradients are finite below a node whose own is within bounds."""
        size = max(abs(gradient[0]), abs(gradient[1]))
        if not size < LARGEST / _ROOM:
            return False
        if not _works_across(node):
            return self.passes_region(node, gradient)
        assert isinstance(node, Call)
        factor = {"softmax": 2.0, "log_softmax": _ROOM}.get(node.primitive.name, 1.0)
        below = (min(0.0, gradient[0]), max(0.0, gradient[1]))  # other channels get none
        if factor != 1.0:
            below = (-factor * size, factor * size)
        return all(self.passes(arg, below) for arg in values(node))

    def passes_region(self, node: Node, gradient: Bounds) -> bool:
        graph, root, parts = self.graph(node)
        if parts is None:
            return False
        seed = graph.item("span", numbers=(*gradient, -1.0))
        steps, flow = backward(graph, root, seed)
        ends = {part: flow[at] for part, at in parts.items() if at in flow}
        last = [*ends.values(), flow.get(graph.x, seed)]
        found = hulls(graph, [*last, root, *steps], self.reach)
        if found is None or max(map(abs, found[len(ends)])) >= LARGEST / _ROOM:
            return False
        pairs = zip(ends, found, strict=False)
        return all(self.passes(part, bounds) for part, bounds in pairs)


def _works_across(node: Node) -> bool:
    return isinstance(node, Call) and node.primitive.is_groupwise


def outermost(node: Node) -> list[Node]:
    """Return the outermost groupwise calls of a node."""
    if isinstance(node, Call) and node.primitive.is_groupwise:
        return [node]
    if isinstance(node, Call):
        return [part for arg in node.args for part in outermost(arg)]
    return []


def is_groupwise(node: Node) -> bool:
    """Whether a node works across channels."""
    return any(isinstance(n, Call) and n.primitive.is_groupwise for n in walk(node))
