"""Differential equations solved by networks (Raissi et al. 2019, "Physics-informed...").

A network of place and time is trained so that the equation holds where it is looked at; no
values of the solution are given to it. Initial and boundary values hold by construction:
the network's output is multiplied by what vanishes there (Lagaris et al. 1998).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evoact.errors import InputError, integer
from evoact.tasks.backbones import perceptron
from evoact.tasks.data import Part, Splits
from evoact.tasks.shipped.making import sizes_of
from evoact.tasks.user import MakeActivation, UserTask

Floats = npt.NDArray[np.float64]

_NODES: Final = 200  # of the Gauss-Hermite rule: exact to 1e-10 for viscosities from .01 on


class Solution(nn.Module):
    """A network on `(batch, 2)` places and times, made to keep initial and boundary values.

    `u(x, t) = start(x) + t (1 - x**2) network(x, t)` on -1 <= x <= 1.
    """

    def __init__(self, network: nn.Module, waves: Mapping[int, float]) -> None:
        super().__init__()
        self.network, self.waves = network, dict(waves)

    def forward(self, x: Tensor) -> Tensor:
        """Return the solution `(batch, 1)`."""
        place, time = x[:, :1], x[:, 1:]
        start = sum(size * torch.sin(n * math.pi * place) for n, size in self.waves.items())
        # Time is brought to [-1, 1], as places are.
        inner = torch.cat([place, 2.0 * time - 1.0], dim=1)
        result: Tensor = start + time * (1.0 - place.square()) * self.network(inner)
        return result


class Equation(UserTask):
    """An equation `u_t + n(u, u_x, u_xx) = 0` on -1 <= x <= 1, 0 <= t <= 1, u(-1) = u(1) = 0.

    The training part is of random points, at which the mean square of the left side is
    made small; validation and test part are of other points, random too, where `rel_l2` is
    measured: the Euclidean norm of the error over that of the solution. Activations are
    differentiated twice by the inputs, and then by the weights: those without a second
    derivative, such as relu, cannot solve it.

    Args:
        points: of the training part; validation and test part have as many each.
        hidden: channels of the hidden layers.

    Raises:
        InputError: an argument is not what it must be.
    """

    metrics: Mapping[str, str] = MappingProxyType({"rel_l2": "min"})
    waves: Mapping[int, float]
    """The initial values: sizes of `sin(n pi x)`, by n."""

    def __init__(self, points: int = 1000, hidden: Sequence[int] = (32, 32, 32)) -> None:
        self.points = integer(points, "points", 1000)
        self.hidden = sizes_of(hidden)
        if self.points < 1:
            raise InputError(f"points is {points}; wanted 1 or more, such as 1000")

    @abstractmethod
    def solution(self, x: Floats, t: Floats) -> Floats:
        """Return the solution, exact or to 1e-8."""

    @abstractmethod
    def residual(self, u: Tensor, u_x: Tensor, u_t: Tensor, u_xx: Tensor) -> Tensor:
        """Return the left side of the equation."""

    def data(self, split_seed: int) -> Splits:
        """Return points `(x, t)` and the solution there, which training does not read."""
        test = self._part(np.random.default_rng(np.random.SeedSequence([0, 1])))
        rng = np.random.default_rng(np.random.SeedSequence([split_seed, 0]))
        return Splits(self._part(rng), self._part(rng), test)

    def _part(self, rng: np.random.Generator) -> Part:
        x, t = rng.uniform(-1.0, 1.0, self.points), rng.uniform(0.0, 1.0, self.points)
        values = self.solution(x, t)[:, np.newaxis]
        return Part(np.stack([x, t], axis=1).astype(np.float32), values.astype(np.float32))

    def model(self, activation: MakeActivation) -> nn.Module:
        """Return an MLP (Glorot's first weights, as is usual here) that keeps the values."""
        network = perceptron(activation, 2, self.hidden, 1, _glorot)
        return Solution(network, self.waves)

    def step_loss(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002  # nobody tells the solution
        """Return the mean square of the equation's left side at points."""
        x = x.clone().requires_grad_()
        u = model(x)
        first = _slope(u, x)
        u_x, u_t = first[:, :1], first[:, 1:]
        u_xx = _slope(u_x, x)[:, :1]
        return self.residual(u, u_x, u_t, u_xx).square().mean()

    def measure(self, output: Tensor, y: Tensor) -> Mapping[str, float]:
        """Return the relative error in the Euclidean norm."""
        wrong, right = (output - y).detach().double(), y.double()
        return {"rel_l2": float(torch.linalg.vector_norm(wrong) / torch.linalg.vector_norm(right))}


class Burgers(Equation):
    """Burgers' equation `u_t + u u_x = nu u_xx`, `u(x, 0) = -sin(pi x)`, with a steep front.

    The reference is by the Cole-Hopf transformation, whose integrals are computed by the
    Gauss-Hermite rule (Basdevant et al. 1986).

    Args:
        viscosity: nu; the lower, the steeper the front at x = 0.
        points: see `Equation`.
        hidden: likewise.

    >>> Burgers().solution(np.array([-0.5, 0.5]), np.zeros(2)).round(6).tolist()
    [1.0, -1.0]
    """

    waves: Mapping[int, float] = MappingProxyType({1: -1.0})

    def __init__(
        self, viscosity: float = 0.05, points: int = 1000, hidden: Sequence[int] = (32, 32, 32)
    ) -> None:
        super().__init__(points, hidden)
        self.viscosity = float(viscosity)
        if self.viscosity < 0.01:
            raise InputError(
                f"viscosity is {viscosity}; wanted at least 0.01, below which the reference "
                "would need more nodes"
            )

    def solution(self, x: Floats, t: Floats) -> Floats:
        """Return the solution by Cole and Hopf's transformation."""
        nodes, weights = _rule()
        places = x[:, np.newaxis] - np.sqrt(4.0 * self.viscosity * t)[:, np.newaxis] * nodes
        power = -np.cos(math.pi * places) / (2.0 * math.pi * self.viscosity)
        shares = weights * np.exp(power - power.max(axis=1, keepdims=True))
        means: Floats = (shares * np.sin(math.pi * places)).sum(axis=1) / shares.sum(axis=1)
        return -means

    def residual(self, u: Tensor, u_x: Tensor, u_t: Tensor, u_xx: Tensor) -> Tensor:
        """Return the left side of the equation."""
        return u_t + u * u_x - self.viscosity * u_xx


class Heat(Equation):
    """The heat equation `u_t = alpha u_xx` from `sin(pi x) + sin(3 pi x) / 2`, solved exactly.

    Args:
        diffusivity: alpha.
        points: see `Equation`.
        hidden: likewise.

    >>> Heat(0.1).solution(np.array([0.5]), np.array([0.0])).round(6).tolist()
    [0.5]
    """

    waves: Mapping[int, float] = MappingProxyType({1: 1.0, 3: 0.5})

    def __init__(
        self, diffusivity: float = 0.05, points: int = 1000, hidden: Sequence[int] = (32, 32, 32)
    ) -> None:
        super().__init__(points, hidden)
        self.diffusivity = float(diffusivity)
        if not self.diffusivity > 0.0:
            raise InputError(f"diffusivity is {diffusivity}; wanted more than 0")

    def solution(self, x: Floats, t: Floats) -> Floats:
        """Return the sum of waves that die out, each at its own pace."""
        total = np.zeros_like(x)
        for n, size in self.waves.items():
            pace = self.diffusivity * (n * math.pi) ** 2
            total += size * np.sin(n * math.pi * x) * np.exp(-pace * t)
        return total

    def residual(self, u: Tensor, u_x: Tensor, u_t: Tensor, u_xx: Tensor) -> Tensor:  # noqa: ARG002  # not all equations have all terms
        """Return the left side of the equation."""
        return u_t - self.diffusivity * u_xx


@cache
def _rule() -> tuple[Floats, Floats]:
    """Return nodes and weights of Gauss and Hermite."""
    nodes, weights = np.polynomial.hermite.hermgauss(_NODES)
    return nodes, weights


def _slope(of: Tensor, by: Tensor) -> Tensor:
    # Zeros where there is none: functions of constant slope are candidates too.
    (found,) = torch.autograd.grad(of.sum(), by, create_graph=True, materialize_grads=True)
    return found


def _glorot(_: int, inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
