"""Training time and accuracy on every path, beside static late and static early.

Times are of the processor, in the one thread of a training: what else the
machine does counts for little in them.
"""

from __future__ import annotations

import statistics
import time
import zlib
from dataclasses import dataclass
from typing import Any

from evoact import Anneal, Candidate
from evoact.errors import InputError
from evoact.language import resolve
from evoact.nn import Annealed
from evoact.nn.kernels import available
from evoact.records import Cohort, TaskSpec
from evoact.stats import compare_paired
from evoact.training import train_cohort
from evoact.training.forming import data_of, form

LATE = {
    "silu": "silu(x)",
    "quickstart's": "0.55915 * (signed_sqrt(x) + erf(erf(x)) * square(x))",
    "swish + tanh": "x * sigmoid(1.2 * x) + 0.5 * tanh(min(x, x * x))",
    "asinh + waves": "asinh(x) + sin(2.0 * x) * gaussian(x) + 0.3 * atan(square(x))",
    "mish + waves": "x * tanh(softplus(x)) + 0.4 * sin(2.0 * x) * gaussian(x) "
    "+ 0.2 * erf(x) * atan(x)",
}
NETWORKS = ("mlp", "conv")
EPOCHS = {"mlp": 30, "conv": 15}
KERNELS = "c" if available() else "torch"  # the fastest there is here


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


def time_section(
    late: dict[str, str], networks: dict[str, int], seeds: int
) -> list[dict[str, Any]]:
    """Print a table for each network and late function."""
    rows = []
    print(f"{seeds} seeds; late functions:\n")
    print("\n".join(f"- {name}: `{text}`" for name, text in late.items()), end="\n\n")
    for network, epochs in networks.items():
        task = TaskSpec(name="mnist1d", network=network, epochs=epochs)
        for name, text in late.items():
            found = [row | {"network": network, "late": name} for row in compare(text, task, seeds)]
            rows += found
            step = found[0]["step"] / found[1]["step"]
            print(f"**{network}, {name}**, {epochs} epochs, static step {step:.2f} of ReLU's\n")
            print("| | time / static late | predicted | accuracy | minus static late |")
            print("|---|---:|---:|---:|---:|")
            for row in found:
                print(row["text"])
            for kind, reason in left_out(text).items():
                print(f"\nWithout {kind}: the function {reason}.")
            print(flush=True)
    return rows


def compare(text: str, task: TaskSpec, seeds: int) -> list[dict[str, Any]]:
    """Train a late function in every way with the same seeds, and measure single steps."""
    without = left_out(text)
    kinds = {name: kind.candidate(text) for name, kind in KINDS.items() if name not in without}
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    accuracy: dict[str, list[float]] = {name: [] for name in kinds}
    warm_up = task.model_copy(update={"epochs": 1})
    for candidate in kinds.values():
        train_cohort(Cohort((candidate,), warm_up, seed=0, kernels=KERNELS))
    for replicate in range(1, seeds + 1):
        # In another order each time: no way of training is always after the same one.
        for name in sorted(kinds, key=lambda name: zlib.crc32(f"{name}{replicate}".encode())):
            start = time.process_time()
            cohort = Cohort((kinds[name],), task, 0, replicate, kernels=KERNELS)
            (found,) = train_cohort(cohort)
            seconds[name].append(time.process_time() - start)
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


def left_out(text: str) -> dict[str, str]:
    """Return the ways of training that cannot lead to this late function, and why."""
    reasons = {}
    for name, kind in KINDS.items():
        try:
            kind.candidate(text)
        except InputError as error:
            # "'FUNCTION' is groupwise; path ladder ..."
            reasons[name] = str(error).partition(";")[0].rpartition("' ")[2]
    return reasons


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
        cohort = Cohort((candidate,), spec, seed=0, replicate=1, kernels=KERNELS)
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
        start = time.process_time()
        for _ in range(steps):
            self.stack.step(self.x, self.y, 1e-4)
        return (time.process_time() - start) / steps


def _refuse(_position: int, error: Exception) -> None:
    raise error
