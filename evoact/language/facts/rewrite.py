"""Forms that say more than those that were written: rows, sums that do not cancel."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from evoact.language.facts.texts import parsed_text
from evoact.language.primitives import PRIMITIVES
from evoact.language.tree import Call, Const, Node, Param

if TYPE_CHECKING:
    from evoact.language.facts.graph import Graph

COMMUTATIVE: Final = frozenset({"add", "mul", "max", "min"})
LINEAR: Final = frozenset({"relu", "hard_sigmoid"})
"""Rows with traits that are yet better known by their definitions, exact in parts."""


def beside_one(graph: Graph, a: int) -> int | None:
    """Return `1 + a` without the cancellation at its ends, where a row gives it."""
    sign = -1.0 if graph.items[a].op == "neg" else 1.0
    item = graph.items[graph.items[a].args[0] if sign < 0 else a]
    if item.op == "tanh":
        twice = graph.item("mul", graph.const(2.0 * sign), item.args[0])
        return graph.item("mul", graph.const(2.0), graph.item("sigmoid", twice))
    if item.op == "sigmoid" and sign < 0:
        return graph.item("sigmoid", graph.minus(item.args[0]))
    return None


def of_row(graph: Graph, name: str, a: int) -> int | None:
    """Return a row of one argument in a better form, where there is one."""
    item = graph.items[a]
    if name == "sqrt":
        return hypotenuse(graph, a)
    if name == "log" and item.op == "add" and graph.one in item.args:
        return graph.item("log1p", item.args[item.args[0] == graph.one])
    return None


def hypotenuse(graph: Graph, a: int) -> int | None:
    """Return `sqrt(u^2 + c)` or `sqrt(u^2)` as nodes of which more is known than of a root."""
    item = graph.items[a]
    if item.op == "square":
        return graph.item("abs", item.args[0])
    for square, number in (item.args, item.args[::-1]) if item.op == "add" else ():
        c = graph.number(number)
        if graph.items[square].op == "square" and c is not None and c > 0:
            return graph.item("hyp", graph.items[square].args[0], number)
    return None


def matched(graph: Graph, node: int) -> int:
    """Return the row whose definition a node is, or the node."""
    for name, (pattern, names) in _patterns().items():
        bound: dict[str, int] = {}
        if _fits(graph, pattern, names, node, bound):
            return graph.item(name, bound["a"])
    return _swish(graph, node)


def _fits(
    graph: Graph, pattern: Node, names: tuple[str, ...], node: int, bound: dict[str, int]
) -> bool:
    """Whether a node is a pattern, for some `a`."""
    item = graph.items[node]
    if isinstance(pattern, Param):
        return bound.setdefault(names[pattern.index], node) == node
    if isinstance(pattern, Const):
        return item.op == "const" and item.numbers[0] == pattern.value
    if not isinstance(pattern, Call) or item.op != pattern.primitive.name:
        return False
    orders = [item.args, item.args[::-1]] if item.op in COMMUTATIVE else [item.args]
    for order in orders:
        trial = dict(bound)
        pairs = zip(pattern.args, order, strict=True)
        if all(_fits(graph, part, names, arg, trial) for part, arg in pairs):
            bound.update(trial)
            return True
    return False


def _swish(graph: Graph, node: int) -> int:
    """Return `x * sigmoid(c * x)` as `silu(c * x) / c`, or the node."""
    item = graph.items[node]
    if item.op != "mul":
        return node
    for a, gate in (item.args, item.args[::-1]):
        inner = graph.items[gate]
        scaled = graph.items[inner.args[0]] if inner.op == "sigmoid" else inner
        if inner.op == "sigmoid" and scaled.op == "mul" and a in scaled.args:
            other = scaled.args[scaled.args[0] == a]
            if graph.number(other) not in (None, 0.0):
                return graph.item("div", graph.item("silu", inner.args[0]), other)
    return node


@cache
def _patterns() -> dict[str, tuple[Node, tuple[str, ...]]]:
    """Return the definitions of rows of one argument that have traits."""
    return {
        row.name: parsed_text(row.definition)
        for row in PRIMITIVES.values()
        if row.traits is not None and row.definition and row.derivative and row.name not in LINEAR
    }
