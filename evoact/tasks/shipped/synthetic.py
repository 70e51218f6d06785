"""Synthetic tasks of which it is known what a network needs: a tree of functions, and rings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from torch import nn

from evoact.errors import InputError, integer
from evoact.nn import Conic, Distance
from evoact.tasks.backbones import BinaryTree, perceptron
from evoact.tasks.data import Splits
from evoact.tasks.shipped.making import one_of, sizes_of
from evoact.tasks.splitting import LEAST, split
from evoact.tasks.user import MakeActivation, UserTask

Array = npt.NDArray[np.float64]

GRAPHS: Final = ("tree", "shallow")
UNITS: Final[Mapping[str, Callable[[int, int], nn.Module]]] = MappingProxyType(
    {"inner": nn.Linear, "distance": Distance, "conic": Conic}
)
"""What a unit makes of its inputs: an inner product, a distance, or a mix of both."""
_INPUTS: Final = 8
_BINS: Final = 4000


class Compositional(UserTask):
    """A function of eight numbers that is a binary tree of one function of two; by `r2`.

    `h(a, b) = sin(2.2 (a b + .5 a - .3 b))` of inputs that are uniform in [-1, 1]. A
    network whose graph is the tree learns it from few samples, a shallow one of as many
    parameters does not (Poggio et al. 2016, see `BinaryTree`).

    Args:
        network: `tree`, or `shallow`: one hidden layer, with as many parameters as the tree.
        hidden: channels of a node of the tree.
        samples: how many, of which a fifth is the test part.

    Raises:
        InputError: an argument is not what it must be.

    >>> Compositional().data(0).train.x.shape
    (2400, 8)
    >>> Compositional("shallow").units  # 681 parameters; the tree has 679
    68
    """

    metrics: Mapping[str, str] = MappingProxyType({"r2": "max"})

    def __init__(self, network: str = "tree", hidden: int = 24, samples: int = 4000) -> None:
        self.network = one_of(network, "network", GRAPHS)
        self.hidden, self.samples = integer(hidden, "hidden", 24), _count(samples, 4000)
        if self.hidden < 1:
            raise InputError(f"hidden is {hidden}; wanted 1 or more")

    @property
    def units(self) -> int:
        """How many units a shallow network has, for as many parameters as the tree."""
        parameters = (_INPUTS - 1) * (4 * self.hidden + 1)
        return round((parameters - 1) / (_INPUTS + 2))

    def data(self, split_seed: int) -> Splits:
        """Return inputs, and the values of the tree."""
        x = np.random.default_rng(0).uniform(-1.0, 1.0, (self.samples, _INPUTS))
        return split(x, tree_of(x), split_seed)

    def model(self, activation: MakeActivation) -> nn.Module:
        """Return the network, with torch's first weights."""
        if self.network == "tree":
            return BinaryTree(activation, _INPUTS, self.hidden)
        return perceptron(activation, _INPUTS, [self.units], 1)


def tree_of(x: Array) -> Array:
    """Return the values `(samples, 1)` of the tree of `Compositional`, of `(samples, 2**k)`.

    >>> tree_of(np.zeros((1, 8))).tolist()
    [[0.0]]
    """
    while x.shape[1] > 1:
        a, b = x[:, ::2], x[:, 1::2]
        x = np.sin(2.2 * (a * b + 0.5 * a - 0.3 * b))
    return x


class Rings(UserTask):
    """Points of concentric rings, in turn of one class and of the other; by `accuracy`.

    The radii are 1, 2, ... and normal noise, in units such that coordinates have about
    variance 1. The class is a folded function of the radius: it suits units that answer
    to a distance (`units: distance`, Duch & Jankowski 1999), and activations that fold,
    such as sines. A unit of an inner product knows a projection alone, see
    `best_accuracies`.

    Args:
        units: what the first layer gives to its activation, of `UNITS`.
        hidden: channels of the hidden layers.
        rings: how many there are.
        noise: deviation of a radius; rings are 1 apart.
        samples: how many, of which a fifth is the test part.

    Raises:
        InputError: an argument is not what it must be.

    >>> Rings().data(0).train.x.shape
    (1200, 2)
    """

    def __init__(
        self,
        units: str = "inner",
        hidden: Sequence[int] = (16, 16),
        rings: int = 4,
        noise: float = 0.2,
        samples: int = 2000,
    ) -> None:
        self.units, self.hidden = one_of(units, "units", tuple(UNITS)), sizes_of(hidden)
        self.rings, self.samples = integer(rings, "rings", 4), _count(samples, 2000)
        self.noise = float(noise)
        if self.rings < 2:
            raise InputError(f"rings is {rings}; wanted 2 or more")
        if not 0.0 < self.noise < math.inf:
            raise InputError(f"noise is {noise}; wanted more than 0, such as 0.2")

    def data(self, split_seed: int) -> Splits:
        """Return points, and of which kind their rings are."""
        rng = np.random.default_rng(0)
        ring = np.arange(self.samples) % self.rings + 1
        radius = ring + self.noise * rng.standard_normal(self.samples)
        angle = rng.uniform(0.0, 2.0 * math.pi, self.samples)
        x = radius[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        variance = (np.arange(1, self.rings + 1) ** 2).mean() / 2.0
        return split(x / math.sqrt(variance), ring % 2, split_seed)

    def model(self, activation: MakeActivation) -> nn.Module:
        """Return the network, with the first weights of its layers."""

        def layer(place: int, inputs: int, outputs: int) -> nn.Module:
            return (UNITS[self.units] if place == 0 else nn.Linear)(inputs, outputs)

        return perceptron(activation, 2, self.hidden, 2, layer)


def best_accuracies(rings: int, noise: float) -> tuple[float, float]:
    """Return the best accuracies on `Rings`: of who knows radii, and of who knows a projection.

    The first is that of any classifier. The second is that of a network with one unit of
    an inner product, whatever is made of that: the classes' distributions along a line,
    the same for all directions, overlap. Both are integrals of the larger of two
    densities, by sums over narrow bins.

    >>> [round(best, 3) for best in best_accuracies(rings=2, noise=0.001)]
    [1.0, 0.833]
    """
    from scipy.special import ndtr

    reach = rings + 8.0 * noise + 1.0
    edges = np.linspace(-reach, reach, _BINS + 1)
    classes = np.zeros((2, 2, _BINS))  # seen by radius or projection, class, bin
    deviations = np.linspace(-6.0, 6.0, 600)  # none of them 0, where a ring is a point
    mass = np.exp(-0.5 * deviations**2) / np.exp(-0.5 * deviations**2).sum() / rings
    for ring in range(1, rings + 1):
        radii = ring + noise * deviations
        # Of a point at an even angle the projection r cos(angle) is at most u so often.
        below = 1.0 - np.arccos(np.clip(edges[:, None] / np.abs(radii), -1.0, 1.0)) / math.pi
        within = ndtr((edges - ring) / noise) - ndtr((-edges - ring) / noise)
        classes[0, ring % 2] += np.diff(within.clip(min=0.0)) / rings
        classes[1, ring % 2] += np.diff(below @ mass)
    radius, projection = classes.max(axis=1).sum(axis=1)
    return float(radius), float(projection)


def _count(samples: int, such: int) -> int:
    samples = integer(samples, "samples", such)
    if samples < LEAST:
        raise InputError(f"samples is {samples}; wanted {LEAST} or more")
    return samples
