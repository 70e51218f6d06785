"""Functions brought to mean 0 and variance 1 under the standard normal distribution.

Functions that differ by an output scale and shift are the same to a network
whose weights have adapted, but do not start alike. So candidates are compared
as `s * f(x) + c`, the constants being part of their text.
"""

from __future__ import annotations

import math
from typing import Final, Literal

from evoact.errors import InputError
from evoact.language.expression import Expression
from evoact.language.gaussian import centred_moments, gaussian_moments
from evoact.language.tree import Call, Const, ExpressionError, Node, call

Normalisation = Literal["full", "scale", "none"]

_DIGITS: Final = 6
# What rounding to that leaves of a mean of 0, and of a scale of 1.
_CLOSE_MEAN: Final = 1e-6
_CLOSE_SCALE: Final = 1e-5
_LEAST_DEVIATION: Final = 1e-8


def standardised(expression: Expression, mode: Normalisation = "full") -> Expression:
    """Return `s * f + c`, of mean 0 and variance 1 under N(0, 1).

    The constants have about six digits and take the place of those that stand
    outmost already: standardising twice changes nothing. A sign stays. What is
    standard to that accuracy is returned as it is. Parameters are taken at
    their initial values; moments of a groupwise expression are means over its
    output channels too.

    Args:
        expression: any expression.
        mode: `full`; or `scale`, that is `s * f` with `E[f^2] = 1`, which keeps
            zeros at zero; or `none`, which changes nothing.

    Raises:
        ExpressionError: the function is constant (with `scale`: zero), a
            moment is not finite, or the result would be too large.

    >>> from evoact.language import parse
    >>> str(standardised(parse("relu(x)")))
    '1.71286 * relu(x) - 0.683332'
    >>> str(standardised(parse("1 - 3 * tanh(x)"), "full"))
    '-1.59254 * tanh(x)'
    >>> str(standardised(parse("relu(x)"), "scale"))
    '1.41421 * relu(x)'
    """
    if mode == "none":
        return expression
    if mode not in ("full", "scale"):
        raise InputError(f"mode is {mode!r}; wanted 'full', 'scale' or 'none'")
    factor, added, core = _peeled(expression.root, shifts=mode == "full")
    inner = Expression.build(core, expression.parameters)
    mean, deviation = _mean_and_deviation(inner, mode)
    if (
        abs(abs(factor) * deviation - 1.0) <= _CLOSE_SCALE
        and abs(factor * mean + added) <= _CLOSE_MEAN
    ):
        return expression
    scale = math.copysign(float(f"{1.0 / deviation:.{_DIGITS}g}"), factor)
    return affine(inner, scale, round(-scale * mean, _DIGITS))


def strip_affine(expression: Expression) -> Expression:
    """Return `f` of an expression `s * f + c` with literal constants, all of them.

    What `standardised` adds is gone then, and the rest can be bred from.

    >>> from evoact.language import parse
    >>> str(strip_affine(parse("1.71286 * relu(x) - 0.683332")))
    'relu(x)'
    >>> str(strip_affine(parse("2 - (tanh(x) * 3 + 1) / 7")))
    'tanh(x)'
    """
    _, _, core = _peeled(expression.root, shifts=True)
    return Expression.build(core, expression.parameters)


def affine(expression: Expression, scale: float, shift: float) -> Expression:
    """Return `scale * f + shift`, without a scale of 1 or a shift of 0.

    Raises:
        ExpressionError: the result would be larger than the language allows.

    >>> from evoact.language import parse
    >>> str(affine(parse("x + tanh(x)"), -1.0, 0.5))
    '-(x + tanh(x)) + 0.5'
    """
    node = expression.root
    if scale == -1.0:
        node = call("neg", node)
    elif scale != 1.0:
        node = call("mul", Const(scale), node)
    if shift:
        node = call("add" if shift > 0.0 else "sub", node, Const(abs(shift)))
    try:
        return Expression.build(node, expression.parameters)
    except ExpressionError as error:
        raise ExpressionError(
            f"with an output scale of {scale:g} and a shift of {shift:g}, {error.message}"
        ) from error


def _mean_and_deviation(expression: Expression, mode: Normalisation) -> tuple[float, float]:
    """Return what to take off the values of a function, and to divide them by then."""
    if mode == "full":
        mean, square = centred_moments(expression)
        least = _LEAST_DEVIATION * (1.0 + abs(mean))
    else:
        mean, least = 0.0, _LEAST_DEVIATION
        _, square = gaussian_moments(expression)
    if not math.isfinite(mean) or not math.isfinite(square):
        raise ExpressionError(
            f"{str(expression)!r} has no finite mean and variance under N(0, 1); "
            "it cannot be standardised"
        )
    if square**0.5 <= least:
        what = "constant" if mode == "full" else "zero"
        raise ExpressionError(
            f"{str(expression)!r} is {what} under N(0, 1); it cannot be standardised"
        )
    return mean, square**0.5


def _peeled(node: Node, *, shifts: bool) -> tuple[float, float, Node]:
    """Return `(s, c, f)` with `node = s * f + c`; without `shifts`, c is 0."""
    scale, shift = 1.0, 0.0
    while isinstance(node, Call):
        layer = _layer(node, shifts)
        if layer is None or not math.isfinite(scale * layer[0] + shift + scale * layer[1]):
            break
        factor, added, node = layer
        scale, shift = scale * factor, shift + scale * added
    return scale, shift, node


def _layer(node: Call, shifts: bool) -> tuple[float, float, Node] | None:
    """Return `(s, c, f)` of one operation with a literal constant, or None."""
    name, args = node.primitive.name, node.args
    if name == "neg":
        return -1.0, 0.0, args[0]
    if len(args) != 2:
        return None
    a, b = args
    if isinstance(b, Const):
        return _constant_right(name, a, b.value, shifts)
    if isinstance(a, Const):
        if name == "sub" and shifts:
            return -1.0, a.value, b
        if name in ("add", "mul"):
            return _constant_right(name, b, a.value, shifts)
    return None


def _constant_right(
    name: str, node: Node, value: float, shifts: bool
) -> tuple[float, float, Node] | None:
    if name in ("add", "sub") and shifts:
        return 1.0, value if name == "add" else -value, node
    if name == "mul" and value:
        return value, 0.0, node
    if name == "div" and value and 1.0 / value:
        return 1.0 / value, 0.0, node
    return None
