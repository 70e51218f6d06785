"""Layers of a stack of networks: slice k of the data meets the weights of network k.

Data are `(K, batch, ..., channels)`: channels last in every layout, so that
one product of matrices serves dense, convolutional and sequence layers, and
each slice is computed as if it were alone. Parameters are `(K, ...)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.nn.packed.products import Weights, affine_of, columns_of, product_of


class PackedLayer(nn.Module):
    """A layer with weights for each network of a stack, views of the stack's rows.

    Attributes:
        shapes: of weight and bias in one network.
        fan_in: how many inputs a unit has.
        weights: set by `bind`, as often as the stack changes.
    """

    weights: Weights

    def __init__(self, weight: Sequence[int], bias: Sequence[int]) -> None:
        super().__init__()
        self.shapes = (tuple(weight), tuple(bias))
        self.fan_in = prod(self.shapes[0][1:])
        self.anchor = torch.zeros((), requires_grad=True)

    @staticmethod
    def parts_of(layer: nn.Module) -> tuple[Tensor, Tensor]:
        """Return weight and bias of torch's own layer, as they lie in the packed one."""
        return layer.get_parameter("weight"), layer.get_parameter("bias")

    def drawn(self, generator: torch.Generator) -> Tensor:
        """Return standard normal weights of one network, as drawn for torch's own layer."""
        return torch.randn(self.shapes[0], generator=generator)

    def scaled(self, drawn: Tensor, gain: float) -> Tensor:
        """Return the first weights of one network: He et al. 2015, as `initialise`."""
        scale: float = gain / self.fan_in**0.5
        return drawn * scale

    def bind(self, weights: Weights) -> None:
        """Take weights and gradients `(K, ...)`."""
        self.weights = weights


class PackedLinear(PackedLayer):
    """`nn.Linear` on the last dimension."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.weight.shape, layer.bias.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return `(K, ..., out_features)`."""
        return _unflatten(product_of(x.flatten(1, -2), self.anchor, self.weights), x.shape[1:-1])


class PackedConv(PackedLayer):
    """`nn.Conv1d` or `nn.Conv2d`, as a product with the patches of the input.

    The kernels of one network are `(out, *kernel, in)`. torch's own grouped
    convolution chooses its algorithm by the number of groups, and with it the
    last bits.
    """

    def __init__(self, layer: nn.Conv1d | nn.Conv2d) -> None:
        out, inside, *kernel = layer.weight.shape
        assert layer.bias is not None, "see `is_plain`"
        super().__init__((out, *kernel, inside), layer.bias.shape)
        self.kernel, self.stride = tuple(kernel), tuple(layer.stride)
        assert not isinstance(layer.padding, str), "see `is_plain`"
        # For F.pad, which begins with the last dimension.
        self.padding = (0, 0, *(side for size in reversed(layer.padding) for side in (size, size)))

    @staticmethod
    def parts_of(layer: nn.Module) -> tuple[Tensor, Tensor]:
        """Return the kernels `(out, *kernel, in)`, and the bias."""
        return layer.get_parameter("weight").movedim(1, -1), layer.get_parameter("bias")

    def drawn(self, generator: torch.Generator) -> Tensor:
        """Return weights `(out, *kernel, in)`, drawn as torch's `(out, in, *kernel)`."""
        out, *kernel, inside = self.shapes[0]
        return torch.randn((out, inside, *kernel), generator=generator).movedim(1, -1)

    def bind(self, weights: Weights) -> None:
        """Take weights and gradients `(K, out, *kernel, in)`, as matrices."""
        matrices = weights.weight.flatten(2), weights.weight_gradient.flatten(2)
        self.weights = replace(weights, weight=matrices[0], weight_gradient=matrices[1])

    def forward(self, x: Tensor) -> Tensor:
        """Return `(K, batch, *places, out)`."""
        columns = columns_of(F.pad(x, self.padding), self.kernel, self.stride)
        places = columns.shape[1 : -1 - len(self.kernel)]
        flat = columns.flatten(-1 - len(self.kernel)).flatten(1, -2)
        return _unflatten(product_of(flat, self.anchor, self.weights), places)


class PackedLayerNorm(PackedLayer):
    """`nn.LayerNorm` over the channels."""

    def __init__(self, layer: nn.LayerNorm) -> None:
        super().__init__(layer.weight.shape, layer.bias.shape)
        self.epsilon = layer.eps

    def drawn(self, generator: torch.Generator) -> Tensor:  # noqa: ARG002  # nothing is drawn
        """Return ones."""
        return torch.ones(self.shapes[0])

    def scaled(self, drawn: Tensor, gain: float) -> Tensor:  # noqa: ARG002  # it normalises
        """Return what was drawn."""
        return drawn

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised input, scaled and shifted."""
        normal = F.layer_norm(x, x.shape[-1:], eps=self.epsilon).flatten(1, -2)
        return affine_of(normal, self.anchor, self.weights).view(x.shape)


class PackedFlatten(nn.Module):
    """`nn.Flatten`: the features of a sample in torch's order, channels first."""

    def __init__(self, layer: nn.Flatten) -> None:
        super().__init__()
        assert (layer.start_dim, layer.end_dim) == (1, -1), "see `is_plain`"

    def forward(self, x: Tensor) -> Tensor:
        """Return `(K, batch, features)`."""
        return x.movedim(-1, 2).flatten(2)


class PackedUnflatten(nn.Module):
    """`nn.Unflatten` of features into channels and places, channels last here."""

    def __init__(self, layer: nn.Unflatten) -> None:
        super().__init__()
        self.sizes: tuple[int, ...] = tuple(map(int, layer.unflattened_size))

    def forward(self, x: Tensor) -> Tensor:
        """Return `(K, batch, *places, channels)`."""
        return x.reshape(*x.shape[:2], *self.sizes).movedim(2, -1)


def _unflatten(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return `(K, n, c)` as `(K, *sizes, c)`."""
    return x.view(len(x), *sizes, x.shape[-1])


def is_plain(layer: nn.Module) -> bool:
    """Whether a layer is used in the one way that its packed form knows."""
    if type(layer) not in FORMS:  # not a subclass either: it may compute something else
        return False
    match layer:
        case nn.Linear():
            return layer.bias is not None
        case nn.Conv1d() | nn.Conv2d():
            return _is_plain_convolution(layer)
        case nn.LayerNorm():
            return layer.elementwise_affine and len(layer.normalized_shape) == 1
        case nn.Flatten():
            return (layer.start_dim, layer.end_dim) == (1, -1)
        case nn.Unflatten():
            return layer.dim == 1
        case _:
            return False


def _is_plain_convolution(layer: nn.Conv1d | nn.Conv2d) -> bool:
    padded_by_zeros = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    whole = layer.groups == 1 and set(layer.dilation) == {1}
    return padded_by_zeros and whole and layer.bias is not None


FORMS: Final[dict[type[nn.Module], type[Any]]] = {
    nn.Linear: PackedLinear,
    nn.Conv1d: PackedConv,
    nn.Conv2d: PackedConv,
    nn.LayerNorm: PackedLayerNorm,
    nn.Flatten: PackedFlatten,
    nn.Unflatten: PackedUnflatten,
}
