"""Initial weights that keep the signal's size through an activation."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


def initialise(layers: Iterable[tuple[nn.Module, float]], generator: torch.Generator) -> None:
    """Draw the weights of linear and convolutional layers; biases become 0.

    Each weight is `gain * n / sqrt(fan_in)`, `n` standard normal (He et al.
    2015). The draws depend on the generator and the shapes alone, not on the
    gains: networks with other activations start from the same numbers.

    Args:
        layers: pairs of a layer and the gain of the activation before it
            (1 for the first layer).
        generator: a CPU generator; it is advanced.
    """
    with torch.no_grad():
        for layer, gain in layers:
            weight = layer.get_parameter("weight")
            fan_in = weight[0].numel()
            normal = torch.randn(weight.shape, generator=generator)
            weight.copy_(normal * (gain / fan_in**0.5))
            if layer.bias is not None:
                layer.get_parameter("bias").zero_()
