"""Inputs at which functions are compared, and how they are brought to one measure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final

import numpy as np

from evoact.language.expression import Expression
from evoact.language.tree import FloatArray

_SAMPLES: Final = 16
_LEAST_SPREAD: Final = 1e-8
_FAR: Final[FloatArray] = np.array([10.0, 30.0, 300.0])


@dataclass(frozen=True)
class Sample:
    """Inputs that stand for N(0, 1), and some far out.

    Attributes:
        points: of shape `(n,)`, or `(samples, channels)` for groupwise functions.
        weights: those of the values there, flattened; their sum is 1.
        far: inputs that tell apart what agrees near 0.
    """

    points: FloatArray
    weights: FloatArray
    far: FloatArray

    def values(self, expression: Expression, scales: FloatArray) -> FloatArray:
        """Return the values of `g(s * x)`, one row for each scale `s`."""
        inputs = scales.reshape(-1, *[1] * self.points.ndim) * self.points
        return expression.numpy()(inputs).reshape(len(scales), -1)

    def moments(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return means and deviations of rows; zeros for rows of no use.

        Of no use is what is constant or not finite.
        """
        with np.errstate(all="ignore"):
            mean = values @ self.weights
            deviation = np.sqrt(np.square(values - mean[..., None]) @ self.weights)
            usable = np.isfinite(deviation) & (deviation > _LEAST_SPREAD * (1.0 + np.abs(mean)))
        return np.where(usable, mean, 0.0), np.where(usable, deviation, 0.0)

    def unit(self, values: FloatArray) -> FloatArray:
        """Return rows less their means, of norm 1; zeros for rows of no use."""
        mean, deviation = self.moments(values)
        with np.errstate(all="ignore"):
            rows = (values - mean[..., None]) * np.sqrt(self.weights) / deviation[..., None]
        return np.where(deviation[..., None] > 0.0, rows, 0.0)


@cache
def pointwise_sample() -> Sample:
    """Six Gauss-Legendre nodes in each half unit of (-8, 8)."""
    nodes, weights = np.polynomial.legendre.leggauss(6)
    points = (np.arange(-7.75, 8.0, 0.5)[:, None] + 0.25 * nodes).ravel()
    density = np.tile(weights, 32) * np.exp(-0.5 * np.square(points))
    return Sample(points, density / density.sum(), np.concatenate([-_FAR, _FAR]))


def groupwise_sample(width: Fraction, channels: int) -> Sample:
    """Fixed draws of independent channels, for functions of a width ratio."""
    points = np.random.default_rng(0).standard_normal((_SAMPLES, channels))
    size = int(_SAMPLES * channels * width)
    return Sample(
        points, np.full(size, 1.0 / size), np.concatenate([8.0 * points[:4], 100.0 * points[:4]])
    )
