"""A place of activations in a stack of networks: function k on slice k."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from evoact.nn.annealed import Annealed
from evoact.nn.packed.fused import Jobs, fused, fusible


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
        kernels: `"c"` computes what is `fusible` by generated C, `"torch"`
            applies one module after the other.

    >>> from evoact.nn import Activation
    >>> bank = Bank(channels=3, channel_dim=1)
    >>> bank.set([Activation("relu(x)"), Activation("neg(x)")])
    >>> bank(torch.ones(2, 1, 3)).tolist()
    [[[1.0, 1.0, 1.0]], [[-1.0, -1.0, -1.0]]]
    """

    def __init__(self, channels: int, channel_dim: int, kernels: str = "torch") -> None:  # noqa: ARG002  # as a factory is called
        super().__init__(channels, -1)
        self._kernels = kernels
        self._jobs: Jobs | None = None
        self._single: tuple[nn.Module, ...] = ()

    def set(self, members: Sequence[nn.Module]) -> None:
        """Take the activations of the networks; fusible ones first, see `fusible`."""
        super().set(members)
        together = [m for m in members if self._kernels == "c" and fusible(m)]
        assert list(members[: len(together)]) == together, "fusible ones come first"
        self._jobs = Jobs(together) if together else None
        self.__dict__["_single"] = self.members[len(together) :]

    def forward(self, x: Tensor) -> Tensor:
        """Return the activations of all slices."""
        parts = []
        if self._jobs:
            parts.append(fused(x[: self._jobs.count], self._jobs))
        if self._single:
            rest = x[len(x) - len(self._single) :]
            each = zip(self._single, rest.unbind(0), strict=True)
            parts.append(torch.stack([member(part) for member, part in each]))
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def early_parameters(member: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of the function that a member starts with, if it is annealed."""
    return list(member.early.parameters()) if isinstance(member, Annealed) else []


def late_parameters(member: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of the function that is scored."""
    return list((member.late if isinstance(member, Annealed) else member).parameters())
