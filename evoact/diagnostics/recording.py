"""What goes into the activations of a network, and what comes out of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor, nn

from evoact.errors import InputError
from evoact.nn import Activation, Annealed

_TORCH_ACTIVATIONS: Final = "torch.nn.modules.activation"
_CHANNEL_DIM: Final = 1


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """An activation of a network, in one forward pass.

    Attributes:
        name: of the module in the network.
        module: the activation.
        before: its inputs, `(samples, ...)`.
        after: its outputs, `(samples, ...)`, of other channels if it changes the width.
    """

    name: str
    module: nn.Module
    before: Tensor
    after: Tensor

    @property
    def units(self) -> Tensor:
        """The outputs as `(samples * positions, channels)`: a unit is a channel."""
        return self.after.movedim(channel_dim(self.module), -1).flatten(0, -2)

    @property
    def features(self) -> Tensor:
        """The outputs as `(samples, features)`."""
        return self.after.flatten(1)


def channel_dim(module: nn.Module) -> int:
    """Return the dimension of an activation's channels."""
    late = module.late if isinstance(module, Annealed) else module
    return late.channel_dim if isinstance(late, Activation) else _CHANNEL_DIM


def activations_of(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the activations of a network by name: those of evoact, and torch's.

    >>> [name for name, _ in activations_of(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))]
    ['1']
    """
    inside: set[nn.Module] = set()  # of an annealed one, which is an activation as a whole
    for name, module in network.named_modules():
        of_torch = type(module).__module__ == _TORCH_ACTIVATIONS
        is_one = isinstance(module, Activation | Annealed) or of_torch
        if is_one and module not in inside and not isinstance(module, nn.MultiheadAttention):
            inside.update(module.modules())
            yield name, module


def record(network: nn.Module, x: Tensor) -> tuple[Tensor, list[Layer]]:
    """Return the outputs of a network, and its activations in the order of the forward pass.

    Args:
        network: any module with activations of evoact or torch.
        x: inputs, `(samples, ...)`.

    Raises:
        InputError: the network has no activation, or `x` is no input of it.

    >>> import torch
    >>> network = nn.Sequential(nn.Linear(2, 3), Activation("relu(x)"), nn.Linear(3, 1))
    >>> y, layers = record(network, torch.ones(5, 2))
    >>> y.shape, [(layer.name, layer.after.shape) for layer in layers]
    (torch.Size([5, 1]), [('1', torch.Size([5, 3]))])
    """
    layers: list[Layer] = []
    inputs: dict[str, Tensor] = {}

    def before(name: str) -> Any:
        def hook(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            written_over = getattr(module, "inplace", False)
            inputs[name] = given[0].clone() if written_over else given[0]

        return hook

    def after(name: str) -> Any:
        def hook(module: nn.Module, _given: tuple[Tensor, ...], output: Tensor) -> None:
            layers.append(Layer(name, module, inputs[name], output))

        return hook

    handles = []
    for name, module in activations_of(network):
        handles += [
            module.register_forward_pre_hook(before(name)),
            module.register_forward_hook(after(name)),
        ]
    if not handles:
        raise InputError(
            "network has no activation to look at; wanted modules such as evoact.Activation or "
            "torch.nn.ReLU in it: functional calls are seen after evoact.swap"
        )
    try:
        return network(x), layers
    finally:
        for handle in handles:
            handle.remove()


def exact(network: nn.Module) -> nn.Module:
    """Return a copy in float64 and evaluation mode, on the CPU, whose weights want no gradient."""
    copied = copy.deepcopy(network).cpu().double().eval()
    return copied.requires_grad_(False)
