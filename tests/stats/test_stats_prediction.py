"""Predictions against measurements: order and spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from evoact.stats import borne_out


def test_predictions_of_known_quality() -> None:
    random = np.random.default_rng(0)
    mean = random.normal(0.6, 0.05, 4000)
    deviation = random.uniform(0.01, 0.1, 4000)
    measured = random.normal(mean, deviation).tolist()
    found = borne_out(list(zip(mean, deviation, strict=True)), measured)
    assert found.inside == pytest.approx(0.95, abs=0.015)
    assert found.expected == 0.95
    unsure = borne_out(list(zip(mean, deviation / 2, strict=True)), measured)
    assert unsure.inside == pytest.approx(2 * stats.norm.cdf(1.96 / 2) - 1, abs=0.02)


def test_order_is_spearmans_with_ties() -> None:
    mean, measured = [0.1, 0.4, 0.4, 0.2, 0.9], [1.0, 3.0, 2.0, 2.0, 0.0]
    found = borne_out([(m, 0.1) for m in mean], measured)
    assert found.rank_correlation == pytest.approx(
        np.corrcoef(stats.rankdata(mean), stats.rankdata(measured))[0, 1]
    )
    reverse = borne_out([(-m, 0.1) for m in mean], measured)
    assert reverse.rank_correlation == pytest.approx(-found.rank_correlation)


def test_equal_predictions_have_no_order() -> None:
    found = borne_out([(0.5, 0.0), (0.5, 0.0)], [0.5, 0.6])
    assert math.isnan(found.rank_correlation)
    assert (found.n, found.inside) == (2, 0.5)


def test_a_level_is_kept() -> None:
    found = borne_out([(0.0, 1.0)] * 4, [0.5, -0.6, 0.7, 2.0], level=0.5)  # +- 0.674
    assert found.inside == 0.5


@pytest.mark.parametrize(
    ("predicted", "measured", "level"),
    [
        ([], [], 0.95),
        ([(0.1, 0.1)], [0.1, 0.2], 0.95),
        ([(math.nan, 0.1)], [0.1], 0.95),
        ([(0.1, -0.1)], [0.1], 0.95),
        ([(0.1, 0.1)], [math.inf], 0.95),
        ([(0.1, 0.1)], [0.1], 1.0),
    ],
)
def test_what_is_no_prediction_is_refused(predicted, measured, level: float) -> None:
    with pytest.raises(ValueError, match=r"wanted|not finite"):
        borne_out(predicted, measured, level)
