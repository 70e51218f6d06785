"""Derivatives of nodes of a graph, as nodes of it."""

from __future__ import annotations

import math

from evoact.language.facts.graph import SLOPES, STABLE, Graph
from evoact.language.facts.texts import parsed_text
from evoact.language.primitives import PRIMITIVES


def slope(graph: Graph, node: int, by: int | None = None) -> int:
    """Return the derivative of a node by `x`, or by another node; almost everywhere."""
    by = graph.x if by is None else by
    key = (node, by)
    if node == by:
        return graph.one
    if node < by:  # children have smaller numbers
        return graph.zero
    if key not in graph.slopes:
        total = graph.zero
        for arg, part in _parts(graph, node, by):
            total = graph.plus(total, graph.times(part, arg))
        graph.slopes[key] = total
    return graph.slopes[key]


def _parts(graph: Graph, node: int, by: int) -> list[tuple[int, int]]:
    """Return pairs of an argument's slope and the partial derivative by it."""
    item = graph.items[node]
    if item.op in ("max", "min", "if_positive", "aif"):
        return [(graph.one, _chosen(graph, node, by))]
    inner = [slope(graph, arg, by) for arg in item.args]
    if all(part == graph.zero for part in inner):
        return []
    if item.op == "clip":
        return [(inner[0], graph.one)]
    return [
        (part, partial(graph, node, place))
        for place, part in enumerate(inner)
        if part != graph.zero
    ]


def _chosen(graph: Graph, node: int, by: int) -> int:
    """Return the slope of whichever branch is taken."""
    op, args, _ = graph.items[node]
    if op in ("max", "min"):
        a, b = args
        slopes = slope(graph, a, by), slope(graph, b, by)
        if graph.training and graph.is_hard(node):
            return _shared(graph, op, args, slopes)
        condition = graph.sub(PRIMITIVES["sub"], [a, b])
        return graph.aif(condition, *(slopes if op == "max" else slopes[::-1]))
    return graph.aif(args[0], slope(graph, args[1], by), slope(graph, args[2], by))


def _shared(graph: Graph, op: str, args: tuple[int, ...], slopes: tuple[int, int]) -> int:
    """Return the slope of the larger or smaller one, as torch shares it where they are equal.

    Where functions are equal in more than a point, so are their slopes, but for
    those of thresholds, which are their surrogates'.
    """
    if slopes[0] == slopes[1]:
        return slopes[0]
    known = [graph.number(arg) is not None for arg in args]
    if any(known):  # a clamp: on the bound it is still its argument
        args, slopes = (args[::-1], slopes[::-1]) if known[0] else (args, slopes)
    condition = graph.sub(PRIMITIVES["sub"], [*args])
    if op == "min":
        condition = graph.minus(condition)
    second = graph.aif(graph.minus(condition), slopes[1], slopes[0])
    if any(known):
        return second
    half = graph.times(graph.const(0.5), graph.plus(*slopes))
    return graph.aif(condition, slopes[0], graph.aif(graph.minus(condition), slopes[1], half))


def partial(graph: Graph, node: int, place: int) -> int:
    """Return the partial derivative of a call by the argument at `place`."""
    op, args, _ = graph.items[node]
    if op == "pow":
        return _power(graph, args, place)
    if op == "hyp":
        return graph.item("hyp_slope", *args)
    if op == "hyp_slope":
        return graph.item("div", args[1], graph.item("cube", graph.item("hyp", *args)))
    if op == "unknown":
        return node
    if op in SLOPES.values():
        bounds = {"sinc_slope": math.pi**2 / 3, "bessel_i1e_slope": 1.07}[op]
        return graph.item("clip", graph.item("unknown", *args), numbers=(-bounds, bounds))
    row = PRIMITIVES[op]
    if row.surrogate:
        return _surrogate(graph, row.surrogate, args[0]) if graph.training else graph.zero
    if op in SLOPES and not graph.training:
        node = graph.item(SLOPES[op], *args)
    elif row.derivative is not None:
        text = STABLE.get(op, row.derivative[place]) if graph.match else row.derivative[place]
        node = graph.text(text, args, slope=True)
    else:
        assert row.definition is not None, op
        node = slope(graph, graph.text(row.definition, args), args[place])
    if graph.training or row.traits is None or graph.number(node) is not None:
        return node
    low, high = row.traits.slope
    return node if (low, high) == (-math.inf, math.inf) else graph.item(
        "clip", node, numbers=(low, high)
    )  # fmt: skip


def _surrogate(graph: Graph, text: str, arg: int) -> int:
    """Return the slope of what a threshold is trained with, by its argument."""
    return slope(graph, graph.tree(parsed_text(text)[0], (), x=arg), arg)


def _power(graph: Graph, args: tuple[int, ...], place: int) -> int:
    exponent = graph.number(args[1])
    if place == 1 or exponent is None:
        texts = PRIMITIVES["pow"].derivative
        assert texts is not None
        return graph.text(texts[place], args, slope=True)
    lower = graph.pow(PRIMITIVES["pow"], [args[0], graph.const(exponent - 1.0)])
    return graph.times(graph.const(exponent), lower)
