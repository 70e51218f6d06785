"""How libraries beside torch are written; there the channels are the last axis.

>>> from evoact.language import parse
>>> from evoact.language.source import body
>>> body(parse("x * sigmoid(beta * x) where beta = 1.0"), ("beta",), JAX)
([], 'x * jax.nn.sigmoid(beta * x)')
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from evoact.language.source import Dialect


def _cut(text: str, width: Fraction) -> str:
    return text if width.denominator == 1 else f"x[..., : x.shape[-1] // {width.denominator}]"


def _like_jax(width: Fraction) -> str:
    wide = f"jnp.concatenate((x,) * {width.numerator}, -1)"
    return _cut("x" if width.numerator == 1 else wide, width)


def _like_keras(width: Fraction) -> str:
    wide = f"ops.concatenate((x,) * {width.numerator}, -1)"
    return _cut("x" if width.numerator == 1 else wide, width)


JAX: Final = Dialect(
    lambda row: row.jax,
    lambda _row: None,
    _like_jax,
    "jnp.zeros_like({})",
    "{0}.astype(jnp.float32) if {0}.dtype == jnp.float16 else {0}",
    "{0}.astype(jnp.float16) if {1}.dtype == jnp.float16 else {0}",
)
_IS_HALF: Final = 'keras.backend.standardize_dtype({}.dtype) == "float16"'
KERAS: Final = Dialect(
    lambda row: row.keras,
    lambda _row: None,
    _like_keras,
    "ops.zeros_like({})",
    'ops.cast({0}, "float32") if ' + _IS_HALF.format("{0}") + " else {0}",
    'ops.cast({0}, "float16") if ' + _IS_HALF.format("{1}") + " else {0}",
)
