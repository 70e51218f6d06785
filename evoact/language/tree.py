"""Trees as immutable data: nodes, learnable parameters, and how to walk them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from evoact.errors import InputError
from evoact.language.primitives import PRIMITIVES, Primitive

MAX_NODES = 512
MAX_DEPTH = 64


class ExpressionError(InputError):
    """A text is not an expression of the language.

    `position` is the index of the fault in `text`, when the fault has one;
    the message then shows the text with a caret below the fault.
    """

    def __init__(self, message: str, text: str = "", position: int | None = None) -> None:
        self.message, self.text, self.position = message, text, position
        super().__init__(message + _caret(text, position))


def _caret(text: str, position: int | None) -> str:
    if position is None:
        return ""
    start = max(0, position - 40)
    window = text[start : position + 30]
    printable = "".join(c if c.isprintable() else " " for c in window)
    return f"\n  {printable}\n  {' ' * (position - start)}^"


class Scope(StrEnum):
    """Where a learnable parameter lives: one a layer, or one a channel."""

    LAYER = "layer"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class X:
    """The input of the activation."""


@dataclass(frozen=True, slots=True)
class Const:
    """A finite float64 constant."""

    value: float


@dataclass(frozen=True, slots=True)
class Param:
    """A use of the learnable parameter number `index` of the expression."""

    index: int


@dataclass(frozen=True, slots=True)
class Call:
    """A primitive applied to arguments, one for each entry of its signature."""

    primitive: Primitive
    args: tuple[Node, ...]


Node = X | Const | Param | Call


@dataclass(frozen=True, slots=True)
class Parameter:
    """A learnable parameter: where it starts, where it lives.

    The name is for people: two parameters that differ in name only are equal.
    """

    initial: float
    scope: Scope = Scope.LAYER
    name: str | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameter):
            return NotImplemented
        return (self.initial, self.scope) == (other.initial, other.scope)

    def __hash__(self) -> int:
        return hash((self.initial, self.scope))


def walk(node: Node) -> Iterator[Node]:
    """Yield the nodes of a tree, parents first, arguments from left to right."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, Call):
            stack.extend(reversed(current.args))


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return the tree with `change` applied to every node, leaves first."""
    if isinstance(node, Call):
        args = tuple(rebuild(arg, change) for arg in node.args)
        if any(new is not old for new, old in zip(args, node.args, strict=True)):
            node = Call(node.primitive, args)
    return change(node)


def depth(node: Node) -> int:
    """Return how many primitives lie on the longest way down from `node`."""
    deepest, stack = 0, [(node, 0)]
    while stack:
        current, level = stack.pop()
        deepest = max(deepest, level)
        if isinstance(current, Call):
            stack.extend((arg, level + 1) for arg in current.args)
    return deepest


def check_bounds(root: Node) -> None:
    """Raise `ExpressionError` for a tree that is larger than the language allows."""
    if depth(root) > MAX_DEPTH:
        raise ExpressionError(
            f"expression nests {depth(root)} deep; at most {MAX_DEPTH} is allowed"
        )
    size = sum(1 for _ in walk(root))
    if size > MAX_NODES:
        raise ExpressionError(f"expression has {size} nodes; at most {MAX_NODES} are allowed")


def fold(node: Node, parameters: Sequence[Parameter]) -> Node:
    """Return a node whose arguments are folded, folded itself where it can be.

    A call on constants alone is a constant, a condition on a constant the
    branch that is taken; a groupwise call that keeps equal channels as they are
    is its argument, where that is equal in all channels.

    Raises:
        ExpressionError: a constant is not finite, or a literal is not one that
            its place takes.
    """
    if isinstance(node, Const):
        return Const(finite(node.value))
    if not isinstance(node, Call):
        return node
    row = node.primitive
    _check_literals(node)
    if row.name == "if_positive" and isinstance(node.args[0], Const):
        return node.args[1 if node.args[0].value > 0 else 2]
    if row.keeps_uniform and _is_uniform(node.args[0], parameters):
        return node.args[0]
    if row.is_groupwise or not all(isinstance(arg, Const) for arg in node.args):
        return node
    numbers = [np.float64(arg.value) for arg in node.args if isinstance(arg, Const)]
    with np.errstate(all="ignore"):
        value = float(row.numpy(*numbers))
    return Const(finite(value, f"{row.name}({', '.join(map(repr, map(float, numbers)))})"))


def _check_literals(call: Call) -> None:
    for place, (arg, kind) in enumerate(zip(call.args, call.primitive.signature, strict=True), 1):
        if not kind.is_literal:
            continue
        where = f"argument {place} of {call.primitive.name!r}"
        if not isinstance(arg, Const):
            raise ExpressionError(f"{where} must be a number")
        if refusal := kind.refusal(arg.value):
            raise ExpressionError(f"{where} {refusal}")


def _is_uniform(node: Node, parameters: Sequence[Parameter]) -> bool:
    """Whether a value is the same in all channels, whatever the input."""
    if isinstance(node, Call):
        row = node.primitive
        keeps = row.keeps_uniform or not row.is_groupwise
        return keeps and all(_is_uniform(arg, parameters) for arg in node.args)
    if isinstance(node, Param):
        return parameters[node.index].scope is Scope.LAYER
    return isinstance(node, Const)


def finite(value: float, what: str = "constant") -> float:
    """Return `value` (minus zero as zero), or raise if it is not finite."""
    if not math.isfinite(value):
        raise ExpressionError(
            f"{what} is {value}; constants must be finite float64 numbers: use a smaller one"
        )
    return value + 0.0


def call(name: str, *args: Node) -> Call:
    """Return the node that applies the primitive `name` to `args`."""
    primitive = PRIMITIVES[name]
    assert len(args) == primitive.arity, (name, args)
    assert all(
        isinstance(arg, Const)
        for arg, kind in zip(args, primitive.signature, strict=True)
        if kind.is_literal
    ), (name, args)
    return Call(primitive, args)


def literal_places(node: Call) -> tuple[Node, ...] | None:
    """Return the arguments in the order of the row's template for literals.

    None where that template does not apply: a place of its own holds no constant.
    """
    row, args = node.primitive, node.args
    if row.torch_literal is None:
        return None
    if row.commutative:
        args = tuple(sorted(args, key=lambda arg: isinstance(arg, Const)))
    return args if all(isinstance(args[i], Const) for i in row.literal_places) else None


FloatArray = npt.NDArray[np.float64]
