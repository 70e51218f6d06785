"""Whether a function is affine: a network of such ones is no more than one layer."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from evoact.language.expression import Expression
from evoact.language.tree import FloatArray

_TOLERANCE: Final = 1e-8
_POINTS, _ROWS, _CHANNELS = 256, 8, 24
_STEPS: Final = (0.0, 0.31, -1.73)  # of the parameters: relu's leak may be 1 only at first


def is_affine(expression: Expression) -> bool:
    """Whether `f((a + b) / 2) = (f(a) + f(b)) / 2` at normal inputs, for all parameters.

    Where activations work: `clamp(x, -9, 9)` is affine there. Parameters are taken
    at their initial values and at two others. Groupwise functions may mix channels.

    >>> from evoact.language import parse
    >>> is_affine(parse("2 * x - max(x, x)")), is_affine(parse("max(x, a * x) where a = 1"))
    (True, False)
    >>> is_affine(parse("left(x) - right(x)")), is_affine(parse("group_max(x, 2)"))
    (True, False)
    """
    function, (a, b) = expression.numpy(), _inputs(expression)
    for step in _STEPS if expression.parameters else _STEPS[:1]:
        values = [
            np.asarray(p.initial + step * (1.0 + 0.3 * math.sin(1.7 * i)))
            for i, p in enumerate(expression.parameters)
        ]
        with np.errstate(all="ignore"):
            middle, ends = (
                function(0.5 * (a + b), values),
                (function(a, values), function(b, values)),
            )
            off = np.abs(middle - 0.5 * (ends[0] + ends[1])).max()
            if not off <= _TOLERANCE * (1.0 + np.abs(middle).max()):  # also where it is NaN
                return False
    return True


def _inputs(expression: Expression) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(0)
    if not expression.is_groupwise:
        return rng.standard_normal(_POINTS), rng.standard_normal(_POINTS)
    multiple = expression.channel_multiple
    shape = _ROWS, -(-_CHANNELS // multiple) * multiple
    return rng.standard_normal(shape), rng.standard_normal(shape)
