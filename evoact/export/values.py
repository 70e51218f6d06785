"""The values that a file holds: one set of parameters a layer, or the recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from evoact.errors import InputError, nearest
from evoact.language import Expression, Parameter, Scope, check_channels
from evoact.nn import Activation

# A number, or one a channel; numpy arrays and tensors of those will do too.
Values = Mapping[str, Any]
Trained = Mapping[str, Values]

_LARGEST: Final = torch.finfo(torch.float32).max
# What an exported class has beside its parameters.
_TAKEN: Final = frozenset(
    {*dir(nn.Module()), "channels", "channel_dim", "inplace", "trained", "_broadcast"}
)


@dataclass(frozen=True, slots=True)
class LayerValues:
    """Values of all parameters of an expression in one layer.

    The recipe has `layer` None. `channels` is the number of input channels,
    None where any will do: the expression is pointwise and all its parameters
    are per layer.
    """

    layer: str | None
    values: Mapping[str, float | list[float]]
    channels: int | None


def per_channel(expression: Expression) -> bool:
    """Whether the expression has a parameter per channel."""
    return any(p.scope is Scope.CHANNEL for p in expression.parameters)


def needs_channels(expression: Expression) -> bool:
    """Whether a module of the expression is made for a number of channels."""
    return expression.is_groupwise or per_channel(expression)


def check_names(expression: Expression) -> None:
    """Refuse parameter names that an exported class cannot have.

    Raises:
        InputError: a name is taken, or Python would mangle it.
    """
    for name in expression.names:
        if name in _TAKEN or name.startswith("__"):
            raise InputError(
                f"parameter name {name!r} cannot be an attribute of a torch.nn.Module; "
                "rename it in the expression, or use expression.canonical()"
            )


def recipe(expression: Expression, channels: int | None = None) -> LayerValues:
    """Return the values that parameters start at, with channels where they are needed.

    Raises:
        InputError: an initial value does not fit into float32.
    """
    values = {
        name: _number(p.initial, f"parameter {name!r}")
        for name, p in zip(expression.names, expression.parameters, strict=True)
    }
    return LayerValues(None, values, channels if needs_channels(expression) else None)


def trained_layers(
    expression: Expression, trained: Trained | None, channels: int | None = None
) -> tuple[LayerValues, ...]:
    """Return the trained values of each layer, checked against the expression.

    Args:
        expression: what was trained.
        trained: `{layer: {parameter: number, or one number a channel}}`; the
            parameters bear the names in `expression.names`.
        channels: input channels of layers whose values do not tell them, where
            the expression is groupwise.

    Raises:
        InputError: no layer, a parameter is missing or unknown, a value is not
            finite in float32, or no number of channels fits those of a layer.
    """
    if not trained:
        raise InputError(
            f"trained is {trained!r}, but {str(expression)!r} has parameters "
            f"{', '.join(expression.names)}; pass {{layer: {{name: value}}}}, "
            "or export params='recipe'"
        )
    return tuple(_layer(expression, layer, values, channels) for layer, values in trained.items())


def at_medians(expression: Expression, trained: Trained | None) -> Expression:
    """Return the expression with its parameters starting at medians of the trained values.

    Each is taken over all layers, of a parameter per channel over all their channels too.

    Raises:
        InputError: as `trained_layers`.

    >>> from evoact.language import parse
    >>> swish = parse("x * sigmoid(beta * x) where beta = 1.0")
    >>> str(at_medians(swish, {"act1": {"beta": 1.5}, "act2": {"beta": 0.5}, "act3": {"beta": 4}}))
    'x * sigmoid(beta * x) where beta = 1.5'
    """
    if not expression.parameters:
        return expression
    layers = trained_layers(expression, trained)
    return expression.with_values(
        tuple(
            float(np.median(np.concatenate([np.atleast_1d(one.values[name]) for one in layers])))
            for name in expression.names
        )
    )


def _layer(expression: Expression, layer: str, values: Values, channels: int | None) -> LayerValues:
    names = expression.names
    for name in values:
        if name not in names:
            raise InputError(
                f"trained layer {layer!r} has parameter {name!r}{nearest(name, names)}; "
                f"the expression has {', '.join(names)}"
            )
    checked: dict[str, float | list[float]] = {}
    for name, parameter in zip(names, expression.parameters, strict=True):
        if name not in values:
            raise InputError(f"trained layer {layer!r} has no value for parameter {name!r}")
        where = f"trained layer {layer!r}, parameter {name!r}"
        checked[name] = _value(values[name], parameter, where)
    found = input_channels(expression, checked, f"trained layer {layer!r}")
    if found is None and expression.is_groupwise:
        found = channels
    return LayerValues(layer, checked, found)


def input_channels(
    expression: Expression, values: Mapping[str, float | list[float]], where: str
) -> int | None:
    """Return the input channels that values were trained for; None if they do not tell.

    A parameter per channel has one value for each channel of the node that uses
    it, and there may be more or fewer of them than in the input.

    Args:
        expression: what was trained.
        values: by the names in `expression.names`.
        where: whose values they are, for the message.

    Raises:
        InputError: no number of channels fits all of them.

    >>> from evoact.language import parse
    >>> glu = parse("a * left(x) * sigmoid(right(x)) where a = 1.0 per channel")
    >>> input_channels(glu, {"a": [1.0, 2.0, 3.0]}, "act1")
    6
    """
    uses = zip(expression.names, expression.layout.parameters, strict=True)
    lengths = [(n, len(v), width) for n, width in uses if isinstance(v := values[n], list)]
    found = {length / width for _, length, width in lengths}
    if not found:
        return None
    if len(found) > 1 or min(found).denominator > 1:
        told = ", ".join(f"{name!r} has {length} at width {w}" for name, length, w in lengths)
        raise InputError(
            f"{where}: no number of input channels fits the values per channel: {told}; "
            "wanted channels * width values of each parameter"
        )
    channels = int(found.pop())
    try:
        check_channels(expression, channels)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return channels


def _value(value: float | Sequence[float], parameter: Parameter, where: str) -> float | list[float]:
    if isinstance(value, np.ndarray | np.generic | Tensor):
        value = value.tolist()
    if parameter.scope is Scope.LAYER:
        if isinstance(value, Sequence):
            raise InputError(f"{where} is a list; wanted one number, for it is per layer")
        return _number(value, where)
    if not isinstance(value, Sequence) or not value:
        raise InputError(
            f"{where} is {value!r}; wanted a list of one number a channel, for it is per channel"
        )
    return [_number(number, where) for number in value]


def _number(value: Any, where: str) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > _LARGEST:
        raise InputError(f"{where} is {value!r}; wanted a number that is finite in float32")
    return float(value)


def activation(expression: Expression, values: LayerValues) -> Activation:
    """Return the float32 module that these values make: what was scored."""
    module = Activation(expression, values.channels).float()
    with torch.no_grad():
        for name, value in values.values.items():
            module.get_parameter(name).copy_(torch.tensor(value, dtype=torch.float64))
    return module
