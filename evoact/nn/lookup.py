"""Piecewise linear functions at a cost that does not grow with their pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evoact.language import PiecewiseLinear
from evoact.language.fitting import SPACING

Table = npt.NDArray[np.float64]  # (2, cells): intercepts, slopes


def keep_precision(module: nn.Module) -> None:
    """Bring a module's own buffers back to float32 where it was made shorter as a whole."""
    for name, buffer in module._buffers.items():
        if buffer is not None and buffer.dtype.itemsize < torch.float32.itemsize:
            module._buffers[name] = buffer.float()


class PiecewiseTable(nn.Module):
    """A piecewise linear function by look-up: `y = intercept[i] + slope[i] * x`.

    The line is cut into cells of 1/16, with two that reach to infinity, so that
    the cell of an input is computed and not searched for: six passes over the
    input, however many knots there are, all of them multiples of 1/16. NaN
    gives NaN. The gradient is the slope of the cell. The table stays in float32
    where a model is made bfloat16.

    Args:
        functions: what it can be set to, one after another; it starts as the first.

    >>> table = PiecewiseTable([PiecewiseLinear((0.0,), (0.0, 1.0), (0.0, 0.0))])
    >>> table(torch.tensor([-3.0, 0.5, 40.0]))
    tensor([ 0.0000,  0.5000, 40.0000])
    """

    intercepts: Tensor
    slopes: Tensor

    def __init__(self, functions: Sequence[PiecewiseLinear]) -> None:
        super().__init__()
        knots = [knot for function in functions for knot in function.knots] or [0.0]
        self.low, high = min(knots), max(knots)
        self.cells = round((high - self.low) / SPACING) + 2
        self._tables = [self._table(function) for function in functions]
        self.functions = len(functions)
        self._position = 0.0
        intercepts, slopes = torch.tensor(self._tables[0])
        # Set by g, which checkpoints hold; the functions come with the expression.
        dtype = torch.get_default_dtype()
        self.register_buffer("intercepts", intercepts.to(dtype), persistent=False)
        self.register_buffer("slopes", slopes.to(dtype), persistent=False)

    def _table(self, function: PiecewiseLinear) -> Table:
        centres = self.low + SPACING * (np.arange(self.cells) - 0.5)
        piece = np.searchsorted(np.asarray(function.knots, np.float64), centres)
        return np.stack(
            [np.asarray(function.intercepts)[piece], np.asarray(function.slopes)[piece]]
        )

    @property
    def position(self) -> float:
        """What it was set to."""
        return self._position

    def set(self, position: float) -> None:
        """Become function number `position`; between two numbers, what lies between the two."""
        if position != self._position:
            self._position = position
            self._write()

    def _write(self) -> None:
        first = min(int(self._position), len(self._tables) - 1)
        table, share = self._tables[first], self._position - first
        if share > 0.0:
            table = (1.0 - share) * table + share * self._tables[first + 1]
        intercepts, slopes = torch.from_numpy(table)
        self.intercepts.copy_(intercepts)
        self.slopes.copy_(slopes)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Move to a device or type; what `to_empty` leaves is filled again."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # untyped in torch
        keep_precision(self)
        self._write()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Return the function of each element, in the type of `x`."""
        if x.dim() == 4 and not x.is_contiguous():  # channels last, most likely: keep it so
            return self._look_up(x.movedim(1, -1)).movedim(-1, 1)
        return self._look_up(x)

    def _look_up(self, x: Tensor) -> Tensor:
        fine = x if x.dtype in (torch.float32, torch.float64) else x.float()
        with torch.no_grad():
            cell = torch.add(1.0 - self.low / SPACING, fine, alpha=1.0 / SPACING)
            cell = cell.nan_to_num_(nan=0.0).clamp(0.0, self.cells - 1.0)
            # On a CPU look-ups by int64 take a third of the time of those by int32.
            index = cell.to(torch.int64).reshape(-1)
            intercept = self.intercepts.to(fine.dtype).index_select(0, index).view(x.shape)
            slope = self.slopes.to(fine.dtype).index_select(0, index).view(x.shape)
        return torch.addcmul(intercept, slope, fine).to(x.dtype)

    def extra_repr(self) -> str:
        """Return what stands between the parentheses when the module is printed."""
        return f"functions={self.functions}, cells={self.cells}"
