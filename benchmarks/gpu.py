"""What does a GPU bring: candidates an hour in stacks, and generated kernels beside copying?

    python benchmarks/gpu.py [--quick] [--rounds N] [--json FILE]

`stacks`: a cohort of 256 on MNIST-1D's MLP as one stack, beside one candidate after
the other, with and without CUDA graphs; goal: 50 times as many an hour. `banks`: the
activations of such a cohort, forward and backward, as a CUDA graph. `single`: one
activation in all ways, likewise. The last two are told as shares of the card's bandwidth in
copying: a forward pass reads and writes once, a backward pass reads twice and writes
once; goal: 85 %. What fits into the card's cache may exceed it.

The tables are kept in `benchmarks/results/gpu/`, under the name of the card. Without a
CUDA device nothing is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from kernels import EXPRESSIONS, GOALS, made
from throughput_step import RATE, OneByOne, Timed, Trained, clock, discovered_mix
from torch import Tensor

from evoact import Activation
from evoact.language import ZOO
from evoact.nn.kernels import triton_backend
from evoact.nn.packed import Bank
from evoact.records import TaskSpec
from evoact.training.environment import reproducible
from evoact.training.replay import on_cuda

RESULTS = Path(__file__).parent / "results" / "gpu"
COHORT, EPOCHS = 256, 50
LAYER = 100 * 100  # values of a network's layer: a batch of 100, 100 channels
LARGE = 2**26  # values that no cache holds
PASSES = 5  # reads and writes of a forward and backward pass
COPY_PASSES = 2
CALLS = 10  # of a round, whose end is waited for once
WAYS = ("native", "naive", "triton", "compile")
Lines = list[str]


def main() -> None:
    """Measure on a GPU, print Markdown tables and keep them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds, without torch.compile")
    parser.add_argument("--rounds", type=int, help="of all contestants; by default 7, quick 3")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers here")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("No CUDA device here: nothing is measured. Where there is one: "
              "python benchmarks/gpu.py")  # fmt: skip
        return
    rounds = options.rounds or (3 if options.quick else 7)
    ways = WAYS[:-1] if options.quick else WAYS
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TRITON_CACHE_DIR"] = cache  # else a second run would find all compiled
        lines, result = measured(rounds, ways)
    RESULTS.mkdir(exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", result["device"].lower()).strip("-")
    (RESULTS / f"{slug}.md").write_text("\n".join(lines))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def measured(rounds: int, ways: Sequence[str]) -> tuple[Lines, dict[str, Any]]:
    """Measure and print all on the GPU that is here; return what is told, and all numbers."""
    name, copying = torch.cuda.get_device_name(), bandwidth("cuda", rounds)
    lines = [f"# {name}", "", f"torch {torch.__version__}, {triton_backend()}; {rounds} rounds", ""]
    result: dict[str, Any] = {"device": name, "torch": torch.__version__, "rounds": rounds}
    print("\n".join(lines), flush=True)
    for part in (partial(stacks, rounds), partial(banks, copying, rounds),
                 partial(single, copying, rounds, ways)):  # fmt: skip
        told, numbers = part()
        print("\n".join(told), flush=True)
        lines += told
        result |= numbers
    return lines, result | {"bandwidth": copying}


def kernels_here() -> tuple[str, ...]:
    """Return what can compute activations on a GPU, generated kernels first."""
    return ("triton", "torch") if triton_backend().name == "triton" else ("torch",)


# Candidates an hour


def stacks(
    rounds: int, count: int = COHORT, device: str = "cuda", kernels: Sequence[str] | None = None
) -> tuple[Lines, dict[str, Any]]:
    """Measure a cohort as one stack, and some of it one after the other, as workers train."""
    with reproducible(device):
        contestants, making = made_contestants(count, device, kernels or kernels_here())
        times: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, contestant in contestants.items():
                times[name].append(contestant())
    steps = contestants["one at a time, torch"].trainings[0].steps_per_epoch * EPOCHS
    lines = stacks_table(times, making, steps, count)
    lines += [f"Not captured in a graph: {reason}\n" for reason in sorted(refused(contestants))]
    return lines, {"stacks": times, "making": making}


def made_contestants(
    count: int, device: str, kernels: Sequence[str]
) -> tuple[dict[str, Trained], dict[str, float]]:
    """Return who is measured, and how many seconds it took to make each, a candidate."""
    task = TaskSpec(name="mnist1d", network="mlp", epochs=1000, learning_rate=RATE)
    bred = discovered_mix(count)
    contestants: dict[str, Trained] = {}
    making: dict[str, float] = {}
    for way in (*kernels, "one"):
        for graphs in (True, False):
            start = clock(device)
            if way == "one":
                one: Trained = OneByOne(bred[:4], task, device)
            else:
                one = Timed(bred, task, way, device=device)
            head = "one at a time, torch" if way == "one" else f"a stack, {way}"
            name = head + ", CUDA graphs" * graphs
            making[name] = (clock(device) - start) / (4 if way == "one" else count)
            contestants[name] = one if graphs else without_graphs(one)
    return contestants, making


def without_graphs(contestant: Trained) -> Trained:
    """Let it launch what it does one by one."""
    for training in contestant.trainings:
        training.stack.replay = None
    return contestant


def refused(contestants: dict[str, Trained]) -> set[str]:
    """Return why steps were not captured that were to be."""
    replays = (t.stack.replay for one in contestants.values() for t in one.trainings)
    return {replay.refused for replay in replays if replay and replay.refused}


def stacks_table(
    times: dict[str, list[float]], making: dict[str, float], steps: int, count: int
) -> Lines:
    """Return what is told of times of a network's step, in microseconds."""
    singles = ("one at a time, torch, CUDA graphs", "one at a time, torch")
    lines = [
        f"A cohort of {count}, functions as the quickstart breeds them, MNIST-1D's MLP, {EPOCHS} "
        "epochs. Making is of a candidate, with its first epoch and all compiling that is left "
        "to do, in the order of the rows.",
        "",
        "| | us of a network's step | candidates an hour | making, s | an hour, with making "
        "| over one at a time, CUDA graphs | over one at a time |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, found in times.items():
        middle = statistics.median(found)
        training = middle * steps / 1e6  # seconds
        gains = [
            statistics.median(a / b for a, b in zip(times[single], found, strict=True))
            for single in singles
        ]
        with_making = training + making[name]
        cells = [f"{middle:.2f}", f"{3600 / training:,.0f}", f"{making[name]:.2f}"]
        cells += [f"{3600 / with_making:,.0f}", *(f"{gain:.1f}" for gain in gains)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


# Beside copying


def bandwidth(device: str, rounds: int, size: int = LARGE) -> float:
    """Return how many bytes a second are read and written in copying."""
    source, target = torch.randn(2, size, device=device)
    again = repeated(lambda: target.copy_(source), device)
    return COPY_PASSES * source.nbytes / seconds(again, rounds, device)


def banks(
    copying: float,
    rounds: int,
    device: str = "cuda",
    sizes: Sequence[int] = (LAYER, LARGE // COHORT),
    kernels: Sequence[str] | None = None,
    count: int = COHORT,
) -> tuple[Lines, dict[str, Any]]:
    """Measure the activations of a cohort, with slices of these sizes."""
    lines = [
        f"Activations of {count} bred functions, forward and backward as a CUDA graph; copying: "
        f"{copying / 1e9:,.0f} GB/s",
        "",
        "| values of each | by | ms | share of copying |",
        "|---:|---|---:|---:|",
    ]
    found: dict[str, float] = {}
    for size in sizes:
        for way in kernels or kernels_here():
            taken = seconds(bank_passes(way, size, count, device), rounds, device)
            share = PASSES * 4 * size * count / taken / copying
            lines.append(f"| {size:,} | {way} | {1e3 * taken:.3f} | {share:.0%} |")
            found[f"{way}, {size}"] = taken
    return [*lines, ""], {"banks": found}


def bank_passes(kernels: str, size: int, count: int, device: str) -> Callable[[], Any]:
    """Return what goes forward and backward through a bank, gradients of parameters too."""
    members = [Activation(c.late, 1, -1).to(device) for c in discovered_mix(count)]
    parameters = [p for member in members for p in member.parameters()]
    for p in parameters:
        p.grad = torch.zeros_like(p)  # generated kernels add to it
    bank = Bank(1, -1, kernels)
    bank.set(members)
    x, slope = torch.randn(2, count, size, 1, device=device)
    inputs = [x.requires_grad_(), *parameters]
    return repeated(
        lambda: torch.autograd.grad(bank(x), inputs, slope, allow_unused=True), device
    )  # fmt: skip


def single(
    copying: float,
    rounds: int,
    ways: Sequence[str],
    device: str = "cuda",
    size: int = LARGE,
    texts: Sequence[str] = (*GOALS, *EXPRESSIONS),
) -> tuple[Lines, dict[str, Any]]:
    """Measure activations alone, each in several ways."""
    ways = [way for way in ways if way != "triton" or "triton" in kernels_here()]
    lines = [
        f"One activation of {size:,} values, forward and backward as a CUDA graph: ms, share "
        "of copying",
        "",
        f"| | {' | '.join(ways)} |",
        f"|---|{'---:|' * len(ways)}",
    ]
    x, slope = torch.randn(2, size // 64, 64, device=device)
    x.requires_grad_()
    found: dict[str, dict[str, float]] = {}
    for text in texts:
        found[text], cells = {}, []
        for way in ways:
            function = made(text, ZOO[text].text if text in ZOO else text, way)
            if function is None:
                cells.append("")
                continue
            again = repeated(passes(function.to(device), x, slope), device)
            taken = seconds(again, rounds, device)
            found[text][way] = taken
            cells.append(f"{1e3 * taken:.3f}, {PASSES * x.nbytes / taken / copying:.0%}")
        lines.append(f"| `{text}` | {' | '.join(cells)} |")
        torch._dynamo.reset()
    return [*lines, ""], {"single": found}


def passes(function: Any, x: Tensor, slope: Tensor) -> Callable[[], Any]:
    """Return what goes forward and backward through a module."""
    inputs = [x, *function.parameters()]
    return lambda: torch.autograd.grad(function(x), inputs, slope)


def repeated(function: Callable[[], Any], device: str) -> Callable[[], Any]:
    """Return what does the same by one launch, on a GPU."""
    if device == "cpu":
        return function
    for _ in range(3):  # compiles, and lets libraries get ready
        function()
    return on_cuda(function)


def seconds(function: Callable[[], Any], rounds: int, device: str) -> float:
    """Return how long a call takes, as the median over rounds of several."""
    function()
    found = []
    for _ in range(rounds):
        start = clock(device)
        for _ in range(CALLS):
            function()
        found.append((clock(device) - start) / CALLS)
    return statistics.median(found)


if __name__ == "__main__":
    main()
