"""What does annealing cost and bring, by path, beside static late and static early?

    python benchmarks/annealing.py [--quick] [--only depth parity time rank] [--json FILE]

`depth` and `parity` are on digits (see annealing_depth.py). `time` trains the
MNIST-1D networks of evoact with several late functions (annealing_paths.py),
side by side: each seed in turn with every path; times are ratios to static late
of the same seed. `rank` asks whether annealed scores order functions as static
late scores do. Its accuracies and those of `time` are of the validation part;
no test set is read.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from annealing_depth import deep_table, parity_table
from annealing_paths import EPOCHS, KERNELS, KINDS, LATE, NETWORKS, time_section
from hardware import processor
from scipy.stats import spearmanr

from evoact import Candidate, Evolution, SearchSpec
from evoact.records import Cohort, TaskSpec
from evoact.training import train_cohort

DEFAULT = "ladder, 0-.75"
RANKED = ("blend from relu, 0-.4", "blend from auto, .3-.4", DEFAULT)


def main() -> None:
    """Measure, print Markdown tables, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sections = ("depth", "parity", "time", "rank")
    parser.add_argument("--quick", action="store_true", help="few seeds, within two minutes")
    parser.add_argument("--only", nargs="+", choices=sections, default=list(sections))
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--late", nargs="+", choices=LATE, help="of the part `time`; all")
    parser.add_argument("--seeds", type=int, default=10, help="of the part `time`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    hardware = {"cpu": processor(), "torch": torch.__version__, "threads": 1}
    print(f"{hardware['cpu']}, one thread, torch {torch.__version__}\n")
    result: dict[str, Any] = {"hardware": hardware}
    quick = options.quick
    if "depth" in options.only:
        table, result["depth"] = deep_table(1 if quick else 5)
        print(table, end="\n\n")
    if "parity" in options.only:
        table, result["parity"] = parity_table(2 if quick else 10)
        print(table, end="\n\n")
    if "time" in options.only:
        names = options.late or (list(LATE)[1:3] if quick else LATE)
        late = {name: LATE[name] for name in names}
        epochs = dict.fromkeys(NETWORKS, 3) if quick else EPOCHS
        seeds = 2 if quick else options.seeds
        result["time"] = time_section(late, {n: epochs[n] for n in options.networks}, seeds)
    if "rank" in options.only:
        result["rank"] = rank_section(4 if quick else 64, 3 if quick else EPOCHS["mlp"])
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def rank_section(functions: int, epochs: int) -> dict[str, Any]:
    """Score bred functions with and without annealing; print rank correlations."""
    task = TaskSpec(name="mnist1d", network="mlp", epochs=epochs)
    late = bred(functions)
    columns = {"static late": 1, "static late, other seed": 2, **dict.fromkeys(RANKED, 1)}
    scores: dict[str, list[float]] = {name: [] for name in columns}
    for text in late:
        for name, replicate in columns.items():
            kind = KINDS[name.removesuffix(", other seed")]
            cohort = Cohort((kind.candidate(text),), task, 0, replicate, kernels=KERNELS)
            (found,) = train_cohort(cohort)
            scores[name].append(found.objectives.get("val_accuracy", 0.0))
    base = scores["static late"]
    rank = {name: float(spearmanr(base, values).statistic) for name, values in scores.items()}
    print(f"| {len(late)} functions, mlp, {epochs} epochs | mean accuracy | rank correlation |")
    print("|---|---:|---:|")
    for name, values in scores.items():
        told = "" if name == "static late" else f"{rank[name]:.3f}"
        print(f"| {name} | {statistics.mean(values):.4f} | {told} |")
    print(flush=True)
    return {"functions": late, "scores": scores, "rank": rank}


def bred(count: int) -> list[str]:
    """Return standardised functions as a search's first generations breed them.

    Each can be annealed by the ladder and static; which a search would train.
    """
    space = SearchSpec(evolution={"population": count, "seeds": ["relu", "silu"]})
    candidates: Iterable[Candidate] = Evolution(space, seed=7).ask(count)
    return [candidate.text for candidate in candidates]


if __name__ == "__main__":
    main()
