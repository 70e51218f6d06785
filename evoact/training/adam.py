"""Adam on the rows of a stack of networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor

from evoact.nn.packed import Rows

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
_TINY: Final = 1e-6


class RowState(NamedTuple):
    """The parameters of one network and their moments."""

    weights: Tensor
    mean: Tensor
    square: Tensor


class RowAdam:
    """Adam (Kingma & Ba 2015) with gradient clipping, for many networks at once.

    Each network takes the steps that `torch.optim.Adam` would take after
    `clip_grad_norm_`, whoever its neighbours are, to the bit.

    Args:
        sizes: of the blocks of a row.
        max_norm: each network's gradient is scaled down to this Euclidean norm.

    Attributes:
        weights, gradient: of the networks in the stack now.
        steps: how many were taken; the same for all.
    """

    weights: Rows
    gradient: Rows

    def __init__(self, sizes: Sequence[int], max_norm: float) -> None:
        self._sizes, self._max_norm = tuple(sizes), max_norm
        self.steps = 0
        self._scales = torch.zeros(2)

    def arrange(self, states: Sequence[RowState]) -> None:
        """Form the stack anew of the networks with these states."""
        longest = max(len(state.weights) for state in states)
        sizes = (*self._sizes, longest - sum(self._sizes))
        weights, means, squares = zip(*states, strict=True)
        self.weights, self._mean = Rows(sizes, weights), Rows(sizes, means)
        self._square = Rows(sizes, squares)
        self.gradient = Rows(sizes, [torch.zeros_like(row) for row in weights])
        self._scales = self._scales.to(self.weights.flat.device)

    def state(self, k: int) -> RowState:
        """Return a copy of the state of network `k`."""
        return RowState(self.weights.row(k), self._mean.row(k), self._square.row(k))

    def zero_grad(self) -> None:
        """Set all gradients to zero, in place."""
        self.gradient.flat.zero_()

    def count(self, learning_rate: float) -> None:
        """Count a step and set how long it is: all of it that is not done on the device."""
        self.steps += 1
        step_size = learning_rate / (1.0 - _BETA1**self.steps)
        root = math.sqrt(1.0 - _BETA2**self.steps)
        self._scales.copy_(torch.tensor([-step_size, root]), non_blocking=True)

    @torch.no_grad()
    def step(self) -> Tensor:
        """Take the step that was counted, and return the norms of the gradients before clipping.

        Nothing is read or set on the host: it can be captured in a CUDA graph.
        """
        norms = self._norms()
        shrink = torch.clamp(self._max_norm / (norms + _TINY), max=1.0).unsqueeze(1)
        for block in self.gradient.blocks:
            block.mul_(shrink)
        gradient, mean, square = self.gradient.flat, self._mean.flat, self._square.flat
        mean.lerp_(gradient, 1.0 - _BETA1)
        square.mul_(_BETA2).addcmul_(gradient, gradient, value=1.0 - _BETA2)
        step_size, root = self._scales
        denominator = square.sqrt().div_(root).add_(_EPSILON)
        self.weights.flat.addcdiv_(mean * step_size, denominator)
        return norms

    def _norms(self) -> Tensor:
        *blocks, last = self.gradient.blocks
        total = torch.zeros(len(last), device=last.device)
        for block in blocks:  # not one sum over all: its order depends on the number of rows
            total = total + torch.linalg.vector_norm(block, dim=1).square()
        if last.shape[1]:
            squares = last.square()
            # One after the other: zeros at a row's end change no bit. On CUDA, where
            # cohorts are the atom, that has no deterministic algorithm.
            total = total + (squares.sum(1) if last.is_cuda else squares.cumsum(1)[:, -1])
        return total.sqrt()
