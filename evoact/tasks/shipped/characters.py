"""A small language model: which character comes next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.errors import InputError, integer
from evoact.tasks.attention import CHANNEL_DIM, Block, positions
from evoact.tasks.data import Part, Splits
from evoact.tasks.user import MakeActivation, UserTask

ALPHABET: Final = "\n" + "".join(map(chr, range(32, 127)))
_OTHER: Final = len(ALPHABET)  # what is not ASCII is one character more
_TEST, _VALIDATION = 0.2, 0.25


@cache
def text() -> str:
    """Return the descriptions of scikit-learn's data sets, one after the other.

    Some 40,000 characters of English, tables, references and code, which are there wherever
    evoact is, and are rarely edited: what they were is in the digest of a study's data.

    >>> text()[:26]
    '.. _breast_cancer_dataset:'
    """
    from importlib.resources import files

    folder = files("sklearn.datasets.descr")
    found = sorted((one for one in folder.iterdir() if one.name.endswith(".rst")), key=str)
    return "".join(one.read_text(encoding="utf-8") for one in found)


class Characters(UserTask):
    """A transformer that says which character follows each of a window.

    Windows lie one after the other. The last fifth of the text is the test part; of the rest
    the seed decides which quarter of the windows validates. `bits` are those of a character,
    the mean cross-entropy in base 2; `accuracy` is of the likeliest character.

    Args:
        context: characters of a window.
        channels: of a token; a multiple of `heads`, and even.
        heads: of the attention.
        hidden: channels before the activation, which is that of the feed-forward part.
        blocks: of attention and feed-forward part.

    Raises:
        InputError: an argument is not what it must be.

    >>> Characters(context=64).data(0).train.x.shape[1:]
    (64,)
    """

    metrics: Mapping[str, str] = MappingProxyType({"bits": "min", "accuracy": "max"})

    def __init__(
        self,
        context: int = 64,
        channels: int = 32,
        heads: int = 4,
        hidden: int = 128,
        blocks: int = 2,
    ) -> None:
        given = {
            "context": context,
            "channels": channels,
            "heads": heads,
            "hidden": hidden,
            "blocks": blocks,
        }
        for name, value in given.items():
            if integer(value, name, 4) < 1:
                raise InputError(f"{name} is {value}; wanted 1 or more")
        if channels % heads or channels % 2:
            raise InputError(
                f"channels is {channels}, with heads {heads}; wanted an even multiple of heads"
            )
        if context > len(text()) // 100:
            raise InputError(f"context is {context}; wanted at most {len(text()) // 100}")
        self.context, self.channels, self.heads = context, channels, heads
        self.hidden, self.blocks = hidden, blocks

    def data(self, split_seed: int) -> Splits:
        """Return windows of numbers of characters, and of those that follow."""
        numbers = np.array([ALPHABET.find(one) % (_OTHER + 1) for one in text()])
        count = (len(numbers) - 1) // self.context
        rows = np.arange(count)
        known = rows[: round(count * (1.0 - _TEST))]
        drawn = np.random.default_rng(split_seed).permutation(known)
        validation = round(len(known) * _VALIDATION)

        def part(rows: npt.NDArray[np.intp]) -> Part:
            places = np.sort(rows)[:, np.newaxis] * self.context + np.arange(self.context)
            return Part(numbers[places], numbers[places + 1])

        return Splits(part(drawn[validation:]), part(drawn[:validation]), part(rows[len(known) :]))

    def model(self, activation: MakeActivation) -> nn.Module:
        """Return a causal transformer, normalised before each part."""
        count = _OTHER + 1
        layers: list[nn.Module] = [OneHot(count), nn.Linear(count, self.channels)]
        layers.append(Placed(self.context, self.channels))
        for _ in range(self.blocks):
            act = activation(self.hidden, CHANNEL_DIM)
            after = int(act.out_channels)  # type: ignore[arg-type]  # a number, see `MakeActivation`
            layers.append(Block(self.channels, self.heads, self.hidden, after, act, causal=True))
        return nn.Sequential(*layers, nn.LayerNorm(self.channels), nn.Linear(self.channels, count))

    def loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy over all places."""
        return F.cross_entropy(output.flatten(0, 1), y.flatten())

    def measure(self, output: Tensor, y: Tensor) -> Mapping[str, float]:
        """Return bits of a character, and the share of those that were likeliest."""
        hit = (output.argmax(dim=-1) == y).float().mean()
        return {"bits": float(self.loss(output, y)) / math.log(2.0), "accuracy": float(hit)}


class OneHot(nn.Module):
    """Numbers as vectors with one 1, in a new last dimension: `(..., count)`."""

    leading_dims = True

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        """Return the vectors."""
        return F.one_hot(x, self.count).float()


class Placed(nn.Module):
    """Tokens, told apart by their places, see `positions`."""

    position: Tensor
    leading_dims = True

    def __init__(self, count: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("position", positions(count, channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both."""
        return x + self.position
