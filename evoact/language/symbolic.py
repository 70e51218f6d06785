"""Expressions as sympy's: to differentiate, integrate, expand and compare.

Only `Expression.sympy` imports this module: sympy takes half a second to load.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any, Final

import numpy as np
import sympy

from evoact.errors import InputError
from evoact.language.evaluate import check_channels
from evoact.language.expression import Expression
from evoact.language.primitives import Primitive
from evoact.language.text import parse
from evoact.language.tree import Call, Const, Node, Param, Scope, X
from evoact.language.widths import argument_width

# Larger ones become floats: sympy computes powers of integers to the last
# digit, and the square of the square of ... of 2 x has no end.
_LARGEST_EXACT: Final = 1024


def symbolic(expression: Expression, channels: int | None = None, *, evaluate: bool = True) -> Any:
    """Return an expression of sympy, see `Expression.sympy`."""
    if not expression.is_groupwise:
        with sympy.evaluate(evaluate):
            return _Writer(expression, None, evaluate).of(expression.root, Fraction(1))[0]
    if channels is None:
        raise InputError(
            f"channels is None, but {str(expression)!r} is groupwise; "
            f"pass a multiple of {expression.channel_multiple}, as in e.sympy(channels="
            f"{expression.channel_multiple})"
        )
    check_channels(expression, channels)
    with sympy.evaluate(evaluate):
        writer = _Writer(expression, channels, evaluate)
        return sympy.Tuple(*writer.of(expression.root, expression.width))


class OrderStatistic(sympy.Function):  # type: ignore[misc]  # sympy has no types
    """`OrderStatistic(i, a, b, ...)`: the i-th smallest of a, b, ..., from 1 on."""

    @classmethod
    def eval(cls, place: Any, *values: Any) -> Any:
        """Return the value, where all arguments are numbers."""
        if all(value.is_number and value.is_extended_real for value in values):
            return sorted(values)[int(place) - 1]
        return None

    @staticmethod
    def _imp_(place: Any, *values: Any) -> Any:
        """Compute the value in functions that `sympy.lambdify` makes."""
        return sorted(values)[int(place) - 1]

    def _latex(self, printer: Any, **_: Any) -> str:
        place, *values = (printer.doprint(arg) for arg in self.args)
        return rf"\left\{{{', '.join(values)}\right\}}_{{({place})}}"


class _Writer:
    """Writes a tree; a value is the list of its channels.

    Without `channels` there is one, which stands for each.
    """

    def __init__(self, expression: Expression, channels: int | None, evaluate: bool) -> None:
        self.channels, self.evaluate = channels, evaluate
        self.names = set(expression.names)
        self.x = self.symbols("x", Fraction(1))
        widths = expression.layout.parameters
        self.parameters = [  # one per layer is in all channels of whatever uses it
            self.symbols(name, width) if p.scope is Scope.CHANNEL else _symbol(name)
            for name, p, width in zip(expression.names, expression.parameters, widths, strict=True)
        ]
        self.done: dict[tuple[int, Fraction], list[Any]] = {}

    def count(self, width: Fraction) -> int:
        return int((self.channels or 1) * width)

    def symbols(self, name: str, width: Fraction) -> list[Any]:
        if self.channels is None:
            return [_symbol(name)]
        prefix = "x" if name == "x" else f"{name}_"
        while any(f"{prefix}{i}" in self.names for i in range(self.count(width))):
            prefix += "_"
        own = [f"{prefix}{i}" for i in range(self.count(width))]
        self.names.update(own)
        return [_symbol(name) for name in own]

    def of(self, node: Node, width: Fraction) -> list[Any]:
        if isinstance(node, X):
            return self.x
        if isinstance(node, Const):
            return [number(node.value)] * self.count(width)
        if isinstance(node, Param):
            known = self.parameters[node.index]
            return known if isinstance(known, list) else [known] * self.count(width)
        key = id(node), width  # the tree is alive, and hashing it costs as much as walking it
        if key not in self.done:
            self.done[key] = self.call(node, width)
        return self.done[key]

    def call(self, node: Call, width: Fraction) -> list[Any]:
        row, inner = node.primitive, argument_width(node, width)
        args = [
            arg.value if kind.is_literal and isinstance(arg, Const) else self.of(arg, inner)
            for arg, kind in zip(node.args, row.signature, strict=True)
        ]
        if row.is_groupwise:
            return self.groupwise(row, args)
        wide = [[number(a)] * self.count(width) if isinstance(a, float) else a for a in args]
        return [self.pointwise(row, values) for values in zip(*wide, strict=True)]

    def groupwise(self, row: Primitive, args: list[Any]) -> list[Any]:
        assert row.sympy is not None, row.name
        channels = [a for arg in args if isinstance(arg, list) for a in arg]
        if self.evaluate and not row.adds_x and all(a.is_Number for a in channels):
            return _computed_group(row, args)
        extra = [self.x] if row.adds_x else []
        try:
            return list(row.sympy(sympy, *args, *extra))
        except (TypeError, ValueError):  # see pointwise
            with sympy.evaluate(False):
                return list(row.sympy(sympy, *args, *extra))

    def pointwise(self, row: Primitive, args: Sequence[Any]) -> Any:
        """Apply a row to one channel.

        What sympy refuses to simplify, such as the comparison of a number that
        is not real, stays as it is written.
        """
        if not self.evaluate:
            return self.written(row, args)
        if all(arg.is_Number for arg in args):
            return _computed(row, args)
        try:
            return _tamed(self.written(row, args))
        except (TypeError, ValueError):
            with sympy.evaluate(False):
                return self.written(row, args)

    def written(self, row: Primitive, args: Sequence[Any]) -> Any:
        if row.sympy is not None:
            return sympy.sympify(row.sympy(sympy, *args))
        definition = _definition(row)
        given = dict(zip("abc", args, strict=False))
        return self.defined(definition.root, [given[name] for name in definition.names])

    def defined(self, node: Node, parameters: Sequence[Any]) -> Any:
        if isinstance(node, Const):
            return number(node.value)
        if isinstance(node, Param):
            return parameters[node.index]
        assert isinstance(node, Call)
        return self.pointwise(node.primitive, [self.defined(a, parameters) for a in node.args])


@cache
def _definition(row: Primitive) -> Expression:
    """Return the definition of a row; its parameters are the arguments."""
    assert row.definition is not None, f"{row.name} has neither sympy nor a definition"
    names = sorted(set(re.findall(r"\b[abc]\b", row.definition)))
    bindings = ", ".join(f"{name} = 1.0" for name in names)
    return parse(f"{row.definition} where {bindings}" if names else row.definition)


def _symbol(name: str) -> Any:
    return sympy.Symbol(name, real=True)


def number(value: float) -> Any:
    """Return a constant: exactly a small fraction, or a float."""
    if not math.isfinite(value):
        return sympy.nan if math.isnan(value) else math.copysign(1, value) * sympy.oo
    top, bottom = value.as_integer_ratio()
    if max(abs(top), bottom) <= _LARGEST_EXACT:
        return sympy.Rational(top, bottom)
    return sympy.Float(value)


def _computed(row: Primitive, args: Sequence[Any]) -> Any:
    """Return a row's value on numbers, in float64 as the language has it."""
    with np.errstate(all="ignore"):
        return number(float(row.numpy(*(np.float64(arg) for arg in args))))


def _computed_group(row: Primitive, args: Sequence[Any]) -> list[Any]:
    arrays = [np.array(a, dtype=np.float64) if isinstance(a, list) else a for a in args]
    with np.errstate(all="ignore"):
        return [number(float(value)) for value in row.numpy(*arrays)]


def _tamed(value: Any) -> Any:
    """Return a value whose factor, if it is a large integer or fraction, is a float."""
    factor, rest = value.as_coeff_Mul()
    if factor.is_Rational and max(abs(factor.p), factor.q) > _LARGEST_EXACT:
        return sympy.Mul(sympy.Float(factor), rest)
    return value
