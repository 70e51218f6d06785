"""Plain networks of dense layers, and how their first weights are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final

import torch
from torch import nn

from evoact.errors import InputError, nearest
from evoact.tasks.user import MakeActivation

MakeLayer = Callable[[int, int, int], nn.Module]


def perceptron(
    activation: MakeActivation,
    inputs: int,
    hidden: Sequence[int],
    outputs: int,
    layer: MakeLayer = lambda _, inputs, outputs: nn.Linear(inputs, outputs),
) -> nn.Sequential:
    """Return a multilayer perceptron.

    Args:
        activation: makes those between layers.
        inputs: channels of its input.
        hidden: channels of its hidden layers, before the activations.
        outputs: channels of its output.
        layer: makes a layer of its place, from 0 on, of inputs and outputs.
    """
    layers: list[nn.Module] = []
    for place, channels in enumerate(hidden):
        act = activation(channels)
        layers += [layer(place, inputs, channels), act]
        inputs = int(act.out_channels)  # type: ignore[arg-type]  # a number, see `MakeActivation`
    return nn.Sequential(*layers, layer(len(hidden), inputs, outputs))


def plain_network(
    activation: MakeActivation,
    inputs: int,
    hidden: Sequence[int],
    outputs: int,
    initial: str = "he",
) -> nn.Sequential:
    """Return dense layers with an activation after each but the last, on `(batch, inputs)`.

    Biases start at 0. The weights of hidden layers, and of no other, have the gain that
    `initial` gives them.

    Args:
        activation: makes the activations.
        inputs: channels of its input.
        hidden: channels of its hidden layers, before the activations.
        outputs: channels of its output.
        initial: how weights are drawn. `he`: normal of deviation `sqrt(2 / fan_in)`, which
            keeps the second moment behind ReLU (He et al. 2015); `lecun`: of deviation
            `1 / sqrt(fan_in)`, which keeps that behind activations of variance 1;
            `orthogonal`: with rows or columns that are orthonormal (Saxe et al. 2014).

    Raises:
        InputError: `initial` is none of `INITIAL`.

    >>> from evoact.nn import Activation
    >>> def relu(channels, channel_dim=1):
    ...     made = Activation("relu(x)")
    ...     made.out_channels = channels
    ...     return made
    >>> network = plain_network(relu, 8, [16] * 50, 3, initial="orthogonal")
    >>> len(network), network(torch.zeros(5, 8)).shape
    (101, torch.Size([5, 3]))
    """
    if initial not in INITIAL:
        near = nearest(str(initial), INITIAL)
        raise InputError(f"initial is {initial!r}{near}; wanted {', '.join(INITIAL)}")
    draw = INITIAL[initial]

    def layer(place: int, inputs: int, outputs: int) -> nn.Linear:
        made = nn.Linear(inputs, outputs)
        (draw if place < len(hidden) else _lecun)(made.weight)
        nn.init.zeros_(made.bias)
        return made

    return perceptron(activation, inputs, hidden, outputs, layer)


def _he(weight: torch.Tensor) -> None:
    nn.init.normal_(weight, std=math.sqrt(2.0 / weight.shape[1]))


def _lecun(weight: torch.Tensor) -> None:
    nn.init.normal_(weight, std=math.sqrt(1.0 / weight.shape[1]))


def _orthogonal(weight: torch.Tensor) -> None:
    nn.init.orthogonal_(weight)


INITIAL: Final = MappingProxyType({"he": _he, "lecun": _lecun, "orthogonal": _orthogonal})
"""How first weights `(outputs, inputs)` are drawn, by name."""
