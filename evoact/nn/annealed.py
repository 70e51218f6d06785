"""GradNet: a network's activations glide from an early to a late function.

Almeida & Sawyer 2015, arXiv 1511.06827: `y = (1 - g) early(x) + g late(x)`
with g rising from 0 to 1 while the network trains; other paths are in `paths`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Self

import numpy as np
import torch
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.language import Expression
from evoact.nn.activation import Activation
from evoact.nn.lookup import PiecewiseTable, keep_precision
from evoact.nn.paths import Phase, early_module, make_path

_TABLE_COST: Final = 3.0  # of ReLU, measured on arrays that fit into the cache


class Annealed(nn.Module):
    """An activation on its way from `early` (g = 0) to `late` (g = 1).

    At g = 0 the result is exactly `early(x)` and `late` is not evaluated; at
    g = 1 it is exactly `late(x)` and `early` is not evaluated. `g` is a
    0-dimensional buffer, saved in checkpoints; set it by `set_g` or, for all
    such modules of a model, by an `AnnealScheduler`, and not by writing into
    the buffer. The forward pass never reads it on the host, and a compiled one
    has at most three graphs.

    Modules given with `inplace=True` write over their input while they alone
    read it, at g = 0 or g = 1.

    Args:
        early: a module, an `Expression` or its text; `"auto"` derives a cheap
            piecewise function from `late`, which must then be an expression.
        late: a module, an `Expression` or its text.
        channels, channel_dim: as in `Activation`, for expressions.
        path: what lies between. `"blend"` is the sum of both. `"ladder"` refines
            piecewise linear fits of `late`, and `"sharpness"` is `g * late(x / g)`;
            they start from their own function: `early="auto"`.

    Raises:
        InputError: the two functions differ in width, the path is unknown or
            does not go with `early`, or nothing can be derived for `"auto"`.

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
        *,
        path: str = "blend",
    ) -> None:
        super().__init__()
        self.path = make_path(path)
        if not isinstance(late, nn.Module):
            late = Activation(late, channels, channel_dim)
        self.early = early_module(early, late, path, (channels, channel_dim))
        self.late = late
        _check_widths(self.early, self.late)
        self._writers = [(one, Phase.EARLY) for one in writers(self.early)]
        self._writers += [(one, Phase.LATE) for one in writers(self.late)]
        self.register_buffer("g", torch.zeros(()))
        self._g = 0.0
        # Text, which compiled code is guarded by; members of an enumeration it holds for
        # constants once it has seen them in another module (torch 2.13).
        self._phase = Phase.EARLY.value
        self.register_load_state_dict_post_hook(_phase_from_buffer)  # type: ignore[no-untyped-call]  # untyped in torch

    def set_g(self, g: float) -> None:
        """Set how far the activation is on its way.

        Raises:
            InputError: `g` is not within [0, 1].
        """
        if not 0.0 <= g <= 1.0:
            raise InputError(f"g is {g}; wanted a number within [0, 1]")
        self._g = float(np.float32(g))  # as the buffer holds it: a checkpoint sets the same
        phase = self.path.set_g(self._g, self.early)
        self._phase = phase.value
        self.g.fill_(self._g)
        for function, alone in self._writers:
            function.inplace = phase is alone

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of `x`; only what has weight is evaluated.

        Raises:
            InputError: a program for other machines is being made of it before g is 1.
        """
        if self._phase == "late":
            result: Tensor = self.late(x)
        elif torch.compiler.is_exporting():
            raise InputError(self.unfinished())
        elif self._phase == "early":
            result = self.early(x)
        else:
            result = self.path(x, self.early, self.late)
        return result

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Move to a device or type; g stays as it was set."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # untyped in torch
        keep_precision(self)
        self.set_g(self._g)
        return self

    @property
    def phase(self) -> Phase:
        """Which functions the forward pass evaluates."""
        return Phase(self._phase)

    def unfinished(self) -> str:
        """Return why this cannot be exported yet and what to do; nothing at g = 1."""
        if self.phase is Phase.LATE:
            return ""
        return (
            f"g is {self._g:g}: the module is still a blend of its early and late functions; "
            "step an AnnealScheduler until g = 1, or take the late function by finish(model)"
        )

    @property
    def cost_ratio(self) -> float:
        """How many times the cost of the early function the late one has, by its operations."""
        early, late = _cost(self.early), _cost(self.late)
        return late / early if early and late else 1.0

    def extra_repr(self) -> str:
        """Return what stands between the parentheses when the module is printed."""
        return f"phase={self._phase}"


def finish(model: nn.Module) -> nn.Module:
    """Replace every `Annealed` module by its late function, wherever g is.

    What is left has no trace of annealing and can be exported. At g = 1 the
    model computes the same before and after.

    Args:
        model: changed in place.

    Returns:
        The model; the late function itself if the model is one `Annealed` module.

    >>> finish(nn.Sequential(nn.Linear(2, 2), Annealed("relu(x)", "tanh(x)")))[1]
    Activation(tanh(x))
    """
    if isinstance(model, Annealed):
        return finish(model.late)
    for module in list(model.modules()):
        # Not named_children(), which tells a module under two names once only.
        for name, child in list(module._modules.items()):
            if isinstance(child, Annealed):
                module._modules[name] = finish(child)
    return model


def writers(module: nn.Module) -> list[Any]:
    """Return the modules within that write over their input."""
    return [one for one in module.modules() if getattr(one, "inplace", False) is True]


def _cost(module: nn.Module) -> float:
    if isinstance(module, PiecewiseTable):
        return _TABLE_COST
    return module.expression().cost if isinstance(module, Activation) else 0.0


def _check_widths(early: nn.Module, late: nn.Module) -> None:
    """Refuse what cannot be added up, or would be by broadcasting."""
    if isinstance(early, Activation) and isinstance(late, Activation):
        first, last = early.expression(), late.expression()
        if first.width != last.width:
            raise InputError(
                f"early {str(first)!r} has width {first.width} (output over input channels), "
                f"late {str(last)!r} has {last.width}; wanted equal widths, or early='auto'"
            )


def _phase_from_buffer(module: Any, _: Any) -> None:
    """Derive the rest from a loaded g, once, when a checkpoint is read."""
    if module.g.is_meta:
        return
    if module.path.weight.device != module.g.device:  # `assign=True` moves what is in checkpoints
        module.path.to_empty(device=module.g.device)
        if isinstance(module.early, PiecewiseTable):
            module.early.to_empty(device=module.g.device)
    module.set_g(float(module.g))
