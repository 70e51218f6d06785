"""The types of the strongly typed grammar: which trees may stand where.

Types are classes, as DEAP wants them, that are never instantiated. No type is
a subclass of another one that occurs in trees.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import ClassVar

from evoact.language import Kind, Primitive
from evoact.records.shape import Shape


class Type:
    """What a node of a tree gives."""


class ValueType(Type):
    """An array with a number of channels, at a place of the space's shape."""

    width: ClassVar[Fraction]
    place: ClassVar[Shape | None]


class Number(Type):
    """A literal number, such as the bounds of `clamp`."""


class Count(Type):
    """A literal integer that no width depends on, such as the steps of `multistep`."""


class Share(Type):
    """A literal share of the channels."""


class SizeType(Type):
    """The size of groups of channels: a type of its own each, as the width depends on it."""

    size: ClassVar[int]


def value_type(width: Fraction, place: Shape | None = None) -> type[ValueType]:
    """Return the type of values of a width ratio.

    Args:
        width: channels over those of `x`.
        place: the shape of the tree, where the space has one; equal shapes are
            equal types, so that trees can be exchanged between them.

    >>> value_type(Fraction(1, 2)).__name__
    'Value[1/2]'
    """
    return _value_type(width, place)


@cache  # of both arguments, so that one that is left out makes no other class
def _value_type(width: Fraction, place: Shape | None) -> type[ValueType]:
    name = f"Value[{width}]" if place is None else f"Value[{width}, {place}]"
    return type(name, (ValueType,), {"width": width, "place": place})


@cache
def size_type(size: int) -> type[SizeType]:
    """Return the type of the literal that says how large groups are."""
    return type(f"Size[{size}]", (SizeType,), {"size": size})


def literal_type(row: Primitive, kind: Kind, size: int | None) -> type[Type]:
    """Return the type of a literal of a primitive."""
    if kind is Kind.INTEGER and row.is_groupwise:
        assert size is not None, row.name
        return size_type(size)
    return {Kind.NUMBER: Number, Kind.INTEGER: Count, Kind.FRACTION: Share}[kind]


def argument_types(
    row: Primitive, values: list[type[ValueType]], size: int | None
) -> list[type[Type]]:
    """Return the types of all arguments of a primitive, given those of its values."""
    left = iter(values)
    return [
        literal_type(row, kind, size) if kind.is_literal else next(left) for kind in row.signature
    ]
