"""GradNet: a network's activations glide from an early to a late function.

Almeida & Sawyer 2015, arXiv 1511.06827: `y = (1 - g) early(x) + g late(x)`
with g rising from 0 to 1 while the network trains.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.language import Expression
from evoact.nn.activation import Activation


class Phase(Enum):
    """Which functions the forward pass evaluates; known without reading g."""

    EARLY = "early"
    BLEND = "blend"
    LATE = "late"


class Annealed(nn.Module):
    """An activation on its way from `early` (g = 0) to `late` (g = 1).

    At g = 0 the result is exactly `early(x)` and `late` is not evaluated; at
    g = 1 it is exactly `late(x)` and `early` is not evaluated. `g` is a
    0-dimensional buffer, saved in checkpoints; set it by `set_g` or, for all
    such modules of a model, by an `AnnealScheduler`.

    Args:
        early: a module, an `Expression` or its text.
        late: likewise.
        channels, channel_dim: as in `Activation`, for expressions.

    Raises:
        InputError: the two expressions differ in width.

    >>> act = Annealed("relu(x)", "tanh(x)")
    >>> float(act(torch.tensor(3.0)))
    3.0
    >>> act.set_g(0.5)
    >>> round(float(act(torch.tensor(3.0))), 4)
    1.9975
    """

    g: Tensor

    def __init__(
        self,
        early: nn.Module | Expression | str,
        late: nn.Module | Expression | str,
        channels: int | None = None,
        channel_dim: int = 1,
    ) -> None:
        super().__init__()
        self.early = _module(early, channels, channel_dim)
        self.late = _module(late, channels, channel_dim)
        _check_widths(self.early, self.late)
        self.register_buffer("g", torch.zeros(()))
        self.phase = Phase.EARLY
        self.register_load_state_dict_post_hook(_phase_from_buffer)  # type: ignore[no-untyped-call]  # untyped in torch

    def set_g(self, g: float) -> None:
        """Set the weight of the late function.

        Raises:
            InputError: `g` is not within [0, 1].
        """
        if not 0.0 <= g <= 1.0:
            raise InputError(f"g is {g}; wanted a number within [0, 1]")
        self.phase = Phase.EARLY if g == 0.0 else Phase.LATE if g == 1.0 else Phase.BLEND
        self.g.fill_(g)

    def forward(self, x: Tensor) -> Tensor:
        """Return the blend; only what has weight is evaluated."""
        if self.phase is Phase.EARLY:
            result: Tensor = self.early(x)
        elif self.phase is Phase.LATE:
            result = self.late(x)
        else:
            early: Tensor = self.early(x)
            g = self.g.to(early.dtype)
            result = (1.0 - g) * early + g * self.late(x)
        return result

    def extra_repr(self) -> str:
        """Return what stands between the parentheses when the module is printed."""
        return f"phase={self.phase.value}"


def _module(
    function: nn.Module | Expression | str, channels: int | None, channel_dim: int
) -> nn.Module:
    if isinstance(function, nn.Module):
        return function
    return Activation(function, channels, channel_dim)


def _check_widths(early: nn.Module, late: nn.Module) -> None:
    """Refuse what cannot be added up, or would be by broadcasting."""
    if isinstance(early, Activation) and isinstance(late, Activation):
        first, last = early.expression(), late.expression()
        if first.width != last.width:
            raise InputError(
                f"early {str(first)!r} has width {first.width} (output over input channels), "
                f"late {str(last)!r} has {last.width}; wanted equal widths"
            )


def _phase_from_buffer(module: Any, _: Any) -> None:
    """Derive the phase from a loaded g, once, when a checkpoint is read."""
    module.set_g(float(module.g))
