"""The training of a stack of networks, epoch by epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from evoact.training.adam import RowState
from evoact.training.member import Member
from evoact.training.noise import Noise
from evoact.training.resident import OnDevice
from evoact.training.stack import Stack

GLANCE: Final = 2_500
"""Validation samples at most that a network is scored on while it is still trained."""


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
        after_epoch: called when an epoch is over in all respects.
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
        self.after_epoch: Callable[[], None] | None = None
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
            if self.after_epoch:
                self.after_epoch()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must hold, between two epochs: plain data and tensors.

        Members are told by their positions.
        """
        members = {}
        for member in self.members:
            trained = member in self.stack.members
            numbers = self.stack.state(member) if trained else member.state
            leader = member.leader.position if member.leader else None
            more = {"leader": leader, "numbers": list(numbers)}
            members[str(member.position)] = {**member.state_dict(), **more}
        return {
            "epochs": self._epochs,
            "seconds": self._seconds,
            "allowed": self._allowed,
            "order": self._order.get_state(),
            "noise": self._noise.state_dict() if self._noise else None,
            "stack": [member.position for member in self.stack.members],
            "waiting": [member.position for member in self._waiting],
            "members": members,
            "own": self.stack.own_tensors(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of a training with these members.

        Raises:
            KeyError: it is not of these members.
        """
        members = {member.position: member for member in self.members}
        for position, member in members.items():
            found = state["members"][str(position)]
            device = member.state.weights.device
            member.load_state_dict(found)
            member.state = RowState(*(tensor.to(device) for tensor in found["numbers"]))
            member.leader = members.get(found["leader"])
        self._epochs, self._seconds = state["epochs"], state["seconds"]
        self._allowed = state["allowed"]
        self._order.set_state(state["order"])
        if self._noise:
            self._noise.load_state_dict(state["noise"])
        self._waiting = [members[position] for position in state["waiting"]]
        self.stack.arrange([members[position] for position in state["stack"]])
        self.stack.skip(self._epochs * self.steps_per_epoch)
        self.stack.load_own_tensors(state["own"])

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
