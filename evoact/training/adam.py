"""Adam on one flat tensor that holds all parameters of a network."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
_TINY: Final = 1e-6


class AdamState(NamedTuple):
    """Weights and moments of the parameters that are not apart, after some steps."""

    steps: int
    weights: Tensor
    mean: Tensor
    square: Tensor


class FlatAdam:
    """Adam (Kingma & Ba 2015) with gradient clipping, for many small trainings.

    The parameters of the network become views of one tensor, so that a step
    is a few operations on it: those of `torch.optim.Adam` after
    `clip_grad_norm_`, at a third of its time for a small network, and
    without torch's optimisers a worker need not import torch's compiler.

    Args:
        network: its parameters are moved into the flat tensor, in place.
        max_norm: gradients are scaled down to this Euclidean norm.
        apart: parameters that stand at the end and that a state leaves out.
            As long as they have no gradient, the others take the same steps to
            the bit as in a network without them.
    """

    def __init__(
        self, network: nn.Module, max_norm: float, apart: Collection[nn.Parameter] = ()
    ) -> None:
        ids = {id(p) for p in apart}
        parameters = sorted(network.parameters(), key=lambda p: id(p) in ids)  # stable
        self._common = sum(p.numel() for p in parameters if id(p) not in ids)
        self.weights = torch.cat([p.detach().reshape(-1) for p in parameters])
        self.gradient = torch.zeros_like(self.weights)
        self._mean, self._square = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self._max_norm, self._steps = max_norm, 0
        offset = 0
        for p in parameters:
            part = slice(offset, offset + p.numel())
            p.data, p.grad = self.weights[part].view_as(p), self.gradient[part].view_as(p)
            offset += p.numel()

    def zero_grad(self) -> None:
        """Set the gradient to zero, in place: the parameters' `grad` are views of it."""
        self.gradient.zero_()

    @torch.no_grad()
    def step(self, learning_rate: float) -> Tensor:
        """Change the weights by one step, and return the gradient's norm before clipping."""
        self._steps += 1
        norm = self._norm()
        self.gradient.mul_(torch.clamp(self._max_norm / (norm + _TINY), max=1.0))
        self._mean.lerp_(self.gradient, 1.0 - _BETA1)
        self._square.mul_(_BETA2).addcmul_(self.gradient, self.gradient, value=1.0 - _BETA2)
        step_size = learning_rate / (1.0 - _BETA1**self._steps)
        root = math.sqrt(1.0 - _BETA2**self._steps)
        denominator = (self._square.sqrt() / root).add_(_EPSILON)
        self.weights.addcdiv_(self._mean, denominator, value=-step_size)
        return norm

    def _norm(self) -> Tensor:
        # In two parts: the order of a sum depends on how many numbers there are.
        norm: Tensor = torch.linalg.vector_norm(self.gradient[: self._common])
        if self._common == self.gradient.numel():
            return norm
        return torch.hypot(norm, torch.linalg.vector_norm(self.gradient[self._common :]))

    def state(self) -> AdamState:
        """Return a copy of the state, without the parameters that stand apart."""
        tensors = (self.weights, self._mean, self._square)
        return AdamState(self._steps, *(t[: self._common].clone() for t in tensors))

    def load(self, state: AdamState) -> None:
        """Go on from a state of a network with the same parameters but for those apart."""
        self._steps = state.steps
        self.weights[: self._common] = state.weights
        self._mean[: self._common] = state.mean
        self._square[: self._common] = state.square
