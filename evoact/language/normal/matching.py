"""Finding the left side of a rule inside a term, and putting its right side there."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations
from typing import Final

from evoact.language.normal import algebra
from evoact.language.normal.terms import ONE, ZERO, Term, ordered

VARIABLE: Final = Term("u")
_CLOSE: Final = 1e-14


@dataclass(frozen=True, slots=True)
class Rule:
    """Two terms in the variable `u` that are the same function of it."""

    left: Term
    right: Term


@dataclass(slots=True)
class Book:
    """Rules by what they rewrite; those of sums and products by a part they need."""

    calls: dict[str, list[Rule]] = field(default_factory=dict)
    sums: list[tuple[str, Rule]] = field(default_factory=list)
    products: list[tuple[str, Rule]] = field(default_factory=list)

    def add(self, rule: Rule) -> None:
        """Take up a rule."""
        _, inner = algebra.split(rule.left)
        if inner.op == "sum":
            self.sums.append((anchor_of(inner).op, rule))
        elif inner.op == "prod":
            self.products.append((anchor_of(inner).op, rule))
        else:
            self.calls.setdefault(inner.op, []).append(rule)


BOOK: Final = Book()
"""Empty while the rules themselves are read."""


def anchor_of(term: Term) -> Term:
    """Return the part of a pattern by which it is found: the first that is not `u`."""
    return next(arg for arg in term.args if arg is not VARIABLE)


def close(a: float, b: float) -> bool:
    """Whether two numbers differ by rounding alone."""
    return a == b or abs(a - b) <= _CLOSE * max(abs(a), abs(b))


def match(pattern: Term, term: Term, bound: Term | None = None) -> Term | None:
    """Return what `u` stands for if a term has the form of a pattern, else None."""
    if pattern is VARIABLE:
        return term if bound is None or bound == term else None
    factor, inner = algebra.split(pattern)
    if inner is VARIABLE:
        coefficient, rest = algebra.split(term)
        ratio = coefficient / factor
        found = algebra.scale(1.0 if close(ratio, 1.0) else ratio, rest)
        return match(VARIABLE, found, bound)
    if pattern.op != term.op or len(pattern.args) != len(term.args):
        return None
    if pattern.op in {"sum", "prod"}:
        return _match_parts(pattern, term, bound)
    if pattern.data != term.data:
        return None
    for part, arg in zip(pattern.args, term.args, strict=True):
        bound = match(part, arg, bound)
        if bound is None:
            return None
    return bound


def _match_parts(pattern: Term, term: Term, bound: Term | None) -> Term | None:
    if not close(pattern.value, term.value):
        return None
    wanted = list(zip(pattern.args, pattern.data[1:], strict=True))
    for order in permutations(zip(term.args, term.data[1:], strict=True)):
        found = bound
        for (part, number), (arg, other) in zip(wanted, order, strict=True):
            found = match(part, arg, found) if close(number, other) else None
            if found is None:
                break
        if found is not None:
            return found
    return None


def replace(pattern: Term, value: Term) -> Term:
    """Return a pattern with a term in place of `u`."""
    from evoact.language.normal.calls import apply

    if pattern is VARIABLE:
        return value
    if not pattern.args:
        return pattern
    args = [replace(arg, value) for arg in pattern.args]
    if pattern.op == "sum":
        parts = list(zip(pattern.data[1:], args, strict=True))
        return algebra.add([*parts, (pattern.value, ONE)])
    if pattern.op == "prod":
        exponents = map(int, pattern.data[1:])
        return algebra.multiply(zip(args, exponents, strict=True), [(pattern.value, 1)])
    return apply(pattern.op, *args)


def rewritten_call(term: Term) -> Term | None:
    """Return a call by the first rule that fits, or None."""
    for rule in BOOK.calls.get(term.op, ()):
        if (found := match(rule.left, term)) is not None:
            return replace(rule.right, found)
    return None


def rewritten_sum(constant: float, terms: dict[Term, float]) -> list[tuple[float, Term]] | None:
    """Return the parts of a sum by the first rule that fits some of them, or None."""
    ops = {term.op for term in terms}
    for op, rule in BOOK.sums:
        if op in ops and (parts := _sum_by(rule, constant, terms)) is not None:
            return parts
    return None


def _sum_by(
    rule: Rule, constant: float, terms: dict[Term, float]
) -> list[tuple[float, Term]] | None:
    factor, left = algebra.split(rule.left)
    anchor = anchor_of(left)
    wanted = dict(zip(left.args, (factor * n for n in left.data[1:]), strict=True))
    for term in ordered(terms):
        number, found = terms[term], match(anchor, term)
        if found is None:
            continue
        ratio = number / wanted[anchor]
        if left.value and not close(constant, ratio * factor * left.value):
            continue
        needed = {replace(part, found): ratio * n for part, n in wanted.items()}
        if all(part in terms and close(terms[part], n) for part, n in needed.items()):
            rest = [(n, part) for part, n in terms.items() if part not in needed]
            kept = 0.0 if left.value else constant
            return [(kept, ONE), (ratio, replace(rule.right, found)), *rest]
    return None


Found = tuple[list[tuple[Term, int]], list[tuple[float, int]]]


def rewritten_product(coefficient: float, powers: dict[Term, int]) -> Found | None:
    """Return factors and constants by the first rule that fits some factors, or None."""
    ops = {term.op for term in powers}
    for op, rule in BOOK.products:
        if op in ops and (found := _product_by(rule, coefficient, powers)) is not None:
            return found
    return None


def _product_by(rule: Rule, coefficient: float, powers: dict[Term, int]) -> Found | None:
    wanted = algebra.powers_of(rule.left)
    anchor = anchor_of(rule.left)
    others = [(part, n) for part, n in wanted.items() if part is not anchor]
    for term in ordered(powers):
        if (found := match(anchor, term)) is None:
            continue
        side = 1 if powers[term] * wanted[anchor] > 0 else -1  # above the line, or all of it below
        left = algebra.multiply((replace(part, found), side * m) for part, m in others)
        needed = algebra.powers_of(left) | {term: side * wanted[anchor]}
        factor = left.value if left.op == "prod" else 1.0
        if left is ZERO or not _contains(powers, needed):
            continue
        if abs(factor) != 1.0 and not close(abs(coefficient), abs(factor)):
            continue  # another constant would come up: 0.6 * silu(1.7 * x)
        rest = [(base, m - needed.get(base, 0)) for base, m in powers.items()]
        return [*rest, (replace(rule.right, found), side)], [(coefficient, 1), (factor, -1)]
    return None


def _contains(powers: dict[Term, int], needed: dict[Term, int]) -> bool:
    return all(
        powers.get(base, 0) * n > 0 and abs(powers[base]) >= abs(n) for base, n in needed.items()
    )
