"""Networks with a free choice of activation.

A network is made by a function of an activation factory, which is called once
for each place with the number of channels there. Channels are dimension 1.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

import torch
from torch import nn

from evoact.nn import initialise

ActivationFactory = Callable[[int], nn.Module]
Network = Callable[[ActivationFactory], nn.Sequential]


def mlp(inputs: int, hidden: Iterable[int], classes: int) -> Network:
    """A multilayer perceptron on inputs `(batch, inputs)`."""

    def build(activation: ActivationFactory) -> nn.Sequential:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        width = inputs
        for index, units in enumerate(hidden, 1):
            layers[f"dense{index}"] = nn.Linear(width, units)
            layers[f"act{index}"] = activation(units)
            width = units
        layers["head"] = nn.Linear(width, classes)
        return nn.Sequential(layers)

    return build


def conv1d(length: int, classes: int, channels: int = 25) -> Network:
    """The convolutional network of MNIST-1D, on inputs `(batch, length)`.

    Three strided convolutions of 25 channels and a linear head (Greydanus 2020).
    """

    def build(activation: ActivationFactory) -> nn.Sequential:
        layers: OrderedDict[str, nn.Module] = OrderedDict(signal=nn.Unflatten(1, (1, length)))
        width, size = 1, length
        for index, kernel in enumerate((5, 3, 3), 1):
            layers[f"conv{index}"] = nn.Conv1d(width, channels, kernel, stride=2, padding=1)
            layers[f"act{index}"] = activation(channels)
            width, size = channels, (size + 2 - kernel) // 2 + 1
        layers["flat"] = nn.Flatten()
        layers["head"] = nn.Linear(channels * size, classes)
        return nn.Sequential(layers)

    return build


def conv2d(side: int, classes: int, channels: tuple[int, int] = (16, 32)) -> Network:
    """Two 3x3 convolutions and a linear head, on inputs `(batch, side * side)`."""

    def build(activation: ActivationFactory) -> nn.Sequential:
        first, second = channels
        return nn.Sequential(
            OrderedDict(
                image=nn.Unflatten(1, (1, side, side)),
                conv1=nn.Conv2d(1, first, 3, padding=1),
                act1=activation(first),
                conv2=nn.Conv2d(first, second, 3, stride=2, padding=1),
                act2=activation(second),
                flat=nn.Flatten(),
                head=nn.Linear(second * ((side + 1) // 2) ** 2, classes),
            )
        )

    return build


def draw_weights(network: nn.Sequential, gain: float, generator: torch.Generator) -> None:
    """Initialise a network whose layers but the first follow an activation."""
    layers = [m for m in network if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)]
    initialise(((layer, gain if i else 1.0) for i, layer in enumerate(layers)), generator)
