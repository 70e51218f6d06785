"""What does each primitive cost? Backs the `cost` column of the table of primitives.

Measures a forward and backward pass of every primitive over a million float32
elements on one CPU thread, in units of ReLU's, which is timed just before it.
Groupwise primitives read groups of 4 among 64 channels, the last dimension.

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

ELEMENTS, CHANNELS = 2**20, 64
NUMBERS = {"clamp": (-1.0, 1.0), "leaky_relu": (0.01,), "signed_pow": (0.5,)}
# NaN and infinity take other paths through the processor than a training does.
POSITIVE = {"sqrt", "log", "log1p", "pow", "div", "reciprocal"}


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
    operands = torch.randn(3, ELEMENTS)
    if row.name in POSITIVE:
        operands = operands.abs() + 0.5
    call = f"{row.name}({', '.join(['x', *arguments(row)])})"
    if row.is_groupwise:
        x = operands[0].view(-1, CHANNELS)
        return Activation(call, CHANNELS), x.requires_grad_()
    names = [name for name in ("a", "b") if name in arguments(row)]
    bindings = ", ".join(f"{name} = 1.0 per channel" for name in names)
    module = Activation(f"{call} where {bindings}" if names else call, ELEMENTS, channel_dim=0)
    for parameter, other in zip(module.parameters(), operands[1:], strict=False):
        parameter.data.copy_(other)
    return module, operands[0].clone().requires_grad_()


def arguments(row: Primitive) -> list[str]:
    """Return the arguments after the first: numbers, parameters, the input again."""
    numbers, names = iter(NUMBERS.get(row.name, ())), iter("ab")
    texts = {Kind.INTEGER: "4", Kind.FRACTION: "0.5"}
    found = []
    for kind in row.signature[1:]:
        if kind is Kind.NUMBER:
            found.append(str(next(numbers)))
        elif kind is Kind.VALUE:
            found.append("x" if row.is_groupwise else next(names))
        else:
            found.append(texts[kind])
    return found


def seconds(module: Activation, x: Tensor, passes: int = 3) -> float:
    """Return the fastest of some forward and backward passes."""
    inputs = [x, *module.parameters()]
    slope = torch.ones_like(module(x))
    taken = []
    for _ in range(passes):
        start = time.perf_counter()
        result = module(x)
        if result.requires_grad:  # `zero` and `one` have no gradient
            torch.autograd.grad(result, inputs, slope, allow_unused=True)
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
