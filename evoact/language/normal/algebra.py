"""Sums and products of terms, each in its one form.

Rewriting keeps the function wherever the original is finite: `u - u` and
`0 * u` are 0, `u / u` is 1, also where `u` is infinite or zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from evoact.language.normal import matching, rectified
from evoact.language.normal.terms import (
    ONE,
    ZERO,
    Term,
    UnwritableError,
    num,
    ordered,
    product,
    quotient,
    total,
)

Powers = dict[Term, int]
MAX_EXPONENT: Final = 64


def split(term: Term) -> tuple[float, Term]:
    """Return the coefficient of a term and the term without it."""
    if term.op == "num":
        return term.value, ONE
    if term.op != "prod" or term.value == 1.0:
        return 1.0, term
    if len(term.args) == 1 and term.data[1] == 1:
        return term.value, term.args[0]
    return term.value, Term("prod", term.args, (1.0, *term.data[1:]))


def outer(term: Term) -> tuple[float, Term]:
    """Return the factor that may leave a homogeneous function, and what stays inside.

    `2 / u` keeps its 2: without it, it would be no shorter.
    """
    factor, rest = split(term)
    if rest.op == "prod" and max(rest.data[1:]) < 0.0:
        sign = math.copysign(1.0, factor)
        return sign, scale(sign, term)
    return factor, rest


def powers_of(term: Term) -> Powers:
    """Return the factors of a term with their exponents, without the coefficient."""
    if term.op == "num":
        return {}
    if term.op == "prod":
        return {arg: int(n) for arg, n in zip(term.args, term.data[1:], strict=True)}
    return {term: 1}


def scale(factor: float, term: Term) -> Term:
    """Return a term times a number."""
    if factor == 1.0:
        return term
    coefficient, rest = split(term)
    factor = product([(factor, 1), (coefficient, 1)])
    if factor == 0.0:
        return ZERO
    if rest.op == "num":
        return num(factor * rest.value)
    if rest.op == "sum" and len(rest.args) == 1 and not _stays_factored(factor, rest):
        return add([(factor, rest)])  # c * (u + k) and c * u + c * k are one term
    return _monomial(factor, powers_of(rest))


def _stays_factored(factor: float, term: Term) -> bool:
    constant, number = term.data
    return abs(factor) == 1.0 or (number == 1.0 and _is_shorter(constant, factor * constant))


def _is_shorter(a: float, b: float) -> bool:
    """Whether a number has no more digits than another: 3 than 0.30000000000000004."""
    return len(repr(abs(a))) <= len(repr(abs(b)))


def negated(term: Term) -> Term:
    """Return minus a term."""
    return scale(-1.0, term)


# Sums


def add(parts: Iterable[tuple[float, Term]]) -> Term:
    """Return the sum of terms, each times a number."""
    constants: list[float] = []
    terms: dict[Term, list[float]] = {}
    for factor, term in parts:
        _collect(factor, term, constants, terms)
    coefficients = {term: total(numbers) for term, numbers in terms.items()}
    return _sum(
        total(constants or [0.0]),
        {term: number for term, number in coefficients.items() if number != 0.0},
    )


def _collect(
    factor: float, term: Term, constants: list[float], terms: dict[Term, list[float]]
) -> None:
    coefficient, rest = split(term)
    factor = product([(factor, 1), (coefficient, 1)])
    if rest is ONE:
        constants.append(factor)
    elif rest.op == "sum" and (abs(factor) == 1.0 or len(rest.args) == 1):
        constants.append(product([(factor, 1), (rest.value, 1)]))
        for arg, number in zip(rest.args, rest.data[1:], strict=True):
            _collect(product([(factor, 1), (number, 1)]), arg, constants, terms)
    else:
        terms.setdefault(rest, []).append(factor)


def _sum(constant: float, terms: dict[Term, float]) -> Term:
    if not terms:
        return num(constant)
    if (parts := matching.rewritten_sum(constant, terms)) is not None:
        return add(parts)
    if len(terms) > 1 and (parts := rectified.joined(terms)) is not None:
        return add([(constant, ONE), *parts])
    if constant == 0.0 and len(terms) == 1:
        ((term, number),) = terms.items()
        return _monomial(number, powers_of(term))
    plain = _with_content(constant, terms)
    common = _common_factor(terms) if constant == 0.0 else {}
    if not common:
        return plain
    inverse = [(base, -n) for base, n in common.items()]
    rest = add((number, multiply([(term, 1), *inverse])) for term, number in terms.items())
    factored = multiply([(rest, 1), *common.items()])
    return factored if factored.size <= plain.size else plain


def _common_factor(terms: dict[Term, float]) -> Powers:
    """Return what divides all the terms: `x` of `x + x * tanh(x)`."""
    first, *others = (powers_of(term) for term in terms)
    common = dict(first)
    for powers in others:
        for base in list(common):
            n, m = common[base], powers.get(base, 0)
            common[base] = min(n, m) if n > 0 and m > 0 else max(n, m) if n < 0 and m < 0 else 0
            if common[base] == 0:
                del common[base]
        if not common:
            break
    return common


def _with_content(constant: float, terms: dict[Term, float]) -> Term:
    args = ordered(terms)
    content = _content([abs(terms[arg]) for arg in args], constant)
    if terms[args[0]] < 0.0:
        content = -content  # the first term is positive: `1 - x` is `-(x - 1)`
    data = tuple(number / content for number in (constant + 0.0, *(terms[arg] for arg in args)))
    result = Term("sum", tuple(args), tuple(number + 0.0 for number in data))
    return result if content == 1.0 else Term("prod", (result,), (content, 1.0))


def _content(numbers: list[float], constant: float) -> float:
    """Return what to take out of a sum so that fewest coefficients are left."""
    best, fewest = 1.0, sum(number != 1.0 for number in numbers)
    if len(numbers) == 1 or fewest == 0:
        fewest += 1
    for content in sorted(set(numbers) - {1.0}):
        left = [quotient(number, content) for number in numbers]
        count = 1 + sum(number != 1.0 for number in left)
        inside = quotient(constant, content)
        exact = None not in left and inside is not None and _is_shorter(inside, constant)
        if exact and count < fewest:
            best, fewest = content, count
    return best


# Products


def multiply(
    factors: Iterable[tuple[Term, int]], constants: Iterable[tuple[float, int]] = ()
) -> Term:
    """Return the product of powers of terms and of numbers."""
    numbers, powers = list(constants), dict[Term, int]()
    for term, exponent in factors:
        if term.op in {"num", "prod"}:
            numbers.append((term.value, exponent))
        for base, n in powers_of(term).items():
            powers[base] = powers.get(base, 0) + n * exponent
    coefficient = product(numbers)
    powers = {base: n for base, n in powers.items() if n != 0}
    if coefficient == 0.0:
        return ZERO
    if any(abs(n) > MAX_EXPONENT for n in powers.values()):
        raise UnwritableError
    return _product(coefficient, powers)


def _product(coefficient: float, powers: Powers) -> Term:
    simpler = _reduced(powers) or _joined_exponentials(powers) or _softsign(powers)
    if simpler is not None:
        return multiply(simpler, [(coefficient, 1)])
    if (found := matching.rewritten_product(coefficient, powers)) is not None:
        return multiply(*found)
    return scale(coefficient, _monomial(1.0, powers))


def _monomial(coefficient: float, powers: Powers) -> Term:
    if not powers:
        return num(coefficient)
    args = ordered(powers)
    if coefficient == 1.0 and len(args) == 1 and powers[args[0]] == 1:
        return args[0]
    return Term("prod", tuple(args), (coefficient, *(float(powers[arg]) for arg in args)))


def _reduced(powers: Powers) -> list[tuple[Term, int]] | None:
    """Return the factors with an even power of `abs` or `sqrt` undone."""
    for base, n in powers.items():
        if n % 2 == 0 and base.op in {"abs", "sqrt"}:
            rest = [(other, m) for other, m in powers.items() if other is not base]
            return [*rest, (base.args[0], n if base.op == "abs" else n // 2)]
    return None


def _joined_exponentials(powers: Powers) -> list[tuple[Term, int]] | None:
    """Return the factors with one exponential at most, its exponent positive."""
    from evoact.language.normal.calls import apply

    found = {base: n for base, n in powers.items() if base.op == "exp"}
    if not found or (len(found) == 1 and min(found.values()) > 0):
        return None
    shared = math.gcd(*found.values())
    inside = add((n / shared, base.args[0]) for base, n in found.items())
    rest = [(base, n) for base, n in powers.items() if base.op != "exp"]
    return [*rest, (apply("exp", inside), shared)]


def _softsign(powers: Powers) -> list[tuple[Term, int]] | None:
    """Return the factors with `u / (k + abs(u))` written as `softsign(u / k)`."""
    from evoact.language.normal.calls import apply

    for base in ordered(powers):
        n = powers[base]
        if n > 0 or base.op != "sum" or base.data[1:] != (1.0,) or base.value <= 0.0:
            continue
        inner = base.args[0].args[0] if base.args[0].op == "abs" else ZERO
        needed = powers_of(inner)
        if needed and all(powers.get(part, 0) * m >= m * m for part, m in needed.items()):
            rest = [(part, m - needed.get(part, 0)) for part, m in powers.items() if part != base]
            return [*rest, (base, n + 1), (apply("softsign", scale(1.0 / base.value, inner)), 1)]
    return None
