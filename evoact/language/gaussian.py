"""Moments of an activation under the standard normal distribution.

A normalised layer feeds its activation with about N(0, 1), so these decide
how a network must be initialised (He et al. 2015: for ReLU the gain is
sqrt(2), which is `1 / sqrt(E[relu(z)^2])`).

Pointwise functions, and what `concat` and `partial` make of them, are
integrated over panels (see `quadrature`): errors of 1e-10 relative to `E|f|`
and `E[f^2]`, kinks and jumps included. Other groupwise functions are averaged
over 16,384 quasi-random points of 24 channels, or more where groups need it:
errors of 2e-4 in means and 1e-3 in second moments, the same in every run.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from scipy import special

from evoact.language.expression import Expression
from evoact.language.lanes import lanes
from evoact.language.quadrature import Panels, resolve
from evoact.language.tree import FloatArray

MIN_GAIN, MAX_GAIN = 0.05, 20.0

_CHANNELS: Final = 24
_LOG_POINTS: Final = 12
_STEP: Final = 1e-3


def gaussian_moments(expression: Expression) -> tuple[float, float]:
    """Return `E[f(z)]` and `E[f(z)^2]` for `z ~ N(0, 1)`, at the initial parameters.

    Of a groupwise expression these are means over its output channels too, its
    inputs being independent. A second moment that does not exist is infinite,
    a mean then NaN or infinite.

    >>> from evoact.language import parse
    >>> mean, second = gaussian_moments(parse("relu(x)"))
    >>> round(mean, 4), round(second, 4)
    (0.3989, 0.5)
    >>> gaussian_moments(parse("concat(relu(x), relu(-x))"))[1]
    0.5
    """
    return _moments(expression, 0.0)


def centred_moments(expression: Expression) -> tuple[float, float]:
    """Return the mean and the variance of `f(z)`, even of `1e6 + tanh(z)`.

    >>> from evoact.language import parse
    >>> mean, variance = centred_moments(parse("1000000 + 2 * x"))
    >>> round(mean, 6), round(variance, 6)
    (1000000.0, 4.0)
    """
    mean, second = _moments(expression, 0.0)
    variance = second - mean * mean
    if np.isfinite(variance) and variance < 0.01 * second:
        rest, second = _moments(expression, -mean)
        mean, variance = mean + rest, second - rest * rest
    return mean, max(variance, 0.0)


def slope_moment(expression: Expression) -> float:
    """Return `E[f'(z)^2]`, the factor on the size of gradients at initialisation.

    That of weights of variance `1 / fan_in` (Schoenholz et al. 2017, chi at
    q = 1). Slopes are those almost everywhere: a step has none. Groupwise:
    the squares of an output's slopes are summed over the inputs.

    >>> from evoact.language import parse
    >>> round(slope_moment(parse("relu(x)")), 6), round(slope_moment(parse("square(x)")), 6)
    (0.5, 4.0)
    """
    pieces = _pieces(expression, 0.0)
    if pieces is not None:
        with np.errstate(all="ignore"):
            return sum(share * panels.mean(panels.slopes() ** 2) for share, panels in pieces)
    function, points = expression.numpy(), normal_points(_channels(expression))
    # E[(J v)^2] over random signs v is the sum of squares of a row of J.
    signs = np.sign(np.roll(points, len(points) // 3, axis=0))
    with np.errstate(all="ignore"):
        rise = function(points + 1e-5 * signs) - function(points - 1e-5 * signs)
        return float(np.mean(np.square(rise / 2e-5)))


def moment_slopes(expression: Expression) -> tuple[float, float]:
    """Return by how much `E[f(y)]` and `E[f(y)^2]` rise with the variance of `y`, at 1.

    For `y ~ N(0, v)`: `d/dv E[f(y)] = E[f(z) (z^2 - 1)] / 2` at v = 1 (the
    heat equation), and so for `f^2`. Groupwise: by central differences.

    >>> from evoact.language import parse
    >>> [round(s, 6) for s in moment_slopes(parse("square(x)"))]
    [1.0, 6.0]
    """
    pieces = _pieces(expression, 0.0)
    if pieces is None:
        low, high = (_sampled(expression, 0.0, 1.0 + h) for h in (-_STEP, _STEP))
        return (high[0] - low[0]) / (2.0 * _STEP), (high[1] - low[1]) / (2.0 * _STEP)
    first = second = 0.0
    with np.errstate(all="ignore"):
        for share, panels in pieces:
            score = 0.5 * share * (np.square(panels.points) - 1.0)
            first += panels.mean(score * panels.values)
            second += panels.mean(score * np.square(panels.values))
    return first, second


def initialisation_gain(expression: Expression) -> float:
    """Return the factor on the weights that keeps the signal's second moment.

    `1 / sqrt(E[f(z)^2])`, within [0.05, 20]; 1 where the moment is not finite
    or zero, so that a network can always be built.

    >>> from evoact.language import parse
    >>> round(initialisation_gain(parse("relu(x)")) ** 2, 4)
    2.0
    """
    _, second = gaussian_moments(expression)
    if not np.isfinite(second) or second <= 0.0:
        return 1.0
    return float(np.clip(second**-0.5, MIN_GAIN, MAX_GAIN))


def _pieces(expression: Expression, shift: float) -> list[tuple[float, Panels]] | None:
    """Return shares of the output channels and values there; None if they mix."""
    found = lanes(expression)
    if found is None:
        return None
    return [(float(share), resolve(lane.numpy(), shift)) for share, lane in found]


def _moments(expression: Expression, shift: float) -> tuple[float, float]:
    pieces = _pieces(expression, shift)
    if pieces is None:
        return _sampled(expression, shift, 1.0)
    with np.errstate(all="ignore"):
        return (
            sum(share * panels.mean(panels.values) for share, panels in pieces),
            sum(share * panels.mean(np.square(panels.values)) for share, panels in pieces),
        )


def _sampled(expression: Expression, shift: float, variance: float) -> tuple[float, float]:
    """Return the moments of `f(y) + shift` over sampled channels of a variance."""
    points = normal_points(_channels(expression))
    values = expression.numpy()(variance**0.5 * points) + shift
    with np.errstate(all="ignore"):
        return float(values.mean()), float(np.square(values).mean())


def _channels(expression: Expression) -> int:
    multiple = expression.channel_multiple
    return -(-_CHANNELS // multiple) * multiple


@cache
def normal_points(channels: int) -> FloatArray:
    """Return points of independent standard normal channels, `(16384, channels)`.

    Sobol's sequence, each channel with variance 1, and its mirror images in both
    halves of the channels: what is odd in `x`, in `left(x)` or in `right(x)` has
    mean 0, and what permutes channels the moments of `x`.
    """
    from scipy.stats import qmc  # takes half a second to import

    # Not scrambled, pairs of channels are correlated: E[left(x) * right(x)] is off by .03.
    uniform = qmc.Sobol(channels, scramble=True, seed=0).random_base2(_LOG_POINTS)
    one = special.ndtri(np.clip(uniform, 1e-12, 1.0 - 1e-12))
    one /= np.sqrt(np.square(one).mean(axis=0))
    halves = np.where(np.arange(channels) < channels // 2, 1.0, -1.0)
    points: FloatArray = np.concatenate([one, -one, one * halves, -one * halves])
    return points
