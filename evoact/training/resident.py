"""The tasks that a process has loaded, by their specifications."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor

from evoact.records import TaskSpec
from evoact.tasks import Part, Task, arrays_task, import_class, make_task, own_task

_KEPT: Final = 16  # tasks with their data


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

    def spread(self, most: int) -> OnDevice:
        """Return every n-th sample, the fewest n that leaves no more than so many."""
        step = max(1, math.ceil(len(self) / most))
        return self if step == 1 else OnDevice(self.x[::step].clone(), self.y[::step].clone())


class Resident(NamedTuple):
    """A task and its data, kept in a worker."""

    task: Task
    train: OnDevice
    validation: OnDevice
    test: OnDevice


def task_of(spec: TaskSpec) -> Task:
    """Return a task with its data loaded; the second time it costs nothing.

    Raises:
        InputError: it is a user's, and something of it is not what it must be.
    """
    return _task(spec.source, _stamp(spec))


def resident(spec: TaskSpec, device: str) -> Resident:
    """Return a task with its data on a device; the second time it costs nothing."""
    return _resident(spec.source, _stamp(spec), device)


def _stamp(spec: TaskSpec) -> object:
    """Return what changes when a user writes a file or a class anew, in a notebook perhaps."""
    if spec.use is not None:
        return import_class(spec.use)
    if spec.arrays is not None and Path(spec.arrays).exists():
        found = Path(spec.arrays).stat()
        return found.st_mtime_ns, found.st_size
    return None


@lru_cache(_KEPT)
def _task(source: str, stamp: object) -> Task:  # noqa: ARG001  # a part of the key alone
    spec = TaskSpec.model_validate_json(source)
    if spec.use is not None:
        return own_task(spec.use, spec.options, spec.split_seed)
    if spec.arrays is not None:
        return arrays_task(spec.arrays, spec.network, spec.split_seed, spec.kind, spec.target)
    seeds = spec.split_seed, spec.test_seed, spec.validation_seed
    return make_task(spec.name, spec.network, *seeds)


@lru_cache(_KEPT)
def _resident(source: str, stamp: object, device: str) -> Resident:
    task = _task(source, stamp)
    splits = task.splits
    parts = (splits.train, splits.validation, splits.test)
    return Resident(task, *(OnDevice.of(part, device) for part in parts))
