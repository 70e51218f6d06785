"""Maxima, minima and bounds of terms, each in its one form.

`relu(u)`, `max(u, c)`, `min(u, c)` and `clamp(u, low, high)` are one kind of
term, `clip`. Nothing here is for terms with thresholds inside: those are flat,
so ties are everywhere, and how a tie shares the gradient depends on the writing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Final

from evoact.language.normal.algebra import add, negated, outer, powers_of, scale, split
from evoact.language.normal.terms import Term, num, ordered, quotient
from evoact.language.primitives import PRIMITIVES

_FEW: Final = 16
_ANY: Final = (-math.inf, math.inf)


def clip(term: Term, low: float, high: float) -> Term:
    """Return a term held between two bounds, the lower one at most the upper."""
    if term.op == "clip":
        inner_low, inner_high = term.data
        return clip(
            term.args[0],
            min(max(inner_low, low), high) if inner_low > -math.inf else low,
            max(min(inner_high, high), low) if inner_high < math.inf else high,
        )
    least, greatest = bounds(term)
    if low >= greatest or low == high:
        return num(low)
    if high <= least:
        return num(high)
    low, high = (-math.inf if low <= least else low), (math.inf if high >= greatest else high)
    if (low, high) == _ANY:
        return term
    return _scaled_clip(term, low, high)


def _scaled_clip(term: Term, low: float, high: float) -> Term:
    factor, inner = outer(term)
    sign, size = math.copysign(1.0, factor), abs(factor)
    if sign < 0.0:
        low, high = -high + 0.0, -low + 0.0
    inner_low, inner_high = quotient(low, size), quotient(high, size)
    if inner_low is None or inner_high is None:
        return scale(sign, Term("clip", (scale(size, inner),), (low, high)))
    if inner.op == "clip":
        return scale(factor, clip(inner, inner_low, inner_high))
    if inner.op == "sum" and inner.value == 3.0 and (inner_low, inner_high) == (0.0, 6.0):
        shifted = add([(1.0, inner), (-3.0, num(1.0))])
        return scale(6.0 * factor, Term("hard_sigmoid", (shifted,)))
    return scale(factor, Term("clip", (inner,), (inner_low, inner_high)))


def extremum(kind: str, terms: Iterable[Term]) -> Term:
    """Return the greatest (`max`) or the least (`min`) of terms."""
    numbers = list[float]()
    found = dict[Term, None]()
    for term in terms:
        _flatten(kind, term, numbers, found)
    pick = max if kind == "max" else min
    if not found:
        return num(pick(numbers))
    inner = _extremum(kind, _not_covered(kind, _joined_multiples(kind, list(found))))
    if not numbers:
        return inner
    level = pick(numbers)
    return clip(inner, level, math.inf) if kind == "max" else clip(inner, -math.inf, level)


def _flatten(kind: str, term: Term, numbers: list[float], found: dict[Term, None]) -> None:
    factor, inner = split(term)
    if term.op == "num":
        numbers.append(term.value)
    elif abs(factor) == 1.0 and inner.op == (kind if factor > 0.0 else _OTHER[kind]):
        for arg in inner.args:
            _flatten(kind, scale(factor, arg), numbers, found)
    elif inner.op == "clip" and inner.data[1 if (kind == "max") == (factor > 0.0) else 0] in _ANY:
        numbers.append(factor * next(end for end in inner.data if end not in _ANY))
        _flatten(kind, scale(factor, inner.args[0]), numbers, found)
    else:
        found[term] = None


_OTHER: Final = {"max": "min", "min": "max"}


def _joined_multiples(kind: str, terms: list[Term]) -> list[Term]:
    """Return terms of which no two are multiples of one: `u` and `-u` give `abs(u)`."""
    from evoact.language.normal.calls import apply

    factors: dict[Term, list[float]] = {}
    for term in terms:
        factor, inner = split(term)
        factors.setdefault(inner, []).append(factor)
    result = []
    for inner, numbers in factors.items():
        # For a positive `inner` one end is taken, for a negative one the other.
        here, there = max(numbers), min(numbers)
        if kind == "min":
            here, there = there, here
        if here == there:
            result.append(scale(here, inner))
        else:
            result.append(scale(here, apply("leaky_relu", inner, num(there / here))))
    return result


def _not_covered(kind: str, terms: list[Term]) -> list[Term]:
    """Return terms without those that another one is always beyond."""
    if not 1 < len(terms) <= _FEW:
        return terms
    terms = _not_beside(kind, terms)
    ends = [bounds(term) if kind == "max" else _turned(bounds(term)) for term in terms]
    level = max(low for low, _ in ends)
    return [
        term for term, (low, high) in zip(terms, ends, strict=True) if high > level or low == level
    ]


def _turned(ends: tuple[float, float]) -> tuple[float, float]:
    return -ends[1], -ends[0]


def _not_beside(kind: str, terms: list[Term]) -> list[Term]:
    """Return terms without those that another one is beyond as `abs(u)` is beyond `u`."""
    kept = dict.fromkeys(terms)
    for term in terms:
        above, others = _beside(term)
        if above == (kind == "max"):
            for other in others:
                kept.pop(other, None)
        elif any(other in terms for other in others):
            kept.pop(term, None)
    return list(kept)


def _beside(term: Term) -> tuple[bool, list[Term]]:
    """Return whether a term is above or below some others, and these."""
    factor, inner = split(term)
    if inner.op == "abs":
        return factor > 0.0, [scale(factor, inner.args[0]), scale(-factor, inner.args[0])]
    if inner.op == "clip" and inner.data in {(0.0, math.inf), (-math.inf, 0.0)}:
        return (factor > 0.0) == (inner.data[0] == 0.0), [scale(factor, inner.args[0])]
    return True, []


def _extremum(kind: str, terms: list[Term]) -> Term:
    if len(terms) == 1:
        return terms[0]
    factors = [split(term)[0] for term in terms]
    size = abs(factors[0])
    if size != 1.0 and all(abs(factor) == size for factor in factors):
        signed = (scale(math.copysign(1.0, split(t)[0]), split(t)[1]) for t in terms)
        return scale(size, _extremum(kind, list(signed)))
    args = ordered(terms)
    negative = sum(factor < 0.0 for factor in factors)
    if 2 * negative > len(args) or (2 * negative == len(args) and _leads_negative(args)):
        return negated(Term(_OTHER[kind], tuple(ordered(map(negated, args)))))
    return Term(kind, tuple(args))


def _leads_negative(args: list[Term]) -> bool:
    parts = [split(arg) for arg in args]
    return min(parts, key=lambda part: part[1].key)[0] < 0.0


# Bounds


def bounds(term: Term) -> tuple[float, float]:
    """Return numbers between which all the finite values of a term are."""
    if term.op == "num":
        return term.value, term.value
    if (of := _BOUNDS.get(term.op)) is not None:
        return of(term)
    row = PRIMITIVES.get(term.op)
    return row.traits.range if row is not None and row.traits is not None else _ANY


def _of_sum(term: Term) -> tuple[float, float]:
    low = high = term.value
    for arg, number in zip(term.args, term.data[1:], strict=True):
        ends = sorted(number * end for end in bounds(arg))
        low, high = low + ends[0], high + ends[1]
    return low, high


def _of_product(term: Term) -> tuple[float, float]:
    low = high = term.value
    for base, n in powers_of(term).items():
        ends = _of_power(bounds(base), n)
        products = [a * b if a and b else 0.0 for a in (low, high) for b in ends]
        low, high = min(products), max(products)
    return low, high


def _of_power(ends: tuple[float, float], n: int) -> tuple[float, float]:
    low, high = ends
    if n < 0:
        (low, high), n = _of_reciprocal(low, high), -n
    try:
        powers = sorted((low**n, high**n))
    except OverflowError:
        return (0.0, math.inf) if n % 2 == 0 else _ANY
    if n % 2 == 0 and low < 0.0 < high:
        return 0.0, powers[1]
    return powers[0], powers[1]


def _of_reciprocal(low: float, high: float) -> tuple[float, float]:
    if low > 0.0 or high < 0.0:
        return 1.0 / high, 1.0 / low
    return (0.0, math.inf) if low == 0.0 else _ANY


def _of_clip(term: Term) -> tuple[float, float]:
    low, high = bounds(term.args[0])
    return min(max(low, term.data[0]), term.data[1]), max(min(high, term.data[1]), term.data[0])


def _of_extremum(term: Term) -> tuple[float, float]:
    lows, highs = zip(*map(bounds, term.args), strict=True)
    pick = max if term.op == "max" else min
    return pick(lows), pick(highs)


def _of_argument(term: Term) -> tuple[float, float]:
    return bounds(term.args[0])


_BOUNDS: Final[dict[str, Callable[[Term], tuple[float, float]]]] = {
    "sum": _of_sum,
    "prod": _of_product,
    "clip": _of_clip,
    "max": _of_extremum,
    "min": _of_extremum,
    "group_max": _of_argument,
    "group_sort": _of_argument,
    "full_sort": _of_argument,
    "left": _of_argument,
    "right": _of_argument,
    "softmax": lambda _term: (0.0, 1.0),
    "log_softmax": lambda _term: (-math.inf, 0.0),
}
