"""Where nodes go at the ends and at zero, by how fast they grow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from evoact.language.facts.graph import SLOPES, Graph, Item
from evoact.language.facts.tails import TAILS
from evoact.language.facts.trend import (
    NOTHING,
    UNKNOWN,
    ZERO,
    Term,
    Trend,
    add,
    div,
    hyp,
    hyp_slope,
    logarithm,
    maximum,
    minimum,
    mul,
    near,
    neg,
    of,
    power,
    raised,
    select,
)
from evoact.language.primitives import PRIMITIVES

__all__ = ["UNKNOWN", "Term", "Trend", "of", "trends"]


def trends(graph: Graph, x: Trend, nodes: list[int]) -> list[Trend]:
    """Return where nodes go, given where `x` does."""
    done: dict[int, Trend] = {}
    stack = list(nodes)
    needed = set()
    while stack:
        node = stack.pop()
        if node not in needed:
            needed.add(node)
            stack.extend(graph.items[node].args)
    with np.errstate(all="ignore"):
        for node in sorted(needed):
            item = graph.items[node]
            done[node] = x if item.op == "x" else _trend(item, [done[arg] for arg in item.args])
    return [done[node] for node in nodes]


def _trend(item: Item, args: list[Trend]) -> Trend:
    if item.op == "const":
        return near(item.numbers[0]) if item.numbers[0] else NOTHING
    if item.op in _RULES:
        return _RULES[item.op](*args)
    if item.op == "clip":
        low, high = item.numbers
        found = args[0]
        inside = math.isfinite(low) and math.isfinite(high)
        return found if found.limit is not None or not inside else Trend(None, None, True)
    if item.op in SLOPES.values() and args[0].limit in (math.inf, -math.inf):
        return ZERO
    if item.op in ("unknown", "multistep") or item.op not in PRIMITIVES:
        return UNKNOWN
    return _unary(item.op, args[0])


_RULES: Final[dict[str, Callable[..., Trend]]] = {
    "add": add, "neg": neg, "mul": mul, "div": div, "pow": power, "max": maximum, "min": minimum,
    "hyp": hyp, "hyp_slope": hyp_slope,
    "sub": lambda a, b: add(a, neg(b)), "aif": select, "if_positive": select,
    "square": lambda a: mul(a, a) if a.term else Trend(a.limit and a.limit**2, None, a.bounded),
    "cube": lambda a: mul(a, mul(a, a)), "reciprocal": lambda a: div(near(1.0), a),
    "sqrt": lambda a: raised(a.term, 0.5) if a.term else UNKNOWN,
    "abs": lambda a: select(a, a, neg(a)),
}  # fmt: skip


def _unary(name: str, a: Trend) -> Trend:
    traits = PRIMITIVES[name].traits
    assert traits is not None
    bounded = all(map(math.isfinite, traits.range))
    if a.limit is None:
        return Trend(None, None, bounded and a.bounded)
    if math.isinf(a.limit):
        rule = TAILS.get(name, {}).get(1 if a.limit > 0 else -1)
        if rule == 0.0 and name in ("hard_sigmoid", "step", "window"):
            return NOTHING
        found = rule(a) if callable(rule) else near(rule) if rule is not None else UNKNOWN
        return found if found != UNKNOWN else Trend(None, None, bounded)
    return _inside(name, a, a.limit)


def _inside(name: str, a: Trend, limit: float) -> Trend:
    """Return where a row goes when its argument goes to a number."""
    traits = PRIMITIVES[name].traits
    assert traits is not None
    low, high = traits.domain
    bounded = all(map(math.isfinite, traits.range))
    if any(abs(limit - bad) < 1e-6 for bad in (*traits.jumps, *traits.poles)):
        side = a.term is not None and (a.term.sign or a.term.c)
        if limit == 0.0 and side and name in ("step", "sign"):
            return near(1.0) if side > 0 else near(-1.0) if name == "sign" else ZERO
        if limit == 0.0 and name == "log" and a.term and side > 0:
            return logarithm(a.term)
        return Trend(None, None, bounded)
    if not low <= limit <= high:
        return UNKNOWN
    value = float(PRIMITIVES[name].numpy(np.float64(limit)))
    if value == 0.0 and limit == 0.0 and a.term and name in STEEPNESS:
        return of(a.term.scaled(STEEPNESS[name]))
    return ZERO if abs(value) < 1e-12 else near(value)


STEEPNESS: Final = {
    "tanh": 1.0, "atan": 1.0, "asinh": 1.0, "sin": 1.0, "sinh": 1.0, "expm1": 1.0, "log1p": 1.0,
    "erf": 2.0 / math.sqrt(math.pi), "silu": 0.5, "gelu": 0.5, "elu": 1.0, "softsign": 1.0,
    "signed_sqrt": 0.5, "signed_log": 1.0, "bessel_i1e": 0.5,
}  # fmt: skip
"""The slope at zero of rows that are zero there."""
