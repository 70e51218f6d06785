"""Where rows go when their argument goes to plus (1) or minus (-1) infinity."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from evoact.language.facts.trend import UNKNOWN, Term, Trend, logarithm, near, neg, of, power


def _exp(factor: float, order: float = 1.0, sign: int = 1) -> Callable[[Trend], Trend]:
    """Return the rule for `sign * exp(factor * |a|^order)`, but for lesser factors."""

    def rule(a: Trend) -> Trend:
        term = a.term
        if term is None or term.sign or not term.p:
            # Faster or slower than any power: only the limit is known.
            return Trend(sign * math.inf) if factor > 0 else near(0.0)
        return of(Term(factor * abs(term.c) ** order, term.p * order, term.q * order, sign))

    return rule


def _same(a: Trend) -> Trend:
    return a


def _scaled(factor: float) -> Callable[[Trend], Trend]:
    return lambda a: Trend((a.limit or 0.0) * factor, a.term and a.term.scaled(factor))


def _ln(sign: float) -> Callable[[Trend], Trend]:
    def rule(a: Trend) -> Trend:
        term = a.term and (a.term if (a.term.sign or a.term.c) > 0 else a.term.scaled(-1.0))
        found = logarithm(term) if term else Trend(math.inf)
        return found if sign > 0 else neg(found)

    return rule


def _root(order: float, factor: float, sign: float) -> Callable[[Trend], Trend]:
    def rule(a: Trend) -> Trend:
        size = a if a.limit == math.inf else neg(a)
        found = power(size, near(order))
        if found == UNKNOWN:
            return Trend(sign * math.inf) if order > 0 else near(0.0)
        scaled = found.term.scaled(sign * factor) if found.term else None
        return of(scaled) if scaled else UNKNOWN

    return rule


Tail = float | Callable[[Trend], Trend]
_BESSEL: Final = 0.3989422804014327  # 1 / sqrt(2 pi)
_HALF_PI: Final = math.pi / 2
TAILS: Final[dict[str, dict[int, Tail]]] = {
    "exp": {1: _exp(1.0), -1: _exp(-1.0)},
    "expm1": {1: _exp(1.0), -1: -1.0},
    "log": {1: _ln(1.0)},
    "log1p": {1: _ln(1.0)},
    "sinh": {1: _exp(1.0), -1: _exp(1.0, sign=-1)},
    "cosh": {1: _exp(1.0), -1: _exp(1.0)},
    "safe_sqrt": {1: _root(0.5, 1.0, 1.0), -1: _root(0.5, 1.0, 1.0)},
    "safe_log": {1: _ln(1.0), -1: _ln(1.0)},
    "safe_exp": {1: math.exp(10.0), -1: _exp(-1.0)},
    "signed_sqrt": {1: _root(0.5, 1.0, 1.0), -1: _root(0.5, 1.0, -1.0)},
    "signed_log": {1: _ln(1.0), -1: _ln(-1.0)},
    "sigmoid": {1: 1.0, -1: _exp(-1.0)},
    "log_sigmoid": {1: _exp(-1.0, sign=-1), -1: _same},
    "tanh": {1: 1.0, -1: -1.0},
    "erf": {1: 1.0, -1: -1.0},
    "erfc": {1: _exp(-1.0, 2.0), -1: 2.0},
    "atan": {1: _HALF_PI, -1: -_HALF_PI},
    "asinh": {1: _ln(1.0), -1: _ln(-1.0)},
    "sinc": {1: 0.0, -1: 0.0},
    "softplus": {1: _same, -1: _exp(-1.0)},
    "softsign": {1: 1.0, -1: -1.0},
    "gaussian": {1: _exp(-1.0, 2.0), -1: _exp(-1.0, 2.0)},
    "bessel_i0e": {1: _root(-0.5, _BESSEL, 1.0), -1: _root(-0.5, _BESSEL, 1.0)},
    "bessel_i1e": {1: _root(-0.5, _BESSEL, 1.0), -1: _root(-0.5, _BESSEL, -1.0)},
    "elu": {1: _same, -1: -1.0},
    "selu": {1: _scaled(1.0507009873554805), -1: -1.7580993408473768},
    "silu": {1: _same, -1: _exp(-1.0, sign=-1)},
    "gelu": {1: _same, -1: _exp(-0.5, 2.0, sign=-1)},
    "hard_sigmoid": {1: 1.0, -1: 0.0},
    "step": {1: 1.0, -1: 0.0},
    "sign": {1: 1.0, -1: -1.0},
    "window": {1: 0.0, -1: 0.0},
}  # fmt: skip
