"""Named activation functions of the field, as expressions."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import Final

from evoact.errors import InputError, nearest
from evoact.language.fingerprint import FingerprintIndex
from evoact.language.primitives import PRIMITIVES
from evoact.language.text import parse
from evoact.language.tokens import tokenize
from evoact.language.tree import Expression, ExpressionError

ZOO: Final = MappingProxyType(
    {
        "identity": "x",
        "relu": "relu(x)",
        "relu6": "clamp(x, 0.0, 6.0)",
        "leaky_relu": "leaky_relu(x, 0.01)",
        "prelu": "max(x, 0.0) + a * min(x, 0.0) where a = 0.25 per channel",
        "abs": "abs(x)",
        "squared_relu": "square(relu(x))",
        "hardtanh": "clamp(x, -1.0, 1.0)",
        "hardsigmoid": "hard_sigmoid(x)",
        "hardswish": "x * hard_sigmoid(x)",
        "elu": "elu(x)",
        "selu": "selu(x)",
        "softplus": "softplus(x)",
        "softsign": "softsign(x)",
        "sigmoid": "sigmoid(x)",
        "log_sigmoid": "log_sigmoid(x)",
        "tanh": "tanh(x)",
        "tanhshrink": "x - tanh(x)",
        "atan": "atan(x)",
        "erf": "erf(x)",
        "sine": "sin(x)",
        "gaussian": "gaussian(x)",
        "silu": "silu(x)",
        "swish": "x * sigmoid(beta * x) where beta = 1.0",
        "gelu": "gelu(x)",
        "gelu_tanh": "0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * cube(x))))",
        "mish": "x * tanh(softplus(x))",
        "logish": "x * log(1.0 + sigmoid(x))",
        "tanhexp": "x * tanh(exp(x))",
        "serf": "x * erf(softplus(x))",
        "snake": "x + square(sin(a * x)) / a where a = 1.0",
        "squareplus": "(x + sqrt(square(x) + 4.0)) / 2.0",
    }
)


def named(name: str) -> Expression:
    """Return the expression of a named function.

    Raises:
        InputError: no function has this name; the message says the nearest.

    >>> str(named("silu"))
    'silu(x)'
    """
    if name not in ZOO:
        raise InputError(f"unknown function {name!r}{nearest(name, ZOO)}; known: {', '.join(ZOO)}")
    return parse(ZOO[name])


def resolve(text: str) -> Expression:
    """Return the expression that a text means: a name of the zoo, or a formula.

    >>> str(resolve("mish"))
    'x * tanh(softplus(x))'
    >>> str(resolve("x * x"))
    'x * x'
    """
    tokens = tokenize(text)
    if len(tokens) == 2 and tokens[0].kind == "name":
        word = tokens[0].text
        if word in ZOO:
            return parse(ZOO[word])
        if word not in {"x", "e", "pi", *PRIMITIVES}:
            hint = nearest(word, [*ZOO, "x"])
            raise ExpressionError(f"unknown function {word!r}{hint}", text, tokens[0].position)
    return parse(text)


def known_as(expression: Expression) -> str | None:
    """Return the name of the zoo's function that an expression equals, if any.

    >>> known_as(parse("x / (1 + exp(-x))"))
    'silu'
    """
    return _index().find(expression)


@cache
def _index() -> FingerprintIndex:
    index = FingerprintIndex()
    for name in ZOO:
        index.add(named(name), name)
    return index
