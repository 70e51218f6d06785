"""Expressions on numpy arrays in float64: the oracle of every other back end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from evoact.errors import InputError
from evoact.language.expression import Expression
from evoact.language.tree import Const, FloatArray, Node, Param, X
from evoact.language.widths import argument_width

ArrayFunction = Callable[..., FloatArray]


def array_function(expression: Expression) -> ArrayFunction:
    """Return `f(x, parameters=None, channel_dim=-1)`, see `Expression.numpy`."""

    def function(
        x: npt.ArrayLike, parameters: Sequence[Any] | None = None, channel_dim: int = -1
    ) -> FloatArray:
        values = [p.initial for p in expression.parameters] if parameters is None else parameters
        if len(values) != len(expression.parameters):
            raise InputError(
                f"parameters has {len(values)} values, but the expression has "
                f"{len(expression.parameters)} parameters {expression.names}"
            )
        inputs = np.asarray(x, dtype=np.float64)
        arrays = [np.asarray(value, dtype=np.float64) for value in values]
        if expression.is_groupwise:
            return _groupwise(expression, inputs, arrays, channel_dim)
        with np.errstate(all="ignore"):
            result = _Evaluation(inputs, arrays).of(expression.root, Fraction(1))
        shape = np.broadcast_shapes(inputs.shape, result.shape)
        return np.broadcast_to(result, shape).copy()

    return function


def steps(expression: Expression, x: FloatArray) -> list[FloatArray]:
    """Return the values of all calls in a tree at its initial parameters; channels are last.

    They are computed in the type of `x`.

    >>> from evoact.language import parse
    >>> [float(v.max()) for v in steps(parse("tanh(group_max(exp(x), 2))"), np.zeros((1, 2)))]
    [1.0, 1.0, 0.7615941559557649]
    """
    parameters = [np.asarray(p.initial, x.dtype) for p in expression.parameters]
    evaluation = _Evaluation(x, parameters)
    with np.errstate(all="ignore"):
        evaluation.full(expression.root, expression.width)
    return list(evaluation.done.values())


def _groupwise(
    expression: Expression, x: FloatArray, parameters: list[FloatArray], channel_dim: int
) -> FloatArray:
    if not -x.ndim <= channel_dim < x.ndim:
        raise InputError(
            f"x has shape {x.shape} and no dimension {channel_dim}; {str(expression)!r} is "
            "groupwise and needs a channel dimension"
        )
    inputs = np.moveaxis(x, channel_dim, -1)
    check_channels(expression, inputs.shape[-1])
    with np.errstate(all="ignore"):
        result = _Evaluation(inputs, parameters).full(expression.root, expression.width)
    return np.moveaxis(result, -1, channel_dim).copy()


def check_channels(expression: Expression, channels: int) -> None:
    """Raise `InputError` where groups of channels would not be full."""
    multiple = expression.channel_multiple
    if channels % multiple or channels < 1:
        below = channels - channels % multiple
        cure = f"{below} or {below + multiple}" if below > 0 else str(multiple)
        raise InputError(
            f"channels is {channels}, but {str(expression)!r} needs a multiple of {multiple}; "
            f"pass {cure}"
        )


class _Evaluation:
    """One evaluation; the channels are the last axis."""

    def __init__(self, x: FloatArray, parameters: list[FloatArray]) -> None:
        self.x, self.parameters = x, parameters
        # By id: hashing a tree costs as much as walking it.
        self.done: dict[tuple[int, Fraction], FloatArray] = {}

    def of(self, node: Node, width: Fraction) -> FloatArray:
        if isinstance(node, X):
            return self.x
        if isinstance(node, Const):
            return np.asarray(node.value, self.x.dtype)
        if isinstance(node, Param):
            return self.parameters[node.index]
        key = id(node), width
        if key not in self.done:
            row, inner = node.primitive, argument_width(node, width)
            take = self.full if row.is_groupwise else self.of
            args: list[Any] = [
                arg.value if kind.is_literal and isinstance(arg, Const) else take(arg, inner)
                for arg, kind in zip(node.args, row.signature, strict=True)
            ]
            extra = (self.x,) if row.adds_x else ()
            self.done[key] = np.asarray(row.numpy(*args, *extra))
        return self.done[key]

    def full(self, node: Node, width: Fraction) -> FloatArray:
        """Return the values of a node with all the channels that it has."""
        shape = (*self.x.shape[:-1], int(self.x.shape[-1] * width))
        return np.broadcast_to(self.of(node, width), shape)
