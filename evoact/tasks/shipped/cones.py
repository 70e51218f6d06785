"""A distance of two distributions, found by a network that may not be steep.

Anil, Lucas and Grosse 2019, "Sorting out Lipschitz function approximation", arXiv
1811.05381, section 5.1: by Kantorovich and Rubinstein's duality the Wasserstein-1
distance is the largest difference of means that a function of Lipschitz constant 1 can have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from evoact.errors import InputError, integer
from evoact.tasks.backbones import lipschitz_network
from evoact.tasks.data import Part, Splits
from evoact.tasks.shipped.making import sizes_of
from evoact.tasks.user import MakeActivation, UserTask

MOST: Final = 1.001
"""What no function of Lipschitz constant 1 gives here, rounding included."""


class Critic(nn.Module):
    """What a network says of points, less what it says of the origin: `f(x) - f(0)`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the differences `(batch, 1)`."""
        values: Tensor = self.network(torch.cat([x, torch.zeros_like(x[:1])]))
        return values[:-1] - values[-1:]


class Cones(UserTask):
    """The Wasserstein-1 distance between a point and the unit sphere around it, which is 1.

    A network of orthonormal layers is trained so that the mean of `f(x) - f(0)` over the
    sphere is large; `w1` is that mean on fresh points. The best function is the cone `|x|`, of
    slope 1 everywhere: what activations lose of the norm of gradients is missing, so ReLU
    comes to about .6 and `group_sort(x, 2)` to 1. Activations steeper than 1 would give more
    than there is: a network that does so at a point is told, and fails. In dimension 1
    the sphere is two points, the same in all parts.

    Args:
        dimension: of the space.
        samples: of the training part; validation and test part have as many each.
        hidden: channels of the hidden layers.

    Raises:
        InputError: an argument is not what it must be.

    >>> splits = Cones(dimension=3, samples=100).data(0)
    >>> splits.train.x.shape, np.linalg.norm(splits.test.x, axis=1).round(4).max()
    ((100, 3), np.float32(1.0))
    """

    metrics: Mapping[str, str] = MappingProxyType({"w1": "max"})

    def __init__(
        self, dimension: int = 2, samples: int = 640, hidden: Sequence[int] = (32, 32, 32)
    ) -> None:
        self.dimension = integer(dimension, "dimension", 2)
        self.samples = integer(samples, "samples", 640)
        self.hidden = sizes_of(hidden)
        for name, value in (("dimension", self.dimension), ("samples", self.samples)):
            if value < 1:
                raise InputError(f"{name} is {value}; wanted 1 or more")

    def data(self, split_seed: int) -> Splits:
        """Return points of the sphere, and what the cone gives for each."""
        test = self._part(np.random.default_rng(np.random.SeedSequence([0, 1])))
        rng = np.random.default_rng(np.random.SeedSequence([split_seed, 0]))
        return Splits(self._part(rng), self._part(rng), test)

    def _part(self, rng: np.random.Generator) -> Part:
        x = rng.standard_normal((self.samples, self.dimension))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        return Part(x.astype(np.float32), np.ones((self.samples, 1), dtype=np.float32))

    def model(self, activation: MakeActivation) -> nn.Module:
        """Return the critic."""
        return Critic(lipschitz_network(activation, self.dimension, self.hidden, 1))

    def loss(self, output: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002  # nobody tells the distance
        """Return the mean of the differences, made small where it is to be large."""
        return -output.mean()

    def measure(self, output: Tensor, y: Tensor) -> Mapping[str, float]:  # noqa: ARG002  # it is ones
        """Return the mean of the differences.

        Raises:
            InputError: at a point the critic is steeper than 1.
        """
        steepest = float(output.abs().max())
        if steepest > MOST:
            raise InputError(
                f"the critic rises by {steepest:.4g} from the origin to a point of the sphere; "
                "wanted an activation of Lipschitz constant 1 (constraints: [one_lipschitz: true])"
            )
        return {"w1": float(output.double().mean())}
