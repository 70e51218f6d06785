"""What lies between an early and a late function.

A path turns g into what the forward pass does: which of the two functions it
evaluates, and how their values become one. It is set from the host, when the
scheduler steps, so that the forward pass never waits for a device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Self

import torch
from torch import Tensor, nn

from evoact.errors import InputError, nearest
from evoact.language import SHARPEST, Expression, auto_early, ladder, ladder_place
from evoact.nn.activation import Activation
from evoact.nn.lookup import PiecewiseTable, keep_precision


class Phase(Enum):
    """Which functions the forward pass evaluates; known without reading g."""

    EARLY = "early"
    BLEND = "blend"
    LATE = "late"


class Path(nn.Module):
    """The convex blend of GradNet, `(1 - g) early(x) + g late(x)`, and base of the others.

    Almeida & Sawyer 2015, arXiv 1511.06827.
    """

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(()), persistent=False)
        self._weight = 0.0  # what the buffer holds: to write it takes longer than to compare

    @property
    def share(self) -> float:
        """What the forward pass reads in the phase `BLEND`, known without reading the buffer."""
        return self._weight

    def set_g(self, g: float, early: nn.Module) -> Phase:  # noqa: ARG002  # the ladder sets it
        """Prepare for a g and return what the forward pass is to evaluate."""
        if g != self._weight:
            self._weight = g
            self.weight.fill_(g)
        return Phase.EARLY if g == 0.0 else Phase.LATE if g == 1.0 else Phase.BLEND

    def forward(self, x: Tensor, early: nn.Module, late: nn.Module) -> Tensor:
        """Return what lies between the two functions; called in the phase `BLEND` only."""
        first: Tensor = early(x)
        # A copy, as the backward pass reads it, and g (or a broadcast of buffers) may change it.
        weight = self.weight.to(first.dtype, copy=True)
        result: Tensor = (1.0 - weight) * first + weight * late(x)
        return result

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Move to a device, or to a type that holds the weight as set."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # untyped in torch
        keep_precision(self)
        self.weight.fill_(self._weight)
        return self


class Sharpness(Path):
    """From the sharp limit of a function to the function: `g * late(x / g)`.

    The homotopy of mollifying networks (Gulcehre et al. 2016, arXiv
    1608.04980): softplus of sharpness 1/g, `x * sigmoid(x / g)`. For g -> 0 it
    becomes `a * max(x, 0) + b * min(x, 0)`, with the slopes of the late function
    at both ends, which is the early function, and is taken for it at g < 2^-10.
    """

    def set_g(self, g: float, early: nn.Module) -> Phase:
        """Set the sharpness."""
        return super().set_g(g if g >= SHARPEST else 0.0, early)

    def forward(self, x: Tensor, early: nn.Module, late: nn.Module) -> Tensor:  # noqa: ARG002  # the limit is in the late function
        """Return the late function, sharpened; called in the phase `BLEND` only."""
        fine = x.float() if x.dtype is torch.float16 else x  # x / g can be a thousand times x
        weight = self.weight.to(fine.dtype, copy=True)
        result: Tensor = weight * late(fine / weight)
        return result.to(x.dtype) if x.dtype is torch.float16 else result


class Ladder(Path):
    """From rung to rung of finer piecewise linear fits, then into the late function.

    The early function is the lowest rung of `evoact.language.ladder`. Up to
    g = .95 it becomes the higher ones, linearly from one to the next and fast
    at first, at the cost of a table look-up; then the last is blended into the
    late function, whose parameters train from there on.
    """

    def set_g(self, g: float, early: nn.Module) -> Phase:
        """Set the table to its rung; blend only from the last one on."""
        assert isinstance(early, PiecewiseTable), "a ladder starts from its own table"
        position, share = ladder_place(g, early.functions)
        early.set(position)
        return super().set_g(share, early)


PATH_CLASSES: Final[Mapping[str, type[Path]]] = MappingProxyType(
    {"blend": Path, "ladder": Ladder, "sharpness": Sharpness}
)
AUTO: Final = "auto"


def make_path(name: str) -> Path:
    """Return a new path of that name.

    Raises:
        InputError: there is no such path.
    """
    if name not in PATH_CLASSES:
        raise InputError(
            f"path is {name!r}{nearest(name, PATH_CLASSES)}; "
            f"wanted one of {', '.join(PATH_CLASSES)}"
        )
    return PATH_CLASSES[name]()


def early_module(
    early: nn.Module | Expression | str,
    late: nn.Module,
    path: str,
    channels: tuple[int | None, int],
) -> nn.Module:
    """Return the module that a path starts from.

    Args:
        early: as `Annealed` takes it; `"auto"` derives it from the late function.
        late: the late function.
        path: the name of the path.
        channels: channels and their dimension, for expressions.

    Raises:
        InputError: the path has an early function of its own and another is
            given, or it cannot be derived.
    """
    if early != AUTO:
        if path != "blend":
            raise InputError(
                f"early is {_describe(early)}, but path {path!r} derives its own from the late "
                "function; wanted early='auto', or path='blend'"
            )
        return early if isinstance(early, nn.Module) else Activation(early, *channels)
    if not isinstance(late, Activation):
        raise InputError(
            f"early is 'auto' and late is {_describe(late)}; wanted an expression for late, such "
            "as 'silu(x)' or an Activation, as auto derives a function from its formula"
        )
    function, channels = late.expression(), (late.channels, late.channel_dim)
    if path == "ladder":
        return PiecewiseTable(ladder(function.canonical()))
    return Activation(auto_early(function, path), *channels)


def _describe(function: nn.Module | Expression | str) -> str:
    if isinstance(function, nn.Module):
        return f"a module {type(function).__name__}"
    return repr(str(function))
