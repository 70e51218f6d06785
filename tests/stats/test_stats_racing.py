"""Racing: Conover's criterion against his book's arithmetic, and what it decides on draws."""

import math

import numpy as np
import pytest
from scipy import stats

from evoact.stats import still_racing


def by_the_formulas_of_birattari(values, level=0.05):
    """The criterion as the paper on F-Race writes it, with T in the root."""
    count, seeds = len(values), len(values[0])
    ranks = np.array([stats.rankdata([-row[s] for row in values]) for s in range(seeds)]).T
    sums = ranks.sum(axis=1)
    spread = (ranks**2).sum() - seeds * count * (count + 1) ** 2 / 4
    t = (count - 1) * ((sums - seeds * (count + 1) / 2) ** 2).sum() / spread
    assert t == pytest.approx(stats.friedmanchisquare(*values).statistic)
    if stats.chi2.sf(t, count - 1) >= level:
        return list(range(count))
    root = math.sqrt(
        2 * seeds * (1 - t / (seeds * (count - 1))) * spread / ((count - 1) * (seeds - 1))
    )
    critical = stats.t.ppf(1 - level / 2, (seeds - 1) * (count - 1))
    return [j for j in range(count) if (sums[j] - sums.min()) / root <= critical]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("ties", [False, True])
def test_against_the_published_formulas(seed, ties):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(6, 7)) + np.linspace(0, 2.0, 6)[:, None]
    values = np.round(values, 0 if ties else 9)
    found = still_racing(values.tolist())
    assert found == by_the_formulas_of_birattari(values.tolist())
    assert 5 in found or 4 in found


def test_a_common_shift_of_a_seed_changes_nothing():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(5, 6)) + np.arange(5)[:, None]
    assert still_racing((values + 100 * rng.normal(size=6)).tolist()) == still_racing(values)


def test_perfect_agreement_leaves_the_leader_alone():
    assert still_racing([[3.0] * 5, [1.0] * 5, [2.0] * 5]) == [0]


@pytest.mark.parametrize(
    "values", [[[1.0]], [[1.0], [2.0], [3.0]], [[0.5] * 6] * 4, [[2.0] * 5, [1.0] * 5]]
)
def test_nothing_is_dropped_without_evidence(values):
    assert still_racing(values) == list(range(len(values)))


def test_of_two_the_signed_rank_test_decides():
    assert still_racing([[2.0] * 6, [1.0] * 6]) == [0]
    assert still_racing([[1.0] * 6, [2.0] * 6]) == [1]


def test_equals_are_seldom_dropped():
    rng = np.random.default_rng(0)
    dropped = sum(len(still_racing(rng.normal(size=(8, 6)).tolist())) < 8 for _ in range(400))
    assert dropped / 400 < 0.08


@pytest.mark.parametrize("values", [[], [[]], [[math.nan, 1.0], [1.0, 2.0]], [[1.0, 2.0], [1.0]]])
def test_what_is_no_table_is_an_error(values):
    with pytest.raises(ValueError, match=r"wanted finite|inhomogeneous"):
        still_racing(values)
