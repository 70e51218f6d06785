"""Do the ideas that evoact grows from work in it? Every claim is measured, in one table.

    python benchmarks/systems.py [--quick] [--only TEXT ...] [--seeds N] [--workers N] [--json FILE]

A row is a claim about a system and what was measured of it, with five seeds or more where
chance takes part; the files `systems_*.py` beside this one say how, each through functions
that users have. `--quick` is for CI: fewer seeds and shorter trainings, and weaker claims
where those decide. A whole run is kept in `results/systems`. The exit status is 1 if a
claim is not met.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import systems_deep
import systems_pieces
import systems_units
from hardware import cores, processor
from systems_table import Effort, Measured, Row

MODULES: Final = (systems_pieces, systems_units, systems_deep)
ROWS: Final[tuple[Row, ...]] = tuple(row for module in MODULES for row in module.ROWS)
RESULTS: Final = Path(__file__).parent / "results" / "systems"
QUICK_SEEDS: Final = 2
FEWEST: Final = 5  # seeds of a table that is kept


@dataclass(frozen=True)
class Told:
    """A row of the table: what came of it, and how long it took by the clock."""

    row: Row
    measured: Measured
    seconds: float

    @property
    def line(self) -> str:
        """The row in Markdown."""
        row, found = self.row, self.measured
        met = "yes" if found.met else "**no**"
        name = row.system[:1].upper() + row.system[1:]
        cells = name, row.claim, found.told, met, f"{self.seconds:.1f}"
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "system": self.row.system,
            "claim": self.row.claim,
            "told": self.measured.told,
            "met": self.measured.met,
            "seconds": round(self.seconds, 2),
            "values": dict(self.measured.values),
        }


def main() -> None:
    """Measure the rows, print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="all within four minutes on 2 cores")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="TEXT", help="rows in whose name or claim it is"
    )
    parser.add_argument("--seeds", type=int, metavar="N", help=f"{FEWEST}, or {QUICK_SEEDS} quick")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers here")
    options = parser.parse_args()
    chosen = [i for i, row in enumerate(ROWS) if is_asked_for(row, options.only)]
    if not chosen:
        parser.error(f"--only is {' '.join(options.only)!r}; no row is called so")
    effort = Effort(options.quick, options.seeds or (QUICK_SEEDS if options.quick else FEWEST))
    start = time.monotonic()
    told = measured(chosen, effort, options.workers)
    text = table(told, effort, options.workers, time.monotonic() - start)
    data = {"hardware": processor(), "cores": cores(), "quick": effort.quick}
    data |= {"seeds": effort.seeds, "rows": [one.to_dict() for one in told]}
    print(text)
    if not (effort.quick or options.only) and effort.seeds >= FEWEST:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "systems.md").write_text(text + "\n")
        (RESULTS / "systems.json").write_text(json.dumps(data, indent=1) + "\n")
    if options.json:
        options.json.write_text(json.dumps(data, indent=1) + "\n")
    sys.exit(0 if all(one.measured.met for one in told) else 1)


def is_asked_for(row: Row, texts: Sequence[str]) -> bool:
    """Whether one of the texts is in a row's name or claim; without texts all are asked for."""
    name = f"{row.system}: {row.claim}".lower()
    return not texts or any(text.lower() in name for text in texts)


def measured(chosen: Sequence[int], effort: Effort, workers: int) -> list[Told]:
    """Measure rows in processes of one thread each, and return them in their order."""
    os.environ["OMP_NUM_THREADS"] = "1"  # processes started from here read it
    context, found = get_context("spawn"), dict[int, Told]()
    with ProcessPoolExecutor(workers, context, initializer=_one_thread) as pool:
        waiting = {pool.submit(_measure, i, effort): i for i in chosen}
        for future in as_completed(waiting):
            one = Told(ROWS[waiting[future]], *_outcome(future))
            found[waiting[future]] = one
            print(f"{len(found)}/{len(chosen)} {one.line}", file=sys.stderr, flush=True)
    return [found[i] for i in sorted(found)]


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _measure(index: int, effort: Effort) -> tuple[Measured, float]:
    start = time.perf_counter()
    try:
        found = ROWS[index].measure(effort)
    except Exception as error:  # one that fails is a row of the table, and stops no other
        found = failed(error)
    return found, time.perf_counter() - start


def _outcome(future: Future[tuple[Measured, float]]) -> tuple[Measured, float]:
    """Return what a process gave; of one that died, that."""
    error = future.exception()
    return future.result() if error is None else (failed(error), 0.0)


def failed(error: BaseException) -> Measured:
    """Return what is told of a row that could not be measured."""
    reason = " ".join(str(error).split()) or "without a word"
    return Measured(f"failed: {type(error).__name__}: {reason[:200]}", met=False)


def table(told: Sequence[Told], effort: Effort, workers: int, seconds: float) -> str:
    """Return the table in Markdown."""
    met = sum(one.measured.met for one in told)
    quick = " --quick" if effort.quick else ""
    return "\n".join(
        (
            "# The ideas evoact grows from, each one measured\n",
            f"`python benchmarks/systems.py{quick}`; {processor()}, {cores()} cores, {workers} "
            f"processes of one thread; torch {version('torch')}; {effort.seeds} seeds, means with "
            f"95 % intervals. {met} of {len(told)} claims met, in {seconds / 60.0:.1f} minutes.\n",
            "| system | what is claimed | what was measured | met | seconds |",
            "|---|---|---|---|---:|",
            *(one.line for one in told),
        )
    )


if __name__ == "__main__":
    main()
