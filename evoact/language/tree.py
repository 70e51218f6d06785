"""Expressions as immutable data: nodes, learnable parameters, the tree.

Every `Expression` keeps three invariants, made true by `Expression.build`:
parts without `x` and without parameters are folded to one finite constant;
parameters are numbered by first use and each is used; size and depth are
within the bounds of the language.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from evoact.errors import InputError
from evoact.language.primitives import PRIMITIVES, Kind, Primitive

if TYPE_CHECKING:
    from evoact.language.evaluate import ArrayFunction

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


@dataclass(frozen=True)
class Expression:
    """An activation function as an immutable tree over primitives.

    Make one with `evoact.parse`, or from nodes with `Expression.build`.

    >>> from evoact.language import parse
    >>> e = parse("x * sigmoid(beta * x) where beta = 1.0")
    >>> str(e)
    'x * sigmoid(beta * x) where beta = 1.0'
    >>> str(e.canonical())
    'x * sigmoid(a0 * x) where a0 = 1.0'
    >>> round(float(e.numpy()(2.0)), 6)
    1.761594
    """

    root: Node
    parameters: tuple[Parameter, ...] = ()

    @classmethod
    def build(cls, root: Node, parameters: tuple[Parameter, ...] = ()) -> Expression:
        """Make a valid expression of nodes: fold, check bounds, renumber.

        Args:
            root: the tree; `Param.index` points into `parameters`.
            parameters: the learnable parameters; unused ones are dropped.

        Raises:
            ExpressionError: too large, too deep, or a constant part that is
                not finite.
        """
        check_bounds(root)
        folded = rebuild(root, _fold)
        order: dict[int, int] = {}
        for node in walk(folded):
            if isinstance(node, Param):
                order.setdefault(node.index, len(order))
        renumbered = rebuild(folded, lambda n: Param(order[n.index]) if isinstance(n, Param) else n)
        return cls(renumbered, tuple(parameters[old] for old in order))

    def __str__(self) -> str:
        from evoact.language.text import format_expression

        return format_expression(self)

    def canonical(self) -> Expression:
        """Return the one expression that stands for all writings of this one.

        Arguments of commutative primitives are ordered, parameters are
        renamed `a0, a1, ...` by first use.
        """
        from evoact.language.canonical import canonical

        return canonical(self)

    def numpy(self) -> ArrayFunction:
        """Return `f(x, parameters=None)`, evaluated by numpy in float64.

        `parameters` holds one value for each parameter of the expression, in
        their order; without it the initial values are used.
        """
        from evoact.language.evaluate import array_function

        return array_function(self)

    def source(self, name: str = "activation") -> str:
        """Return the source of a Python function on torch tensors.

        >>> from evoact.language import parse
        >>> print(parse("max(x, a * x) where a = 0.25").source("prelu"))
        def prelu(x, a):
            return torch.maximum(x, a * x)
        """
        from evoact.language.source import torch_function

        return torch_function(self, name)

    @cached_property
    def nodes(self) -> int:
        """How many nodes the tree has: its size."""
        return sum(1 for _ in walk(self.root))

    @cached_property
    def depth(self) -> int:
        """How many primitives lie on the longest way from root to leaf."""
        return depth(self.root)

    @cached_property
    def cost(self) -> float:
        """Static cost of a forward and backward pass, in units of ReLU's.

        The sum over distinct subtrees (a shared one is computed once) of the
        costs in the table of primitives.
        """
        distinct = {node for node in walk(self.root) if isinstance(node, Call)}
        return math.fsum(map(_cost, distinct))  # exact in any order

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, `a0, a1, ...` where none was given."""
        taken = {p.name for p in self.parameters if p.name}
        return tuple(p.name or _free_name(i, taken) for i, p in enumerate(self.parameters))

    def with_values(self, values: tuple[float, ...]) -> Expression:
        """Return the same expression with other initial parameter values."""
        parameters = tuple(
            replace(p, initial=float(v)) for p, v in zip(self.parameters, values, strict=True)
        )
        return Expression(self.root, parameters)


def _cost(node: Call) -> float:
    row = node.primitive
    if row.constant_cost is not None and any(isinstance(arg, Const) for arg in node.args):
        return row.constant_cost
    return row.cost


def _free_name(index: int, taken: set[str]) -> str:
    name = f"a{index}"
    while name in taken:
        name += "_"
    return name


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
        node = Call(node.primitive, tuple(rebuild(arg, change) for arg in node.args))
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


def _fold(node: Node) -> Node:
    if isinstance(node, Const):
        return Const(finite(node.value))
    if not isinstance(node, Call) or not all(isinstance(arg, Const) for arg in node.args):
        return node
    values = [np.float64(arg.value) for arg in node.args if isinstance(arg, Const)]
    with np.errstate(all="ignore"):
        value = float(node.primitive.numpy(*values))
    return Const(
        finite(value, f"{node.primitive.name}({', '.join(map(repr, map(float, values)))})")
    )


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
        if kind is Kind.NUMBER
    ), (name, args)
    return Call(primitive, args)


FloatArray = npt.NDArray[np.float64]
