"""A whole search whose trainings are simulated, in virtual time."""

from __future__ import annotations

import gzip
import heapq
import io
import json
import os
import pickle
import random
import resource
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any, Final, Self
from unittest import mock

import rich.console

from evoact.evolution import Evolution
from evoact.records import Candidate, Cohort, Evaluated, Evaluation, History, Record, SearchSpec
from evoact.records.journal import decode
from evoact.study import Evaluator, JournalWriter, Study, load_space, run
from evoact.study.asha import Reached
from evoact.tracking import Console, HallOfFameCsv, MlflowTracker, prepare_store, tracking_uri

MEASURED: Final = Path(__file__).parent / "results" / "mnist1d_search"
SPACE: Final = "search_spaces/quickstart.yaml"
_PARTS: Final = {
    (Evolution, "ask"): "breeding",
    (Evolution, "tell"): "breeding",
    (JournalWriter, "append_lines"): "journal",
    (HallOfFameCsv, "on_record"): "hall of fame",
    (MlflowTracker, "on_record"): "MLflow",
    (Console, "on_record"): "console",
}


@dataclass(frozen=True)
class Replay:
    """What is replayed.

    Attributes:
        candidates: how many are trained, in generations of 1,000, or of a tenth of them.
        workers: how many train at once.
        cohort: candidates of a cohort.
        seconds: the mean of a training.
        surrogate: `"off"` or `"on"`.
    """

    candidates: int
    workers: int
    cohort: int
    seconds: float
    surrogate: str = "off"

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self))

    def spec(self) -> SearchSpec:
        """Return the quickstart's space as a search of this size."""
        data = load_space(SPACE).model_dump(mode="json")
        population = min(1000, self.candidates // 10)
        data["evolution"] |= {
            "mode": "steady_state",
            "population": population,
            "generations": self.candidates // population,
            "cohort": self.cohort,
            "surrogate": self.surrogate,
        }
        data["evaluate"]["confirm"] |= {"top": 0, "seeds": 2, "baselines": []}
        return SearchSpec.model_validate(data)


class Clock:
    """The driver's time: its processor's, and what it waits for the disk, by parts."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = dict.fromkeys(
            [
                "breeding",
                "journal",
                "disk",
                "hall of fame",
                "MLflow",
                "console",
                "sending",
                "loop",
            ],
            0.0,
        )
        self.virtual = 0.0
        self._lock, self._waiting, self._begun = threading.Lock(), 0, 0.0
        self._stack = ["loop"]
        self._last = time.process_time()

    def tick(self) -> None:
        """Count what passed for the part that runs."""
        now = time.process_time()
        self.parts[self._stack[-1]] += now - self._last
        self.virtual += now - self._last
        self._last = now

    def skip(self) -> None:
        """Count nothing of what passed: it was not the driver's work."""
        self._last = time.process_time()

    def during(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method whose time counts for a part."""

        @wraps(method)
        def timed(*args: Any, **more: Any) -> Any:
            self.tick()
            self._stack.append(part)
            try:
                return method(*args, **more)
            finally:
                self.tick()
                self._stack.pop()

        return timed

    def waiting(self, fsync: Callable[[int], None]) -> Callable[[int], None]:
        """Return `os.fsync`, whose waiting counts, once where several threads wait."""

        def waited(descriptor: int) -> None:
            with self._lock:
                if not self._waiting:
                    self.tick()
                    self._begun = time.perf_counter()
                self._waiting += 1
            fsync(descriptor)
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    passed = time.perf_counter() - self._begun
                    self.parts["disk"] += passed
                    self.virtual += passed
                    self.skip()

        return waited


class Measured:
    """Trainings as they were measured: how long, how they ended, what they scored."""

    def __init__(self, mean_seconds: float) -> None:
        self._found = [e for path in sorted(MEASURED.rglob("*.jsonl.gz")) for e in _searched(path)]
        mean = sum(e.seconds for e in self._found) / len(self._found)
        self._factor = mean_seconds / mean

    def draw(self, candidate: Candidate, epochs: int) -> Evaluation:
        """Return a training of a candidate: one that was measured, at random.

        With a parameter file if the function has parameters, as each has other values.
        """
        rng = random.Random(candidate.id)
        found = rng.choice(self._found)
        params = {f"a{i}": rng.gauss(0.0, 1.0) for i in range(len(candidate.late.parameters))}
        point = found.curve[-1] if found.curve else {}
        return replace(
            found,
            candidate_id=candidate.id,
            params={"0": params, "1": params} if params and found.is_ok else {},
            seconds=found.seconds * self._factor,
            rung=0,
            epochs=epochs,
            curve=tuple({**point, "epoch": epoch} for epoch in range(1, epochs + 1))
            if point
            else (),
        )


def _searched(path: Path) -> list[Evaluation]:
    """Return the trainings of a journal that went to the end, or failed."""
    with gzip.open(path, "rt") as lines:
        records = [r for line in lines if '"evaluated"' in line for r in decode(line)]
    trained = [r.evaluation for r in records if isinstance(r, Evaluated)]
    most = max(e.rung for e in trained)
    return [e for e in trained if e.replicate == 0 and (e.rung == most or not e.is_ok)]


class SimulatedWorkers(Evaluator):
    """Workers that take cohorts in order, and need as long as was measured."""

    def __init__(self, workers: int, measured: Measured, clock: Clock) -> None:
        self.workers, self._measured, self._clock = workers, measured, clock
        self._free = [0.0] * workers
        self._running: list[tuple[float, int, bytes]] = []
        self._number = count()
        self.worked, self.last = 0.0, 0.0

    def submit(self, cohort: Cohort) -> None:
        """Encode a cohort, as for a real worker, and give it to the one that is free first."""
        text = json.dumps(cohort.to_dict())
        self._clock.tick()
        epochs = json.loads(text)["task"]["epochs"]
        found = [self._measured.draw(c, epochs) for c in cohort.candidates]
        result = pickle.dumps([evaluation.to_dict() for evaluation in found])
        seconds = sum(evaluation.seconds for evaluation in found)
        end = max(self._clock.virtual, heapq.heappop(self._free)) + seconds
        heapq.heappush(self._free, end)
        heapq.heappush(self._running, (end, next(self._number), result))
        self.worked += seconds
        self._clock.skip()

    def next_evaluations(self) -> list[Evaluation]:
        """Let time pass until the next cohort ends, and decode what it gave."""
        self._clock.tick()
        end, _, result = heapq.heappop(self._running)
        self.last = end
        self._clock.virtual = max(self._clock.virtual, end)
        return [Evaluation.from_dict(data) for data in pickle.loads(result)]

    def remember(self, reached: Sequence[Reached]) -> None:
        """Nothing: there are no rungs."""

    def close(self) -> None:
        """Nothing to let go of."""


class Growth:
    """A listener that tells, now and then, what candidates cost."""

    def __init__(self, clock: Clock, every: int) -> None:
        self._clock, self._every = clock, every
        self._before, self.seen = dict(clock.parts), 0

    def on_record(self, record: Record, history: History) -> None:  # noqa: ARG002  # a listener's
        """Print a line of JSON for every so many evaluations."""
        if not isinstance(record, Evaluated):
            return
        self.seen += 1
        if self.seen % self._every == 0:
            self._clock.tick()
            now = dict(self._clock.parts)
            parts = {k: 1000 * (now[k] - self._before[k]) / self._every for k in now}
            self._before = now
            rest = sum(parts.values()) - parts["breeding"]
            row = {"candidates": self.seen, "parts": parts, "rest": rest, "memory": _memory()}
            print(json.dumps(row), flush=True)

    def close(self) -> None:
        """Nothing to let go of."""


def _memory() -> float:
    """Return the most that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Timed:
    """Patches methods of the driver so that their time is counted."""

    def __init__(self, clock: Clock) -> None:
        self._patches = [
            mock.patch.object(owner, name, clock.during(part, getattr(owner, name)))
            for (owner, name), part in _PARTS.items()
        ]
        for name in ("submit", "next_evaluations"):
            timed = clock.during("sending", getattr(SimulatedWorkers, name))
            self._patches.append(mock.patch.object(SimulatedWorkers, name, timed))
        self._patches.append(mock.patch.object(os, "fsync", clock.waiting(os.fsync)))

    def __enter__(self) -> Self:
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        for patch in self._patches:
            patch.stop()


def replayed(asked: Replay) -> dict[str, float]:
    """Run a search in virtual time; return what it came to."""
    clock, measured = Clock(), Measured(asked.seconds)
    workers = SimulatedWorkers(asked.workers, measured, clock)
    growth = Growth(clock, max(100, asked.candidates // 10))
    with tempfile.TemporaryDirectory(dir=os.environ.get("SCALE_DIR")) as folder:
        runs = Path(folder)
        uri = tracking_uri("embedded", runs)
        assert uri is not None
        prepare_store(uri)
        study = Study.create(asked.spec(), runs, None, seed=0)
        views = [
            HallOfFameCsv(study.folder / "hall_of_fame.csv"),
            MlflowTracker(uri, study.folder),
            Console(rich.console.Console(file=io.StringIO())),
        ]
        clock.skip()
        with Timed(clock):
            study.open([*views, growth])
            run(study, workers)
            study.close()
        journal = (study.folder / "journal.jsonl").stat().st_size / 2**20
    clock.tick()
    each = 1000 * sum(clock.parts.values()) / growth.seen
    return {
        "candidates": growth.seen,
        "an_hour": growth.seen / workers.last * 3600,
        "busy": workers.worked / (asked.workers * workers.last),
        "journal": journal,
        "memory": _memory(),
        "each": each,
        "rest": each - 1000 * clock.parts["breeding"] / growth.seen,
        "driver_busy": sum(clock.parts.values()) / workers.last,
        "saturated": asked.seconds * 1000 / each,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(replayed(Replay(**json.loads(sys.argv[1])))))
