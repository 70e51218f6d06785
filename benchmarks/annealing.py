"""What does annealing cost and bring, by path, beside static late and static early?

    python benchmarks/annealing.py [--quick] [--only depth parity time rank] [--json FILE]

`depth` and `parity` are on digits (see annealing_depth.py). `time` trains the
MNIST-1D networks of evoact with several late functions, side by side: each seed
in turn with every path, so that what else the machine does falls on all alike;
times are ratios to static late of the same seed. `rank` asks whether annealed
scores order functions as static late scores do. Accuracies are of the
validation part; no test set is read.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from annealing_depth import deep_table, parity_table
from scipy.stats import spearmanr

from evoact import Anneal, Candidate, Evolution, SearchSpec
from evoact.errors import InputError
from evoact.language import resolve
from evoact.nn import Annealed
from evoact.records import Cohort, TaskSpec
from evoact.stats import compare_paired
from evoact.training import train_cohort
from evoact.training.forming import data_of, form

LATE = {
    "silu": "silu(x)",
    "quickstart's": "0.55915 * (signed_sqrt(x) + erf(erf(x)) * square(x))",
    "swish + tanh": "x * sigmoid(1.2 * x) + 0.5 * tanh(min(x, x * x))",
    "asinh + waves": "asinh(x) + sin(2.0 * x) * gaussian(x) + 0.3 * atan(square(x))",
}
NETWORKS = ("mlp", "conv")
EPOCHS = {"mlp": 30, "conv": 15}


@dataclass(frozen=True)
class Kind:
    """A way of training: a path with its genes, or without annealing."""

    path: str
    early: str | None = None
    schedule: str = "linear"
    start: float = 0.0
    end: float = 0.4

    def candidate(self, late: str) -> Candidate:
        """Return the candidate; InputError where the path cannot serve the function."""
        function = resolve(late)
        if self.path == "static late":
            return Candidate(function)
        if self.path == "static early":
            return Candidate(resolve(self.early or "relu"))
        early = None if self.early is None else resolve(self.early)
        return Candidate(
            function, Anneal(early, self.schedule, self.start, self.end, path=self.path)
        )


KINDS = {
    "static late": Kind("static late"),
    "static early (relu)": Kind("static early"),
    "blend from relu, 0-.4": Kind("blend", "relu"),
    "blend from auto, .3-.4": Kind("blend", start=0.3),
    "sharpness, 0-.4": Kind("sharpness"),
    "ladder, 0-.6": Kind("ladder", end=0.6),
    "ladder, 0-.75": Kind("ladder", end=0.75),
}
DEFAULT = "ladder, 0-.75"
RANKED = ("blend from relu, 0-.4", "blend from auto, .3-.4", DEFAULT)


def main() -> None:
    """Measure, print Markdown tables, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sections = ("depth", "parity", "time", "rank")
    parser.add_argument("--quick", action="store_true", help="few seeds, within two minutes")
    parser.add_argument("--only", nargs="+", choices=sections, default=list(sections))
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
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
        late = dict(list(LATE.items())[1:3]) if quick else LATE
        epochs = dict.fromkeys(NETWORKS, 3) if quick else EPOCHS
        seeds = 2 if quick else options.seeds
        result["time"] = time_section(late, {n: epochs[n] for n in options.networks}, seeds)
    if "rank" in options.only:
        result["rank"] = rank_section(4 if quick else 64, 3 if quick else EPOCHS["mlp"])
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def time_section(
    late: dict[str, str], networks: dict[str, int], seeds: int
) -> list[dict[str, Any]]:
    """Print a table for each network and late function."""
    rows = []
    for network, epochs in networks.items():
        task = TaskSpec(name="mnist1d", network=network, epochs=epochs)
        for name, text in late.items():
            found = [row | {"network": network, "late": name} for row in compare(text, task, seeds)]
            rows += found
            step = found[0]["step"] / found[1]["step"]
            print(f"**{network}, {name}**: `{text}`, {epochs} epochs,")
            print(f"static step {step:.2f} of ReLU's\n")
            print("| | time / static late | predicted | accuracy | minus static late |")
            print("|---|---:|---:|---:|---:|")
            for row in found:
                print(row["text"])
            print(flush=True)
    return rows


def compare(text: str, task: TaskSpec, seeds: int) -> list[dict[str, Any]]:
    """Train a late function in every way with the same seeds, and measure single steps."""
    kinds = {name: kind.candidate(text) for name, kind in KINDS.items() if serves(kind, text)}
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    accuracy: dict[str, list[float]] = {name: [] for name in kinds}
    warm_up = task.model_copy(update={"epochs": 1})
    for candidate in kinds.values():
        train_cohort(Cohort((candidate,), warm_up, seed=0))
    for replicate in range(1, seeds + 1):
        # In another order each time: no way of training is always after the same one.
        for name in sorted(kinds, key=lambda name: zlib.crc32(f"{name}{replicate}".encode())):
            (found,) = train_cohort(Cohort((kinds[name],), task, seed=0, replicate=replicate))
            seconds[name].append(found.seconds)
            accuracy[name].append(found.objectives.get("val_accuracy", 0.1))
    predicted = predict(kinds, task)
    rows = []
    for name in kinds:
        ratios = [a / b for a, b in zip(seconds[name], seconds["static late"], strict=True)]
        paired = compare_paired(accuracy[name], accuracy["static late"])
        row = {
            "kind": name,
            "ratio": statistics.median(ratios),
            "predicted": predicted[name] / predicted["static late"],
            "step": predicted[name],
            "accuracy": accuracy[name],
            "difference": [paired.difference, paired.low, paired.high],
        }
        gap = f"{paired.difference:+.4f} [{paired.low:+.4f}, {paired.high:+.4f}]"
        row["text"] = (
            f"| {name} | {row['ratio']:.2f} | {row['predicted']:.2f} "
            f"| {statistics.mean(accuracy[name]):.4f} | {gap if name != 'static late' else ''} |"
        )
        rows.append(row)
    return rows


def serves(kind: Kind, text: str) -> bool:
    """Return whether the path can be walked to this late function."""
    try:
        kind.candidate(text)
    except InputError:
        return False
    return True


def predict(kinds: dict[str, Candidate], task: TaskSpec, rounds: int = 15) -> dict[str, float]:
    """Return the mean seconds of a step, from the shares of the phases and their steps.

    Steps are timed side by side, at g = 0, .5, .98 and 1.
    """
    at = {name: (1.0,) if c.anneal is None else (0.0, 0.5, 0.98, 1.0) for name, c in kinds.items()}
    timers = {name: Timer(candidate, task) for name, candidate in kinds.items()}
    found: dict[tuple[str, float], list[float]] = {}
    for _ in range(rounds):
        for name, timer in timers.items():
            for g in at[name]:
                found.setdefault((name, g), []).append(timer.seconds(g))
    step = {key: statistics.median(values) for key, values in found.items()}
    result = {}
    for name, candidate in kinds.items():
        genes = candidate.anneal
        if genes is None:
            result[name] = step[name, 1.0]
            continue
        rise = genes.end - genes.start
        # A ladder blends in the last twentieth of g only; before it costs its table.
        blended = rise * (0.05 if genes.path == "ladder" else 1.0)
        result[name] = (
            genes.start * step[name, 0.0]
            + (rise - blended) * step[name, 0.5]
            + blended * step[name, 0.98]
            + (1.0 - genes.end) * step[name, 1.0]
        )
    return result


class Timer:
    """Training steps of a candidate's network, in a stack of one, at a fixed g."""

    def __init__(self, candidate: Candidate, spec: TaskSpec) -> None:
        cohort = Cohort((candidate,), spec, seed=0, replicate=1)
        (training,) = form(cohort, [0], _refuse)
        self.stack = training.stack
        self.stack.arrange(training.members)
        data = data_of(cohort).train
        self.x, self.y = data.x[: spec.batch_size], data.y[: spec.batch_size]

    def seconds(self, g: float, steps: int = 8) -> float:
        """Return the seconds of a step."""
        for module in self.stack.members[0].modules:
            if isinstance(module, Annealed):
                module.set_g(g)
        start = time.perf_counter()
        for _ in range(steps):
            self.stack.step(self.x, self.y, 1e-4)
        return (time.perf_counter() - start) / steps


def _refuse(_position: int, error: Exception) -> None:
    raise error


def rank_section(functions: int, epochs: int) -> dict[str, Any]:
    """Score bred functions with and without annealing; print rank correlations."""
    task = TaskSpec(name="mnist1d", network="mlp", epochs=epochs)
    late = bred(functions)
    columns = {"static late": 1, "static late, other seed": 2, **dict.fromkeys(RANKED, 1)}
    scores: dict[str, list[float]] = {name: [] for name in columns}
    for text in late:
        for name, replicate in columns.items():
            kind = KINDS[name.removesuffix(", other seed")]
            (found,) = train_cohort(Cohort((kind.candidate(text),), task, 0, replicate))
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


def processor() -> str:
    """Return the name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
