"""What a layer costs by the table: tensors kept for the backward pass, operations."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from evoact.language.expression import Expression
from evoact.language.facts.facts import Fact
from evoact.language.tree import Call, Const, Node, literal_places
from evoact.language.widths import argument_width, reads_x


def saved_elements(expression: Expression) -> Fact:
    """Return how many tensor elements autograd keeps, per element of the input.

    Parameters count nothing: they are kept anyway.
    """
    kept: dict[object, Fraction] = {}
    for call, width in calls(expression):
        for key, wide in _kept(call, width):
            kept[key] = max(kept.get(key, Fraction(0)), wide)
    return Fact(float(sum(kept.values(), Fraction(0))), True, "by the table of primitives")


def flops(expression: Expression) -> Fact:
    """Return how many operations a forward pass takes, per element of the input."""
    total = Fraction(0)
    for call, width in calls(expression):
        total += call.primitive.flops * max(width, argument_width(call, width))
    return Fact(float(total), True, "by the table of primitives")


def calls(expression: Expression) -> Iterator[tuple[Call, Fraction]]:
    """Yield each distinct call that reads `x`, with its width; shared ones once."""
    seen: set[tuple[Node, Fraction]] = set()
    stack: list[tuple[Node, Fraction]] = [(expression.root, expression.width)]
    while stack:
        node, width = stack.pop()
        if not isinstance(node, Call) or (node, width) in seen or not reads_x(node):
            continue
        seen.add((node, width))
        yield node, width
        stack.extend((arg, argument_width(node, width)) for arg in node.args)


def _kept(call: Call, width: Fraction) -> Iterator[tuple[object, Fraction]]:
    for index, mark in enumerate(_marks(call)):
        if mark == "r":
            yield call, width
        elif mark == "t":
            yield (call, index), width
        elif reads_x(arg := call.args[int(mark)]):
            yield _tensor(arg), argument_width(call, width)


def _marks(call: Call) -> str:
    """Return what a call keeps, given which of its arguments are numbers."""
    row, (first, *rest) = call.primitive, call.args
    second = rest[0] if rest else None
    if row.name in ("mul", "div") and isinstance(second, Const):
        return ""
    if row.name == "mul" and isinstance(first, Const):
        return ""
    if row.name == "div" and isinstance(first, Const):
        return "t"  # the reciprocal
    if row.name == "pow" and isinstance(second, Const):
        return "0"
    if row.name == "pow" and isinstance(first, Const):
        return "1r"
    if row.name in ("max", "min") and literal_places(call):
        return "1" if isinstance(first, Const) else "0"
    return row.saves


def _tensor(node: Node) -> Node:
    """Return the node that makes a tensor: `identity` hands on its argument's."""
    while isinstance(node, Call) and node.primitive.name == "identity":
        node = node.args[0]
    return node
