"""The backward pass by the derivative that is generated from the tree.

Autograd keeps what each operation of a forward pass needs; here `x` is kept, and
the derivative is computed from it, without a graph, when it is asked for; or in
the forward pass, where that still keeps less than half as much. Long inputs are
taken in pieces: it takes no longer, and intermediate results need no room.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from evoact.nn.fused.source import Made

_PIECE: Final = 2**15
"""Elements of a piece: calling an operation takes little beside doing it."""


def analytic(made: Made, x: Tensor, values: Sequence[Tensor]) -> Tensor:
    """Return a pointwise expression of `x`, differentiable any number of times.

    Args:
        made: of a pointwise expression.
        x: of any shape.
        values: the parameters, of the type of `x`, so shaped that they broadcast.
    """
    if not (torch.is_grad_enabled() and any(one.requires_grad for one in (x, *values))):
        return made.value(x, *values)
    result: Tensor = _Analytic.apply(made, x, *values)  # type: ignore[no-untyped-call]  # untyped in torch
    return result


class _Analytic(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, made: Made, x: Tensor, *values: Tensor) -> Tensor:
        ctx.made = made
        y = torch.empty_like(x)
        if not made.keeps_slopes:
            ctx.save_for_backward(x, *values)
            for piece, given, out in _pieces(values, x, y):
                out.copy_(made.value(piece, *given))
            return y
        slopes = [torch.empty_like(x) for _ in range(1 + len(values))]
        for piece, given, *outs in _pieces(values, x, y, *slopes):
            for out, result in zip(outs, made.joint(piece, *given), strict=True):
                out.copy_(result) if isinstance(result, Tensor) else out.fill_(result)
        ctx.save_for_backward(x, *values, *slopes)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        count = 1 + len(ctx.made.expression.parameters)
        x, *values = ctx.saved_tensors[:count]
        slopes = ctx.saved_tensors[count:]
        if torch.is_grad_enabled() or not slopes:
            return None, *pulled(ctx.made, x, values, gradient)
        sums = [
            (gradient * slope).sum_to_size(value.shape)
            for slope, value in zip(slopes[1:], values, strict=True)
        ]
        return None, gradient * slopes[0], *sums


def pulled(made: Made, x: Tensor, values: Sequence[Tensor], gradient: Tensor) -> list[Tensor]:
    """Return the gradients of `x` and of the parameters, given that of the result."""
    function = made.slopes
    if torch.is_grad_enabled():  # these gradients will be differentiated
        dx, *others = function(x, *values)
        sums = [
            (gradient * slope).sum_to_size(value.shape)
            for slope, value in zip(others, values, strict=True)
        ]
        return [gradient * dx, *sums]
    gx = torch.empty_like(x)
    sums = [torch.zeros_like(value) for value in values]
    for piece, given, g, out in _pieces(values, x, gradient, gx):
        dx, *others = function(piece, *given)
        torch.mul(g, dx, out=out)
        for total, slope in zip(sums, others, strict=True):
            total.add_((g * slope).sum_to_size(total.shape))
    return [gx, *sums]


def _pieces(values: Sequence[Tensor], *arrays: Tensor) -> Iterator[tuple[Any, ...]]:
    """Yield short views of tensors of one shape, and the parameters after the first."""
    first = arrays[0]
    lined = all(value.dim() == 0 for value in values) and all(a.is_contiguous() for a in arrays)
    if lined:
        arrays = tuple(array.view(-1) for array in arrays)
        first = arrays[0]
    whole = first.numel() <= 2 * _PIECE or first.device.type != "cpu" or not first.dim()
    if whole or any(value.dim() == first.dim() and value.shape[0] != 1 for value in values):
        yield first, values, *arrays[1:]
        return
    rows = max(1, _PIECE * len(first) // first.numel())
    for first_part, *others in zip(*(array.split(rows) for array in arrays), strict=True):
        yield first_part, values, *others
