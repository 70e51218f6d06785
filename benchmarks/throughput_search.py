"""Whole searches: how busy the workers are, and what a candidate costs the driver.

A worker is busy from when it takes a cohort to when it gives it back: it builds
networks, compiles their activations and trains them. The share of training alone
(Evaluation.seconds: steps and validation) is told beside it: what is between the two
is building. Both are of the time from the first cohort that was taken to the last that
came back; before that the workers start, which is told apart, as it is the same
for a search of any length. Seconds are of the wall, so a driver on the same cores
makes trainings longer, not workers idle: it shows in candidates an hour.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from throughput_step import spec_of_quickstart

from evoact.records import Evaluated, GenerationAsked, History, Record, SearchSpec
from evoact.study import Evaluator, InlineEvaluator, Study, run
from evoact.tasks import DATA_SETS
from evoact.tracking import HallOfFameCsv

WORKERS = 2


class Clock:
    """Hears a search: when it first asked, when evaluations came, how long they took."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.came: list[float] = []
        self.seconds = 0.0

    def on_record(self, record: Record, history: History) -> None:  # noqa: ARG002  # a listener's
        """Note the time."""
        if isinstance(record, GenerationAsked):
            self.asked.append(time.perf_counter())
        elif isinstance(record, Evaluated) and record.evaluation.replicate == 0:
            self.came.append(time.perf_counter())
            self.seconds += record.evaluation.seconds

    def close(self) -> None:
        """Nothing to let go of."""

    @property
    def wall(self) -> float:
        """Seconds from the first question to the last answer of the search."""
        return self.came[-1] - self.asked[0]


def _searched(spec: SearchSpec, evaluator: Evaluator) -> Clock:
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        study = Study.create(spec, Path(folder), None, seed=0)
        study.open([clock, HallOfFameCsv(study.folder / "hall_of_fame.csv")])
        run(study, evaluator)
        study.close()
    return clock


def search_section(generations: int) -> list[dict[str, Any]]:
    """Print how busy two workers are in each mode."""
    from evoact.study.evaluators.ray import RayEvaluator

    print("Searches of the quickstart's space on two workers, no MLflow; busy: with a cohort, "
          "building or training\n")  # fmt: skip
    print("| mode | candidates | wall s | candidates an hour | start s | workers busy | training |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    rows = []
    for name, changes in _searches(generations).items():
        spec = _spec(changes)
        with _no_kernels():
            begun = time.perf_counter()
            evaluator = RayEvaluator(WORKERS)
            clock = _searched(spec, evaluator)
            worked, passed = evaluator.usage()
            evaluator.close()
        start = clock.came[-1] - passed - begun
        busy, training = worked / (WORKERS * passed), clock.seconds / (WORKERS * passed)
        count = len(clock.came)
        print(f"| {name} | {count} | {passed:.1f} | {count / passed * 3600:,.0f} | {start:.1f} | "
              f"{busy:.0%} | {training:.0%} |", flush=True)  # fmt: skip
        rows.append({"mode": name, "candidates": count, "wall": passed, "busy": busy,
                     "training": training, "start": start})  # fmt: skip
    print()
    return rows


@contextmanager
def _no_kernels() -> Iterator[None]:
    """Work with a cache that holds the data and no kernel: a search compiles its own."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, EVOACT_CACHE=folder):
        DATA_SETS["mnist1d"]()
        yield


def _searches(generations: int) -> dict[str, dict[str, Any]]:
    """Return by name what is changed of the quickstart's search.

    The uneven one has cohorts of 12 and 5 by turns, so that workers never end together; it is
    long, for at the end of any search one worker has nothing to do while the other ends.
    """
    return {
        "generational": {"mode": "generational", "generations": generations},
        "steady_state": {"mode": "steady_state", "generations": generations},
        "steady_state, uneven": {
            "mode": "steady_state",
            "population": 17,
            "generations": 3 * generations,
        },
    }


def _spec(changes: dict[str, Any]) -> SearchSpec:
    space = spec_of_quickstart()
    confirm = space.evaluate.confirm.model_copy(update={"top": 0, "seeds": 2, "baselines": ()})
    evaluate = space.evaluate.model_copy(update={"confirm": confirm})
    evolution = space.evolution.model_copy(update=changes)
    return space.model_copy(update={"evolution": evolution, "evaluate": evaluate})


def growth_section(sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    """Print what a candidate costs outside training, in searches of growing length."""
    print("Searches in one process on a task of one step: what a candidate costs besides its "
          "training\n")  # fmt: skip
    print("| candidates | ms a candidate | the last 50 | MiB in all |")
    print("|---:|---:|---:|---:|")
    rows = []
    for size in sizes:
        # In a process of its own, whose memory is the search's.
        call = [sys.executable, __file__, str(size)]
        done = subprocess.run(call, capture_output=True, text=True, check=True)
        row = json.loads(done.stdout.splitlines()[-1])
        print(f"| {size} | {row['each']:.1f} | {row['last']:.1f} | {row['memory']:.0f} |",
              flush=True)  # fmt: skip
        rows.append(row)
    print()
    return rows


def grow(size: int) -> dict[str, float]:
    """Search so many candidates on a cheap task, and return what each cost."""
    import resource

    space = spec_of_quickstart()
    data = space.model_dump(mode="json")
    data["task"] |= {"name": "digits", "epochs": 10, "batch_size": 1077}
    data["anneal"] |= {"early": ["none"]}
    data["evolution"] |= {"population": 50, "generations": size // 50, "cohort": 50}
    data["evaluate"]["confirm"] |= {"top": 0, "seeds": 2, "baselines": []}
    clock = _searched(SearchSpec.model_validate(data), InlineEvaluator())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = 1000.0 * (clock.wall - clock.seconds) / len(clock.came)
    starts = [clock.asked[0], *clock.came[49::50]]
    last = 1000.0 * (starts[-1] - starts[-2]) / 50
    return {"candidates": len(clock.came), "each": each, "last": last, "memory": memory}


if __name__ == "__main__":
    print(json.dumps(grow(int(sys.argv[1])), default=Path))
