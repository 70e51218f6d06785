"""The backward pass by the derivative that is generated from the tree.

Autograd keeps what each operation of a forward pass needs; here only `x` is
kept, and the derivative is computed from it, without a graph, when it is asked
for. Long inputs are taken in pieces that stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from evoact.language import Expression
from evoact.nn.fused.source import slope_function, value_function

_PIECE: Final = 2**15
"""Elements of a piece: some of its intermediate results fit into the cache of a core."""


def analytic(expression: Expression, x: Tensor, values: Sequence[Tensor]) -> Tensor:
    """Return a pointwise expression of `x`, differentiable any number of times.

    Args:
        expression: pointwise.
        x: of any shape.
        values: the parameters, of the type of `x`, so shaped that they broadcast.
    """
    result: Tensor = _Analytic.apply(expression, x, *values)  # type: ignore[no-untyped-call]  # untyped in torch
    return result


class _Analytic(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, expression: Expression, x: Tensor, *values: Tensor) -> Tensor:
        ctx.expression = expression
        ctx.save_for_backward(x, *values)
        function = value_function(expression)
        y = torch.empty_like(x)
        for piece, given, out in _pieces(values, x, y):
            out.copy_(function(piece, *given))
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, *values = ctx.saved_tensors
        return None, *pulled(ctx.expression, x, values, gradient)


def pulled(
    expression: Expression, x: Tensor, values: Sequence[Tensor], gradient: Tensor
) -> list[Tensor]:
    """Return the gradients of `x` and of the parameters, given that of the result."""
    function = slope_function(expression)
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
