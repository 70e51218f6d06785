"""A place of activations in a stack of networks: function k on slice k."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from evoact.nn.annealed import Annealed
from evoact.nn.packed.fused import Jobs, fusible
from evoact.nn.packed.fused_triton import TritonJobs
from evoact.nn.paths import Phase


class Place(nn.Module):
    """Where the networks of a stack have an activation; which, is set and changes.

    Args:
        channels: of its input.
        channel_dim: their dimension in the network as it is built.
    """

    def __init__(self, channels: int, channel_dim: int) -> None:
        super().__init__()
        self.channels, self.channel_dim = channels, channel_dim
        # Not a ModuleList: members come and go, and are no part of the network.
        self.members: tuple[nn.Module, ...] = ()

    def set(self, members: Sequence[nn.Module]) -> None:
        """Take the activations of the networks in the stack now."""
        self.__dict__["members"] = tuple(members)

    def update(self) -> None:
        """Bring what is on a device up to date with g, as each forward pass does."""

    def phases(self) -> tuple[Phase, ...]:
        """Return what the forward pass asks on the host: other phases launch other kernels."""
        return _phases(self.members)


class Alone(Place):
    """The place of an activation in a stack of one, on whatever the network gives it."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation."""
        (member,) = self.members
        result: Tensor = member(x)
        return result


class Bank(Place):
    """Applies a module of its own to each slice of `(K, batch, ..., channels)`.

    Args:
        channels, channel_dim: see `Place`; in the stack channels come last.
        kernels: `"c"` and `"triton"` compute what is `fusible` by generated
            code, on the CPU and on CUDA; `"torch"` applies one module after
            the other.

    >>> from evoact.nn import Activation
    >>> bank = Bank(channels=3, channel_dim=1)
    >>> bank.set([Activation("relu(x)"), Activation("neg(x)")])
    >>> bank(torch.ones(2, 1, 3)).tolist()
    [[[1.0, 1.0, 1.0]], [[-1.0, -1.0, -1.0]]]
    """

    def __init__(self, channels: int, channel_dim: int, kernels: str = "torch") -> None:  # noqa: ARG002  # as a factory is called
        super().__init__(channels, -1)
        self._kernels = kernels
        self._jobs: Jobs | TritonJobs | None = None
        self._single: tuple[nn.Module, ...] = ()

    def set(self, members: Sequence[nn.Module]) -> None:
        """Take the activations of the networks; fusible ones first, see `fusible`."""
        super().set(members)
        together = [m for m in members if self._kernels != "torch" and fusible(m)]
        assert list(members[: len(together)]) == together, "fusible ones come first"
        self._jobs = self._made(together) if together else None
        self.__dict__["_single"] = self.members[len(together) :]

    def _made(self, members: Sequence[nn.Module]) -> Jobs | TritonJobs:
        return TritonJobs(members) if self._kernels == "triton" else Jobs(members)

    def update(self) -> None:
        """Bring what is on a device up to date with g, as each forward pass does."""
        if self._jobs:
            self._jobs.update()

    def phases(self) -> tuple[Phase, ...]:
        """Return those of members that are modules here; generated kernels read theirs."""
        return _phases(self._single)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activations of all slices."""
        parts = []
        if self._jobs:
            parts.append(self._jobs(x[: self._jobs.count]))
        if self._single:
            rest = x[len(x) - len(self._single) :]
            each = zip(self._single, rest.unbind(0), strict=True)
            parts.append(torch.stack([member(part) for member, part in each]))
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def _phases(members: Sequence[nn.Module]) -> tuple[Phase, ...]:
    return tuple(member.phase for member in members if isinstance(member, Annealed))


def early_parameters(member: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of the function that a member starts with, if it is annealed."""
    return list(member.early.parameters()) if isinstance(member, Annealed) else []


def late_parameters(member: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of the function that is scored."""
    return list((member.late if isinstance(member, Annealed) else member).parameters())
