"""Any activation made self-normalising, as SELU was made of ELU.

Klambauer, Unterthiner, Mayr and Hochreiter 2017, "Self-Normalizing Neural
Networks", arXiv 1706.02515: with weights of mean 0 and variance 1 / fan_in, a
layer maps the mean and variance of its inputs to those of its outputs. An
output scale and shift (there: lambda and alpha) make (0, 1) a fixed point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from evoact.errors import InputError, nearest
from evoact.language.expression import Expression
from evoact.language.gaussian import centred_moments, moment_slopes, slope_moment
from evoact.language.standard import affine
from evoact.language.tree import Const, ExpressionError, Node, Param, rebuild

_DIGITS: Final = 12  # as many as quadrature is good for
_MOST_DOUBLINGS: Final = 12
_MARGINAL: Final = 0.9999  # that of homogeneous functions is 1, but for errors of quadrature


@dataclass(frozen=True, slots=True)
class SelfNormalising:
    """An activation whose outputs have mean 0 and variance 1 where its inputs do.

    Attributes:
        expression: `scale * f + shift`.
        scale: the factor on the outputs; SELU's lambda.
        shift: what is added to the scaled outputs.
        solved: the value at which the free parameter was fixed; SELU's alpha.
        mean_slope: by how much the mean of the outputs rises with the variance
            of the inputs, at the fixed point.
        variance_slope: the same of the variance of the outputs.
        slope_moment: `E[f'(z)^2]`, the factor on the size of gradients.
        gain: of the weights' initial standard deviation, `gain / sqrt(fan_in)`.
    """

    expression: Expression
    scale: float
    shift: float
    solved: float | None
    mean_slope: float
    variance_slope: float
    slope_moment: float
    gain: float = 1.0

    @property
    def stable(self) -> bool:
        """Whether variances near 1 come nearer to it with each layer.

        The weights having mean 0, what a layer gives depends on the variance of
        its inputs alone. So the Jacobian of the map of (mean, variance) is
        `[[0, mean_slope], [0, variance_slope]]`, of spectral radius
        `abs(variance_slope)`. It is 1 for ReLU and more for GELU, SiLU and
        softplus: their wrappers have the fixed point, and leave it.
        """
        return abs(self.variance_slope) < _MARGINAL

    @property
    def jacobian_norm(self) -> float:
        """The largest singular value of that Jacobian; the paper's .7877 for SELU."""
        return math.hypot(self.mean_slope, self.variance_slope)


def self_normalising(expression: Expression, free: str | None = None) -> SelfNormalising:
    """Return an activation with the fixed point (0, 1) of mean and variance.

    Without `free`, `f` becomes `s * f + c`. With it the mean is brought to 0 by
    the parameter of that name, nearest to its initial value, and fixed there: so SELU
    is made of the ELU. Expectations are taken by quadrature under N(0, 1), at
    the initial parameters.

    Args:
        expression: the activation.
        free: the name of a parameter to solve for instead of shifting.

    Raises:
        InputError: no parameter has the name `free`.
        ExpressionError: the function is constant, has no finite variance, or no
            value of the free parameter gives mean 0.

    >>> from evoact.language import parse
    >>> elu = parse("max(x, 0) + alpha * expm1(min(x, 0)) where alpha = 1.0")
    >>> selu = self_normalising(elu, free="alpha")
    >>> round(selu.scale, 9), round(selu.solved, 9), selu.stable
    (1.050700987, 1.673263242, True)
    >>> str(self_normalising(parse("relu(x)")).expression)
    '1.71285855045 * relu(x) - 0.683331696121'
    """
    solved = None
    if free is not None:
        expression, solved = _solved(expression, free)
    mean, variance = centred_moments(expression)
    if not math.isfinite(variance) or variance**0.5 <= 1e-8 * (1.0 + abs(mean)):
        raise ExpressionError(
            f"{str(expression)!r} has mean {mean:g} and variance {variance:g} under N(0, 1); "
            "it cannot be made self-normalising"
        )
    scale = variance**-0.5
    shift = 0.0 if solved is not None else -scale * mean
    first, second = moment_slopes(expression)
    text_scale = float(f"{scale:.{_DIGITS}g}")
    return SelfNormalising(
        expression=affine(expression, text_scale, round(shift, _DIGITS)),
        scale=scale,
        shift=shift,
        solved=solved,
        mean_slope=scale * first,
        variance_slope=scale * (scale * second + 2.0 * shift * first),
        slope_moment=scale * scale * slope_moment(expression),
    )


def _solved(expression: Expression, free: str) -> tuple[Expression, float]:
    """Fix a parameter where the mean is 0."""
    from scipy.optimize import brentq

    if free not in expression.names:
        raise InputError(
            f"{str(expression)!r} has no parameter {free!r}{nearest(free, expression.names)}; "
            f"it has {', '.join(expression.names) or 'none'}"
        )
    place = expression.names.index(free)

    def fixed(value: float) -> Expression:
        def constant(node: Node) -> Node:
            return Const(value) if node == Param(place) else node

        return Expression.build(rebuild(expression.root, constant), expression.parameters)

    def mean(value: float) -> float:
        return centred_moments(fixed(value))[0]

    low, high = _bracket(mean, expression.parameters[place].initial, free)
    value = float(brentq(mean, low, high, xtol=1e-15, rtol=1e-15))
    return fixed(value), value


def _bracket(mean: Callable[[float], float], start: float, free: str) -> tuple[float, float]:
    """Return the ends of the nearest interval around `start` where the mean changes sign."""
    ends = {1.0: (start, mean(start)), -1.0: (start, mean(start))}
    for doubling in range(_MOST_DOUBLINGS):
        for side, (before, old) in list(ends.items()):
            value = start + side * 0.1 * 2.0**doubling
            found = mean(value)
            if found * old <= 0.0:
                return min(before, value), max(before, value)
            ends[side] = value, found
    raise ExpressionError(
        f"no value of {free!r} near {start:g} gives mean 0 under N(0, 1); "
        "call self_normalising without a free parameter"
    )
