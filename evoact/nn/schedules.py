"""How g rises from 0 to 1 over a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from torch import nn

from evoact.errors import InputError, nearest
from evoact.nn.annealed import Annealed

SHAPES: Final[Mapping[str, Callable[[float], float]]] = MappingProxyType(
    {
        "linear": lambda t: t,
        "cosine": lambda t: 0.5 * (1.0 - math.cos(math.pi * t)),
    }
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """g as a function of progress, the share of training steps that are done.

    g is 0 before `start`, 1 from `end` on, and rises as `name` says between.
    `start = end = 0` is a training with the late function from the first step.

    Raises:
        InputError: unknown name, or not `0 <= start <= end <= 1`.

    >>> schedule = Schedule("linear", start=0.0, end=0.5)
    >>> [schedule(progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 0.5, 1.0, 1.0]
    """

    name: str = "linear"
    start: float = 0.0
    end: float = 0.5

    def __post_init__(self) -> None:
        if self.name not in SHAPES:
            raise InputError(
                f"schedule is {self.name!r}{nearest(self.name, SHAPES)}; "
                f"wanted one of {', '.join(SHAPES)}"
            )
        if not 0.0 <= self.start <= self.end <= 1.0:
            raise InputError(
                f"schedule start is {self.start} and end is {self.end}; "
                "wanted 0 <= start <= end <= 1"
            )

    def __call__(self, progress: float) -> float:
        """Return g at a progress within [0, 1]."""
        if progress >= self.end:
            return 1.0
        if progress <= self.start:
            return 0.0
        return SHAPES[self.name]((progress - self.start) / (self.end - self.start))


class AnnealScheduler:
    """Sets g in every `Annealed` module of a model as training goes on.

    Call `step()` after each optimiser step, as with torch's own schedulers.

    Args:
        model: the network; its `Annealed` modules are found once, here.
        schedule: a `Schedule`, or the name of one.
        total_steps: optimiser steps of the whole training.

    Raises:
        InputError: `total_steps` is not positive.

    >>> model = nn.Sequential(nn.Linear(2, 2), Annealed("relu(x)", "tanh(x)"))
    >>> scheduler = AnnealScheduler(model, "linear", total_steps=4)
    >>> for _ in range(4):
    ...     scheduler.step()
    >>> scheduler.get_last_g()
    1.0
    """

    def __init__(self, model: nn.Module, schedule: Schedule | str, total_steps: int) -> None:
        if total_steps < 1:
            raise InputError(f"total_steps is {total_steps}; wanted at least 1")
        self.schedule = Schedule(schedule) if isinstance(schedule, str) else schedule
        self.total_steps = total_steps
        self._modules = [m for m in model.modules() if isinstance(m, Annealed)]
        self._steps, self._g = 0, -1.0
        self._apply()

    def step(self) -> None:
        """Count one optimiser step and set g for the next."""
        self._steps += 1
        self._apply()

    def get_last_g(self) -> float:
        """Return g as it was set last."""
        return self._g

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must hold."""
        return {"steps": self._steps, "total_steps": self.total_steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._steps, self.total_steps = state["steps"], state["total_steps"]
        self._apply()

    def _apply(self) -> None:
        g = self.schedule(min(1.0, self._steps / self.total_steps))
        if g != self._g:
            for module in self._modules:
                module.set_g(g)
        self._g = g
