"""Expressions on numpy arrays in float64: the oracle of every other back end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evoact.errors import InputError
from evoact.language.tree import Const, Expression, FloatArray, Node, Param, X

ArrayFunction = Callable[..., FloatArray]


def array_function(expression: Expression) -> ArrayFunction:
    """Return `f(x, parameters=None)` of an expression, see `Expression.numpy`."""

    def function(x: npt.ArrayLike, parameters: Sequence[Any] | None = None) -> FloatArray:
        values = [p.initial for p in expression.parameters] if parameters is None else parameters
        if len(values) != len(expression.parameters):
            raise InputError(
                f"parameters has {len(values)} values, but the expression has "
                f"{len(expression.parameters)} parameters {expression.names}"
            )
        inputs = np.asarray(x, dtype=np.float64)
        arrays = [np.asarray(value, dtype=np.float64) for value in values]
        with np.errstate(all="ignore"):
            result = _evaluate(expression.root, inputs, arrays, {})
        shape = np.broadcast_shapes(inputs.shape, result.shape)
        return np.broadcast_to(result, shape).copy()

    return function


def _evaluate(
    node: Node, x: FloatArray, parameters: list[FloatArray], done: dict[Node, FloatArray]
) -> FloatArray:
    if isinstance(node, X):
        return x
    if isinstance(node, Const):
        return np.asarray(node.value)
    if isinstance(node, Param):
        return parameters[node.index]
    if node not in done:
        args = [_evaluate(arg, x, parameters, done) for arg in node.args]
        done[node] = np.asarray(node.primitive.numpy(*args))
    return done[node]
