"""Primitives applied to terms, each in its one form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from evoact.language.normal import matching
from evoact.language.normal.algebra import (
    MAX_EXPONENT,
    add,
    multiply,
    negated,
    outer,
    powers_of,
    scale,
    split,
)
from evoact.language.normal.extrema import bounds, clip
from evoact.language.normal.groups import GROUPWISE
from evoact.language.normal.terms import ONE, ZERO, Term, num, ordered
from evoact.language.primitives import PRIMITIVES

# Rows whose form does not depend on the sign of the first argument but for that of the result.
_ODD: Final = frozenset({"safe_div", "signed_pow"})


def apply(name: str, *args: Term) -> Term:
    """Return a primitive of terms: folded, simplified, its signs and scales outside."""
    row = PRIMITIVES[name]
    if not row.is_groupwise and all(arg.op == "num" for arg in args):
        with np.errstate(all="ignore"):
            return num(float(row.numpy(*(np.float64(arg.value) for arg in args))))
    special = _SPECIAL.get(name)
    if special is not None and (found := special(*args)) is not None:
        return found
    parity = "odd" if name in _ODD else row.traits and row.traits.parity
    if parity and split(args[0])[0] < 0.0:
        result = apply(name, negated(args[0]), *args[1:])
        return negated(result) if parity == "odd" else result
    if row.commutative:
        args = tuple(ordered(args))
    term = Term(name, args)
    return matching.rewritten_call(term) or term


def _root(term: Term) -> Term | None:
    """Return the term of which this one is the square, if all its exponents are even."""
    if term.op != "prod" or any(n % 2 for n in term.data[1:]):
        return None
    return multiply((base, n // 2) for base, n in powers_of(term).items())


def _constant_of(term: Term) -> float:
    factor, inner = split(term)
    return factor * inner.value if inner.op == "sum" else 0.0


def _abs(u: Term) -> Term | None:
    factor, inner = outer(u)
    if factor != 1.0:
        return scale(abs(factor), apply("abs", inner))
    if u.hard:
        return None
    low, high = bounds(u)
    return u if low >= 0.0 else negated(u) if high <= 0.0 else None


def _exp(u: Term) -> Term | None:
    factor, inner = split(u)
    root = _root(inner) if factor == -1.0 else None
    return None if root is None else apply("gaussian", root)


def _log(u: Term) -> Term | None:
    return apply("log1p", add([(1.0, u), (-1.0, ONE)])) if _constant_of(u) == 1.0 else None


def _log1p(u: Term) -> Term | None:
    return apply("log", add([(1.0, u), (1.0, ONE)])) if _constant_of(u) != 0.0 else None


def _sqrt(u: Term) -> Term | None:
    root = _root(u) if split(u)[0] == 1.0 else None
    return None if root is None else apply("abs", root)


def _pow(base: Term, exponent: Term) -> Term | None:
    if exponent == ZERO or base == ONE:
        return ONE
    if exponent.op == "num" and abs(exponent.value) == 0.5:
        return multiply([(apply("sqrt", base), int(2 * exponent.value))])
    if exponent.op == "num" and exponent.value.is_integer():
        n = int(exponent.value)
        return multiply([(base, n)]) if abs(n) <= MAX_EXPONENT else None
    return apply("exp", exponent) if base.op == "num" and base.value == math.e else None


def _softplus(u: Term) -> Term | None:
    return negated(apply("log_sigmoid", negated(u))) if split(u)[0] < 0.0 else None


def _log_sigmoid(u: Term) -> Term | None:
    return negated(apply("softplus", negated(u))) if split(u)[0] < 0.0 else None


def _relu(u: Term) -> Term | None:
    if not u.hard:
        return clip(u, 0.0, math.inf)
    factor, inner = outer(u)
    if abs(factor) == 1.0:
        return None
    return scale(abs(factor), apply("relu", scale(math.copysign(1.0, factor), inner)))


def _clamp(u: Term, low: Term, high: Term) -> Term | None:
    if low.value > high.value:
        return high
    return None if u.hard else clip(u, low.value, high.value)


def _leaky_relu(u: Term, slope: Term) -> Term | None:
    factor, inner = outer(u)
    if slope == ONE:
        return u
    if abs(factor) != 1.0:
        signed = scale(math.copysign(1.0, factor), inner)
        return scale(abs(factor), apply("leaky_relu", signed, slope))
    if u.hard:
        return None
    low, high = bounds(u)
    if low >= 0.0 or high <= 0.0:
        return u if low >= 0.0 else scale(slope.value, u)
    if slope == ZERO:
        return clip(u, 0.0, math.inf)
    return apply("abs", u) if slope.value == -1.0 else None


def _if_positive(condition: Term, yes: Term, no: Term) -> Term | None:
    if yes == no:
        return yes
    factor, inner = split(condition)
    low, high = bounds(condition)
    if low > 0.0 or high <= 0.0:
        return yes if low > 0.0 else no
    if factor > 0.0 and not condition.hard and (found := _as_rectifier(inner, yes, no)) is not None:
        return found
    if abs(factor) == 1.0:
        return None
    return apply("if_positive", scale(math.copysign(1.0, factor), inner), yes, no)


def _as_rectifier(u: Term, yes: Term, no: Term) -> Term | None:
    """Return `p * u where u > 0, else q * u` without a condition."""
    (here, of_yes), (there, of_no) = split(yes), split(no)
    if of_yes != u:
        return None
    if no == ZERO:
        return scale(here, clip(u, 0.0, math.inf))
    return scale(here, apply("leaky_relu", u, num(there / here))) if of_no == u else None


def _safe_div(a: Term, b: Term) -> Term | None:
    factor, inner = outer(a)
    sign = math.copysign(1.0, split(b)[0])
    if a == ZERO:
        return ZERO
    if inner is ONE:
        factor, inner = math.copysign(1.0, factor), num(abs(factor))
    if factor == sign == 1.0:
        return None
    return scale(factor * sign, apply("safe_div", inner, scale(sign, b)))


_SPECIAL: Final[dict[str, Callable[..., Term | None]]] = {
    "zero": lambda _u: ZERO,
    "one": lambda _u: ONE,
    "identity": lambda u: u,
    "abs": _abs,
    "exp": _exp,
    "log": _log,
    "log1p": _log1p,
    "sqrt": _sqrt,
    "pow": _pow,
    "softplus": _softplus,
    "log_sigmoid": _log_sigmoid,
    "relu": _relu,
    "clamp": _clamp,
    "leaky_relu": _leaky_relu,
    "if_positive": _if_positive,
    "safe_div": _safe_div,
    "signed_pow": lambda u, power: u if power == ONE else None,
    **GROUPWISE,
}
