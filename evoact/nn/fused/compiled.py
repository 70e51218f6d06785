"""Generated kernels behind autograd: one pass forward, one backward, keeping `x` alone."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from evoact.language.c_prelude import LANES
from evoact.nn.fused.analytic import pulled
from evoact.nn.fused.source import Made


class Layout(NamedTuple):
    """How a tensor lies in memory for a kernel: rows of `n` floats; `dim` of the channels."""

    rows: int
    n: int
    dim: int | None


def takes(x: Tensor, values: Sequence[Tensor]) -> bool:
    """Return whether C can work on these: float32 without gaps, on the CPU."""
    return (
        x.dtype == torch.float32
        and x.device.type == "cpu"
        and x.numel() > 0
        and all(value.device.type == "cpu" for value in values)
        and layout_of(x, values) is not None
    )


class Way(NamedTuple):
    """How kernels of one kind are called."""

    values: Callable[[Made, Tensor, Sequence[Tensor]], Tensor]
    gradients: Callable[[Made, Tensor, Sequence[Tensor], Tensor], list[Tensor]]


def compiled(way: Way, made: Made, x: Tensor, values: Sequence[Tensor]) -> Tensor:
    """Return a pointwise expression of `x`; gradients of gradients are `analytic`'s.

    Args:
        way: whose kernels.
        made: of a pointwise expression.
        x: such that the way takes it.
        values: as in `analytic`.
    """
    if torch.is_grad_enabled() and any(one.requires_grad for one in (x, *values)):
        result: Tensor = _Compiled.apply(way, made, x, *values)  # type: ignore[no-untyped-call]  # untyped in torch
        return result
    return way.values(made, x, values)


class _Compiled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, way: Way, made: Made, x: Tensor, *values: Tensor) -> Tensor:
        ctx.way, ctx.made = way, made
        ctx.save_for_backward(x, *values)
        return way.values(made, x, values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, *values = ctx.saved_tensors
        if torch.is_grad_enabled():
            return None, None, *pulled(ctx.made, x, values, gradient)
        return None, None, *ctx.way.gradients(ctx.made, x, values, gradient)


def c_values(made: Made, x: Tensor, values: Sequence[Tensor]) -> Tensor:
    """Return the values by C, for `x` such that `takes(x, values)`."""
    layout = layout_of(x, values)
    assert layout is not None
    y = torch.empty_like(x)
    given = [spread(value, layout) for value in values]
    made.kernel.run(x.data_ptr(), _pointers(given), layout.rows, layout.n, y.data_ptr(), None, 0)
    return y


def c_gradients(made: Made, x: Tensor, values: Sequence[Tensor], gradient: Tensor) -> list[Tensor]:
    """Return the gradients of `x` and of the parameters by C, given that of the values."""
    layout = layout_of(x, values)
    assert layout is not None
    gx = torch.empty_like(x)
    g = gradient if gradient.stride() == x.stride() else torch.empty_like(x).copy_(gradient)
    given = [spread(value, layout) for value in values]
    sums = [
        torch.zeros(layout.n if value.dim() else LANES, dtype=torch.float64) for value in values
    ]
    made.kernel.pull(
        x.data_ptr(), _pointers(given), layout.rows, layout.n, g.data_ptr(), gx.data_ptr(),
        _pointers(sums),
    )  # fmt: skip
    return [gx, *(gathered(total, value) for total, value in zip(sums, values, strict=True))]


def layout_of(x: Tensor, values: Sequence[Tensor]) -> Layout | None:
    """Return how `x` lies in memory, or None if it has gaps or an order that is not known."""
    contiguous = x.is_contiguous()
    last = not contiguous and x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    if not contiguous and not last:
        return None
    wide = [value for value in values if value.dim()]
    if not wide:
        return Layout(1, x.numel(), None)
    dim = wide[0].shape.index(max(wide[0].shape))
    if last:
        return Layout(x.numel() // x.shape[1], x.shape[1], dim) if dim == 1 else None
    n = math.prod(x.shape[dim:])
    return Layout(x.numel() // n, n, dim)


def spread(value: Tensor, layout: Layout) -> Tensor:
    """Return a parameter as a kernel reads it: one value, or one for each place of a row."""
    if not value.dim():
        return value.contiguous()
    flat = value.reshape(-1, 1)
    return flat.expand(-1, layout.n // len(flat)).reshape(-1).contiguous()


def gathered(total: Tensor, value: Tensor) -> Tensor:
    """Return sums over places as a parameter's gradient."""
    if not value.dim():
        return total.sum().to(value.dtype)
    return total.view(value.numel(), -1).sum(1).to(value.dtype).view(value.shape)


def _pointers(tensors: Sequence[Tensor]) -> Any:
    return (ctypes.c_void_p * (len(tensors) + 1))(*(tensor.data_ptr() for tensor in tensors))
