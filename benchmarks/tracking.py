"""What it costs to show a search in MLflow.

At 200 candidates: searches of one space, in pairs with `tracking.mlflow` embedded and off, each in
a process of its own with a store that is not there yet. The difference of two walls is also that
of two searches on a machine that does other things; so what is known of the tracker is told
apart: how long the search waited for it (for the store to be made beyond the start of workers,
and for the last of it to be told at the end), and how much of the processor its process took
(importing MLflow, making its store, every record), beside which workers train.

At 5,000 candidates: the journal of a search of that many, with scores that are made up, told to a
tracker record by record; its own seconds are what a search would wait for.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hardware import cores, processor

from evoact.records import Candidate, Cohort, Evaluation, Status
from evoact.study import Evaluator

ROOT = Path(__file__).parents[1]
SPACE = ROOT / "search_spaces" / "quickstart.yaml"


class Stopwatch:
    """Counts the seconds that pass within calls, by the wall and by this process's processor."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def timed(self, call: Any) -> Any:
        """Return a function that counts the time it takes."""

        def counted(*arguments: Any, **more: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return call(*arguments, **more)
            finally:
                self.wall += time.perf_counter() - wall
                self.cpu += time.thread_time() - cpu

        return counted


def searched(setting: str, changes: Sequence[str]) -> dict[str, float]:
    """Search a space in this process; return its seconds, and those of the tracker."""
    from evoact import api
    from evoact.study import load_space
    from evoact.tracking import Background

    waits, started = Stopwatch(), []
    begin = Background.__init__

    def begun(self: Background, uri: str) -> None:
        started.append(self)
        begin(self, uri)

    Background.__init__ = begun  # type: ignore[method-assign]  # to ask it when it has ended
    for name in ("__init__", "ready", "on_record", "close"):
        setattr(Background, name, waits.timed(getattr(Background, name)))
    with tempfile.TemporaryDirectory() as folder:
        spec = load_space(SPACE, [*changes, f"tracking.mlflow={setting}"])
        start = time.perf_counter()
        study = api.search(spec, folder, "search", 0)
        wall = time.perf_counter() - start
    count = len(study.history.searched())
    cpu = sum(background.seconds for background in started)
    return {"wall": wall, "waited": waits.wall, "cpu": cpu, "candidates": count}


def pairs_section(pairs: int, changes: Sequence[str]) -> list[dict[str, Any]]:
    """Print what tracking adds to a search of about 200 candidates."""
    told = f" with {', '.join(changes)}" if changes else ""
    print(f"Searches of `{SPACE.name}`{told}\n")
    print("| pair | candidates | off, s | on, s | waited for the tracker, s "
          "| its processor time, s | waited, share of the search |")  # fmt: skip
    print("|---:|---:|---:|---:|---:|---:|---:|")
    rows: list[dict[str, Any]] = []
    for pair in range(pairs):
        # The order changes: the second of a pair finds what the first left in caches.
        order = ("off", "embedded") if pair % 2 else ("embedded", "off")
        found = {setting: _apart("--search", setting, *changes) for setting in order}
        on, off = found["embedded"], found["off"]
        share = on["waited"] / on["wall"]
        print(f"| {pair + 1} | {on['candidates']} | {off['wall']:.1f} | {on['wall']:.1f} "
              f"| {on['waited']:.1f} | {on['cpu']:.1f} | {share:.1%} |", flush=True)  # fmt: skip
        rows.append({"on": on, "off": off, "share": share, "changes": list(changes)})
    more = statistics.median(r["on"]["wall"] / r["off"]["wall"] - 1.0 for r in rows)
    without, with_it = (statistics.median(r[k]["wall"] for r in rows) for k in ("off", "on"))
    share = statistics.median(r["share"] for r in rows)
    print(f"\nMedians: on takes {more:+.1%} of off, pair by pair; {without:.1f} s off, "
          f"{with_it:.1f} s on ({with_it / without - 1.0:+.1%});\n"
          f"{share:.1%} of a search waited for it.\n")  # fmt: skip
    return rows


def _apart(*arguments: str) -> dict[str, float]:
    """Run this script in a process of its own; return what it printed last."""
    call = [sys.executable, __file__, *arguments]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def replayed(size: int) -> dict[str, float]:
    """Search so many candidates without training them, and tell the journal to a tracker."""
    from evoact.records import History, SearchSpec
    from evoact.study import Study, load_space, read_journal, run
    from evoact.tracking import HallOfFameCsv, MlflowTracker, WinnerFiles, prepare_store

    data = load_space(SPACE).model_dump(mode="json")
    data["evolution"] |= {"population": 50, "generations": size // 50, "surrogate": "off"}
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        study = Study.create(SearchSpec.model_validate(data), Path(folder), "search", 0)
        # What a search without MLflow does as well: names of functions, the export of the winner.
        csv = HallOfFameCsv(study.folder / "hall_of_fame.csv")
        study.open([csv, WinnerFiles(study.folder)])
        run(study, Untrained())
        study.close()
        uri = f"sqlite:///{folder}/mlflow.db"
        watch.timed(prepare_store)(uri)
        tracker, history = MlflowTracker(uri, study.folder), History()
        tell = watch.timed(tracker.on_record)
        for record in read_journal(study.folder):
            history.apply(record)
            tell(record, history)
        watch.timed(tracker.close)()
    count = len(history.searched())
    return {"candidates": count, "tracker": watch.wall, "cpu": watch.cpu}


class Untrained(Evaluator):
    """Gives evaluations as long as those of a training, with scores made of the ids."""

    def __init__(self) -> None:
        self._waiting: deque[Cohort] = deque()

    def submit(self, cohort: Cohort) -> None:
        """Take a cohort."""
        self._waiting.append(cohort)

    def next_evaluations(self) -> list[Evaluation]:
        """Return those of the cohort that was submitted first."""
        cohort = self._waiting.popleft()
        return [_made_up(c, cohort) for c in cohort.candidates]

    def remember(self, reached: Sequence[Any]) -> None:
        """There are no rungs."""

    def close(self) -> None:
        """Nothing to let go of."""


def _made_up(candidate: Candidate, cohort: Cohort) -> Evaluation:
    value = int(candidate.id[:8], 16) / 2**33 + 1e-3 * cohort.replicate
    late, epochs = candidate.late, cohort.task.epochs
    curve = [
        {"epoch": e, "loss": 1.0 / e, "val_accuracy": value * e / epochs, "g": e / epochs,
         "grad_norm": 1.0 / e} for e in range(1, epochs + 1)
    ]  # fmt: skip
    scores = {"val_accuracy": value, "val_loss": 1.0, "cost": late.cost, "nodes": late.nodes}
    return Evaluation(
        candidate.id, Status.OK, objectives=scores, replicate=cohort.replicate, epochs=epochs,
        test={"test_accuracy": value} if cohort.test else {}, curve=tuple(curve), seconds=0.1,
    )  # fmt: skip


def growth_section(sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Print what the tracker costs a candidate, in searches of growing length."""
    print("Journals told to a tracker\n")
    print("| candidates | within the tracker, s | ms a candidate | of it processor, ms |")
    print("|---:|---:|---:|---:|")
    rows = []
    for size in sizes:
        row = _apart("--replay", str(size))
        each, cpu = (1000.0 * row[name] / row["candidates"] for name in ("tracker", "cpu"))
        print(f"| {row['candidates']} | {row['tracker']:.1f} | {each:.1f} | {cpu:.1f} |",
              flush=True)  # fmt: skip
        rows.append(row)
    print()
    return rows


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within two minutes")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE over the space's")
    parser.add_argument("--only", choices=("pairs", "growth"))
    parser.add_argument("--search", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--replay", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.search:
        print(json.dumps(searched(given.search[0], given.search[1:])))
        return
    if given.replay:
        print(json.dumps(replayed(given.replay)))
        return
    print(f"{processor()}, {cores()} cores\n")
    small = ["evolution.generations=2", "evaluate.confirm.seeds=2"]
    changes = [*given.set, *(small if given.quick else [])]
    found: dict[str, Any] = {}
    if given.only != "growth":
        found["pairs"] = pairs_section(1 if given.quick else given.pairs, changes)
    if given.only != "pairs":
        found["growth"] = growth_section((200,) if given.quick else (200, 1000, 5000))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
