"""Networks that are trained as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from evoact.nn.paths import Phase
from evoact.tasks import Criterion
from evoact.training.adam import RowAdam, RowState
from evoact.training.member import Member
from evoact.training.network import Networks, OneNetwork, share_storage
from evoact.training.replay import Capture, Replay
from evoact.training.resident import OnDevice

MAX_GRAD_NORM: Final = 5.0


class Stack:
    """Members that are trained as one; each as if it were alone, to the bit.

    Adam with gradients clipped to norm 5 in each network.

    Args:
        networks: in which the members are trained.
        criterion: what they learn.
        capture: makes steps that can be repeated by one launch, see `Replay`.
        rows: how many samples are scored at once; all of them without.

    Attributes:
        members: those in the stack now.
        network: the module that computes all of them.
        places: names of the places of activations.
    """

    def __init__(
        self,
        networks: Networks,
        criterion: Criterion,
        capture: Capture | None = None,
        rows: int | None = None,
    ) -> None:
        self._networks, self._criterion, self._rows = networks, criterion, rows
        self.network = networks.network
        self._optimiser = RowAdam(networks.sizes, MAX_GRAD_NORM)
        self.members: list[Member] = []
        self.places = list(networks.places)
        self.replay = Replay(self._step, capture) if capture else None
        self._phases: list[tuple[Phase, ...]] = []

    def arrange(self, members: Sequence[Member]) -> None:
        """Form the stack of these members; those that leave take their state along."""
        if self.replay:
            self.replay.forget()
        for k, member in enumerate(self.members):
            member.state = self._optimiser.state(k)
        self.members = sorted(members, key=lambda member: not member.is_fusible)
        if not members:
            return
        self._optimiser.arrange([member.state for member in self.members])
        weights, gradient = self._optimiser.weights, self._optimiser.gradient
        rows = zip(self.members, weights.blocks[-1], gradient.blocks[-1], strict=True)
        for member, row, its_gradient in rows:
            share_storage(member.parameters(), row, its_gradient)
        self._networks.bind(weights, gradient, [member.modules for member in self.members])

    def state(self, member: Member) -> RowState:
        """Return a copy of the numbers of one member."""
        return self._optimiser.state(self.members.index(member))

    def step(self, x: Tensor, y: Tensor, learning_rate: float) -> tuple[Tensor, Tensor]:
        """Take one step on a batch; return losses and gradient norms before it, `(K,)` each."""
        self._optimiser.count(learning_rate)
        if self.replay is None:
            return self._step(x, y)
        self._bring_to_device(self.replay)
        return self.replay(x, y)

    def _step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Do all of a step that is done on the device; nothing here waits for it."""
        losses = self._criterion.step(self._networks, x, y)
        self._optimiser.zero_grad()
        losses.sum().backward()
        return losses.detach(), self._optimiser.step()

    def _bring_to_device(self, replay: Replay) -> None:
        """Write what a captured step reads, and capture anew if it would launch other kernels."""
        places = self._networks.places.values()
        for place in places:
            place.update()
        phases = [place.phases() for place in places]
        if phases != self._phases:
            self._phases = phases
            replay.forget()

    def anneal(self, losses: Tensor) -> None:
        """Count a step and set g for the next, in each network."""
        for member, loss in zip(self.members, losses, strict=True):
            if member.scheduler.get_last_g() < 1.0:
                member.scheduler.step(loss)

    def skip(self, steps: int) -> None:
        """Count steps that the members took elsewhere."""
        self._optimiser.steps = steps

    def own_tensors(self) -> dict[str, Tensor]:
        """Return what a network keeps that is in no row: running statistics, frozen weights."""
        if isinstance(self._networks, OneNetwork):
            return {n: v for n, v in self.network.state_dict().items() if isinstance(v, Tensor)}
        return {}

    def load_own_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take them back, once the members are arranged."""
        if tensors:
            self.network.load_state_dict(tensors, strict=False)

    @torch.no_grad()
    def score(self, data: OnDevice, prefix: str) -> list[dict[str, float]]:
        """Return the metrics and the mean loss of each network on a part of the data."""
        self.network.eval()
        parts = data.x.split(self._rows or len(data))
        outputs = torch.cat([self._networks(part) for part in parts], dim=1)
        scores = self._criterion.scores(outputs, data.y)
        self.network.train()
        return [{f"{prefix}_{name}": value for name, value in one.items()} for one in scores]
