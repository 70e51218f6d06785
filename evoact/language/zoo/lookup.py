"""From a name to its expression, and back."""

from __future__ import annotations

from functools import cache
from typing import Final

from evoact.errors import InputError, nearest
from evoact.language.expression import Expression
from evoact.language.fingerprint import FingerprintIndex
from evoact.language.primitives import PRIMITIVES
from evoact.language.text import parse
from evoact.language.tokens import tokenize
from evoact.language.tree import ExpressionError
from evoact.language.zoo.catalogue import ZOO

# Where several rows are equal functions, the first of these gives the name.
_FAME: Final = (
    "identity",
    "relu",
    "leaky_relu",
    "sigmoid",
    "tanh",
    "gaussian",
    "silu",
    "gelu",
)


def named(name: str) -> Expression:
    """Return the expression of a named function.

    Args:
        name: a name or alias of `ZOO`.

    Raises:
        InputError: no function has this name; the message says the nearest.

    >>> str(named("silu"))
    'silu(x)'
    """
    if name not in ZOO:
        raise InputError(
            f"unknown function {name!r}{nearest(name, ZOO.words)}; "
            f"known are {len(ZOO)} names, listed by ZOO (or `evoact zoo`)"
        )
    return _parsed(ZOO[name].text)


def resolve(text: str) -> Expression:
    """Return the expression that a text means: a name of the zoo, or a formula.

    Raises:
        ExpressionError: it is neither.

    >>> str(resolve("mish"))
    'x * tanh(softplus(x))'
    >>> str(resolve("x * x"))
    'x * x'
    """
    tokens = tokenize(text)
    if len(tokens) == 2 and tokens[0].kind == "name":
        word = tokens[0].text
        if word in ZOO:
            return _parsed(ZOO[word].text)
        if word not in {"x", "e", "pi", *PRIMITIVES}:
            hint = nearest(word, (*ZOO.words, "x")) or "; `evoact zoo` lists the names"
            raise ExpressionError(f"unknown function {word!r}{hint}", text, tokens[0].position)
    return parse(text)


def known_as(expression: Expression) -> str | None:
    """Return the name of the zoo's function that an expression equals, if any.

    >>> from evoact.language import parse
    >>> known_as(parse("x / (1 + exp(-x))"))
    'silu'
    """
    if expression.is_groupwise:
        return _groupwise().get(expression.canonical())
    return _index().find(expression)


@cache
def _parsed(text: str) -> Expression:
    return parse(text)


@cache
def _index() -> FingerprintIndex:
    index = FingerprintIndex()
    plain = [name for name in ZOO if ZOO[name].preactivation == "inner"]
    for name in dict.fromkeys((*_FAME, *plain, *ZOO)):
        if not named(name).is_groupwise:
            index.add(named(name), name)
    return index


@cache
def _groupwise() -> dict[Expression, str]:
    """Fingerprints are of pointwise functions: groupwise ones are known by their text."""
    return {named(name).canonical(): name for name in ZOO if named(name).is_groupwise}
