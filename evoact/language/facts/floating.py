"""Nodes of a graph in plain floating point, for what need not be proved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from evoact.language.facts import rules
from evoact.language.facts.graph import Graph
from evoact.language.facts.intervals import FALSE, TRUE, Array, Box
from evoact.language.primitives import PRIMITIVES


def floating(graph: Graph, node: int) -> Callable[[float], float]:
    """Return the function that a node is."""
    found, stack = set(), [node]
    while stack:
        current = stack.pop()
        if current not in found:
            found.add(current)
            stack.extend(graph.items[current].args)
    steps = [(child, graph.items[child]) for child in sorted(found)]

    def function(x: float) -> float:
        known: dict[int, Any] = {}
        with np.errstate(all="ignore"):
            for child, (op, args, numbers) in steps:
                if op == "x":
                    known[child] = np.float64(x)
                elif op == "const":
                    known[child] = np.float64(numbers[0])
                else:
                    known[child] = _RULES.get(op) or PRIMITIVES[op].numpy
                    known[child] = known[child](*(known[arg] for arg in args))
        return float(known[node])

    return function


def _middle(rule: Callable[[Box], Box]) -> Callable[[Any], Array]:
    def function(a: Any) -> Array:
        at = np.asarray(a)
        box = rule(Box(at, at, TRUE, TRUE, FALSE, FALSE))
        return 0.5 * box.lo + 0.5 * box.hi

    return function


def _steps(a: Any, k: Any) -> Any:
    """Count the steps below `a` one by one: the row rounds `k * a`, and so errs near a step."""
    k = int(k)
    return np.float64(sum(a > (2 * i - k - 1) / k for i in range(1, k + 1)) / k)


_RULES: Final[dict[str, Callable[..., Any]]] = {
    "aif": lambda a, b, c: b if a > 0 else c,
    "clip": lambda a: a,
    "hyp": lambda u, c: np.hypot(u, np.sqrt(c)),
    "hyp_slope": lambda u, c: u / np.hypot(u, np.sqrt(c)),
    "unknown": lambda _a: np.nan,
    "multistep": _steps,
    "sinc_slope": _middle(rules.sinc_slope),
    "bessel_i1e_slope": _middle(rules.bessel_i1e_slope),
}
