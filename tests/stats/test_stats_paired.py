import itertools
import math

import numpy as np
import pytest
from scipy import stats

from evoact.stats import (
    Paired,
    bca_interval,
    compare_paired,
    holm,
    mean_interval,
    pairs_needed,
    smallest_p_value,
)


def brute_force(differences):
    """The definition: count all sign patterns at least as extreme."""
    d = np.array([x for x in differences if x != 0])
    ranks = stats.rankdata(np.abs(d))
    centre = ranks.sum() / 2
    observed = abs(ranks[d > 0].sum() - centre)
    patterns = itertools.product([0, 1], repeat=len(d))
    return np.mean([abs(ranks @ np.array(p) - centre) >= observed for p in patterns])


@pytest.mark.parametrize("n", range(1, 11))
def test_all_of_one_sign_has_the_least_p_value(n):
    a = [0.5 + 0.01 * (i + 1) for i in range(n)]
    assert compare_paired(a, [0.5] * n).p_value == pytest.approx(min(1.0, 2.0 ** (1 - n)))
    assert compare_paired([0.5] * n, a).p_value == pytest.approx(min(1.0, 2.0 ** (1 - n)))


def test_without_ties_equals_scipy():
    rng = np.random.default_rng(0)
    for n in (5, 10, 25):
        a, b = rng.normal(0.3, 1.0, n), rng.normal(0.0, 1.0, n)
        wanted = stats.wilcoxon(a, b, method="exact").pvalue
        assert compare_paired(list(a), list(b)).p_value == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    "differences",
    [
        [1, 1, 1, -1, 2, 2],
        [0, 0, 1, 2, -3, 3],
        [1, -1, 1, -1],
        [2, 2, 2, 2, 2, -2, 5, 0],
    ],
)
def test_ties_and_zeros_equal_the_definition(differences):
    found = compare_paired(list(map(float, differences)), [0.0] * len(differences))
    assert found.p_value == pytest.approx(brute_force(differences))


def test_ties_are_seen_through_the_rounding_of_float32():
    steps = [3, 3, 3, -3, 7, 7, 12]
    b = np.array([0.601, 0.613, 0.622, 0.587, 0.559, 0.602, 0.594])
    a = b + np.array(steps) / 1000
    found = compare_paired(a.astype(np.float32).tolist(), b.astype(np.float32).tolist())
    assert found.p_value == pytest.approx(brute_force(steps))


def test_no_difference_at_all():
    assert compare_paired([0.5, 0.6], [0.5, 0.6]) == Paired(0.0, 0.0, 0.0, 1.0, 2)
    assert compare_paired([0.0], [0.0]).p_value == 1.0


def test_interval_is_that_of_the_differences():
    a, b = [0.61, 0.63, 0.60], [0.60, 0.59, 0.61]
    found = compare_paired(a, b)
    wanted = mean_interval([x - y for x, y in zip(a, b, strict=True)])
    assert (found.difference, found.low, found.high, found.n) == (
        wanted.mean,
        wanted.low,
        wanted.high,
        3,
    )


@pytest.mark.parametrize(("n", "interval_of"), [(19, mean_interval), (20, bca_interval)])
def test_interval_is_bootstrapped_from_20_pairs(n, interval_of):
    a = np.random.default_rng(2).exponential(size=n)
    found, wanted = compare_paired(list(a), [0.0] * n), interval_of(a)
    assert (found.low, found.high) == (wanted.low, wanted.high)


def test_one_pair():
    found = compare_paired([0.6], [0.5])
    assert found.difference == pytest.approx(0.1)
    assert math.isnan(found.low)
    assert found.p_value == 1.0


def test_many_pairs_do_not_overflow():
    rng = np.random.default_rng(1)
    a = rng.normal(0.0, 1.0, 200)
    found = compare_paired(list(a), [0.0] * 200)
    wanted = stats.wilcoxon(a, method="exact").pvalue
    assert found.p_value == pytest.approx(wanted, rel=1e-6)


def test_refuses_what_are_no_pairs():
    with pytest.raises(ValueError, match="wanted pairs"):
        compare_paired([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        compare_paired([math.nan], [1.0])


@pytest.mark.parametrize(("comparisons", "pairs"), [(1, 6), (2, 7), (3, 7), (4, 8)])
def test_pairs_needed(comparisons, pairs):
    assert pairs_needed(comparisons) == pairs
    assert comparisons * 2.0 ** (1 - pairs) < 0.05 <= comparisons * 2.0 ** (2 - pairs)


@pytest.mark.parametrize("pairs", [1, 2, 5, 12])
@pytest.mark.parametrize("comparisons", [1, 3])
def test_smallest_p_value_is_reached(pairs, comparisons):
    best = compare_paired(list(range(1, pairs + 1)), [0.0] * pairs).p_value
    smallest = smallest_p_value(pairs, comparisons)
    assert smallest == pytest.approx(holm([best] + [1.0] * (comparisons - 1))[0])
