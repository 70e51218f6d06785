"""The typed primitive set that DEAP composes, and trees from and to expressions.

DEAP's trees are prefix lists of nodes; ours are nested. Leaves carry their
meaning as payload: `X`, a `Const`, or a `Slot` for a learnable parameter.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from deap import gp

from evoact.language import (
    PRIMITIVES,
    Call,
    Const,
    Expression,
    Kind,
    Node,
    Param,
    Parameter,
    Scope,
    X,
)
from evoact.records import LanguageSpec


class Value:
    """Type of what any expression gives."""


class Number:
    """Type of literal numbers, such as the bounds of `clamp`."""


_TYPES: Final = {Kind.VALUE: Value, Kind.NUMBER: Number}
_INITIAL: Final = (0.1, 0.25, 0.5, 1.0, 1.0, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Slot:
    """A learnable parameter in a tree; leaves with equal tags are one parameter."""

    initial: float
    scope: Scope
    tag: int


def draw_constant(rng: random.Random) -> Const:
    """Draw a constant that reads well: two decimals, mostly within [-2, 2]."""
    return Const(round(rng.gauss(0.0, 1.0), 2) + 0.0)


def draw_slot(rng: random.Random, scope: Scope) -> Slot:
    """Draw a learnable parameter with a usual initial value."""
    return Slot(rng.choice(_INITIAL), scope, rng.getrandbits(32))


def primitive_set(spec: LanguageSpec, rng: random.Random) -> gp.PrimitiveSetTyped:
    """Return DEAP's primitive set for the language of a space."""
    pset = gp.PrimitiveSetTyped("activation", [Value], Value)
    pset.renameArguments(ARG0="x")
    for name in spec.primitives:
        node = _operator(name)
        pset.addPrimitive(PRIMITIVES[name].numpy, node.args, Value, name=name)
    pset.addEphemeralConstant("number", partial(draw_constant, rng), Number)
    if spec.constants:
        pset.addEphemeralConstant("constant", partial(draw_constant, rng), Value)
    if spec.parameters != "none":
        scope = Scope.LAYER if spec.parameters == "per_layer" else Scope.CHANNEL
        pset.addEphemeralConstant("parameter", partial(draw_slot, rng, scope), Value)
    return pset


def _operator(name: str) -> gp.Primitive:
    return gp.Primitive(name, [_TYPES[kind] for kind in PRIMITIVES[name].signature], Value)


def to_expression(tree: list[Any]) -> Expression:
    """Return the expression that a tree of DEAP stands for.

    Raises:
        ExpressionError: a constant part is not finite, or a bound is passed.
    """
    parameters: dict[int, tuple[int, Parameter]] = {}
    root = _read(iter(tree), parameters)
    return Expression.build(root, tuple(parameter for _, parameter in parameters.values()))


def _read(nodes: Iterator[Any], parameters: dict[int, tuple[int, Parameter]]) -> Node:
    node = next(nodes)
    if isinstance(node, gp.Primitive):
        return Call(PRIMITIVES[node.name], tuple(_read(nodes, parameters) for _ in node.args))
    match node.value:
        case Const():
            return node.value
        case Slot(initial, scope, tag):
            index, _ = parameters.setdefault(tag, (len(parameters), Parameter(initial, scope)))
            return Param(index)
        case _:
            return X()


def to_tree(expression: Expression, rng: random.Random) -> list[Any]:
    """Return an expression as DEAP's prefix list; parameters get fresh tags."""
    slots = [Slot(p.initial, p.scope, rng.getrandbits(32)) for p in expression.parameters]
    return list(_write(expression.root, slots, Value))


def _write(node: Node, slots: list[Slot], type_: type) -> Iterator[Any]:
    match node:
        case Call():
            operator = _operator(node.primitive.name)
            yield operator
            for arg, arg_type in zip(node.args, operator.args, strict=True):
                yield from _write(arg, slots, arg_type)
        case X():
            yield gp.Terminal("x", True, Value)
        case Const():
            yield leaf(node, type_)
        case Param():
            yield leaf(slots[node.index], type_)


def leaf(payload: Const | Slot, type_: type) -> gp.Terminal:
    """Return a leaf of a tree that carries a constant or a parameter."""
    return gp.Terminal(payload, False, type_)
