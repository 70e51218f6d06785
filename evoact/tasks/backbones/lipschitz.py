"""Networks whose Lipschitz constant is that of their activations, 1 or less.

Anil, Lucas and Grosse 2019, "Sorting out Lipschitz function approximation", arXiv
1811.05381: weights are brought to the nearest matrix with orthonormal rows or columns
by the iteration of Björck and Bowie 1971, through which gradients go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.tasks.backbones.dense import perceptron
from evoact.tasks.user import MakeActivation

ITERATIONS: Final = 20


def orthonormalised(weight: Tensor, iterations: int = ITERATIONS) -> Tensor:
    """Return the matrix with orthonormal rows (or columns, if it has more rows) nearest to one.

    `W <- 1.5 W - 0.5 W W^T W`, after a division by a bound on the largest singular value:
    `|W|_2^2 <= |W^T W|_inf`, the largest absolute row sum. So singular values start in
    (0, 1], rise to 1, and never exceed it, but for rounding, after however many
    iterations; a singular value of `s` times the largest one needs about
    `ln(1 / s) / ln(1.5)` of them, and four more. That the bound is 1 for orthonormal
    matrices makes trained layers converge at once.

    Args:
        weight: `(rows, columns)` of full rank; zeros stay zeros.
        iterations: how many.

    >>> found = orthonormalised(torch.tensor([[3.0, 0.0], [0.0, 0.5]]))
    >>> torch.allclose(found, torch.eye(2), atol=1e-6)
    True
    """
    wide = weight if weight.shape[0] <= weight.shape[1] else weight.T
    bound = (wide @ wide.T).detach().abs().sum(dim=1).amax().sqrt()
    # The result does not depend on the bound, and so gradients do not go through it.
    found = wide / bound.clamp_min(torch.finfo(wide.dtype).tiny)
    for _ in range(iterations):
        found = torch.addmm(found, found @ found.T, found, beta=1.5, alpha=-0.5)
    return found if wide is weight else found.T


class BjorckLinear(nn.Module):
    """A dense layer whose weights are orthonormal: rows or columns, whichever are fewer.

    It lengthens no difference of two inputs; with as many outputs as inputs, or more, it
    keeps the length of each, and otherwise that of gradients.

    Args:
        in_features: features of the input.
        out_features: features of the output.
        iterations: see `orthonormalised`.

    Shapes: input `(..., in_features)`, result `(..., out_features)`; `weight`, before it is
    made orthonormal, `(out_features, in_features)`, `bias` `(out_features,)`.

    >>> layer = BjorckLinear(2, 8)
    >>> x = torch.tensor([[3.0, 4.0]])
    >>> round(float((layer(x) - layer.bias).detach().norm()), 4)
    5.0
    """

    is_affine = True

    def __init__(self, in_features: int, out_features: int, iterations: int = ITERATIONS) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.iterations = iterations
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        nn.init.orthogonal_(self.weight)

    def effective_weight(self) -> Tensor:
        """Return the orthonormal weights `(out_features, in_features)`."""
        return orthonormalised(self.weight, self.iterations)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output."""
        return F.linear(x, self.effective_weight(), self.bias)

    def extra_repr(self) -> str:
        """Return what stands between the parentheses when the module is printed."""
        return f"in_features={self.in_features}, out_features={self.out_features}"


def lipschitz_network(
    activation: MakeActivation, inputs: int, hidden: Sequence[int], outputs: int
) -> nn.Sequential:
    """Return dense orthonormal layers with activations between them, on `(batch, inputs)`.

    In Euclidean norms it has Lipschitz constant 1 if the activations have (`one_lipschitz`
    of `evoact.parse(text).facts()`); it can reach it everywhere only if they keep
    the norm of gradients, as `group_sort(x, 2)` and `abs(x)` do and ReLU does not.

    Args:
        activation: makes the activations.
        inputs: channels of its input.
        hidden: channels of its hidden layers, before the activations.
        outputs: channels of its output.
    """

    def layer(_: int, inputs: int, outputs: int) -> nn.Module:
        return BjorckLinear(inputs, outputs)

    return perceptron(activation, inputs, hidden, outputs, layer)
