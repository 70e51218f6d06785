"""About how long a search takes, said before it starts."""

from __future__ import annotations

import math
import os
from itertools import pairwise
from typing import Final

from evoact.records import SearchSpec, TaskSpec

# Milliseconds of a network's optimiser step in a stack of 8, with an activation of
# middling cost in C, batch 100, one thread of a server CPU at 2 to 3 GHz that does other
# things too; and samples trained on.
_STEP_MS: Final = {
    ("digits", "mlp"): 0.3,
    ("digits", "deep"): 0.4,
    ("digits", "conv"): 3.0,
    ("digits", "attention"): 3.0,
    ("mnist1d", "mlp"): 0.4,
    ("mnist1d", "deep"): 0.35,
    ("mnist1d", "conv"): 1.6,
    ("mnist1d", "attention"): 5.0,
}
_SAMPLES: Final = {"digits": 1077, "mnist1d": 3000}
_START_SECONDS: Final = {"ray": 20.0, "inline": 5.0}
_UTILISATION: Final = 0.85  # workers wait for the last cohort of a generation


def worker_count(spec: SearchSpec) -> int:
    """Return how many candidates are trained at once on this machine."""
    if spec.evaluate.executor == "inline":
        return 1
    if spec.evaluate.workers != "auto":
        return spec.evaluate.workers
    return max(1, len(os.sched_getaffinity(0)) // spec.evaluate.cpus_per_worker)


def trainings(spec: SearchSpec) -> int:
    """Return how many networks a whole search trains, confirmation included."""
    search = spec.evolution.population * spec.evolution.generations
    return search + spec.evaluate.confirm.trainings(spec.most_controls)


def epochs_of_search(spec: SearchSpec, task: TaskSpec | None = None) -> float:
    """Return how many epochs a candidate of the search is trained for on a task, on average.

    As if `1 / reduction` went on from each rung; with ASHA more of the first ones do.

    >>> epochs_of_search(SearchSpec(task={"epochs": 12}))
    12.0
    """
    reduction = float(spec.evaluate.reduction)
    parts = enumerate(pairwise([0, *spec.evaluate.rungs, (task or spec.task).epochs]))
    return sum((end - start) / reduction**rung for rung, (start, end) in parts)


def estimate_seconds(spec: SearchSpec) -> float | None:
    """Return about how many seconds a search takes on CPUs of this machine.

    None for tasks that a user brings: nobody has measured them.
    """
    if any(task.is_brought for task in spec.all_tasks):
        return None
    seconds = sum(_seconds_on(spec, task) for task in spec.all_tasks)
    spread = min(worker_count(spec), len(os.sched_getaffinity(0))) * _UTILISATION
    return _START_SECONDS[spec.evaluate.executor] + seconds / spread


def _seconds_on(spec: SearchSpec, task: TaskSpec) -> float:
    search = spec.evolution.population * spec.evolution.generations
    confirmed = trainings(spec) - search
    epochs = search * epochs_of_search(spec, task) + confirmed * task.epochs
    data = task.name.removesuffix("_shuffled")  # as many, of one size
    steps = epochs * math.ceil(_SAMPLES[data] / task.batch_size)
    return steps * _STEP_MS[data, task.network] / 1000.0
