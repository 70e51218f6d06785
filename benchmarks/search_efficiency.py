"""How many evaluations does a search need, and what does each part of it bring?

A table holds what every core-unit function reaches, from several seeds: built
once (`--build`, resumable), then searches are replayed on it, hundreds of each
kind. In a trial an algorithm is told what training from one of half of the
seeds gave; the other half says how good the function is. Algorithms are tuned
on one table (`--table tuning`: shuffled signals, a deeper network) and reported
on another.

    python benchmarks/search_efficiency.py [--quick] [--json FILE]
    python benchmarks/search_efficiency.py --build reported --minutes 20
    python benchmarks/search_efficiency.py --act-bench act-bench-cnn.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import search_table
from hardware import cores, processor
from scipy.stats import spearmanr
from search_replay import ALGORITHMS, CHANCE, Pool, act_bench, halves

EVALUATIONS: Final = 100
SHARE: Final = 0.01  # of all functions: what counts as the top
TOP: Final = 10
LATER: Final = 10 * EVALUATIONS  # in place of the evaluation that found none
CURVE: Final = (10, 25, 50, 100)


@dataclass(frozen=True)
class Outcome:
    """What one trial of an algorithm found.

    Attributes:
        reached: evaluations until one of the top 1 % was evaluated.
        top: whether one of the top 10 was.
        regret: truth of the best minus that of the function that looked best,
            after so many evaluations.
        best: truth of the function that looked best, likewise.
    """

    reached: int
    top: bool
    regret: dict[int, float]
    best: dict[int, float]


def main() -> None:
    """Build a table, or replay on one."""
    options = _options()
    if options.build:
        folder = options.parts or Path("runs") / "search_efficiency" / options.build
        search_table.build(options.build, folder, options.minutes, options.workers)
        return
    trials = options.trials or (10 if options.quick else 200)
    source = options.act_bench or search_table.RESULTS / f"{options.table}.npz"
    chosen = options.algorithms or list(ALGORITHMS)
    print(f"{source.stem}: {trials} trials of {EVALUATIONS} evaluations; {processor()}, "
          f"{cores()} cores\n")  # fmt: skip
    if not options.act_bench:
        _print_ceiling(source, trials)
    found = replay(source, chosen, trials, options.workers)
    print_outcomes(found)
    if options.json:
        data = {name: [asdict(one) for one in outcomes] for name, outcomes in found.items()}
        options.json.write_text(json.dumps(data) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", choices=list(search_table.VARIANTS), help="train for a table")
    parser.add_argument("--minutes", type=float, default=20.0, help="of a slice of building")
    parser.add_argument("--parts", type=Path, metavar="DIR", help="what is trained so far")
    parser.add_argument("--workers", type=int, default=cores(), help="processes")
    parser.add_argument("--table", choices=list(search_table.VARIANTS), default="reported")
    parser.add_argument("--act-bench", type=Path, metavar="FILE", help="replay on this instead")
    parser.add_argument("--algorithms", nargs="+", choices=list(ALGORITHMS), metavar="NAME")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--quick", action="store_true", help="10 trials")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the outcomes here")
    return parser.parse_args()


def replay(
    source: Path, chosen: Sequence[str], trials: int, workers: int
) -> dict[str, list[Outcome]]:
    """Return the outcomes of each algorithm, trial by trial."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        running = {
            name: pool.map(partial(outcome, source, name), range(trials), chunksize=5)
            for name in chosen
        }
        return {name: list(outcomes) for name, outcomes in running.items()}


@cache
def _source(path: Path) -> search_table.Table | Pool:
    return act_bench(path) if path.suffix == ".json" else search_table.load(path)


def pool_of(path: Path, trial: int) -> Pool:
    """Return what a trial looks up."""
    source = _source(path)
    return source if isinstance(source, Pool) else halves(source, trial)


def outcome(path: Path, name: str, trial: int) -> Outcome:
    """Run one trial of an algorithm."""
    pool = pool_of(path, trial)
    share = pool.best(max(1, round(SHARE * len(pool.texts))))
    rows: list[int] = []
    looked: list[float] = []
    for row, value in ALGORITHMS[name](pool, trial, EVALUATIONS):
        rows.append(row)
        looked.append(CHANCE if np.isnan(value) else value)
    best = {n: float(pool.truth[rows[int(np.argmax(looked[:n]))]]) for n in CURVE}
    top = float(pool.truth.max())
    return Outcome(
        next((i for i, row in enumerate(rows, 1) if row in share), LATER),
        not pool.best(TOP).isdisjoint(rows),
        {n: top - value for n, value in best.items()},
        best,
    )


def print_outcomes(found: dict[str, list[Outcome]]) -> None:
    """Print a line for each algorithm, with 95 % bootstrap intervals."""
    print("| algorithm | evaluations to the top 1 %, median | over random | top 10 reached "
          "| regret at 25 | at 50 | at 100 |\n|---|---:|---:|---:|---:|---:|---:|")  # fmt: skip
    random = found.get("random of the pool")
    for name, outcomes in found.items():
        reached = [one.reached for one in outcomes]
        ratio = f"{np.median(reached) / _median(random):.2f}" if random else ""
        regrets = " | ".join(
            f"{np.mean([one.regret[n] for one in outcomes]):.4f}" for n in CURVE[1:]
        )
        low, high = _interval(reached)
        share = np.mean([one.top for one in outcomes])
        print(f"| {name} | {_count(np.median(reached))} [{_count(low)}, {_count(high)}] | {ratio} "
              f"| {share:.3f} | {regrets} |")  # fmt: skip
    print()


def _median(outcomes: Sequence[Outcome]) -> float:
    return float(np.median([one.reached for one in outcomes]))


def _count(value: float) -> str:
    return f"over {EVALUATIONS}" if value > EVALUATIONS else f"{value:g}"


def _interval(values: Sequence[float]) -> tuple[float, float]:
    drawn = np.random.default_rng(0).choice(values, (2000, len(values)))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    return float(low), float(high)


def _print_ceiling(path: Path, trials: int) -> None:
    """Print how well halves of the seeds agree, and short trainings with long ones."""
    table = search_table.load(path)
    print(f"{len(table.texts)} functions, {table.validation.shape[1]} seeds\n")
    agree = [_agreement(halves(table, trial)) for trial in range(min(trials, 20))]
    print(f"Split-half rank correlation {np.mean(agree):.3f}\n")
    print("| epochs | rank correlation with the end, another seed | of the better half |")
    print("|---:|---:|---:|")
    for row in rungs(table):
        print(f"| {row['epochs']} | {row['all']:.3f} | {row['better half']:.3f} |")
    print()


def _agreement(pool: Pool) -> float:
    seen = np.nan_to_num(pool.seen, nan=CHANCE).mean(axis=1)
    return float(spearmanr(seen, pool.truth).statistic)


def rungs(table: search_table.Table) -> list[dict[str, Any]]:
    """Return how a seed's values at each rung rank functions, against the ends of other seeds."""
    values = np.nan_to_num(table.validation, nan=CHANCE)
    ends = values[:, :, -1]
    found = []
    for place, epochs in enumerate(table.rungs):
        row: dict[str, Any] = {"epochs": epochs}
        for what in ("all", "better half"):
            each = []
            for seed in range(values.shape[1]):
                others = np.delete(ends, seed, axis=1).mean(axis=1)
                kept = others >= (np.median(others) if what != "all" else -1.0)
                each.append(spearmanr(values[kept, seed, place], others[kept]).statistic)
            row[what] = float(np.mean(each))
        found.append(row)
    return found


if __name__ == "__main__":
    main()
