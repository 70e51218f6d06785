"""Sums of one argument's rectifications: `u`, `relu(u)`, `min(u, 0)`, `abs(u)`."""

from __future__ import annotations

import math
from typing import Final

from evoact.language.normal.terms import Term, ordered, total

_POSITIVE: Final = (0.0, math.inf)
_NEGATIVE: Final = (-math.inf, 0.0)


def joined(terms: dict[Term, float]) -> list[tuple[float, Term]] | None:
    """Return the parts of a sum with several rectifications made one, or None.

    They are `p * u` for positive and `q * u` for negative arguments: joined
    where that is a multiple of one of the four, as in `(u + abs(u)) / 2`.
    """
    for term in ordered(terms):
        if term.op in {"clip", "abs"} and not term.hard and (term.op, term.data) in _KINDS:
            inner = term.args[0]
            forms = [inner, *(Term(op, (inner,), data) for op, data in _KINDS)]
            found = [(form, terms.get(form, 0.0)) for form in forms]
            if sum(number != 0.0 for _, number in found) > 1:
                one = _one_of(*(number for _, number in found))
                if one is not None:
                    factor, place = one
                    rest = [(n, part) for part, n in terms.items() if part not in forms]
                    return [(factor, forms[place]), *rest]
    return None


_KINDS: Final = (("clip", _POSITIVE), ("clip", _NEGATIVE), ("abs", ()))


def _one_of(same: float, above: float, below: float, size: float) -> tuple[float, int] | None:
    here, there = total([same, above, size]), total([same, below, -size])
    if here == there:
        return here, 0
    if there == 0.0:
        return here, 1
    if here == 0.0:
        return there, 2
    return (here, 3) if here == -there else None
