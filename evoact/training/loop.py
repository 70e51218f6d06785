"""The training of a stack of networks, epoch by epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from evoact.nn.paths import Phase
from evoact.tasks import Criterion
from evoact.training.adam import RowAdam, RowState
from evoact.training.member import Member
from evoact.training.network import Networks, share_storage
from evoact.training.noise import Noise
from evoact.training.replay import Capture, Replay
from evoact.training.resident import OnDevice

MAX_GRAD_NORM: Final = 5.0
GLANCE: Final = 2_500
"""Validation samples at most that a network is scored on while it is still trained."""


class Diverged(Exception):
    """The loss or the weights are no longer finite."""


class TimedOut(Exception):
    """The training took longer than it may."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long and how fast networks are trained; `timeout` is in seconds for each of them."""

    epochs: int
    batch_size: int
    learning_rate: float
    timeout: float


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Return how many optimiser steps an epoch has; the last batch may be smaller."""
    return math.ceil(samples / batch_size)


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

    @torch.no_grad()
    def score(self, data: OnDevice, prefix: str) -> list[dict[str, float]]:
        """Return the metrics and the mean loss of each network on a part of the data."""
        self.network.eval()
        parts = data.x.split(self._rows or len(data))
        outputs = torch.cat([self._networks(part) for part in parts], dim=1)
        scores = self._criterion.scores(outputs, data.y)
        self.network.train()
        return [{f"{prefix}_{name}": value for name, value in one.items()} for one in scores]


class Training:
    """The training of a stack, epoch by epoch, and to be gone on with.

    The learning rate falls to 0 on a cosine; each member's scheduler steps with
    it. A validation part of many samples counts as a whole where a training stops,
    and in other epochs, for the curve alone, by a spread of them.

    Args:
        stack: what is trained.
        members: who is, each from the epoch at which it joins.
        train, validation: the data.
        budget: how long and how fast.
        order: shuffles the training data.
        noise: what the networks draw from, if they have random numbers of their own.

    Attributes:
        steps_per_epoch: optimiser steps of an epoch.
        at_boundary: told of the epochs done, before the next one begins.
        diverged: members that left, and why.
    """

    def __init__(
        self,
        stack: Stack,
        members: Sequence[Member],
        data: tuple[OnDevice, OnDevice],
        budget: Budget,
        order: torch.Generator,
        noise: Noise | None = None,
    ) -> None:
        self.stack, self.diverged = stack, dict[Member, str]()
        self._waiting = list(members)
        self._train, self._validation = data
        self._glance = self._validation.spread(GLANCE)
        self._budget, self._order, self._noise = budget, order, noise
        self.at_boundary: Callable[[int, Stack], None] | None = None
        self._epochs, self._seconds = 0, 0.0
        self._allowed = budget.timeout * len(members)
        self.steps_per_epoch = steps_per_epoch(len(self._train), budget.batch_size)
        self._total = budget.epochs * self.steps_per_epoch

    @property
    def members(self) -> list[Member]:
        """Who is trained, and who waits to be."""
        return [*self.stack.members, *self._waiting]

    def run(self, epochs: int) -> None:
        """Train until that many epochs are done, counted from the beginning.

        A member whose loss or gradient is not finite leaves the stack.

        Raises:
            TimedOut: the members' timeouts together passed.
        """
        while self._epochs < epochs:
            self._join()
            shuffled = torch.randperm(len(self._train), generator=self._order)
            if self.stack.members:
                drawn = self._noise.drawn() if self._noise else nullcontext()
                part = self._validation if self._epochs + 1 == epochs else self._glance
                with drawn, self._timed() as start:
                    self._epoch(shuffled.to(self._train.x.device), part, start)
            self._epochs += 1
            self._drop()
            if self.at_boundary:
                self.at_boundary(self._epochs, self.stack)

    def keep(self, members: Sequence[Member]) -> None:
        """Go on with some of the members only."""
        self._waiting = [m for m in self._waiting if m in members]
        self.stack.arrange([m for m in self.stack.members if m in members])

    def _join(self) -> None:
        joining = [m for m in self._waiting if m.joins == self._epochs]
        if not joining:
            return
        self._waiting = [m for m in self._waiting if m.joins != self._epochs]
        self.stack.skip(self._epochs * self.steps_per_epoch)
        for member in joining:
            member.skip(self._epochs * self.steps_per_epoch)
        self.stack.arrange([*self.stack.members, *joining])

    def _epoch(self, shuffled: Tensor, validation: OnDevice, start: float) -> None:
        losses = torch.zeros(len(self.stack.members), device=self._train.x.device)
        norms = losses
        for step, (x, y) in enumerate(self._batches(shuffled)):
            loss, norms = self.stack.step(x, y, self._rate(step))
            self.stack.anneal(loss)
            losses = losses + loss * len(y)
            self._watch(start)
        means = (losses / len(self._train)).tolist()
        scores = self.stack.score(validation, "val")
        told = zip(self.stack.members, means, norms.tolist(), scores, strict=True)
        for member, loss_, norm, found in told:
            # The accuracy is of the network at the end of the epoch, and so is g.
            entry = {"epoch": self._epochs + 1, "loss": loss_, "grad_norm": norm}
            member.curve.append({**entry, "g": member.scheduler.get_last_g(), **found})

    def _batches(self, shuffled: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        data, size = self._train, self._budget.batch_size
        return zip(data.x[shuffled].split(size), data.y[shuffled].split(size), strict=True)

    def _rate(self, step: int) -> float:
        progress = (self._epochs * self.steps_per_epoch + step) / self._total
        return 0.5 * self._budget.learning_rate * (1.0 + math.cos(math.pi * progress))

    def _watch(self, start: float) -> None:
        if self._seconds + time.perf_counter() - start > self._allowed:
            raise TimedOut(f"stopped in epoch {self._epochs + 1} after {self._budget.timeout:g} s")

    @contextmanager
    def _timed(self) -> Iterator[float]:
        """Share the time that passes among the members in the stack, and give its start."""
        start = time.perf_counter()
        try:
            yield start
        finally:
            passed = time.perf_counter() - start
            self._seconds += passed
            for member in self.stack.members:
                member.seconds += passed / len(self.stack.members)

    def _drop(self) -> None:
        """Let those go whose numbers are no longer finite, and who were to follow them."""
        kept = []
        for member in self.stack.members:
            last = member.curve[-1]
            if math.isfinite(last["loss"]) and math.isfinite(last["grad_norm"]):
                kept.append(member)
                continue
            self.diverged[member] = (
                f"loss {last['loss']:.3g}, gradient norm {last['grad_norm']:.3g} "
                f"in epoch {last['epoch']:.0f}, g = {last['g']:.2f}"
            )
        if len(kept) == len(self.stack.members):
            return
        self.stack.arrange(kept)
        for member in list(self._waiting):
            if member.leader in self.diverged:
                self.diverged[member] = self.diverged[member.leader]
                self._waiting.remove(member)
