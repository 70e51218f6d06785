"""What does a fused activation save: time and memory of a forward and backward pass?

    python benchmarks/kernels.py [--quick] [--only zoo expressions] [--rounds N] [--json FILE]

A million float32 elements on one thread. Each function is computed by torch's own
operation where there is one, by autograd through plain operations (naive), by the
generated derivative (analytic), by generated C, and by `torch.compile`. A round
takes all ways in turn, each three times and the best of these, so that what else
the machine does falls on all alike; told are medians over rounds of the ratios
within a round. *Kept* is what autograd holds between the passes, *peak* the most
that was allocated at once beside the input, both in units of the input.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from primitives import processor
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from evoact.language import ZOO
from evoact.nn import Activation
from evoact.nn.kernels import backend

SHAPE = (2**14, 64)
GOALS = ("silu", "gelu", "mish", "elu", "tanh", "softplus")
MORE = ("selu", "hard_swish", "log_sigmoid", "prelu", "swish", "snake")
# The first three are of annealing.py, the others as the quickstart's first generation has them.
EXPRESSIONS = (
    "x * sigmoid(1.2 * x) + 0.5 * tanh(min(x, x * x))",
    "0.55915 * (signed_sqrt(x) + erf(erf(x)) * square(x))",
    "asinh(x) + sin(2.0 * x) * gaussian(x) + 0.3 * atan(square(x))",
    "0.801565 * min(1.9847752352320862, abs(x)) * softplus(abs(x)) - 0.945416",
    "1.77898 * relu(x) * erf(x) - 0.579476",
    "3.74818 * gaussian(asinh(a) * erf(x)) - 2.170836 where a = 1.5",
)
WAYS = ("native", "naive", "analytic", "c", "compile")
Row = dict[str, Any]


def main() -> None:
    """Measure, print Markdown tables, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5 rounds, without torch.compile")
    parser.add_argument("--only", nargs="+", choices=("zoo", "expressions"))
    parser.add_argument("--rounds", type=int, help="of all ways in turn; by default 9, quick 5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    # What is freed is kept for reuse from now on (glibc learns from it), as in a training
    # that has run for a while; else new pages cost more than the functions, now and then.
    torch.empty(30 * 2**20, dtype=torch.uint8)
    rounds = options.rounds or (5 if options.quick else 9)
    hardware = {"cpu": processor(), "torch": torch.__version__, "kernels": str(backend())}
    print(f"{processor()}, one thread, torch {torch.__version__}, {backend()}; {rounds} rounds\n")
    result: dict[str, Any] = {"hardware": hardware, "rounds": rounds}
    ways = [way for way in WAYS if not (way == "compile" and options.quick)]
    ways = [way for way in ways if way != "c" or backend().name == "c"]
    sections = options.only or ("zoo", "expressions")
    if "zoo" in sections:
        texts = {name: ZOO[name].text for name in (*GOALS, *MORE)}
        result["zoo"] = section("the zoo", texts, "native", ways, rounds)
        print(summary(result["zoo"], ways))
    if "expressions" in sections:
        texts = {f"`{text}`": text for text in EXPRESSIONS}
        result["expressions"] = section("expressions", texts, "naive", ways, rounds)
        print(gains(result["expressions"]))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def section(
    title: str, texts: dict[str, str], unit: str, ways: list[str], rounds: int
) -> list[Row]:
    """Measure some functions and print their table; ratios are to the way `unit`."""
    print(f"Times of {title} as ratios to {unit}; memory in units of the input\n")
    columns = ways if unit == "native" else [way for way in ways if way != "native"]
    kept = [way for way in columns if way != "compile"]
    heads = [f"{unit}, ms", *columns, *(f"kept, {w}" for w in kept), *(f"peak, {w}" for w in kept)]
    print(f"| | {' | '.join(heads)} |\n|---|{'---:|' * len(heads)}")
    rows = []
    for name, text in texts.items():
        row = measured(name, text, columns, rounds)
        base = unit if unit in row["ms"] else "naive"
        told = [f"{row['ms'][base]:.2f}{'' if base == unit else ' (naive)'}"]
        told += [number(row["ratios"][base].get(way)) for way in columns]
        told += [number(row[key].get(way), 1) for key in ("kept", "peak") for way in kept]
        print(f"| {name} | {' | '.join(told)} |", flush=True)
        rows.append(row)
    print()
    return rows


def number(value: float | None, digits: int = 2) -> str:
    """Return a number for a table, or nothing."""
    return "" if value is None else f"{value:.{digits}f}"


def measured(name: str, text: str, ways: Iterable[str], rounds: int) -> Row:
    """Return milliseconds, ratios, and memory of a function in all ways."""
    modules = {way: module for way in ways if (module := made(name, text, way)) is not None}
    x = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    slope = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    for module in modules.values():
        seconds(module, x, slope)
    taken: dict[str, list[float]] = {way: [] for way in modules}
    for turn in range(rounds):
        order = [*modules]
        for way in order[turn % len(order) :] + order[: turn % len(order)]:
            taken[way].append(min(seconds(modules[way], x, slope) for _ in range(3)))
    torch._dynamo.reset()
    return {
        "name": name,
        "text": text,
        "ms": {way: 1e3 * statistics.median(times) for way, times in taken.items()},
        "ratios": {base: ratios(taken, base) for base in ("native", "naive") if base in taken},
        "kept": {way: kept(module, x) for way, module in modules.items() if way != "compile"},
        "peak": {
            way: peak(module, x, slope) for way, module in modules.items() if way != "compile"
        },
    }


def ratios(taken: dict[str, list[float]], base: str) -> dict[str, float]:
    """Return the median over rounds of each way's time to that of `base`."""
    return {
        way: statistics.median(a / b for a, b in zip(times, taken[base], strict=True))
        for way, times in taken.items()
    }


def made(name: str, text: str, way: str) -> Callable[[Tensor], Tensor] | None:
    """Return a function as a module; None where torch has no such operation."""
    if way == "native":
        source = ZOO[name].torch if name in ZOO else None
        if source is None:
            return None
        return nn.PReLU(SHAPE[1]) if name == "prelu" else eval(f"nn.{source}", {"nn": nn})
    module = Activation(text, SHAPE[1], backend="torch" if way in ("naive", "compile") else way)
    if way != "compile":
        return module
    return torch.compile(module, dynamic=False)


def parameters(module: Any) -> list[Tensor]:
    """Return what has a gradient beside the input."""
    return [*module.parameters()]


def seconds(module: Any, x: Tensor, slope: Tensor) -> float:
    """Return how long a forward and backward pass takes."""
    inputs = [x, *parameters(module)]
    start = time.perf_counter()
    torch.autograd.grad(module(x), inputs, slope)
    return time.perf_counter() - start


def kept(module: Any, x: Tensor) -> float:
    """Return what autograd holds after the forward pass; each piece of memory once."""
    held: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = module(x)
    total = sum(held.values()) / x.untyped_storage().nbytes()
    del result
    return total


def peak(module: Any, x: Tensor, slope: Tensor) -> float:
    """Return the most memory that was allocated at once, the input apart."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        seconds(module, x, slope)
    assert profiler.profiler is not None
    results = profiler.profiler.kineto_results
    assert results is not None
    found = [(e.start_ns(), e.nbytes()) for e in results.events() if e.name() == "[memory]"]
    now, most = 0, 0
    for _, size in sorted(found, key=lambda event: event[0]):
        now += size
        most = max(most, now)
    return most / x.untyped_storage().nbytes()


def summary(rows: list[Row], ways: list[str]) -> str:
    """Say whether the goals over torch's own operations are met."""
    lines = []
    for way in ("c", "compile"):
        if way not in ways:
            continue
        found = [row["ratios"]["native"][way] for row in rows if row["name"] in GOALS]
        mean, worst = math.exp(statistics.mean(map(math.log, found))), max(found)
        met = "met" if mean <= 1.0 and worst <= 1.3 else "missed"
        lines.append(
            f"{way} over native, {', '.join(GOALS)}: geometric mean {mean:.2f} (goal 1.0), "
            f"worst {worst:.2f} (goal 1.3): {met}\n"
        )
    return "\n".join(lines)


def gains(rows: list[Row]) -> str:
    """Say by how much the derivative is faster than autograd, and how much less it keeps."""
    lines = []
    for way in ("analytic", "c"):
        if way not in rows[0]["ms"]:
            continue
        faster = [1.0 / row["ratios"]["naive"][way] for row in rows]
        less = [row["kept"][way] / row["kept"]["naive"] for row in rows]
        mean = math.exp(statistics.mean(map(math.log, faster)))
        lines.append(
            f"{way} over naive autograd: {mean:.1f} times as fast (geometric mean), "
            f"{min(faster):.1f} to {max(faster):.1f} (goal 2.0); "
            f"keeps {min(less):.2f} to {max(less):.2f} of its memory (goal 0.5)\n"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
