"""What is measured on a GPU, where there is one: stacks, banks and single activations.

Called by `throughput.py --only gpu` and `kernels.py --only gpu`. A share is of
the card's bandwidth in copying as much: a forward pass reads and writes once, a
backward pass reads twice and writes once.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from throughput_step import RATE, OneByOne, Timed, Trained, clock, discovered_mix
from torch import Tensor

from evoact import Activation
from evoact.language import ZOO, Expression
from evoact.nn.kernels import triton_backend
from evoact.nn.packed import Bank
from evoact.records import TaskSpec

FOLDER = Path(__file__).parent / "results"
_EPOCHS = 20
_PASSES = 5  # reads and writes of a forward and backward pass


def no_gpu(command: str) -> bool:
    """Say so where nothing of this can be measured."""
    if torch.cuda.is_available():
        return False
    print(f"No CUDA device here: not measured. Where there is one: python benchmarks/{command}\n")
    return True


def stacks_section(rounds: int, count: int = 256, device: str = "cuda") -> dict[str, Any]:
    """Print candidates an hour in stacks, and one at a time."""
    task = TaskSpec(name="mnist1d", network="mlp", epochs=1000, learning_rate=RATE)
    bred = discovered_mix(count)
    kernels = ["triton", "torch"] if triton_backend().name == "triton" else ["torch"]
    contestants: dict[str, Trained] = {}
    begun: dict[str, float] = {}
    for name in kernels:
        for graphs in (True, False):
            start = clock(device)
            made = Timed(bred, task, name, device=device)
            begun.setdefault(name, clock(device) - start)  # the second finds what is compiled
            if not graphs:
                for training in made.trainings:
                    training.stack.replay = None
            contestants[f"stack, {name}{', CUDA graphs' * graphs}"] = made
    contestants["one at a time, torch"] = OneByOne(bred[:4], task, device)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            times[name].append(contestant())
    steps = contestants["one at a time, torch"].trainings[0].steps_per_epoch * _EPOCHS
    lines = [
        f"Cohorts of {count}, functions as the quickstart breeds them, mnist1d mlp, "
        f"{triton_backend()}; candidates an hour of {_EPOCHS} epochs, without making the stack",
        "",
        "| | us of a network's step | candidates an hour | one at a time / it |",
        "|---|---:|---:|---:|",
    ]
    for name, found in times.items():
        pairs = zip(times["one at a time, torch"], found, strict=True)
        gain = statistics.median(a / b for a, b in pairs)
        middle = statistics.median(found)
        lines.append(f"| {name} | {middle:.2f} | {3.6e9 / middle / steps:,.0f} | {gain:.1f} |")
    told = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in begun.items())
    lines += ["", f"Making the stack, with its first epoch and all compiling: {told}", ""]
    refused = {t.stack.replay.refused for c in contestants.values() for t in c.trainings
               if t.stack.replay and t.stack.replay.refused}  # fmt: skip
    lines += [f"Not captured: {reason}\n" for reason in sorted(refused)]
    return told_and_kept("throughput", lines, {"times": times, "begun": begun})


def kernels_section(
    texts: Sequence[str], rounds: int, size: int = 2**26, device: str = "cuda"
) -> dict[str, Any]:
    """Print times and shares of the copy bandwidth: a bank of 256, and single activations."""
    lines = []
    x, slope = torch.randn(2, size, device=device)
    copy = _median(lambda: slope.copy_(x), rounds, device)
    bandwidth = 2 * x.nbytes / copy
    lines += [f"Copying: {bandwidth / 1e9:.0f} GB/s", ""]
    lines += [*_bank_lines(rounds, bandwidth, device), ""]
    ways = ("native", "torch", "triton", "compile")
    lines += [f"One activation of {size:,} floats, forward and backward: ms, share of copying", "",
              f"| | {' | '.join(ways)} |", f"|---|{'---:|' * len(ways)}"]  # fmt: skip
    rows: dict[str, dict[str, float]] = {}
    for text in texts:
        rows[text] = {}
        for way in ways:
            function = _way(text, way, device)
            if function is not None:
                rows[text][way] = _median(lambda f=function: _both(f, x, slope), rounds, device)
        moved = _PASSES * x.nbytes
        cells = (
            f"{1e3 * rows[text][way]:.2f}, {moved / rows[text][way] / bandwidth:.0%}"
            if way in rows[text] else "" for way in ways
        )  # fmt: skip
        lines.append(f"| `{text}` | {' | '.join(cells)} |")
        torch._dynamo.reset()
    return told_and_kept("kernels", [*lines, ""], {"bandwidth": bandwidth, "seconds": rows})


def _bank_lines(rounds: int, bandwidth: float, device: str, count: int = 256) -> list[str]:
    expressions: list[Expression] = [c.late for c in discovered_mix(count)]
    x, slope = torch.randn(2, count, 100, 100, device=device)
    kernels = ["triton", "torch"] if triton_backend().name == "triton" else ["torch"]
    lines = [
        f"A bank of {count} bred functions, 100 x 100 values each, forward and backward",
        "",
        "| | ms | share of copying |",
        "|---|---:|---:|",
    ]
    for name in kernels:
        members = [Activation(expression, 100, -1).to(device) for expression in expressions]
        for p in (p for member in members for p in member.parameters()):
            p.grad = torch.zeros_like(p)
        bank = Bank(100, -1, name)
        bank.set(members)
        seconds = _median(lambda one=bank: _both(one, x, slope), rounds, device)
        share = _PASSES * x.nbytes / seconds / bandwidth
        lines.append(f"| {name} | {1e3 * seconds:.2f} | {share:.0%} |")
    return lines


def _way(text: str, way: str, device: str) -> Callable[[Tensor], Tensor] | None:
    if way == "native":
        source = ZOO[text].torch if text in ZOO else None
        return eval(f"torch.nn.{source}", {"torch": torch}).to(device) if source else None
    if way == "triton" and triton_backend().name != "triton":
        return None
    written = ZOO[text].text if text in ZOO else text
    module = Activation(written, backend="triton" if way == "triton" else "torch").to(device)
    return torch.compile(module, dynamic=False) if way == "compile" else module


def _both(function: Callable[[Tensor], Tensor], x: Tensor, slope: Tensor) -> None:
    leaf = x.detach().requires_grad_()
    function(leaf).backward(slope)


def _median(function: Callable[[], Any], rounds: int, device: str) -> float:
    """Return seconds; each round is several calls, as launches are waited for once."""
    for _ in range(3):
        function()
    found = []
    for _ in range(rounds):
        start = clock(device)
        for _ in range(10):
            function()
        found.append((clock(device) - start) / 10)
    return statistics.median(found)


def told_and_kept(folder: str, lines: Sequence[str], numbers: dict[str, Any]) -> dict[str, Any]:
    """Print lines and keep them under the name of the card."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    text = "\n".join([f"{name}, torch {torch.__version__}", "", *lines])
    print(text, flush=True)
    if torch.cuda.is_available():
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        (FOLDER / folder / f"{slug}.md").write_text(f"# On a GPU\n\n{text}\n")
    return {"device": name, **numbers}
