"""Setting g in a model while it trains."""

from __future__ import annotations

from typing import Any, Final

from torch import Tensor, distributed, nn

from evoact.errors import InputError, integer
from evoact.nn.annealed import Annealed
from evoact.nn.schedules import Schedule

_WINDOW: Final = 0.02  # of the training: the loss is compared by its means over such parts
_GAIN: Final = 0.01  # a mean that is not lower by this share of the best is a stall
_LEVELS: Final = 8  # stalls until g is 1


class AnnealScheduler:
    """Sets g in every `Annealed` module of a model as training goes on.

    Call `step()` after each optimiser step, as with torch's own schedulers.
    The modules are found once, when it is made: the model may be wrapped
    (`torch.compile`, `DistributedDataParallel`) before or after. Under DDP
    parameters of a function that has no weight yet get no gradient: give it
    `find_unused_parameters=True`. A compiled model has three graphs, but with n
    layers that take turns up to 2n + 1: compile the layers one by one, or raise
    `torch._dynamo.config.recompile_limit`. An averaged copy of the model
    (`AveragedModel`) needs its g set as well: by a scheduler of its own.

    Args:
        model: the network.
        schedule: a `Schedule`, or the name of one.
        total_steps: optimiser steps of the whole training.
        steps_per_epoch: for schedules by epoch.

    Raises:
        InputError: `total_steps` is not positive, the schedule goes by epoch
            and `steps_per_epoch` is not given, or there is nothing to anneal.

    >>> model = nn.Sequential(nn.Linear(2, 2), Annealed("relu(x)", "tanh(x)"))
    >>> scheduler = AnnealScheduler(model, "linear", total_steps=4)
    >>> for _ in range(4):
    ...     scheduler.step()
    >>> scheduler.get_last_g()
    1.0
    """

    def __init__(
        self,
        model: nn.Module,
        schedule: Schedule | str = "linear",
        total_steps: int = 0,
        *,
        steps_per_epoch: int | None = None,
    ) -> None:
        self._modules = [m for m in model.modules() if isinstance(m, Annealed)]
        schedule = Schedule(schedule) if isinstance(schedule, str) else schedule
        total_steps = _positive("total_steps", total_steps)
        if schedule.by == "epoch" and steps_per_epoch is None:
            raise InputError("steps_per_epoch is None; wanted a number, as g changes by epoch")
        if steps_per_epoch is not None:
            steps_per_epoch = _positive("steps_per_epoch", steps_per_epoch)
        if not self._modules and schedule.end > 0.0:
            raise InputError(
                "model has no Annealed module; put evoact.Annealed(early, late) where its "
                "activations are, or use evoact.swap(model, ..., anneal=...)"
            )
        costs = [module.cost_ratio for module in self._modules]
        self.schedule = schedule.for_cost(sum(costs) / len(costs)) if costs else schedule
        self.total_steps, self.steps_per_epoch = total_steps, steps_per_epoch
        by_epoch = self.schedule.by == "epoch" and steps_per_epoch
        self._stall = _Stall(by_epoch or max(1, round(_WINDOW * total_steps)))
        self._steps, self._gs = 0, [-1.0] * len(self._modules)
        self._apply()

    def step(self, loss: Tensor | float | None = None) -> None:
        """Count one optimiser step and set g for the next.

        Args:
            loss: the training loss of the step; only the schedule `loss` reads
                it, and from the device only once in 2 % of the training. Where
                `torch.distributed` is in use that is a collective operation:
                the mean over all ranks counts, and each must take its steps.

        Raises:
            InputError: the schedule is `loss` and none was given.
        """
        if self.schedule.name == "loss":
            if loss is None:
                raise InputError("schedule is 'loss'; wanted step(loss) with the training loss")
            if self._counted() >= self.schedule.start * self.total_steps:
                self._stall.see(loss)
        self._steps += 1
        self._apply()

    def get_last_g(self) -> float:
        """Return g as it was set last, the mean over the layers; 1.0 when all have arrived."""
        if not self._gs:
            return self._planned(0, 1)
        return sum(self._gs) / len(self._gs)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must hold: plain numbers."""
        return {
            "steps": self._steps,
            "total_steps": self.total_steps,
            "steps_per_epoch": self.steps_per_epoch,
            "stall": self._stall.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint; g is set in every module."""
        self._steps, self.total_steps = state["steps"], state["total_steps"]
        self.steps_per_epoch = state["steps_per_epoch"]
        self._stall.load_state_dict(state["stall"])
        self._gs = [-1.0] * len(self._modules)
        self._apply()

    def _counted(self) -> int:
        """Return the steps that count: by epoch those of whole ones, at the end all."""
        if self.schedule.by == "step" or not self.steps_per_epoch:
            return self._steps
        whole = self._steps - self._steps % self.steps_per_epoch
        return self._steps if self._steps >= self.total_steps else whole

    def _planned(self, layer: int, layers: int) -> float:
        g = self.schedule(min(1.0, self._counted() / self.total_steps), layer, layers)
        return max(g, self.schedule.in_turn(self._stall.g, layer, layers))

    def _apply(self) -> None:
        for index, module in enumerate(self._modules):
            g = self._planned(index, len(self._modules))
            if g != self._gs[index]:
                module.set_g(g)
                self._gs[index] = g


class _Stall:
    """Counts how often the mean loss of a part of the training did not fall."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._sum: Tensor | float = 0.0
        self._seen, self._stalls, self._best = 0, 0, float("inf")

    @property
    def g(self) -> float:
        return min(1.0, self._stalls / _LEVELS)

    def see(self, loss: Tensor | float) -> None:
        # Kept as a tensor: to read a number from a device is to wait for it.
        self._sum = self._sum + (loss.detach().float() if isinstance(loss, Tensor) else loss)
        self._seen += 1
        if self._seen % self._window == 0:
            mean = _over_ranks(float(self._sum)) / self._window
            if mean > self._best - _GAIN * abs(self._best):
                self._stalls += 1
            self._best, self._sum = min(self._best, mean), 0.0

    def state_dict(self) -> dict[str, Any]:
        best = None if self._best == float("inf") else self._best
        return {
            "window": self._window,
            "sum": float(self._sum),
            "seen": self._seen,
            "stalls": self._stalls,
            "best": best,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._window, self._sum, self._seen = state["window"], state["sum"], state["seen"]
        self._stalls = state["stalls"]
        self._best = float("inf") if state["best"] is None else state["best"]


def _over_ranks(value: float) -> float:
    """Return the mean over all processes of a distributed training, so that g is the same in all.

    An object is gathered, as that needs no device.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return value
    values = [value] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return sum(values) / len(values)


def _positive(name: str, steps: object) -> int:
    whole = integer(steps, name, 1000)
    if whole < 1:
        raise InputError(f"{name} is {whole}; wanted at least 1")
    return whole
