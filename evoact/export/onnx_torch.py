"""Stand-ins for torch and torch.nn.functional, whose functions write ONNX down.

An operation that ONNX lacks is written in others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, Final

from onnx import ModelProto

from evoact.export.onnx_graph import Arrays, Graph, Value, node
from evoact.export.parity import ExportError


def recorded(function: Callable[..., Any], parameters: Arrays, channels: int | None) -> ModelProto:
    """Return the ONNX model of a function; its input is `x`, its output `y`.

    Args:
        function: of `x`, which has shape `(batch, channels)`, and of the parameters.
        parameters: by the names of their initialisers: a number, or one a channel,
            which the function is given in shape `(1, channels)`.
        channels: of `x`; None if there may be any number.

    Raises:
        ExportError: the function asks for an operation that is not known here.
    """
    graph = Graph(parameters)
    x = Value(graph, "x", ("batch", channels or "features"))
    try:
        result = function(x, *map(graph.parameter, parameters))
    except (AttributeError, TypeError) as error:
        raise ExportError(f"onnx: {__name__} cannot write this operation: {error}") from error
    return graph.model(x, result)


def _op(name: str) -> Callable[..., Value]:
    return lambda *args: node(name, *args)


def _across(name: str) -> Callable[..., Value]:
    return lambda a, dim: node(name, a, axis=dim)


def _filled(a: Value, number: float) -> Value:
    return node("Expand", number, node("Shape", a), shape=a.shape)


def _clamp(a: Any, min: Any = None, max: Any = None) -> Value:  # noqa: A002  # as torch's
    """Clip without one of its bounds would take infinity for the largest float32."""
    if min is not None:
        a = node("Max", a, min)
    return a if max is None else node("Min", a, max)


def _sinc(a: Value) -> Value:
    b = math.pi * a
    return node("Where", a == 0.0, 1.0, node("Sin", b) / b)


def _cat(parts: Sequence[Value], dim: int) -> Value:
    first = parts[0].shape
    size = sum(part.size(dim) for part in parts)
    return node("Concat", *parts, shape=(*first[:dim], size, *first[dim + 1 :]), axis=dim)


_SAME: Final = (
    "Abs", "Atan", "Asinh", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Log", "Reciprocal", "Sigmoid",
    "Sign", "Sin", "Sinh", "Sqrt", "Tanh", "Where",
)  # fmt: skip
TORCH: Final = SimpleNamespace(
    **{name.lower(): _op(name) for name in _SAME},
    cat=_cat,
    clamp=_clamp,
    full_like=_filled,
    log_softmax=_across("LogSoftmax"),
    maximum=_op("Max"),
    minimum=_op("Min"),
    ones_like=lambda a: _filled(a, 1.0),
    sinc=_sinc,
    softmax=_across("Softmax"),
    square=lambda a: a * a,
    zeros_like=lambda a: _filled(a, 0.0),
)
FUNCTIONAL: Final = SimpleNamespace(
    elu=_op("Elu"),
    gelu=_op("Gelu"),
    hardsigmoid=lambda a: node("HardSigmoid", a, alpha=1.0 / 6.0, beta=0.5),
    leaky_relu=lambda a, slope: node("LeakyRelu", a, alpha=slope),
    relu=_op("Relu"),
    selu=_op("Selu"),
    silu=lambda a: a * node("Sigmoid", a),
    softplus=_op("Softplus"),
    softsign=_op("Softsign"),
)
