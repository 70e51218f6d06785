import math

import pytest

from evoact.stats import Interval, mean_interval


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


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_refuses_what_is_no_sample(values):
    with pytest.raises(ValueError, match="finite numbers"):
        mean_interval(values)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_refuses_a_level_that_is_no_share(level):
    with pytest.raises(ValueError, match="level is"):
        mean_interval([1.0, 2.0], level)
