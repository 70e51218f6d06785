"""Annealing in Lightning's Trainer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from evoact.errors import InputError
from evoact.integrations.common import finish_after, missing
from evoact.nn import AnnealScheduler, Schedule

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError as error:
    raise missing("lightning") from error


class AnnealCallback(Callback):
    """Sets g in the `Annealed` modules of a `LightningModule` while it is fitted.

    It steps once for each optimiser step, also with accumulated gradients, logs
    `anneal_g`, and saves where it is in checkpoints. The steps of all optimisers
    count, as in `trainer.global_step`.

    Args:
        schedule: a `Schedule`, or the name of one.
        total_steps: optimiser steps of the whole training; by default what the
            trainer estimates.
        finish: whether the late functions replace the annealed modules after
            the fit. Checkpoints written before hold the annealed ones.

    Raises:
        InputError: when the fit starts: the module has nothing to anneal, or
            the trainer does not know how long it will train.

    >>> callback = AnnealCallback("cosine")
    >>> # lightning.pytorch.Trainer(max_epochs=10, callbacks=[callback]).fit(module, data)
    """

    def __init__(
        self,
        schedule: Schedule | str = "linear",
        total_steps: int | None = None,
        *,
        finish: bool = False,
    ) -> None:
        super().__init__()
        self.schedule = Schedule(schedule) if isinstance(schedule, str) else schedule
        self.total_steps, self.finish = total_steps, finish
        self.scheduler: AnnealScheduler | None = None
        self._loaded: dict[str, Any] | None = None
        self._losses: list[Tensor] = []
        self._steps = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find what there is to anneal."""
        self.scheduler = AnnealScheduler(
            pl_module, self.schedule, self._total(trainer), steps_per_epoch=self._epoch(trainer)
        )
        # Some strategies read checkpoints before this, some after.
        if self._loaded is not None:
            self.scheduler.load_state_dict(self._loaded)
            self._loaded = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count from where the trainer is."""
        self._steps, self._losses = trainer.global_step, []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Step the schedule if the optimiser did."""
        assert self.scheduler is not None, "Lightning calls on_fit_start first"
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor) and self.schedule.name == "loss":
            self._losses.append(loss.detach())
        for _ in range(self._steps, trainer.global_step):
            # Lightning has divided each by their number.
            self.scheduler.step(sum(self._losses) if self._losses else None)
        if self._steps != trainer.global_step:
            self._steps, self._losses = trainer.global_step, []
        pl_module.log("anneal_g", self.scheduler.get_last_g())

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the late functions alone in the module, if that is wanted."""
        if self.finish and self.scheduler is not None:
            finish_after(pl_module, self.scheduler)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must hold."""
        return {} if self.scheduler is None else self.scheduler.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state_dict)
        self._loaded = state_dict or None

    def _total(self, trainer: Trainer) -> int:
        total = trainer.estimated_stepping_batches if self.total_steps is None else self.total_steps
        if not 0 < total < math.inf:
            raise InputError(
                f"the trainer estimates {total} optimiser steps; wanted a number: pass "
                "AnnealCallback(..., total_steps=10_000), or give the Trainer max_steps"
            )
        return int(total)

    def _epoch(self, trainer: Trainer) -> int | None:
        if self.schedule.by != "epoch":
            return None
        batches = trainer.num_training_batches
        if batches == math.inf:
            raise InputError(
                "schedule goes by epoch, but the trainer does not know how many batches an epoch "
                "has; wanted Schedule(..., by='step')"
            )
        return math.ceil(batches / trainer.accumulate_grad_batches)
