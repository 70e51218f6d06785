"""The training of one network, epoch by epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.nn import AnnealScheduler
from evoact.tasks import Part
from evoact.training.adam import AdamState, FlatAdam

MAX_GRAD_NORM: Final = 5.0


class Diverged(Exception):
    """The loss or the weights are no longer finite."""


class TimedOut(Exception):
    """The training took longer than it may."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long and how fast a network is trained."""

    epochs: int
    batch_size: int
    learning_rate: float
    timeout: float


@dataclass(frozen=True, slots=True)
class OnDevice:
    """A part of the data as tensors on the device of the training."""

    x: Tensor
    y: Tensor

    @classmethod
    def of(cls, part: Part, device: str) -> OnDevice:
        """Copy a part to a device."""
        return cls(torch.from_numpy(part.x).to(device), torch.from_numpy(part.y).to(device))

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.y)


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Return how many optimiser steps an epoch has; the last batch may be smaller."""
    return math.ceil(samples / batch_size)


class State(NamedTuple):
    """A training after some epochs, but for the parameters that stand apart."""

    epochs: int
    optimiser: AdamState
    order: Tensor
    curve: tuple[dict[str, float], ...]


class Training:
    """The training of a network, in place: epoch by epoch, and to be gone on with.

    Adam with gradients clipped to norm 5, its learning rate falling to 0 on a
    cosine; `scheduler` steps with it.

    Args:
        network: what is trained.
        scheduler: of its annealed activations.
        train, validation: the data.
        budget: how long and how fast.
        order: shuffles the training data.
        apart: parameters that a `State` leaves out.

    Attributes:
        curve: one mapping an epoch.
    """

    def __init__(
        self,
        network: nn.Module,
        scheduler: AnnealScheduler,
        train: OnDevice,
        validation: OnDevice,
        budget: Budget,
        order: torch.Generator,
        apart: Collection[nn.Parameter] = (),
    ) -> None:
        self.network, self.scheduler = network, scheduler
        self.curve: list[dict[str, float]] = []
        self._train, self._validation, self._budget = train, validation, budget
        self._order = order
        self._deadline = time.monotonic() + budget.timeout
        self._optimiser = FlatAdam(network, MAX_GRAD_NORM, apart)
        self._step = 0
        self._total = budget.epochs * self.steps_per_epoch

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch."""
        return steps_per_epoch(len(self._train), self._budget.batch_size)

    def run(self, epochs: int) -> None:
        """Train until that many epochs are done, counted from the beginning.

        Raises:
            Diverged: a loss or gradient was not finite.
            TimedOut: the budget's timeout passed.
        """
        while len(self.curve) < epochs:
            self.curve.append(self._epoch(len(self.curve) + 1))

    def state(self) -> State:
        """Return a copy of what the next epochs depend on."""
        curve = tuple(dict(entry) for entry in self.curve)
        return State(len(curve), self._optimiser.state(), self._order.get_state(), curve)

    def load(self, state: State) -> None:
        """Go on from the state of a training that was equal so far."""
        self._optimiser.load(state.optimiser)
        self._order.set_state(state.order)
        self.curve = [dict(entry) for entry in state.curve]
        self._step = state.epochs * self.steps_per_epoch
        self.scheduler.load_state_dict({**self.scheduler.state_dict(), "steps": self._step})

    def _epoch(self, number: int) -> dict[str, float]:
        losses = torch.zeros((), device=self._train.x.device)
        norm = torch.zeros(())
        for x, y in self._batches():
            loss, norm = self._update(x, y)
            losses += loss * len(y)
            if time.monotonic() > self._deadline:
                raise TimedOut(f"stopped in epoch {number} after {self._budget.timeout:g} s")
        entry = {"epoch": number, "loss": float(losses) / len(self._train)}
        entry["grad_norm"] = float(norm)
        g = self.scheduler.get_last_g()
        if not math.isfinite(entry["loss"]) or not math.isfinite(entry["grad_norm"]):
            raise Diverged(
                f"loss {entry['loss']:.3g}, gradient norm {entry['grad_norm']:.3g} "
                f"in epoch {number}, g = {g:.2f}"
            )
        # The accuracy is of the network at the end of the epoch, and so is g.
        return {**entry, "g": g, **score(self.network, self._validation, "val")}

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        data, size = self._train, self._budget.batch_size
        shuffled = torch.randperm(len(data), generator=self._order).to(data.x.device)
        return zip(data.x[shuffled].split(size), data.y[shuffled].split(size), strict=True)

    def _update(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        progress = self._step / self._total
        loss = F.cross_entropy(self.network(x), y)
        self._optimiser.zero_grad()
        loss.backward()
        rate = 0.5 * self._budget.learning_rate * (1.0 + math.cos(math.pi * progress))
        norm = self._optimiser.step(rate)
        self._step += 1
        loss = loss.detach()
        self.scheduler.step(loss)
        return loss, norm


@torch.no_grad()
def score(network: nn.Module, data: OnDevice, prefix: str) -> dict[str, float]:
    """Return accuracy and mean cross-entropy on a part of the data."""
    logits = network(data.x)
    return {
        f"{prefix}_accuracy": float((logits.argmax(dim=1) == data.y).float().mean()),
        f"{prefix}_loss": float(F.cross_entropy(logits, data.y)),
    }
