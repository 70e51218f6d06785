"""Generated Triton kernels behind autograd: one launch forward, keeping `x` alone.

The kernels are those of stacks, see `evoact.language.triton_source`: an
activation is a stack of one slice, all of its terms being known.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import torch
from torch import Tensor

from evoact.language import Scope
from evoact.language.triton_source import ENTRIES
from evoact.nn.fused.compiled import Layout, gathered, layout_of, spread
from evoact.nn.fused.source import Made
from evoact.nn.kernels.triton_program import (
    ALONE,
    NONE,
    Program,
    Terms,
    entries_of,
    programs_of,
    room_for_sums,
    takes_device,
)

_MOST: Final = 2**30  # elements; kernels count them in 32 bits


def triton_takes(x: Tensor, values: Sequence[Tensor]) -> bool:
    """Return whether a kernel can work on these: float32 without gaps, on a GPU."""
    return (
        x.dtype == torch.float32
        and 0 < x.numel() <= _MOST
        and takes_device(x)
        and all(value.device == x.device for value in values)
        and layout_of(x, values) is not None
    )


def triton_values(made: Made, x: Tensor, values: Sequence[Tensor]) -> Tensor:
    """Return the values, for `x` such that `triton_takes(x, values)`."""
    layout = layout_of(x, values)
    assert layout is not None
    alone, y = _alone(made, layout, x.device), torch.empty_like(x)
    with torch.cuda.device_of(x):
        alone.program.values(
            _flat(x, layout), _flat(y, layout), _joined(values, layout, x), alone.terms,
            alone.slices,
        )  # fmt: skip
    return y


def triton_gradients(
    made: Made, x: Tensor, values: Sequence[Tensor], gradient: Tensor
) -> list[Tensor]:
    """Return the gradients of `x` and of the parameters, given that of the values."""
    layout = layout_of(x, values)
    assert layout is not None
    alone, gx = _alone(made, layout, x.device), torch.empty_like(x)
    g = gradient if gradient.stride() == x.stride() else torch.empty_like(x).copy_(gradient)
    flat = _flat(x, layout)
    parameters = _joined(values, layout, x)
    totals, sums = torch.zeros_like(parameters), room_for_sums(flat, alone.terms)
    with torch.cuda.device_of(x):
        given = (_flat(g, layout), _flat(gx, layout), sums)
        alone.program.pulls(flat, given, parameters, alone.terms, alone.slices)
        alone.program.gather(flat, sums, totals, alone.terms)
    if not values:
        return [gx]
    parts = totals.split([_size(value, layout) for value in values])
    return [gx, *(gathered(part, value) for part, value in zip(parts, values, strict=True))]


class _Alone(NamedTuple):
    """What the kernels read of an activation; it stays on the device."""

    program: Program
    terms: Terms
    slices: Tensor


@lru_cache(maxsize=1024)
def _alone(made: Made, layout: Layout, device: torch.device) -> _Alone:
    (program,) = programs_of([[made.expression]])
    wide = [p.scope is Scope.CHANNEL for p in made.expression.parameters]
    places, place = [], 0
    for flag in wide:
        places.append(place)
        place += layout.n if flag else 1
    entries, (layers, channels) = entries_of(places, wide, (0, 0))
    slots = [
        [1, int(flag), *entries[ENTRIES * j + 1 : ENTRIES * j + 3], places[j]]
        for j, flag in enumerate(wide)
    ]
    terms = Terms(
        torch.tensor([[NONE, program.number(made.expression)]], dtype=torch.int32, device=device),
        torch.ones(1, 2, 2, device=device),
        torch.tensor([[[0] * len(entries), entries]], dtype=torch.int64, device=device),
        torch.tensor(slots, dtype=torch.int64, device=device).view(-1, 5),
        torch.zeros(1, device=device),
        layers,
        channels,
        ALONE,
    )
    return _Alone(program, terms, torch.zeros(1, dtype=torch.int64, device=device))


def _flat(x: Tensor, layout: Layout) -> Tensor:
    """Return a tensor as its memory lies: a stack of one slice of rows."""
    return x.as_strided((1, layout.rows, layout.n), (x.numel(), layout.n, 1))


def _joined(values: Sequence[Tensor], layout: Layout, x: Tensor) -> Tensor:
    """Return all parameters in one tensor, as kernels read them."""
    if not values:
        return x.new_zeros(1)
    return torch.cat([spread(value, layout).reshape(-1) for value in values])


def _size(value: Tensor, layout: Layout) -> int:
    return layout.n if value.dim() else 1
