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
from evoact.language import Expression, Parameter, Scope
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

    The recipe has `layer` None. `channels` is the width of the per-channel
    parameters, None where there are none.
    """

    layer: str | None
    values: Mapping[str, float | list[float]]
    channels: int | None


def per_channel(expression: Expression) -> bool:
    """Whether the expression has a parameter per channel."""
    return any(p.scope is Scope.CHANNEL for p in expression.parameters)


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
    """Return the values that parameters start at, with a width where one is needed.

    Raises:
        InputError: an initial value does not fit into float32.
    """
    values = {
        name: _number(p.initial, f"parameter {name!r}")
        for name, p in zip(expression.names, expression.parameters, strict=True)
    }
    return LayerValues(None, values, channels if per_channel(expression) else None)


def trained_layers(expression: Expression, trained: Trained | None) -> tuple[LayerValues, ...]:
    """Return the trained values of each layer, checked against the expression.

    Args:
        expression: what was trained.
        trained: `{layer: {parameter: number, or one number a channel}}`; the
            parameters bear the names in `expression.names`.

    Raises:
        InputError: no layer, a parameter is missing or unknown, a value is not
            finite in float32, or the widths of a layer differ.
    """
    if not trained:
        raise InputError(
            f"trained is {trained!r}, but {str(expression)!r} has parameters "
            f"{', '.join(expression.names)}; pass {{layer: {{name: value}}}}, "
            "or export params='recipe'"
        )
    return tuple(_layer(expression, layer, values) for layer, values in trained.items())


def _layer(expression: Expression, layer: str, values: Values) -> LayerValues:
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
    widths = {len(value) for value in checked.values() if isinstance(value, list)}
    if len(widths) > 1:
        raise InputError(
            f"trained layer {layer!r} has parameters of {sorted(widths)} channels; "
            "wanted one width a layer"
        )
    return LayerValues(layer, checked, widths.pop() if widths else None)


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
