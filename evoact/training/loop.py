"""The training of one network, epoch by epoch."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.nn import AnnealScheduler
from evoact.tasks import Part
from evoact.training.adam import FlatAdam

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


def fit(
    network: nn.Module,
    scheduler: AnnealScheduler,
    train: OnDevice,
    validation: OnDevice,
    budget: Budget,
    order: torch.Generator,
) -> list[dict[str, float]]:
    """Train a network in place and return its curve, one entry an epoch.

    Adam with gradients clipped to norm 5, its learning rate falling to 0 on a
    cosine; `scheduler` steps with it.

    Raises:
        Diverged: a loss or gradient was not finite.
        TimedOut: the budget's timeout passed.
    """
    deadline = time.monotonic() + budget.timeout
    optimiser = FlatAdam(network, MAX_GRAD_NORM)
    total = budget.epochs * steps_per_epoch(len(train), budget.batch_size)
    curve: list[dict[str, float]] = []
    step = 0
    for epoch in range(budget.epochs):
        losses, norm = torch.zeros((), device=train.x.device), torch.zeros(())
        shuffled = torch.randperm(len(train), generator=order).to(train.x.device)
        batches = (data[shuffled].split(budget.batch_size) for data in (train.x, train.y))
        for x, y in zip(*batches, strict=True):
            decayed = 0.5 * budget.learning_rate * (1.0 + math.cos(math.pi * step / total))
            loss = F.cross_entropy(network(x), y)
            optimiser.zero_grad()
            loss.backward()
            norm = optimiser.step(decayed)
            scheduler.step()
            step += 1
            losses += loss.detach() * len(y)
            if time.monotonic() > deadline:
                raise TimedOut(f"stopped in epoch {epoch + 1} after {budget.timeout:g} s")
        entry = {"epoch": epoch + 1, "loss": float(losses) / len(train), "grad_norm": float(norm)}
        if not math.isfinite(entry["loss"]) or not math.isfinite(entry["grad_norm"]):
            raise Diverged(
                f"loss {entry['loss']:.3g}, gradient norm {entry['grad_norm']:.3g} "
                f"in epoch {epoch + 1}, g = {scheduler.get_last_g():.2f}"
            )
        # The accuracy is of the network at the end of the epoch, and so is g.
        entry["g"] = scheduler.get_last_g()
        curve.append({**entry, **score(network, validation, "val")})
    return curve


@torch.no_grad()
def score(network: nn.Module, data: OnDevice, prefix: str) -> dict[str, float]:
    """Return accuracy and mean cross-entropy on a part of the data."""
    logits = network(data.x)
    return {
        f"{prefix}_accuracy": float((logits.argmax(dim=1) == data.y).float().mean()),
        f"{prefix}_loss": float(F.cross_entropy(logits, data.y)),
    }
