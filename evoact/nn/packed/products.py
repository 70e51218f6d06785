"""Products of a stack of networks, one matrix for each.

Gradients of weights are written straight into the views that layers have of one
tensor for all networks: autograd would make each anew and add it up. So weights
are no leaves of autograd; an `anchor` that asks for a gradient, and gets none,
keeps the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor


@dataclass(slots=True)
class Weights:
    """Weights and biases of one layer in all networks, and where their gradients go."""

    weight: Tensor
    weight_gradient: Tensor
    bias: Tensor
    bias_gradient: Tensor


class Product(torch.autograd.Function):
    """`y[k] = x[k] @ weight[k].T + bias[k]`: `(K, n, i)` times `(K, o, i)`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, anchor: Tensor, weights: Weights) -> Tensor:  # noqa: ARG004  # see above
        """Multiply, and add the bias."""
        x = x.contiguous()  # else the algorithm depends on strides, as in `Pairs`
        ctx.save_for_backward(x)
        ctx.weights = weights
        y = _bmm_of_any_size(x, weights.weight.transpose(1, 2))
        return y.add_(weights.bias.unsqueeze(1))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None]:
        """Leave the gradients of weight and bias, and return that of the input."""
        (x,), gradient = ctx.saved_tensors, gradient.contiguous()
        weights: Weights = ctx.weights
        weights.weight_gradient.copy_(_bmm_of_any_size(gradient.transpose(1, 2), x))
        torch.sum(gradient, dim=1, out=weights.bias_gradient)
        wanted = ctx.needs_input_grad[0]
        return _bmm_of_any_size(gradient, weights.weight) if wanted else None, None, None


def _bmm_of_any_size(a: Tensor, b: Tensor) -> Tensor:
    """Multiply as `_bmm` does, with the same bits where matrices are small and odd, too.

    What is computed of such depends on where in memory a matrix begins: each is copied.
    """
    (_, rows, inner), columns = a.shape, b.shape[2]
    small = rows % 4 and columns % 8 and (rows <= 4 or columns <= 10)
    if (small or (columns == 1 and inner % 16)) and not a.is_cuda:
        pairs = zip(a.split(1), b.split(1), strict=True)
        return torch.cat([_bmm(one.clone(), other.clone()) for one, other in pairs])
    return _bmm(a, b)


def _bmm(a: Tensor, b: Tensor) -> Tensor:
    """Multiply matrices in pairs; each product has the bits it has among others."""
    if len(a) == 1 and 1 in (a.shape[1], b.shape[2]):  # else a product with a vector, by other code
        return torch.bmm(a.expand(2, -1, -1), b.expand(2, -1, -1))[:1]
    return torch.bmm(a, b)


class Affine(torch.autograd.Function):
    """`y[k] = x[k] * weight[k] + bias[k]`: `(K, n, c)` and `(K, c)`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, anchor: Tensor, weights: Weights) -> Tensor:  # noqa: ARG004  # see above
        """Scale and shift."""
        ctx.save_for_backward(x)
        ctx.weights = weights
        return torch.addcmul(weights.bias.unsqueeze(1), x, weights.weight.unsqueeze(1))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Leave the gradients of weight and bias, and return that of the input."""
        (x,) = ctx.saved_tensors
        weights: Weights = ctx.weights
        torch.sum(gradient * x, dim=1, out=weights.weight_gradient)
        torch.sum(gradient, dim=1, out=weights.bias_gradient)
        return gradient * weights.weight.unsqueeze(1), None, None


class Columns(torch.autograd.Function):
    """The patches that a convolution multiplies (im2col), channels last.

    Inputs are `(K, batch, *sites, C)`, padded before; results are
    `(K, batch, *places, *kernel, C)`, and the products go over the last ones.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
        """Copy the patches."""
        ctx.shape, ctx.kernel, ctx.stride = x.shape, kernel, stride
        patches = x
        for dim, (size, step) in enumerate(zip(kernel, stride, strict=True), 2):
            patches = patches.unfold(dim, size, step)  # the kernel's dimension goes last
        return patches.movedim(2 + len(kernel), -1).contiguous()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Add up what each site got from the patches that it is in."""
        total = gradient.new_zeros(ctx.shape)
        count = len(ctx.kernel)
        places = gradient.shape[2 : 2 + count]
        for offset in product(*map(range, ctx.kernel)):
            spans = zip(offset, ctx.stride, places, strict=True)
            sites = [slice(start, start + step * (n - 1) + 1, step) for start, step, n in spans]
            total[:, :, *sites] += gradient[(slice(None),) * (2 + count) + offset]
        return total, None, None


class Pairs(torch.autograd.Function):
    """Products of matrices in pairs, `(..., n, m)` and `(..., m, o)`.

    As torch's `matmul`, which for a batch of one takes matrices as they lie, and
    else copies them: the last bits of the product depend on it.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        """Multiply contiguous copies."""
        left, right = a.flatten(0, -3).contiguous(), b.flatten(0, -3).contiguous()
        ctx.save_for_backward(left, right)
        ctx.shapes = a.shape, b.shape
        return _bmm(left, right).view(*a.shape[:-1], b.shape[-1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Multiply by the other operand."""
        left, right = ctx.saved_tensors
        flat = gradient.flatten(0, -3).contiguous()
        a = _bmm(flat, right.transpose(1, 2)).view(ctx.shapes[0])
        return a, _bmm(left.transpose(1, 2), flat).view(ctx.shapes[1])


def matmul_in_pairs(a: Tensor, b: Tensor) -> Tensor:
    """Apply `Pairs`."""
    result: Tensor = Pairs.apply(a, b)  # type: ignore[no-untyped-call]  # untyped in torch
    return result


def product_of(x: Tensor, anchor: Tensor, weights: Weights) -> Tensor:
    """Apply `Product`."""
    result: Tensor = Product.apply(x, anchor, weights)  # type: ignore[no-untyped-call]  # untyped in torch
    return result


def affine_of(x: Tensor, anchor: Tensor, weights: Weights) -> Tensor:
    """Apply `Affine`."""
    result: Tensor = Affine.apply(x, anchor, weights)  # type: ignore[no-untyped-call]  # untyped in torch
    return result


def columns_of(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Apply `Columns`."""
    result: Tensor = Columns.apply(x, kernel, stride)  # type: ignore[no-untyped-call]  # untyped in torch
    return result
