"""How many candidates are trained in an hour, and what the time goes to.

`step`: the time of a network's optimiser step in a stack of 32, beside one
network at a time with eager torch operations, and beside the floor: the same
stack with torch's own ReLU in every network. `rate`: candidates an hour on two
Ray workers, beside one candidate a cohort, and beside plain Ray Tune with a
fresh trial for each candidate. `search`: how busy the workers of whole searches
are (throughput_search.py says what busy means). `growth`: what a candidate costs the
driver in searches of 50 to 5,000. On a GPU: gpu.py.

Ratios are of contestants that took turns in one run; each number is a median
over rounds. Times of `step` are of the processor, in one thread.

    python benchmarks/throughput.py [--quick] [--only step rate search growth] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from hardware import cores, processor
from throughput_search import growth_section, search_section
from throughput_step import rate_section, step_section

SECTIONS = ("step", "rate", "search", "growth")


def main() -> None:
    """Measure, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and candidates")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{processor()}, {cores()} cores, torch {torch.__version__}\n")
    result: dict[str, Any] = {"cpu": processor(), "cores": cores(), "torch": torch.__version__}
    quick = options.quick
    if "step" in options.only:
        networks = ("mlp",) if quick else ("mlp", "conv", "attention")
        result["step"] = step_section(networks, rounds=3 if quick else 7)
    if "rate" in options.only:
        result["rate"] = rate_section(epochs=5 if quick else 20, rounds=1 if quick else 5)
    if "search" in options.only:
        result["search"] = search_section(generations=2 if quick else 8)
    if "growth" in options.only:
        result["growth"] = growth_section((50, 200) if quick else (50, 500, 5000))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
