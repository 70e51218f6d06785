"""Zeros and fixed points."""

from __future__ import annotations

from typing import Final

import numpy as np

from evoact.language.facts import breaks
from evoact.language.facts.enclose import Cells
from evoact.language.facts.facts import Fact, Interval, left_out
from evoact.language.facts.graph import Graph
from evoact.language.facts.rules import SIGNED
from evoact.language.facts.shape import Shape
from evoact.language.facts.slopes import slope
from evoact.language.facts.zeros import zeros

MOST: Final = 12
"""More zeros than these are not listed."""
Entry = float | tuple[float, float]


def crossings(shape: Shape, *, fixed: bool) -> Fact:
    """Return the zeros of a function, or its fixed points."""
    graph, node = shape.graph, shape.root
    extra: tuple[float, ...] = ()
    if fixed:
        share = over_x(graph, node)
        if share is not None and _is_finite_at_zero(graph, share):
            node, extra = (
                graph.plus(share, graph.const(-1.0)),
                (0.0,),
            )  # f(x) = x g(x): zero, or g = 1
        else:
            node = _without_x(graph, node)
    if endless(graph, node):
        return Fact("infinitely many", True)
    found = zeros(shape.cells, node, slope(graph, node), breaks.lost(shape))
    intervals = tuple(_closed(pair, extra) for pair in found.intervals)
    points = tuple(sorted({*found.points, *(x for x in extra if not _within(x, intervals))}))
    entries: tuple[Entry, ...] = (*points, *intervals)
    entries = tuple(sorted(entries, key=_start))
    if len(points) > MOST:
        near = tuple(sorted(sorted(points, key=abs)[:MOST]))
        return Fact(near, False, "the nearest to zero; there are more")
    if found.is_all and not found.is_placed:
        return Fact(entries, False, "places are rounded")
    return Fact(entries, found.is_all, left_out(entries) if found.is_all else "there may be more")


def _closed(pair: Interval, zeros: tuple[float, ...]) -> Interval:
    """Return an interval with those of its ends that are zeros after all."""
    return Interval(*pair, low_open=pair.low_open and pair[0] not in zeros,
                    high_open=pair.high_open and pair[1] not in zeros)  # fmt: skip


def _without_x(graph: Graph, node: int) -> int:
    """Return the node of `f(x) - x`."""
    op, args, _ = graph.items[node]
    if op == "add" and graph.x in args:
        return args[args[0] == graph.x]
    if op == "softplus" and args[0] == graph.x:
        return graph.item("softplus", graph.minus(graph.x))
    if op == "sub" and args[0] == graph.x:
        return graph.minus(args[1])
    return graph.plus(node, graph.minus(graph.x))


def _start(entry: Entry) -> float:
    return entry[0] if isinstance(entry, tuple) else entry


def _within(x: float, intervals: tuple[Interval, ...]) -> bool:
    return any(a <= x <= b for a, b in intervals)


def _is_finite_at_zero(graph: Graph, node: int) -> bool:
    box = Cells(graph, np.zeros(1), np.zeros(1))[node]
    return bool(np.all(np.isfinite(box.lo) & np.isfinite(box.hi) & box.ok))


def over_x(graph: Graph, node: int) -> int | None:
    """Return the node of `f(x) / x`, where `f` has `x` as a factor."""
    op, args, _ = graph.items[node]
    if node == graph.x:
        return graph.one
    if op == "mul":
        for a, b in (args, args[::-1]):
            if (share := over_x(graph, a)) is not None:
                return graph.times(share, b)
    if op == "div" and (share := over_x(graph, args[0])) is not None:
        return graph.item("div", share, args[1])
    if op == "neg" and (share := over_x(graph, args[0])) is not None:
        return graph.minus(share)
    if op in ("add", "sub"):
        shares = [over_x(graph, arg) for arg in args]
        if None not in shares:
            return graph.item(op, *(share for share in shares if share is not None))
    return _gated(graph, op, args)


def _gated(graph: Graph, op: str, args: tuple[int, ...]) -> int | None:
    """Return `f(x) / x` of rows that are their argument times a gate."""
    if op not in ("silu", "gelu", "softsign", "signed_sqrt", "square", "cube"):
        return None
    share = over_x(graph, args[0])
    if share is None:
        return None
    a = args[0]
    gates = {"silu": "sigmoid(a)", "gelu": "0.5 * erfc(-0.7071067811865476 * a)",
             "softsign": "1.0 / (1.0 + abs(a))", "signed_sqrt": "1.0 / (1.0 + sqrt(1.0 + abs(a)))",
             "square": "a", "cube": "square(a)"}  # fmt: skip
    return graph.times(share, graph.text(gates[op], [a]))


def endless(graph: Graph, node: int) -> bool:
    """Whether a node certainly has infinitely many zeros: a factor swings about zero for ever."""
    op, args, _ = graph.items[node]
    if op in ("sin", "cos", "sinc"):
        return _is_linear(graph, args[0])
    if op in ("neg", "div", "square", "abs") or op in SIGNED:
        return endless(graph, args[0])
    return op == "mul" and any(endless(graph, arg) for arg in args)


def _is_linear(graph: Graph, node: int) -> bool:
    """Whether a node is `a * x + b` with `a` not zero."""
    op, args, _ = graph.items[node]
    if node == graph.x:
        return True
    if op == "neg":
        return _is_linear(graph, args[0])
    if op in ("mul", "div", "add", "sub"):
        for a, b in (args, args[::-1]):
            number = graph.number(b)
            if number is not None and (op in ("add", "sub") or number != 0.0):
                return (op != "div" or b == args[1]) and _is_linear(graph, a)
    return False
