"""Is x * sigmoid(x) found from add, mul, div, exp, neg and constants, by symbolic regression?

    python benchmarks/rediscovery.py [--quick] [--seeds N] [--seconds S] [--json FILE]

No network is trained: the objective is the mean square distance to the target on
[-5, 5], the constants of a candidate being fitted as a training would fit them
(Levenberg-Marquardt), with the best scale and shift in front (linear scaling, Keijzer
2003). A search that has not found it after 2,000 evaluations begins again, with the
next seed of its own: what is found is found early. A seed has found it when the
largest error is below 1e-6 there and, held out, on [-10, 10].

Seconds are those of one processor core, so that what else the machine does counts not.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from hardware import processor
from scipy.optimize import leastsq

from evoact import Evolution, SearchSpec
from evoact.language import Expression, FloatArray, named
from evoact.records import Evaluation

SEARCHED, HELD_OUT = np.linspace(-5.0, 5.0, 201), np.linspace(-10.0, 10.0, 997)
TARGET = named("silu").numpy()
WANTED, WANTED_FAR = TARGET(SEARCHED), TARGET(HELD_OUT)
FOUND, WORST, MOST_CONSTANTS = 1e-6, 1e6, 4
RESTART = 2_000


def space(algorithm: str, population: int) -> SearchSpec:
    """Return the search: nothing is annealed, standardised, screened at depth or predicted."""
    return SearchSpec(
        language={
            "primitives": ["add", "mul", "div", "exp", "neg"],
            "parameters": "per_layer",  # constants that are fitted
            "constants": False,
            "normalise": "none",
            "max_nodes": 11,
        },
        anneal={"evolve": False, "early": ["none"]},
        evolution={
            "algorithm": algorithm,
            "population": population,
            "seeds": [],
            "screens": {"depth": 0},
            "surrogate": "off",  # what it saves, trainings, costs nothing here
        },
        objectives={"val_loss": "min"},
    )


def fitted(expression: Expression, steps: int = 12) -> Expression:
    """Return an expression with the constants that are best on [-5, 5]."""
    start = [p.initial for p in expression.parameters]
    if not 0 < len(start) <= MOST_CONSTANTS:
        return expression
    function = expression.numpy()
    with np.errstate(all="ignore"):
        found, *_ = leastsq(
            lambda values: scaled(function(SEARCHED, values))[2],
            start,
            maxfev=steps * (len(start) + 1) ** 2,  # an iteration takes one for each slope, too
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
            full_output=True,  # it warns otherwise
        )
    return expression.with_values(tuple(map(float, np.atleast_1d(found))))


def scaled(values: FloatArray) -> tuple[float, float, FloatArray]:
    """Return the best scale and shift of values on [-5, 5], and what is left of the target."""
    if not np.isfinite(values).all() or np.abs(values).max() > WORST:
        return 0.0, 0.0, np.full_like(WANTED, WORST)
    centred = values - values.mean()
    size = float(centred @ centred)
    scale = float(centred @ WANTED) / size if size > 0.0 else 0.0
    shift = float(WANTED.mean() - scale * values.mean())
    return scale, shift, scale * values + shift - WANTED


def loss(expression: Expression) -> float:
    """Return the mean square error on [-5, 5]."""
    with np.errstate(all="ignore"):
        return float(np.square(scaled(expression.numpy()(SEARCHED))[2]).mean())


def largest_errors(expression: Expression) -> tuple[float, float]:
    """Return the largest errors on [-5, 5] and on [-10, 10]."""
    function = expression.numpy()
    with np.errstate(all="ignore"):
        scale, shift, left = scaled(function(SEARCHED))
        far = np.abs(scale * function(HELD_OUT) + shift - WANTED_FAR)
    return float(np.abs(left).max()), float(np.nan_to_num(far, nan=np.inf).max())


@dataclass
class Search:
    """A search for the target, until it is found or the time is up."""

    seed: int
    best: Expression | None = None
    loss: float = math.inf
    evaluated: int = 0

    @property
    def errors(self) -> tuple[float, float]:
        """The largest errors of the best one."""
        return largest_errors(self.best) if self.best else (math.inf, math.inf)

    @property
    def found(self) -> bool:
        """Whether the best one is the target."""
        return max(self.errors) < FOUND

    def run(self, spec: SearchSpec, seconds: float) -> dict[str, Any]:
        """Search, and return a row of the table."""
        start, begun = time.process_time(), time.perf_counter()
        for restart in count():
            evolution = Evolution(spec, 1000 * self.seed + restart)
            for _ in range(-(-RESTART // spec.evolution.population)):
                self.generation(evolution)
                passed = time.process_time() - start
                if self.found or passed > seconds:
                    near, far = self.errors
                    return {
                        "seed": self.seed,
                        "found": self.found,
                        "seconds": round(passed, 1),
                        "wall_seconds": round(time.perf_counter() - begun, 1),
                        "evaluated": self.evaluated,
                        "expression": str(self.best),
                        "error": near,
                        "held_out": far,
                    }
        raise AssertionError("it goes on until the time is up")

    def generation(self, evolution: Evolution) -> None:
        """Ask, evaluate and tell once."""
        candidates = evolution.ask()
        late = [fitted(c.late) for c in candidates]
        losses = list(map(loss, late))
        self.evaluated += len(candidates)
        least, expression = min(zip(losses, late, strict=True), key=lambda pair: pair[0])
        if least < self.loss:
            polished = fitted(expression, steps=200)
            self.best, self.loss = min(
                [(expression, least), (polished, loss(polished))], key=lambda pair: pair[1]
            )
        told = zip(candidates, losses, strict=True)
        evolution.tell([Evaluation.ok(c, val_loss=value) for c, value in told])


def main() -> None:
    """Search with each seed, print a Markdown table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two seeds of half a minute")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=300.0, help="of each seed, at most")
    parser.add_argument("--algorithm", choices=("gp", "aging", "random"), default="gp")
    parser.add_argument("--population", type=int, default=100)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    options = parser.parse_args()
    seeds, seconds = (2, 30.0) if options.quick else (options.seeds, options.seconds)
    print(f"{processor()}, {options.algorithm}, population {options.population}\n")
    print("| seed | found | seconds | evaluated | largest error | held out | expression |")
    print("|---:|---|---:|---:|---:|---:|---|")
    rows = []
    for seed in range(seeds):
        row = Search(seed).run(space(options.algorithm, options.population), seconds)
        rows.append(row)
        print(
            f"| {seed} | {'yes' if row['found'] else 'no'} | {row['seconds']} | {row['evaluated']} "
            f"| {row['error']:.1e} | {row['held_out']:.1e} | `{row['expression']}` |",
            flush=True,
        )
    print(f"\nfound by {sum(row['found'] for row in rows)} of {len(rows)} seeds")
    if options.json:
        result = {"hardware": processor(), "algorithm": options.algorithm, "rows": rows}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
