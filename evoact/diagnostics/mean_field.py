"""Where signals of wide random networks go: the maps of mean, variance and correlation.

Poole et al. 2016 (arXiv 1606.05340) and Schoenholz et al. 2017 (arXiv 1611.01232) for
the variance and the correlation of pre-activations; Klambauer et al. 2017 (arXiv
1706.02515) for mean and variance of activations. `evoact.language.signal` follows
the first to a depth; here are their fixed points. At initial parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from evoact.errors import InputError
from evoact.language import Expression
from evoact.language.lanes import lanes
from evoact.language.quadrature import resolve
from evoact.language.signal import moments_after

_LEAST, _MOST = 1e-6, 1e6
_SEARCHED: Final = 145  # variances, evenly in their logarithm
_STEP: Final = 1e-4
_SAME: Final = 1e-9
_MANY: Final = 200


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """A variance of pre-activations that a layer keeps.

    Attributes:
        variance: q, which is the layer's own image.
        slope: of the map there: variances near q come nearer if it is below 1 in size.
        gradient: chi, the factor by which a layer multiplies squared gradients on their way
            back, and differences of inputs on their way forth: 1 is the edge of
            chaos, below is order and above chaos. Of 0 not known.
    """

    variance: float
    slope: float
    gradient: float

    @property
    def stable(self) -> bool:
        """Whether variances near it come nearer."""
        return abs(self.slope) < 1.0 - _SAME


def variance_fixed_points(
    expression: Expression, weight_variance: float, bias_variance: float = 0.0
) -> list[FixedPoint]:
    """Return the fixed points of `q -> s E[f(sqrt(q) z)^2] + b`: 0, and from 1e-6 to 1e6.

    With weights of variance `s / fan_in` and biases of variance `b`; chi is
    `s E[f'(sqrt(q) z)^2]`. Of a map that keeps every variance, as ReLU's does at s = 2
    and b = 0, the fixed point 1 stands for all: its slope is 1.

    Args:
        expression: the activation.
        weight_variance: s, over the fan in.
        bias_variance: b.

    Raises:
        InputError: a variance is negative.

    >>> from evoact.language import parse
    >>> (one,) = variance_fixed_points(parse("relu(x)"), 1.0, 0.5)
    >>> round(one.variance, 4), round(one.slope, 4), round(one.gradient, 4), one.stable
    (1.0, 0.5, 0.5, True)
    """
    if weight_variance < 0.0 or bias_variance < 0.0:
        raise InputError(
            f"weight_variance is {weight_variance:g} and bias_variance {bias_variance:g}; wanted "
            "none below 0"
        )
    moments = moments_after(expression)

    def image(q: float) -> float:
        return weight_variance * moments(q)[0] + bias_variance

    def point(q: float) -> FixedPoint:
        rise = image(q * (1.0 + _STEP)) - image(q * (1.0 - _STEP))
        return FixedPoint(q, rise / (2.0 * _STEP * q), weight_variance * moments(q)[1])

    found = []
    if image(0.0) == 0.0:
        near = image(_LEAST * _LEAST) / _LEAST**2
        found.append(FixedPoint(0.0, near, near))
    grid = np.geomspace(_LEAST, _MOST, _SEARCHED).tolist()
    away = [image(q) - q for q in grid]
    if all(abs(d) <= 1e-6 * q for d, q in zip(away, grid, strict=True)):
        return [*found, point(1.0)]
    return found + [point(q) for q in _roots(grid, away, lambda q: image(q) - q)]


def _roots(
    grid: list[float], values: list[float], function: Callable[[float], float]
) -> list[float]:
    """Return where a function changes its sign, between points of a grid."""
    from scipy.optimize import brentq

    found = []
    for place in range(len(grid) - 1):
        here, there = values[place], values[place + 1]
        if not (math.isfinite(here) and math.isfinite(there)):
            continue
        if here == 0.0 and there != 0.0:
            found.append(grid[place])
        elif here * there < 0.0:
            root = brentq(function, grid[place], grid[place + 1], xtol=1e-13, rtol=1e-13)
            found.append(float(root))
    return found


def dual(expression: Expression, correlation: float, variance: float = 1.0) -> float:
    """Return `E[f(u) f(v)]` for normal u and v of a variance and a correlation.

    The dual activation (Daniely, Frostig & Singer 2016, arXiv 1602.05897), by which
    correlations of inputs become those of outputs. By Mehler's rule of iterated
    expectations on a grid: to about 1e-5 for functions that do not jump.

    Args:
        expression: a function of one number.
        correlation: between -1 and 1.
        variance: of u and v.

    >>> from evoact.language import parse
    >>> round(dual(parse("relu(x)"), 0.0), 4)  # 1 / (2 pi)
    0.1592
    """
    if not -1.0 <= correlation <= 1.0:
        raise InputError(f"correlation is {correlation}; wanted one between -1 and 1")
    points = np.linspace(-8.0, 8.0, 1025)[:-1] + 8.0 / 1024.0
    weights = np.exp(-0.5 * points**2)
    weights /= weights.sum()
    scale, rest = math.sqrt(variance), math.sqrt(1.0 - correlation**2)
    total = 0.0
    for share, f in _functions(expression):
        with np.errstate(all="ignore"):
            other = f(scale * (correlation * points[:, None] + rest * points))
            total += share * float(weights @ (f(scale * points) * (other @ weights)))
    return total


@dataclass(frozen=True, slots=True)
class MomentFixedPoint:
    """Mean and variance of activations that a layer keeps.

    Attributes:
        mean: of the activations.
        variance: of them.
        jacobian: of the map there, `((dm'/dm, dm'/dv), (dv'/dm, dv'/dv))`.
    """

    mean: float
    variance: float
    jacobian: tuple[tuple[float, float], tuple[float, float]]

    @property
    def stable(self) -> bool:
        """Whether means and variances near it come nearer: the spectral radius is below 1."""
        return bool(np.abs(np.linalg.eigvals(np.array(self.jacobian))).max() < 1.0 - _SAME)


def moment_map(
    expression: Expression,
    mean: float,
    variance: float,
    *,
    weight_sum: float = 0.0,
    weight_square_sum: float = 1.0,
) -> tuple[float, float]:
    """Return the mean and variance of a layer's outputs, from those of its inputs.

    Klambauer et al. 2017, equation 3: `E f(y)` and `Var f(y)` for `y` of mean `mean * w` and
    variance `variance * t`, w being the sum of a unit's weights and t of their squares.

    Args:
        expression: a function of one number.
        mean: of the inputs.
        variance: of the inputs.
        weight_sum: w.
        weight_square_sum: t.

    >>> from evoact.language import parse
    >>> [round(v, 6) for v in moment_map(parse("3 * x + 1"), 0.0, 2.0)]
    [1.0, 18.0]
    """
    if variance < 0.0:
        raise InputError(f"variance is {variance:g}; wanted none below 0")
    centre, spread = mean * weight_sum, math.sqrt(variance * weight_square_sum)
    first = second = 0.0
    for share, f in _functions(expression):
        panels = resolve(lambda z, f=f: f(centre + spread * z))  # type: ignore[misc]  # bound early
        with np.errstate(all="ignore"):
            first += share * panels.mean(panels.values)
            second += share * panels.mean(np.square(panels.values))
    return first, max(0.0, second - first * first)


def moment_fixed_point(
    expression: Expression,
    *,
    weight_sum: float = 0.0,
    weight_square_sum: float = 1.0,
    start: tuple[float, float] = (0.0, 1.0),
) -> MomentFixedPoint | None:
    """Return where mean and variance are after up to 200 layers, if they stay there; else None.

    Args:
        expression: as for `moment_map`, as are the sums.
        weight_sum: likewise.
        weight_square_sum: likewise.
        start: mean and variance of the inputs.

    >>> from evoact.language import parse
    >>> selu = "1.0507009873554805 * (max(x, 0) + 1.6732632423543772 * expm1(min(x, 0)))"
    >>> found = moment_fixed_point(parse(selu))
    >>> round(found.mean, 6) + 0.0, round(found.variance, 6), found.stable
    (0.0, 1.0, True)
    """

    def image(mean: float, variance: float) -> tuple[float, float]:
        return moment_map(
            expression,
            mean,
            variance,
            weight_sum=weight_sum,
            weight_square_sum=weight_square_sum,
        )

    mean, variance = start
    for _ in range(_MANY):
        before = mean, variance
        mean, variance = image(mean, variance)
        if not (math.isfinite(mean) and math.isfinite(variance)) or variance > _MOST:
            return None
        if abs(mean - before[0]) + abs(variance - before[1]) <= _SAME * (1.0 + variance):
            return MomentFixedPoint(mean, variance, _jacobian(image, mean, variance))
    return None


def _jacobian(
    image: Callable[[float, float], tuple[float, float]], mean: float, variance: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    step = _STEP * max(variance, _SAME)
    up, down = image(mean + _STEP, variance), image(mean - _STEP, variance)
    more, less = image(mean, variance + step), image(mean, variance - step)
    by_mean = [(a - b) / (2.0 * _STEP) for a, b in zip(up, down, strict=True)]
    by_variance = [(a - b) / (2.0 * step) for a, b in zip(more, less, strict=True)]
    return (by_mean[0], by_variance[0]), (by_mean[1], by_variance[1])


Function = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]


def _functions(expression: Expression) -> list[tuple[float, Function]]:
    """Return shares of the channels and the function on each."""
    found = lanes(expression)
    if found is None:
        raise InputError(
            f"{expression} mixes channels; wanted a function of one number, whose expectation is "
            "an integral over it"
        )
    return [(float(share), lane.numpy()) for share, lane in found]
