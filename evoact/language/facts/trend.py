"""Where nodes go at the ends, by how fast they grow.

What a node does as `x` goes somewhere is held as a limit and, where known, a
leading term: `c * t^p * ln(t)^q` with `t` going to infinity, or a size
`exp(c * t^p * ln(t)^q (1 + o(1)))` with a sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Term:
    """`c * t^p * ln(t)^q`; with `sign`, that much is the logarithm of the size."""

    c: float
    p: float = 0.0
    q: float = 0.0
    sign: int = 0

    @property
    def limit(self) -> float:
        """Where it goes."""
        if self.sign:
            return self.sign * math.inf if self.c > 0 else 0.0
        if (self.p, self.q) > (0.0, 0.0):
            return math.copysign(math.inf, self.c)
        return self.c if self.p == self.q == 0 else 0.0

    @property
    def rank(self) -> tuple[float, ...]:
        """How it compares with others: the larger dominates."""
        if self.sign:
            return (math.copysign(1.0, self.c), self.p * math.copysign(1.0, self.c),
                    self.q * math.copysign(1.0, self.c), self.c)  # fmt: skip
        return (0.0, self.p, self.q)

    def scaled(self, factor: float) -> Term:
        """Return the term times a number that is not zero."""
        if self.sign:
            return Term(self.c, self.p, self.q, self.sign * (1 if factor > 0 else -1))
        return Term(self.c * factor, self.p, self.q)


@dataclass(frozen=True, slots=True)
class Trend:
    """Where a node goes: to `limit` (None: nowhere, or not known), and how."""

    limit: float | None
    term: Term | None = None
    bounded: bool = False
    """It stays within bounds, whether or not it has a limit."""


UNKNOWN: Final = Trend(None)
ZERO: Final = Trend(0.0, None, True)
"""Goes to zero, nothing is known how."""
NOTHING: Final = Trend(0.0, None, True)
"""Is zero from somewhere on; told from `ZERO` by identity."""


def of(term: Term) -> Trend:
    """Return the trend that a leading term gives."""
    return Trend(term.limit, term, math.isfinite(term.limit))


def near(limit: float) -> Trend:
    """Return the trend to a limit."""
    if limit == 0.0 or not math.isfinite(limit):
        return Trend(limit, None, math.isfinite(limit))
    return of(Term(limit))


def add(a: Trend, b: Trend) -> Trend:
    """Return where `a + b` goes."""
    if a is NOTHING or b is NOTHING:
        return b if a is NOTHING else a
    for one, other in ((a, b), (b, a)):
        if one.bounded and other.limit is not None and math.isinf(other.limit):
            return other
    if a.limit is None or b.limit is None:
        return Trend(None, None, a.bounded and b.bounded)
    if a.term and b.term:
        return _sum(a, b, a.term, b.term)
    total = a.limit + b.limit
    if math.isnan(total) or _cancels(a.limit, b.limit):
        return ZERO if total == 0 and a.limit == 0 == b.limit else _unknown_sum(a, b)
    return near(total)


def _unknown_sum(a: Trend, b: Trend) -> Trend:
    """Return what is left where limits cancel, but for rounding: within bounds if both are."""
    return Trend(None, None, a.bounded and b.bounded)


def _close(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether two terms may be of the same size, but for rounding."""
    if len(a) != len(b):
        return False
    return all(abs(x - y) <= 1e-9 * max(abs(x), abs(y), 1.0) for x, y in zip(a, b, strict=True))


def _cancels(a: float, b: float) -> bool:
    return math.isfinite(a + b) and abs(a + b) <= 1e-9 * (abs(a) + abs(b))


def _sum(a: Trend, b: Trend, first: Term, second: Term) -> Trend:
    if not _close(first.rank, second.rank):
        return a if first.rank > second.rank else b
    if first.sign or second.sign or first.rank[1:3] != second.rank[1:3]:
        if first.limit == second.limit == 0:
            return ZERO
        return a if first.sign == second.sign and first.rank == second.rank else UNKNOWN
    if _cancels(first.c, second.c):
        return ZERO if first.limit == second.limit == 0 else _unknown_sum(a, b)
    return of(Term(first.c + second.c, first.p, first.q))


def neg(a: Trend) -> Trend:
    """Return where `-a` goes."""
    if a is NOTHING:
        return a
    return Trend(None if a.limit is None else -a.limit, a.term and a.term.scaled(-1.0), a.bounded)


def mul(a: Trend, b: Trend) -> Trend:
    """Return where `a * b` goes."""
    if a is NOTHING or b is NOTHING:
        other = b if a is NOTHING else a
        return UNKNOWN if other.limit is None and not other.bounded else NOTHING
    for one, other in ((a, b), (b, a)):
        if one is ZERO:
            return ZERO if other.bounded else UNKNOWN
        if one.limit == 0 and other.bounded and other.limit is None:
            return ZERO
    if a.limit is None or b.limit is None:
        return Trend(None, None, a.bounded and b.bounded)
    if a.term and b.term:
        term = _product(a.term, b.term)
        return of(term) if term else UNKNOWN
    product = a.limit * b.limit
    if math.isnan(product):
        return UNKNOWN
    return ZERO if product == 0 else near(product)


def _product(a: Term, b: Term) -> Term | None:
    if a.sign and b.sign:
        sign = a.sign * b.sign
        if (a.p, a.q) != (b.p, b.q):
            big = max(a, b, key=lambda term: (term.p, term.q))
            return Term(big.c, big.p, big.q, sign)
        return None if _cancels(a.c, b.c) else Term(a.c + b.c, a.p, a.q, sign)
    if a.sign or b.sign:
        size, factor = (a, b) if a.sign else (b, a)
        return size.scaled(factor.c)
    c = a.c * b.c
    return Term(c, a.p + b.p, a.q + b.q) if c and math.isfinite(c) else None


def div(a: Trend, b: Trend) -> Trend:
    """Return where `a / b` goes."""
    if a is NOTHING and b is not NOTHING and b.limit != 0:
        return a
    if b.term is None:
        if b.limit is not None and math.isinf(b.limit) and a.bounded:
            return ZERO
        return UNKNOWN
    inverse = (Term(-b.term.c, b.term.p, b.term.q, b.term.sign) if b.term.sign
               else Term(1.0 / b.term.c, -b.term.p, -b.term.q))  # fmt: skip
    return mul(a, of(inverse))


def power(a: Trend, b: Trend) -> Trend:
    """Return where `a ** b` goes, for a constant `b`."""
    if b.limit is None or not b.term or b.term.sign or b.term.p or b.term.q or a.term is None:
        return UNKNOWN
    return raised(a.term, b.limit)


def raised(a: Term, b: float) -> Trend:
    """Return where a power of a term goes."""
    negative = a.sign < 0 or (not a.sign and a.c < 0)
    if negative and b != int(b):
        return UNKNOWN
    sign = -1 if negative and int(b) % 2 else 1
    if a.sign:
        return of(Term(a.c * b, a.p, a.q, sign))
    c = sign * abs(a.c) ** b if abs(math.log(abs(a.c)) * b) < 600 else 0.0
    return of(Term(c, a.p * b, a.q * b)) if c else UNKNOWN


def maximum(a: Trend, b: Trend) -> Trend:
    """Return where `max(a, b)` goes."""
    if a.limit is None or b.limit is None:
        for one, other in ((a, b), (b, a)):
            if other.bounded and one.limit in (math.inf, -math.inf):
                return one if one.limit == math.inf else other
        return Trend(None, None, a.bounded and b.bounded)
    if a is NOTHING and b is NOTHING:
        return a
    if a.limit == b.limit:
        return ZERO if a.limit == 0 else Trend(a.limit, None, a.bounded)
    return a if a.limit > b.limit else b


def minimum(a: Trend, b: Trend) -> Trend:
    """Return where `min(a, b)` goes."""
    return neg(maximum(neg(a), neg(b)))


def select(a: Trend, b: Trend, c: Trend) -> Trend:
    """Return where `b where a > 0, else c` goes."""
    if a.term is not None:
        positive = a.term.sign > 0 or (not a.term.sign and a.term.c > 0)
        return b if positive else c
    if a.limit is not None and a.limit != 0:
        return b if a.limit > 0 else c
    if a is NOTHING or b == c:
        return c if a is NOTHING or b is NOTHING else b
    return Trend(None, None, b.bounded and c.bounded)


def hyp(a: Trend, c: Trend) -> Trend:
    """Return where `sqrt(a^2 + c)` goes."""
    if a.limit is None:
        return UNKNOWN
    if math.isinf(a.limit):
        return a if a.limit > 0 else neg(a)
    return near(math.hypot(a.limit, math.sqrt(c.limit or 0.0)))


def hyp_slope(a: Trend, c: Trend) -> Trend:
    """Return where `a / sqrt(a^2 + c)` goes."""
    if a.limit is None:
        return Trend(None, None, True)
    if math.isinf(a.limit):
        return near(math.copysign(1.0, a.limit))
    scale = math.hypot(a.limit, math.sqrt(c.limit or 0.0))
    if a.limit == 0.0:
        return of(a.term.scaled(1.0 / scale)) if a.term else ZERO
    return near(a.limit / scale)


def logarithm(term: Term) -> Trend:
    """Return where the logarithm of a positive term goes."""
    if term.sign:
        return of(Term(term.c, term.p, term.q))
    if term.p:
        return of(Term(term.p, 0.0, 1.0))
    if term.q:
        return Trend(math.copysign(math.inf, term.q))
    return near(math.log(term.c))
