"""Fitting an image by a coordinate network: from a pixel's place to its brightness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evoact.errors import InputError, integer
from evoact.tasks.backbones import perceptron
from evoact.tasks.data import Part, Splits
from evoact.tasks.shipped.making import one_of, sizes_of
from evoact.tasks.user import MakeActivation, UserTask

PICTURES: Final = ("china", "flower")
CROP: Final = 384
"""The middle of a picture that is kept; sides divide it."""
INITIAL: Final = ("unit", "siren", "torch", "glorot")
_GREY: Final = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)


class Scale(nn.Module):
    """Multiplies pre-activations by a number: the omega of SIREN, 1 / sigma of a Gaussian.

    >>> Scale(30.0)(torch.ones(2)).tolist()
    [30.0, 30.0]
    """

    leading_dims = True

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        """Return the product."""
        return x * self.by


class Fourier(nn.Module):
    """Positional encoding: each coordinate, and sines and cosines of its octaves.

    `sin(2**k pi x)` and `cos(2**k pi x)` for k below `bands` (Mildenhall et al. 2020,
    "NeRF"); results are `(..., coordinates * (1 + 2 * bands))`.

    >>> Fourier(bands=2)(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]]
    """

    leading_dims = True

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.octaves = [math.pi * 2.0**k for k in range(bands)]

    def forward(self, x: Tensor) -> Tensor:
        """Return the encoded coordinates."""
        waves = [x * octave for octave in self.octaves]
        return torch.cat([x, *map(torch.sin, waves), *map(torch.cos, waves)], dim=-1)


class Image(UserTask):
    """One of scikit-learn's sample images, as a function of two coordinates.

    Every second pixel, as on a chessboard, is for training; half of the others validates,
    half is the test part. Coordinates and brightness are in [-1, 1]. `psnr` is the peak
    signal-to-noise ratio in dB, `10 log10(4 / mean squared error)`.

    The network is an MLP whose pre-activations are multiplied by `first` in the first
    layer and `scale` in the others. With an encoding, hidden sizes are such that it has as
    many parameters, within 1 %.

    Args:
        picture: `china` or `flower`.
        size: of its sides in pixels; a divisor of 384.
        hidden: channels of the hidden layers without an encoding.
        bands: octaves of the positional encoding; 0 for none.
        first: see above.
        scale: see above; as `first` by default.
        initial: how the first weights are drawn. `unit`: for activations of second
            moment 1, such that pre-activations of hidden layers have it too but for their
            biases; the first layer and biases as SIREN's. `siren`: as published for sines
            (Sitzmann et al. 2020), `scale` being their omega. `torch`: as torch draws them,
            published for Gaussians (Ramasinghe & Lucey 2022) and Gabor functions (Saragadam
            et al. 2023). `glorot`: uniform, as in the networks with positional encoding of
            Mildenhall et al. 2020.

    Raises:
        InputError: an argument is not what it must be.

    >>> splits = Image(size=32).data(0)
    >>> splits.train.x.shape, splits.validation.y.shape, splits.test.y.shape
    ((512, 2), (256, 1), (256, 1))
    """

    metrics: Mapping[str, str] = MappingProxyType({"psnr": "max"})

    def __init__(
        self,
        picture: str = "china",
        size: int = 96,
        hidden: Sequence[int] = (64, 64, 64),
        bands: int = 0,
        first: float = 30.0,
        scale: float | None = None,
        initial: str = "unit",
    ) -> None:
        self.picture = one_of(picture, "picture", PICTURES)
        self.initial = one_of(initial, "initial", INITIAL)
        self.size = integer(size, "size", 96)
        if not 4 <= self.size <= CROP or CROP % self.size or self.size % 2:
            raise InputError(f"size is {size}; wanted an even divisor of {CROP}, such as 96")
        self.bands = integer(bands, "bands", 6)
        self.inputs = 2 * (1 + 2 * self.bands)
        self.hidden = _fitted(sizes_of(hidden), self.inputs)
        self.first = float(first)
        self.scale = self.first if scale is None else float(scale)

    def data(self, split_seed: int) -> Splits:  # noqa: ARG002  # which pixels train is fixed
        """Return pixels by their coordinates."""
        pixels, grid = picture(self.picture, self.size), coordinates(self.size)
        known = np.indices(pixels.shape).sum(axis=0) % 2 == 0
        trained, other = np.flatnonzero(known), np.flatnonzero(~known)
        other = np.random.default_rng(0).permutation(other)
        half = len(other) // 2

        def part(rows: npt.NDArray[np.intp]) -> Part:
            rows = np.sort(rows)
            return Part(grid[rows], pixels.reshape(-1, 1)[rows])

        return Splits(part(trained), part(other[:half]), part(other[half:]))

    def model(self, activation: MakeActivation) -> nn.Module:
        """Return the network."""
        network = perceptron(activation, self.inputs, self.hidden, 1, self._layer)
        return nn.Sequential(Fourier(self.bands), network) if self.bands else network

    def _layer(self, place: int, inputs: int, outputs: int) -> nn.Module:
        layer = nn.Linear(inputs, outputs)
        self._draw(layer, place)
        if place == len(self.hidden):
            return layer
        return nn.Sequential(layer, Scale(self.scale if place else self.first))

    def _draw(self, layer: nn.Linear, place: int) -> None:
        if self.initial == "glorot":
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        elif self.initial != "torch":
            inputs, moment = layer.in_features, 3.0 if self.initial == "unit" else 6.0
            limit = 1.0 / inputs if place == 0 else math.sqrt(moment / inputs) / self.scale
            nn.init.uniform_(layer.weight, -limit, limit)

    def measure(self, output: Tensor, y: Tensor) -> Mapping[str, float]:
        """Return the peak signal-to-noise ratio in dB."""
        wrong = float((output - y).double().square().mean())
        return {"psnr": 10.0 * math.log10(4.0 / max(wrong, 1e-12))}


def picture(name: str, size: int) -> npt.NDArray[np.float32]:
    """Return the middle of a sample image, grey, of `size` x `size` values in [-1, 1].

    Each pixel is the mean of those it stands for.

    >>> picture("china", 32).shape
    (32, 32)
    """
    from sklearn.datasets import load_sample_image

    whole = load_sample_image(f"{name}.jpg") @ np.array(_GREY) / 255.0
    top, left = ((side - CROP) // 2 for side in whole.shape)
    step = CROP // size
    middle = whole[top : top + CROP, left : left + CROP]
    means = middle.reshape(size, step, size, step).mean(axis=(1, 3))
    found: npt.NDArray[np.float32] = (2.0 * means - 1.0).astype(np.float32)
    return found


def coordinates(size: int) -> npt.NDArray[np.float32]:
    """Return the places of pixels, row by row, `(size * size, 2)` in [-1, 1].

    >>> coordinates(2).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    line = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)


def _fitted(hidden: Sequence[int], inputs: int) -> tuple[int, ...]:
    """Return sizes with which a network of so many inputs has as many parameters as one of 2."""
    wanted, layers = _count(hidden, 2), len(hidden)
    # Layers of one width, the first ones wider by a channel: steps of a fraction of a width.
    tried = (
        tuple(size - less + (place < wider) for place, size in enumerate(hidden))
        for less in range(min(hidden))
        for wider in range(layers)
    )
    return min(tried, key=lambda sizes: abs(_count(sizes, inputs) - wanted))


def _count(hidden: Sequence[int], inputs: int) -> int:
    sizes = [inputs, *hidden, 1]
    return sum((a + 1) * b for a, b in pairwise(sizes))
