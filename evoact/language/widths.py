"""Widths: how many channels each node has, as a ratio to those of `x`.

Pointwise operations need equal widths; groupwise ones change them, within a
closed list. What does not read `x` has the width of whatever uses it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from evoact.language.primitives import WIDTHS, Primitive
from evoact.language.tree import (
    Call,
    Const,
    ExpressionError,
    Node,
    Param,
    Parameter,
    Scope,
    X,
)

_ONE: Final = Fraction(1)

Width = Fraction | None
"""A width ratio, or None for what takes the width of its surroundings."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The widths of a tree.

    Attributes:
        width: of the result, over the channels of `x`.
        parameters: the width at which each parameter is used.
        channel_multiple: `x` must have a multiple of so many channels, so that
            all nodes have whole channels and all groups are full.
        is_groupwise: whether any node works across channels.
    """

    width: Fraction
    parameters: tuple[Fraction, ...]
    channel_multiple: int
    is_groupwise: bool


def literals(row: Primitive, args: Sequence[Node]) -> list[float]:
    """Return the numbers that stand in the literal places of a call."""
    return [
        arg.value
        for arg, kind in zip(args, row.signature, strict=True)
        if kind.is_literal and isinstance(arg, Const)
    ]


def values(call: Call) -> Iterator[Node]:
    """Yield the arguments of a call that are not literals."""
    for arg, kind in zip(call.args, call.primitive.signature, strict=True):
        if not kind.is_literal:
            yield arg


def call_width(row: Primitive, widths: Sequence[Width], numbers: Sequence[float]) -> Width:
    """Return the width of a call, given those of its arguments that are values.

    Raises:
        ExpressionError: the widths differ, or the result's does not exist.
    """
    fixed = [width for width in (*widths, _ONE if row.adds_x else None) if width is not None]
    if not fixed:
        return None
    width = fixed[0]
    # Mostly the very same object: to compare or to hash fractions takes long.
    if any(other is not width and other != width for other in fixed):
        raise ExpressionError(
            f"{row.name!r} joins values of widths {' and '.join(map(str, sorted(set(fixed))))} "
            "(channels, relative to x); wanted equal ones"
        )
    if row.widen is None:
        return width
    width *= row.widen(*numbers)
    if width not in WIDTHS:
        raise ExpressionError(
            f"{row.name!r} gives {width} of the channels of x; "
            f"wanted one of {', '.join(map(str, WIDTHS))}"
        )
    return width


def layout(root: Node, parameters: Sequence[Parameter]) -> Layout:
    """Return the widths of a tree.

    Raises:
        ExpressionError: widths do not fit, or a parameter per channel is used
            at two widths.
    """
    return _Layouter(parameters).layout(root)


@lru_cache(maxsize=256)
def _shared(found: Layout) -> Layout:
    """Return equal layouts as one object: most expressions have the same."""
    return found


class _Layouter:
    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = parameters
        self.fixed: dict[int, Width] = {}  # by id: hashing a tree costs as much as walking it
        self.uses: dict[int, Fraction] = {}
        self.shares = [_ONE]
        self.is_groupwise = False

    def layout(self, root: Node) -> Layout:
        width = self.bottom_up(root)
        self.top_down(root, width or _ONE)
        uses = tuple(self.uses.get(i, _ONE) for i in range(len(self.parameters)))
        multiple = math.lcm(*(share.denominator for share in self.shares))
        return _shared(Layout(width or _ONE, uses, multiple, self.is_groupwise))

    def bottom_up(self, node: Node) -> Width:
        if isinstance(node, X):
            return _ONE
        if not isinstance(node, Call):
            return None
        if id(node) not in self.fixed:
            widths = [self.bottom_up(arg) for arg in values(node)]
            numbers = literals(node.primitive, node.args)
            self.fixed[id(node)] = call_width(node.primitive, widths, numbers)
        return self.fixed[id(node)]

    def top_down(self, node: Node, width: Fraction) -> None:
        if isinstance(node, Param):
            self.use(node.index, width)
        elif isinstance(node, Call):
            inner = argument_width(node, width)
            if node.primitive.is_groupwise:
                self.is_groupwise = True
                sizes = [n for n in literals(node.primitive, node.args) if n >= 2]
                self.shares += [width, inner, *(inner / int(size) for size in sizes)]
            for arg in values(node):
                self.top_down(arg, self.fixed.get(id(arg)) or inner)

    def use(self, index: int, width: Fraction) -> None:
        known = self.uses.setdefault(index, width)
        if known != width and self.parameters[index].scope is Scope.CHANNEL:
            name = self.parameters[index].name or f"a{index}"
            raise ExpressionError(
                f"parameter {name!r} is per channel and used at widths {known} and {width} "
                "(channels, relative to x); use two parameters, or one per layer"
            )


def argument_width(node: Call, width: Fraction) -> Fraction:
    """Return the width of the arguments of a call that has a width itself."""
    row = node.primitive
    if row.adds_x:
        return _ONE
    return width / row.widen(*literals(row, node.args)) if row.widen else width


def distinct_calls(root: Node, width: Fraction) -> dict[Call, Fraction]:
    """Return the distinct calls of a tree with the width of their arguments.

    A shared subtree is one call. Where one that does not read `x` has several
    widths, the first counts.
    """
    layouter = _Layouter(())
    layouter.bottom_up(root)
    found: dict[Call, Fraction] = {}
    stack = [(root, width)]
    while stack:
        node, own = stack.pop()
        if isinstance(node, Call) and node not in found:
            inner = found[node] = argument_width(node, own)
            stack += [(arg, layouter.fixed.get(id(arg)) or inner) for arg in values(node)]
    return found


def reads_x(node: Node) -> bool:
    """Whether the value of a node depends on `x`."""
    if isinstance(node, Call):
        return node.primitive.adds_x or any(reads_x(arg) for arg in node.args)
    return isinstance(node, X)
