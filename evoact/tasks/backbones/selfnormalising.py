"""Networks through which signals keep mean 0 and variance 1, and a dropout that keeps them.

Klambauer, Unterthiner, Mayr and Hochreiter 2017, "Self-Normalizing Neural Networks",
arXiv 1706.02515. Activations with that fixed point are made of any by
`evoact.language.selfnormalising.self_normalising`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.tasks.backbones.dense import plain_network
from evoact.tasks.user import MakeActivation

_FAR: Final = (-1e4, -2e4)  # where functions that saturate have done so
_ALIKE: Final = 1e-3


class AlphaDropout(nn.Module):
    """An activation whose outputs are dropped to where it saturates, at the same mean and variance.

    In training, `a * y + b` stands for each output `y` that is kept, at the rate `q`, and
    `a * s + b` for others, where `s` is the activation's limit for inputs to minus
    infinity: `a = (q + s^2 q (1 - q))^-1/2`, `b = -a (1 - q) s`. With outputs of mean 0
    and variance 1 this keeps both (there, section 3, for SELU's `s = -lambda alpha`). Where the
    activation has no such limit, outputs are dropped to their mean, `s = 0`. The
    limit is that of the activation at hand, so it follows trained parameters and annealing;
    no gradient goes through it.

    Args:
        activation: whose outputs are dropped, on `(batch, channels)`.
        rate: of outputs that are dropped, `1 - q`.
        channels: of the activation's inputs.

    Raises:
        InputError: `rate` is not in [0, 1).

    >>> from evoact.nn import Activation
    >>> dropout = AlphaDropout(Activation("selu(x)"), 0.1, channels=1)
    >>> [round(float(value), 4) for value in dropout.saturation()]
    [-1.7581]
    >>> AlphaDropout(Activation("relu(x) - x"), 0.1, channels=2).saturation().tolist()
    [0.0, 0.0]
    """

    def __init__(self, activation: nn.Module, rate: float, channels: int) -> None:
        super().__init__()
        if not 0.0 <= rate < 1.0:
            raise InputError(f"rate is {rate!r}; wanted a number from 0 on, less than 1")
        self.activation, self.rate, self.channels = activation, float(rate), channels

    @torch.no_grad()
    def saturation(self, like: Tensor | None = None) -> Tensor:
        """Return the value `(out_channels,)` that outputs are dropped to, before `a` and `b`."""
        like = torch.zeros(()) if like is None else like
        # Filled where the inputs are: a copy from the host could not be captured in a graph.
        far = torch.stack([like.new_full((self.channels,), x) for x in _FAR])
        near, further = self.activation(far).unbind(0)
        known = (further - near).abs() <= _ALIKE * (1.0 + near.abs())  # not so of NaN
        return torch.where(known, further, torch.zeros_like(further))

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, some of them dropped in training."""
        y: Tensor = self.activation(x)
        if not self.training or self.rate == 0.0:
            return y
        kept, dropped = 1.0 - self.rate, self.saturation(x)
        a = (kept + dropped.square() * kept * self.rate).rsqrt()
        mixed = torch.where(torch.rand_like(y) < kept, y, dropped)
        return a * mixed - a * self.rate * dropped

    def extra_repr(self) -> str:
        """Return what stands between the parentheses when the module is printed."""
        return f"rate={self.rate}"


def selfnormalising_network(
    activation: MakeActivation,
    inputs: int,
    hidden: Sequence[int],
    outputs: int,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Return dense layers of LeCun's normal weights, on standardised inputs `(batch, inputs)`.

    Args:
        activation: makes the activations; with `E[f(z)] = 0` and `E[f(z)^2] = 1` for standard
            normal `z` the network is self-normalising.
        inputs: channels of its input.
        hidden: channels of its hidden layers, before the activations.
        outputs: channels of its output.
        dropout: rate of the `AlphaDropout` behind each activation; 0 for none.
    """

    def dropping(channels: int, channel_dim: int = 1) -> nn.Module:
        made = activation(channels, channel_dim)
        if dropout == 0.0:
            return made
        dropped = AlphaDropout(made, dropout, channels)
        dropped.out_channels = made.out_channels
        return dropped

    return plain_network(dropping, inputs, hidden, outputs, initial="lecun")
