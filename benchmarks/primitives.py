"""What does each primitive cost? Backs the `cost` column of the table of primitives.

Measures a forward and backward pass of every primitive over a million float32
elements on one CPU thread, in units of ReLU's, which is timed just before it.

    python benchmarks/primitives.py [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evoact.language import PRIMITIVES, Kind, Primitive
from evoact.nn import Activation

ELEMENTS = 1_000_000
NUMBERS = {"clamp": (-1.0, 1.0), "leaky_relu": (0.01,), "signed_pow": (0.5,)}
# NaN and infinity take other paths through the processor than a training does.
POSITIVE = {"sqrt", "log", "pow", "div", "reciprocal"}


def main() -> None:
    """Measure, print a Markdown table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = measure(rounds=5 if options.quick else 15)
    hardware = {"cpu": processor(), "torch": torch.__version__, "threads": 1}
    print(f"{hardware['cpu']}, one thread, torch {torch.__version__}; cost in units of ReLU's\n")
    print("| primitive | formula | cost in the table | measured |\n|---|---|---:|---:|")
    for row in rows:
        formula = PRIMITIVES[row["primitive"]].formula.replace("|", "\\|")
        print(f"| {row['primitive']} | {formula} | {row['cost']:g} | {row['measured']:.3g} |")
    if options.json:
        result = {"hardware": hardware, "elements": ELEMENTS, "rows": rows}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def measure(rounds: int) -> list[dict[str, Any]]:
    """Return name, cost in the table and measured cost of every primitive.

    The rounds are interleaved: what else the machine does falls on all alike.
    """
    relu = prepare(PRIMITIVES["relu"])
    prepared = {name: prepare(row) for name, row in PRIMITIVES.items()}
    ratios: dict[str, list[float]] = {name: [] for name in PRIMITIVES}
    for number in range(rounds + 1):
        for name, passes in prepared.items():
            unit = seconds(*relu)
            ratio = seconds(*passes) / unit
            if number > 0:  # the first round warms up
                ratios[name].append(ratio)
    return [
        {"primitive": name, "cost": row.cost, "measured": statistics.median(ratios[name])}
        for name, row in PRIMITIVES.items()
    ]


def prepare(row: Primitive) -> tuple[Activation, Tensor]:
    """Return a primitive as a module, and its input.

    The second operand of a binary primitive is a parameter of as many elements.
    """
    torch.manual_seed(0)
    numbers = iter(NUMBERS.get(row.name, ()))
    rest = [str(next(numbers)) if kind is Kind.NUMBER else "a" for kind in row.signature[1:]]
    call = f"{row.name}({', '.join(['x', *rest])})"
    module = Activation(
        f"{call} where a = 1.0 per channel" if "a" in rest else call, ELEMENTS, channel_dim=0
    )
    x, other = torch.randn(2, ELEMENTS)
    if row.name in POSITIVE:
        x, other = x.abs() + 0.5, other.abs() + 0.5
    for parameter in module.parameters():
        parameter.data.copy_(other)
    return module, x.requires_grad_()


def seconds(module: Activation, x: Tensor, passes: int = 3) -> float:
    """Return the fastest of some forward and backward passes."""
    inputs, slope = [x, *module.parameters()], torch.ones_like(x)
    taken = []
    for _ in range(passes):
        start = time.perf_counter()
        torch.autograd.grad(module(x), inputs, slope)
        taken.append(time.perf_counter() - start)
    return min(taken)


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
