"""The mean of some measurements, with an interval for where the true mean lies."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

_RESAMPLES: Final = 9999
_ROUNDING: Final = 1e-12
_RESAMPLING_SEED: Final = 0  # the same values have the same interval each time


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of `n` values; `low` and `high` are NaN when `n` is 1."""

    mean: float
    low: float
    high: float
    n: int


def mean_interval(values: Iterable[float], level: float = 0.95) -> Interval:
    """Return the mean of values with its confidence interval by Student's t.

    `mean -+ t(n - 1) * s / sqrt(n)`, where `s` is the sample's standard
    deviation (Student 1908, "The probable error of a mean").

    Args:
        values: independent finite measurements, at least one.
        level: the share of such intervals that hold the true mean, in (0, 1).

    Raises:
        ValueError: no values, one that is not finite, or `level` out of range.

    >>> interval = mean_interval([1.0, 2.0, 3.0])
    >>> interval.mean, round(interval.low, 4), round(interval.high, 4), interval.n
    (2.0, -0.4841, 4.4841, 3)
    """
    sample = _checked(values, level)
    mean, n = float(sample.mean()), int(sample.size)
    if n == 1:
        return Interval(mean, math.nan, math.nan, 1)
    half = _t_quantile(level, n - 1) * float(sample.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def bca_interval(values: Iterable[float], level: float = 0.95) -> Interval:
    """Return the mean of values with its bootstrap interval, corrected for bias and skewness.

    The BCa interval (Efron 1987, "Better bootstrap confidence intervals") of
    `scipy.stats.bootstrap`, of 9,999 resamples that are the same at each call.
    It supposes no normal distribution, and wants some 20 values.

    Args:
        values: independent finite measurements, at least one.
        level: the share of such intervals that hold the true mean, in (0, 1).

    Raises:
        ValueError: no values, one that is not finite, or `level` out of range.

    >>> interval = bca_interval([0.0] * 10 + [1.0] * 10)
    >>> interval.mean, round(interval.low, 2), round(interval.high, 2)
    (0.5, 0.3, 0.7)
    """
    sample = _checked(values, level)
    mean, n = float(sample.mean()), int(sample.size)
    if n == 1:
        return Interval(mean, math.nan, math.nan, 1)
    if np.ptp(sample) <= _ROUNDING * np.abs(sample).max():
        return Interval(mean, mean, mean, n)  # of equal values BCa's acceleration is 0 / 0
    from scipy import stats

    found = stats.bootstrap(
        (sample,),
        np.mean,
        n_resamples=_RESAMPLES,
        confidence_level=level,
        method="BCa",
        random_state=np.random.default_rng(_RESAMPLING_SEED),
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high), n)


def _checked(values: Iterable[float], level: float) -> npt.NDArray[np.float64]:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; wanted a share between 0 and 1, such as 0.95")
    sample = np.asarray(list(values), dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0 or not np.isfinite(sample).all():
        raise ValueError(f"values are {sample.tolist()}; wanted one or more finite numbers")
    return sample


def _t_quantile(level: float, freedom: int) -> float:
    from scipy import special

    return float(special.stdtrit(freedom, 0.5 + level / 2.0))
