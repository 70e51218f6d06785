"""A network of self-attention over the tokens of a signal."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from evoact.nn.packed import matmul_in_pairs
from evoact.tasks.networks import ActivationFactory, Network, Template, channels_after

CHANNEL_DIM: Final = -1  # of sequences: (batch, tokens, channels)
_SLOWEST: Final = 100.0  # the longest wave of positions, in tokens per radian


def positions(count: int, channels: int) -> Tensor:
    """Return what tells places apart: sines and cosines of growing period, `(count, channels)`.

    As in Vaswani et al. 2017, for an even number of channels.
    """
    # By numpy: on the meta device, where parameters are counted, arithmetic
    # of torch imports its compiler, which takes seconds.
    places = np.arange(count)[:, np.newaxis]
    half = channels // 2
    angles = places * _SLOWEST ** (-np.arange(half) / half)
    return torch.from_numpy(
        np.concatenate([np.sin(angles), np.cos(angles)], axis=1, dtype=np.float32)
    )


class Tokens(nn.Module):
    """Windows of a signal as tokens: embedded, and told apart by their positions.

    Args:
        length: samples of the signal; inputs are `(batch, length)`.
        window: samples of a token.
        stride: samples between the starts of two tokens.
        channels: channels of a token, even; results are `(batch, tokens, channels)`.

    >>> Tokens(length=40, window=7, stride=3, channels=6)(torch.ones(2, 40)).shape
    torch.Size([2, 12, 6])
    """

    position: Tensor
    leading_dims = True

    def __init__(self, length: int, window: int, stride: int, channels: int) -> None:
        super().__init__()
        self.window, self.stride = window, stride
        self.embed = nn.Linear(window, channels)
        places = positions((length - window) // stride + 1, channels)
        self.register_buffer("position", places, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens of a batch of signals."""
        tokens: Tensor = self.embed(x.unfold(-1, self.window, self.stride))
        return tokens + self.position


class SelfAttention(nn.Module):
    """Self-attention with several heads (Vaswani et al. 2017).

    Inputs and results are `(batch, tokens, channels)`. It is spelt out because
    torch's fused attention chooses among kernels, some of which add up gradients
    in no fixed order; with so few tokens it is no faster. If it is `causal`, a token
    gathers from itself and those before it alone.

    >>> SelfAttention(channels=6, heads=2)(torch.ones(4, 5, 6)).shape
    torch.Size([4, 5, 6])
    """

    leading_dims = True

    def __init__(self, channels: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.project = nn.Linear(channels, 3 * channels)
        self.gather = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return what each token gathers."""
        parts = self.project(x).unflatten(-1, (3, self.heads, -1))
        # Each (..., heads, tokens, size), of (..., tokens, 3, heads, size).
        query, key, value = parts.movedim(-4, -2).unbind(-4)
        likeness = matmul_in_pairs(query * query.shape[-1] ** -0.5, key.transpose(-1, -2))
        if self.causal:
            later = torch.ones(likeness.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
            likeness = likeness.masked_fill(later, -math.inf)
        gathered = matmul_in_pairs(likeness.softmax(dim=-1), value)
        return self.gather(gathered.transpose(-2, -3).flatten(-2))  # type: ignore[no-any-return]  # a module's call is untyped


class Block(nn.Module):
    """Self-attention and a feed-forward part, each added to its normalised input.

    Args:
        channels: of a token.
        heads: of the attention.
        hidden: channels before the activation of the feed-forward part.
        after: channels after it.
        activation: the activation, on `(batch, tokens, hidden)`.
        causal: whether tokens know nothing of those after them.
    """

    after_activation = ("contract",)
    leading_dims = True

    def __init__(
        self,
        channels: int,
        heads: int,
        hidden: int,
        after: int,
        activation: nn.Module,
        *,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = SelfAttention(channels, heads, causal=causal)
        self.norm2 = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, hidden)
        self.act = activation
        self.contract = nn.Linear(after, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens, changed by both parts."""
        x = x + self.attention(self.norm1(x))
        change: Tensor = self.contract(self.act(self.expand(self.norm2(x))))
        return x + change


class MeanHead(nn.Module):
    """The mean of normalised tokens, and a linear layer: `(batch, classes)`."""

    leading_dims = True

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        return self.linear(self.norm(x).mean(dim=-2))  # type: ignore[no-any-return]  # a module's call is untyped


def attention(
    length: int,
    classes: int,
    window: int,
    stride: int,
    *,
    channels: int = 32,
    heads: int = 4,
    hidden: tuple[int, ...] = (64,),
) -> Network:
    """A small transformer on signals `(batch, length)`, cut into tokens.

    Blocks of self-attention and a feed-forward part, normalised before each
    part (Xiong et al. 2020). The activation is that of the feed-forward parts
    and has its channels last: `(batch, tokens, channels)`.

    Args:
        length: samples of a signal.
        classes: number of logits.
        window: samples of a token.
        stride: samples between the starts of two tokens.
        channels: of a token; they stay whatever the activation's width.
        heads: of the attention; they divide `channels`.
        hidden: channels before the activation, one number for each block.
    """

    def assemble(
        activation: ActivationFactory, sizes: tuple[int, ...], ratio: Fraction
    ) -> nn.Module:
        network = nn.Sequential()
        network.add_module("tokens", Tokens(length, window, stride, channels))
        for index, size in enumerate(sizes, 1):
            after, act = channels_after(size, ratio), activation(size, CHANNEL_DIM)
            network.add_module(f"block{index}", Block(channels, heads, size, after, act))
        network.add_module("head", MeanHead(channels, classes))
        return network

    names = tuple(f"block{index}.expand" for index in range(1, len(hidden) + 1))
    return Template(names, hidden, assemble)
