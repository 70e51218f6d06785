"""Layers that start near the identity: deep networks without skips that train.

Zagoruyko and Komodakis 2017, "DiracNets: Training Very Deep Neural Networks Without
Skip-Connections", arXiv 1706.00388.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.tasks.backbones.dense import INITIAL, perceptron
from evoact.tasks.user import MakeActivation

_IDENTITY, _REST = 1.0, 0.1  # the first a and b of the authors' code


class DiracLinear(nn.Module):
    r"""A dense layer of weights `diag(a) I + diag(b) W_norm`, each row of `W_norm` of length 1.

    `a` and `b` have an entry for each output, start at 1 and 0.1, and are trained as `W`
    and the bias are. Where there are more inputs than outputs, or fewer, `I` has ones on
    its diagonal alone. A trained layer is an `nn.Linear` of `effective_weight()`.

    Args:
        in_features: features of the input.
        out_features: features of the output.

    Shapes: input `(..., in_features)`, result `(..., out_features)`; `weight` (`W`)
    `(out_features, in_features)`, `identity` (`a`), `rest` (`b`), `bias` `(out_features,)`.

    >>> layer = DiracLinear(3, 3)
    >>> _ = layer.weight.data.copy_(2.0 * torch.eye(3))
    >>> layer(torch.tensor([1.0, 2.0, 3.0])).tolist()  # 1 + 0.1 times the input
    [1.100000023841858, 2.200000047683716, 3.3000001907348633]
    """

    is_affine = True

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.identity = nn.Parameter(torch.full((out_features,), _IDENTITY))
        self.rest = nn.Parameter(torch.full((out_features,), _REST))
        self.bias = nn.Parameter(torch.zeros(out_features))
        INITIAL["lecun"](self.weight.data)

    def effective_weight(self) -> Tensor:
        """Return the weights `(out_features, in_features)` by which inputs are multiplied."""
        rest = self.rest[:, None] * F.normalize(self.weight)
        diagonal = torch.eye(*rest.shape, dtype=rest.dtype, device=rest.device)
        return torch.addcmul(rest, self.identity[:, None], diagonal)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output."""
        return F.linear(x, self.effective_weight(), self.bias)

    def extra_repr(self) -> str:
        """Return what stands between the parentheses when the module is printed."""
        return f"in_features={self.in_features}, out_features={self.out_features}"


def dirac_network(
    activation: MakeActivation, inputs: int, hidden: Sequence[int], outputs: int
) -> nn.Sequential:
    """Return dense layers on `(batch, inputs)`, all but the first and the last `DiracLinear`.

    With 50 layers and more it trains, with an activation that is near the identity or
    ReLU, at the usual rates.

    Args:
        activation: makes the activations between layers.
        inputs: channels of its input.
        hidden: channels of its hidden layers, before the activations.
        outputs: channels of its output.
    """

    def layer(place: int, inputs: int, outputs: int) -> nn.Module:
        if 0 < place < len(hidden):
            return DiracLinear(inputs, outputs)
        made = nn.Linear(inputs, outputs)
        INITIAL["lecun"](made.weight)
        nn.init.zeros_(made.bias)
        return made

    return perceptron(activation, inputs, hidden, outputs, layer)
