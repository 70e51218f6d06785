"""Trees from and to expressions.

DEAP's trees are prefix lists of nodes; ours are nested.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from deap import gp

from evoact.evolution.primitive_set import Slot
from evoact.evolution.types import Type, ValueType, argument_types, value_type
from evoact.language import (
    PRIMITIVES,
    Call,
    Const,
    Expression,
    ExpressionError,
    Kind,
    Node,
    Param,
    Parameter,
    Scope,
    X,
)
from evoact.language.widths import argument_width, reads_x
from evoact.records.shape import Shape

Tag = tuple[int, Fraction | None]


def to_expression(tree: Sequence[Any]) -> Expression:
    """Return the expression that a tree of DEAP stands for.

    A parameter per channel has the channels of where it stands: where leaves of
    different widths have one tag, they become one parameter for each width.

    Raises:
        ExpressionError: a constant part is not finite, or a bound is passed.
    """
    parameters: dict[Tag, tuple[int, Parameter]] = {}
    root = _read(iter(tree), parameters)
    return Expression.build(root, tuple(parameter for _, parameter in parameters.values()))


def _read(nodes: Iterator[Any], parameters: dict[Tag, tuple[int, Parameter]]) -> Node:
    node = next(nodes)
    if isinstance(node, gp.Primitive):
        return Call(PRIMITIVES[node.name], tuple(_read(nodes, parameters) for _ in node.args))
    match node.value:
        case Const():
            return node.value
        case Slot(initial, scope, tag):
            key = (tag, node.ret.width if scope is Scope.CHANNEL else None)
            index, _ = parameters.setdefault(key, (len(parameters), Parameter(initial, scope)))
            return Param(index)
        case _:
            return X()


def valid_expression(tree: Sequence[Any]) -> Expression | None:
    """Return the expression of a tree; None where it has none, or does not read `x`."""
    try:
        expression = to_expression(tree)
    except ExpressionError:
        return None
    return expression if reads_x(expression.root) else None


def to_tree(expression: Expression, rng: random.Random, shape: Shape | None = None) -> list[Any]:
    """Return an expression as DEAP's prefix list; parameters get fresh tags.

    Args:
        expression: one that has the shape.
        rng: where tags come from.
        shape: that of the space, if it has one.
    """
    slots = [Slot(p.initial, p.scope, rng.getrandbits(32)) for p in expression.parameters]
    return list(_write(expression.root, slots, value_type(expression.width, shape)))


def _write(node: Node, slots: list[Slot], type_: type[ValueType]) -> Iterator[Any]:
    match node:
        case Call():
            operator = _operator(node, type_)
            yield operator
            for arg, arg_type in zip(node.args, operator.args, strict=True):
                if issubclass(arg_type, ValueType):
                    yield from _write(arg, slots, arg_type)
                else:
                    assert isinstance(arg, Const), "only numbers stand in literal places"
                    yield leaf(arg, arg_type)
        case X():
            yield gp.Terminal("x", True, type_)
        case Const():
            yield leaf(node, type_)
        case Param():
            yield leaf(slots[node.index], type_)


def _operator(node: Call, type_: type[ValueType]) -> gp.Primitive:
    row, inner = node.primitive, argument_width(node, type_.width)
    arity = sum(not kind.is_literal for kind in row.signature)
    places = type_.place.args if type_.place else (None,) * arity
    numbers = zip(node.args, row.signature, strict=True)
    sizes = (int(a.value) for a, kind in numbers if kind is Kind.INTEGER and isinstance(a, Const))
    values = [value_type(inner, place) for place in places]
    return gp.Primitive(row.name, argument_types(row, values, next(sizes, None)), type_)


def leaf(payload: Const | Slot, type_: type[Type]) -> gp.Terminal:
    """Return a leaf of a tree that carries a constant or a parameter."""
    return gp.Terminal(payload, False, type_)


def is_well_typed(tree: Sequence[Any], roots: Sequence[type[Type]]) -> bool:
    """Whether a prefix list is one whole tree in which every node gives what is wanted."""
    wanted: list[type[Type]] = []
    for index, node in enumerate(tree):
        if index == 0:
            wanted = [node.ret] if node.ret in roots else []
        if not wanted or node.ret is not wanted.pop():
            return False
        wanted += reversed(node.args) if node.arity else ()
    return bool(tree) and not wanted
