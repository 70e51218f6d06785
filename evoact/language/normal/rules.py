"""The table of known compositions: `left -> right`, for any `u`.

The right side is the cheaper and numerically sounder writing. A rule of a sum
(or a product) applies to some of the terms (factors) of a larger one, and to
multiples of it: `2 * exp(x) - 2 + x` has `exp(u) - 1` in it.
"""

from __future__ import annotations

from typing import Final

RULES: Final = """
    log(sigmoid(u)) -> log_sigmoid(u)
    log(exp(u)) -> u
    exp(log(u)) -> u
    log1p(exp(u)) -> softplus(u)
    log1p(expm1(u)) -> u
    expm1(log1p(u)) -> u
    exp(log1p(u)) -> 1 + u
    exp(log_sigmoid(u)) -> sigmoid(u)
    exp(-softplus(u)) -> sigmoid(-u)
    expm1(softplus(u)) -> exp(u)
    asinh(sinh(u)) -> u
    sinh(asinh(u)) -> u
    log(softmax(u)) -> log_softmax(u)
    exp(log_softmax(u)) -> softmax(u)
    softmax(log_softmax(u)) -> softmax(u)
    log_softmax(log_softmax(u)) -> log_softmax(u)

    exp(u) - 1 -> expm1(u)
    expm1(u) + 1 -> exp(u)
    1 - sigmoid(u) -> sigmoid(-u)
    2 * sigmoid(u) - 1 -> tanh(0.5 * u)
    1 - erf(u) -> erfc(u)
    1 + erf(u) -> erfc(-u)
    1 - erfc(u) -> erf(u)
    exp(u) - exp(-u) -> 2 * sinh(u)
    exp(u) + exp(-u) -> 2 * cosh(u)
    exp(u) - cosh(u) -> sinh(u)
    exp(u) - sinh(u) -> cosh(u)
    cosh(u) + sinh(u) -> exp(u)
    exp(u) - expm1(u) -> 1
    erf(u) + erfc(u) -> 1
    softplus(u) + log_sigmoid(u) -> u
    u - log_sigmoid(u) -> softplus(u)
    softplus(u) - u -> -log_sigmoid(u)
    u - silu(u) -> -silu(-u)
    square(sin(u)) + square(cos(u)) -> 1

    reciprocal(1 + exp(u)) -> sigmoid(-u)
    exp(u) * sigmoid(-u) -> sigmoid(u)
    u * sigmoid(u) -> silu(u)
    exp(-u) * silu(u) -> -silu(-u)
    silu(u) / u -> sigmoid(u)
    silu(u) / sigmoid(u) -> u
    u / softsign(u) -> 1 + abs(u)
    u * (1 + tanh(u)) -> silu(2 * u)
    u * (tanh(u) - 1) -> silu(-2 * u)
    u * erfc(-0.7071067811865476 * u) -> 2 * gelu(u)
    sinh(u) / cosh(u) -> tanh(u)
    cosh(u) * tanh(u) -> sinh(u)
"""


def load() -> None:
    """Read the table into the book of rules, once."""
    from evoact.language.normal.matching import BOOK, VARIABLE, Rule
    from evoact.language.normal.reading import Reader
    from evoact.language.text import parse

    found = []
    for line in filter(None, map(str.strip, RULES.splitlines())):
        sides = (parse(f"{side} + 0 * u where u = 0.0").root for side in line.split("->"))
        found.append(Rule(*(Reader((VARIABLE,)).read(side) for side in sides)))
    for rule in found:
        BOOK.add(rule)
