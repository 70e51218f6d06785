"""A Gaussian process over features: predictions, with how sure they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from evoact.language import FloatArray

_LENGTHS: Final = (0.35, 0.6, 1.0, 1.7, 3.0)
_NOISES: Final = (0.003, 0.01, 0.03, 0.1, 0.3)  # variances, those of the values being 1
_GROWTH: Final = 1.2  # of the data, after which length and noise are estimated anew
_JITTER: Final = 1e-9
_FAR: Final = 3.0  # interquartile ranges from the quartiles, where values end


class Model:
    """A Gaussian process with an exponential kernel (Matern 1/2) and noise.

    Length and noise are those of a grid with the largest marginal likelihood: on a
    grid the last bits of a sum decide nothing, so that a search repeats.

    >>> points = np.linspace(0.0, 3.0, 30)[:, None]
    >>> model = Model().fit(points, np.sin(points[:, 0]))
    >>> round(float(model.posterior(np.array([[1.55]])).mean[0]), 1)
    1.0
    """

    def __init__(self) -> None:
        self._process: Any = None
        self._theta: FloatArray | None = None
        self._estimated = 0
        self._shift, self._scale = 0.0, 1.0

    def fit(self, x: FloatArray, values: FloatArray) -> Model:
        """Learn from values of points.

        Args:
            x: features `(points, features)`.
            values: what was measured there `(points,)`, more being better. They count
                no further than three interquartile ranges from the quartiles.
        """
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import Matern, WhiteKernel

        anew = self._theta is None or len(values) >= _GROWTH * self._estimated
        values = _without_outliers(values)
        self._shift, self._scale = float(values.mean()), float(values.std()) or 1.0
        process = GaussianProcessRegressor(
            Matern(length_scale=1.0, nu=0.5) + WhiteKernel(0.1),
            alpha=_JITTER,
            optimizer=_best_of_grid if anew else None,
        )
        if not anew:
            process.kernel = process.kernel.clone_with_theta(self._theta)
        self._process = process.fit(x, (values - self._shift) / self._scale)
        if anew:
            self._theta, self._estimated = self._process.kernel_.theta, len(values)
        return self

    @property
    def noise(self) -> float:
        """The estimated standard deviation of a measurement, in the unit of the values."""
        return self._scale * math.sqrt(self._process.kernel_.k2.noise_level)

    def posterior(self, x: FloatArray) -> Posterior:
        """Return what is known of the values at points `(points, features)`."""
        from scipy.linalg import solve_triangular

        process = self._process
        kernel = process.kernel_.k1
        across = kernel(process.X_train_, x)
        solved = solve_triangular(process.L_, across, lower=True)

        def covariance(index: int) -> FloatArray:
            column = kernel(x, x[index : index + 1])[:, 0] - solved.T @ solved[:, index]
            return np.asarray(column) * self._scale**2

        mean = self._shift + self._scale * (across.T @ process.alpha_)
        variance = self._scale**2 * np.maximum(1.0 - np.square(solved).sum(axis=0), _JITTER)
        return Posterior(mean, variance, covariance, self.noise)


class Posterior:
    """What is known of some values: means and deviations, of those and of measurements.

    Attributes:
        mean: `(points,)`.
        noise: the standard deviation of a measurement.
    """

    def __init__(
        self,
        mean: FloatArray,
        variance: FloatArray,
        covariance: Callable[[int], FloatArray],
        noise: float,
    ) -> None:
        self.mean, self.noise = mean, noise
        self._variance, self._covariance = variance.copy(), covariance
        self._believed: list[FloatArray] = []

    @property
    def sd(self) -> FloatArray:
        """The standard deviations of the values `(points,)`."""
        return np.sqrt(self._variance)

    @property
    def sd_of_measurement(self) -> FloatArray:
        """The standard deviations of what a training would measure `(points,)`."""
        return np.sqrt(self._variance + self.noise**2)

    def believe(self, index: int) -> None:
        """Take the value of a point as measured, and as its mean.

        Means stay; deviations fall there and near it. So points that are chosen one
        by one differ (kriging believer, Ginsbourger et al. 2010).
        """
        column = self._covariance(index)
        for before in self._believed:
            column = column - before * before[index]
        column = column / np.sqrt(self._variance[index] + self.noise**2 + _JITTER)
        self._believed.append(column)
        self._variance = np.maximum(self._variance - np.square(column), 1e-12)


def _without_outliers(values: FloatArray) -> FloatArray:
    low, high = np.quantile(values, [0.25, 0.75])
    reach = _FAR * (high - low)
    if reach == 0.0:  # most are equal: then all others would be outliers
        return values
    return np.clip(values, low - reach, high + reach)


def _best_of_grid(
    objective: Callable[..., Any],
    initial: FloatArray,  # noqa: ARG001  # scikit-learn calls it so
    bounds: FloatArray,  # noqa: ARG001  # likewise
) -> tuple[FloatArray, float]:
    """Return the logarithms of length and noise that are most likely: scikit-learn's optimiser."""
    grid = [np.log([length, noise]) for length in _LENGTHS for noise in _NOISES]
    losses = [round(float(objective(theta, eval_gradient=False)), 6) for theta in grid]
    place = int(np.argmin(losses))
    return grid[place], losses[place]
