"""Moments of an activation under the standard normal distribution.

A normalised layer feeds its activation with about N(0, 1), so these decide
how a network must be initialised (He et al. 2015: for ReLU the gain is
sqrt(2), which is `1 / sqrt(E[relu(z)^2])`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from evoact.language.tree import Expression, FloatArray

# A fine, even grid rather than Gauss-Hermite nodes: those are exact for
# polynomials but off by percents at the kinks of piecewise functions.
_GRID: Final[FloatArray] = np.linspace(-8.0, 8.0, 8001)
_WEIGHTS: Final[FloatArray] = np.exp(-0.5 * _GRID**2) / np.exp(-0.5 * _GRID**2).sum()

MIN_GAIN, MAX_GAIN = 0.05, 20.0


def gaussian_moments(expression: Expression) -> tuple[float, float]:
    """Return `E[f(z)]` and `E[f(z)^2]` for `z ~ N(0, 1)`, at the initial parameters.

    >>> from evoact.language import parse
    >>> mean, second = gaussian_moments(parse("relu(x)"))
    >>> round(mean, 4), round(second, 4)
    (0.3989, 0.5)
    """
    values = expression.numpy()(_GRID)
    with np.errstate(all="ignore"):
        return float(_WEIGHTS @ values), float(_WEIGHTS @ (values * values))


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
