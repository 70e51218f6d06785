import math

import numpy as np
import pytest
from scipy import stats

from evoact.stats import Interval, bca_interval, mean_interval


def test_two_values_against_the_closed_form():
    # With one degree of freedom t is Cauchy: its 97.5 % point is tan(0.475 pi).
    interval = mean_interval([0.0, 2.0])
    half = math.tan(0.475 * math.pi) * math.sqrt(2.0) / math.sqrt(2.0)
    assert interval.mean == 1.0
    assert interval.n == 2
    assert interval.low == pytest.approx(1.0 - half, rel=1e-12)
    assert interval.high == pytest.approx(1.0 + half, rel=1e-12)


def test_three_values_against_the_closed_form():
    # With two degrees of freedom t(p) = (2p - 1) / sqrt(2 p (1 - p)).
    p = 0.95
    quantile = (2 * p - 1) / math.sqrt(2 * p * (1 - p))
    interval = mean_interval([1.0, 2.0, 3.0], level=0.9)
    assert interval.high - 2.0 == pytest.approx(quantile / math.sqrt(3.0), rel=1e-12)


def test_one_value_has_no_bounds():
    interval = mean_interval([0.5])
    assert (interval.mean, interval.n) == (0.5, 1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([0.25] * 4) == Interval(0.25, 0.25, 0.25, 4)


def bca_by_definition(x, level, resamples=200_000):
    """Efron 1987: percentiles of the bootstrap, moved by bias and acceleration."""
    rng = np.random.default_rng(5)
    means = np.concatenate(
        [rng.choice(x, (resamples // 100, x.size)).mean(axis=1) for _ in range(100)]
    )
    mean = x.mean()
    bias = stats.norm.ppf((np.mean(means < mean) + np.mean(means <= mean)) / 2)
    left_out = (x.sum() - x) / (x.size - 1)
    off = left_out.mean() - left_out
    acceleration = (off**3).sum() / (6 * (off**2).sum() ** 1.5)
    z = bias + stats.norm.ppf([(1 - level) / 2, (1 + level) / 2])
    return np.quantile(means, stats.norm.cdf(bias + z / (1 - acceleration * z)))


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_bca_equals_the_definition(level):
    x = np.random.default_rng(3).exponential(size=30)
    found = bca_interval(x, level)
    low, high = bca_by_definition(x, level)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)
    assert high - x.mean() > x.mean() - low  # it follows the skewness, as t does not


def test_bca_is_the_same_each_time_and_leaves_numpy_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    values = [0.1 * k**2 for k in range(20)]
    assert bca_interval(values) == bca_interval(values)
    assert np.random.get_state()[1].tolist() == before


def test_bca_of_equal_values_and_of_one():
    assert bca_interval([0.1] * 25) == Interval(pytest.approx(0.1), *[pytest.approx(0.1)] * 2, 25)
    rounded = [a - b for a, b in zip([0.7, 0.8, 0.9] * 9, [0.6, 0.7, 0.8] * 9, strict=True)]
    assert bca_interval(rounded).high == pytest.approx(0.1)
    one = bca_interval([0.5])
    assert (one.mean, one.n) == (0.5, 1)
    assert math.isnan(one.low)


@pytest.mark.parametrize("interval", [mean_interval, bca_interval])
@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_refuses_what_is_no_sample(values, interval):
    with pytest.raises(ValueError, match="finite numbers"):
        interval(values)


@pytest.mark.parametrize("interval", [mean_interval, bca_interval])
@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_refuses_a_level_that_is_no_share(level, interval):
    with pytest.raises(ValueError, match="level is"):
        interval([1.0, 2.0], level)
