"""Networks with a free choice of activation.

A network is made by a function of an activation factory, which is called once
for each place with the number of channels there and their dimension, and of
the activation's `Width`: hidden sizes count channels before an activation, and
the layer after it takes as many as the width ratio leaves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import prod
from typing import Final, Protocol

import torch
from torch import Tensor, nn

from evoact.nn import initialise
from evoact.nn.packed import packed_layers
from evoact.tasks.width import Hidden, Width, fit_sizes

ActivationFactory = Callable[[int, int], nn.Module]
Assemble = Callable[[ActivationFactory, tuple[int, ...], Fraction], nn.Module]

SAME_WIDTH: Final = Width()
CHANNEL_DIM: Final = 1  # of dense and convolutional layers: (batch, channels, ...)


class Network(Protocol):
    """Makes a network, new at each call: `network(factory)` or `network(factory, width)`."""

    def __call__(self, activation: ActivationFactory, width: Width = ..., /) -> nn.Module:
        """Build it, with weights that are still to be drawn."""
        ...


@dataclass(frozen=True, slots=True)
class Template:
    """A network whose hidden sizes follow the width of its activation.

    Args:
        layers: names of the layers before the activations.
        sizes: the channels of each, when the activation keeps the width.
        assemble: builds the network for other sizes and a width ratio.
    """

    layers: tuple[str, ...]
    sizes: tuple[int, ...]
    assemble: Assemble

    def __call__(self, activation: ActivationFactory, width: Width = SAME_WIDTH, /) -> nn.Module:
        """Build the network.

        Raises:
            InputError: the policy is `strict` and the sizes do not suit.
        """
        return self.assemble(activation, fitted_sizes(self, width), width.ratio)

    def count(self, sizes: tuple[int, ...], ratio: Fraction) -> int:
        """Return how many weights and biases the layers would have."""
        with torch.device("meta"):
            network = self.assemble(lambda *_: nn.Identity(), sizes, ratio)
        return sum(p.numel() for _, layer in weighted_layers(network) for p in layer.parameters())


@cache
def fitted_sizes(template: Template, width: Width) -> tuple[int, ...]:
    """Return the hidden sizes for a width; a search asks for the same few again and again."""
    return fit_sizes(Hidden(template.layers, template.sizes, template.count), width)


class Chain(nn.Sequential):
    """Named layers one after another, which tells those that follow an activation.

    Args:
        layers: the layers by name, in order.
        after_activation: names of those that the activation's gain is for.
    """

    def __init__(self, layers: Mapping[str, nn.Module], after_activation: Iterable[str]) -> None:
        super().__init__(OrderedDict(layers))
        self.after_activation = tuple(after_activation)


def channels_after(size: int, ratio: Fraction) -> int:
    """Return how many of `size` channels leave an activation.

    >>> channels_after(24, Fraction(1, 4))
    6
    """
    after = size * ratio
    assert after.denominator == 1, "hidden sizes are fitted to the width before"
    return int(after)


def mlp(inputs: int, hidden: Iterable[int], classes: int) -> Network:
    """A multilayer perceptron on inputs `(batch, inputs)`.

    >>> network = mlp(4, (6,), 3)(lambda channels, channel_dim: nn.ReLU())
    >>> [name for name, _ in network.named_children()]
    ['dense1', 'act1', 'head']
    """
    units = tuple(hidden)
    names = tuple(f"dense{index}" for index in range(1, len(units) + 1))

    def assemble(
        activation: ActivationFactory, sizes: tuple[int, ...], ratio: Fraction
    ) -> nn.Module:
        layers: dict[str, nn.Module] = {}
        width = inputs
        for index, size in enumerate(sizes, 1):
            layers[f"dense{index}"] = nn.Linear(width, size)
            layers[f"act{index}"] = activation(size, CHANNEL_DIM)
            width = channels_after(size, ratio)
        layers["head"] = nn.Linear(width, classes)
        return Chain(layers, [*names, "head"][1:])

    return Template(names, units, assemble)


def conv1d(length: int, classes: int, channels: int = 25) -> Network:
    """The convolutional network of MNIST-1D, on inputs `(batch, length)`.

    Three strided convolutions of 25 channels and a linear head (Greydanus 2020).
    """
    kernels = (5, 3, 3)

    def assemble(
        activation: ActivationFactory, sizes: tuple[int, ...], ratio: Fraction
    ) -> nn.Module:
        layers: dict[str, nn.Module] = {"signal": nn.Unflatten(1, (1, length))}
        width, left = 1, length
        for index, (size, kernel) in enumerate(zip(sizes, kernels, strict=True), 1):
            layers[f"conv{index}"] = nn.Conv1d(width, size, kernel, stride=2, padding=1)
            layers[f"act{index}"] = activation(size, CHANNEL_DIM)
            width, left = channels_after(size, ratio), (left + 2 - kernel) // 2 + 1
        layers["flat"] = nn.Flatten()
        layers["head"] = nn.Linear(width * left, classes)
        return Chain(layers, ("conv2", "conv3", "head"))

    return Template(("conv1", "conv2", "conv3"), (channels,) * 3, assemble)


def conv2d(side: int, classes: int, channels: tuple[int, int] = (16, 32)) -> Network:
    """Two 3x3 convolutions and a linear head, on inputs `(batch, side * side)`."""

    def assemble(
        activation: ActivationFactory, sizes: tuple[int, ...], ratio: Fraction
    ) -> nn.Module:
        first, second = sizes
        left = ((side + 1) // 2) ** 2
        layers: dict[str, nn.Module] = {
            "image": nn.Unflatten(1, (1, side, side)),
            "conv1": nn.Conv2d(1, first, 3, padding=1),
            "act1": activation(first, CHANNEL_DIM),
            "conv2": nn.Conv2d(channels_after(first, ratio), second, 3, stride=2, padding=1),
            "act2": activation(second, CHANNEL_DIM),
            "flat": nn.Flatten(),
            "head": nn.Linear(channels_after(second, ratio) * left, classes),
        }
        return Chain(layers, ("conv2", "head"))

    return Template(("conv1", "conv2"), channels, assemble)


def weighted_layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the linear and convolutional layers of a network, with their names."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            yield name, module


def draw_weights(network: nn.Module, gain: float, generator: torch.Generator) -> None:
    """Draw the first weights of a network's linear and convolutional layers.

    The gain scales those that follow an activation. The network tells which:
    any module in it may have `after_activation`, the names of such layers
    within itself; without, there is none. The draws do not depend on it.
    """
    after = _following(network)
    layers = [layer for _, layer in weighted_layers(network)]
    initialise(((layer, gain if layer in after else 1.0) for layer in layers), generator)


def first_rows(
    network: nn.Module, gains: Sequence[float], generator: torch.Generator
) -> list[Tensor]:
    """Return the first weights of networks in a stack, a row each: see `Rows`.

    A row holds what `draw_weights` would give the network alone, in the order of
    the packed layers, weight before bias.

    Args:
        network: a packed one.
        gains: of each network.
        generator: a CPU generator; it is advanced.
    """
    after = _following(network)
    drawn = [(layer, layer.drawn(generator)) for _, layer in packed_layers(network)]

    def row(gain: float) -> Tensor:
        parts = []
        for layer, numbers in drawn:
            parts.append(layer.scaled(numbers, gain if layer in after else 1.0).reshape(-1))
            parts.append(torch.zeros(prod(layer.shapes[1])))
        return torch.cat(parts)

    return [row(gain) for gain in gains]


def _following(network: nn.Module) -> set[nn.Module]:
    return {
        module.get_submodule(name)
        for module in network.modules()
        for name in getattr(module, "after_activation", ())
    }
