"""Comparing two things that were measured under the same conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from evoact.stats.interval import bca_interval, mean_interval

# Accuracies are means in float32: differences that are equal as fractions
# come out apart by about 1e-7 of the values, and must still count as ties.
TIE: Final = 1e-6

BOOTSTRAP_FROM: Final = 20
"""From so many pairs on, intervals are BCa's: with fewer, too few values are resampled."""


@dataclass(frozen=True, slots=True)
class Paired:
    """The mean of `a - b` over `n` pairs, its interval, and a two-sided p-value."""

    difference: float
    low: float
    high: float
    p_value: float
    n: int


def compare_paired(a: Sequence[float], b: Sequence[float], level: float = 0.95) -> Paired:
    """Compare two measurements of the same conditions (seeds), pair by pair.

    The interval is Student's t of the differences, and BCa's bootstrap interval
    from 20 pairs on (see `bca_interval`). The p-value is that of the
    exact two-sided signed-rank test (Wilcoxon 1945, "Individual comparisons by
    ranking methods"): pairs without a difference are left out, and equal
    differences share the mean of their ranks.

    Args:
        a: finite measurements, one a condition.
        b: those of the other thing, under the same conditions in the same order.
        level: confidence level of the interval, in (0, 1).

    Raises:
        ValueError: lengths differ, no pairs, or numbers that are not finite.

    >>> found = compare_paired([3.0, 4.0, 5.5, 7.0, 8.5], [1.0, 2.5, 2.0, 6.5, 5.5])
    >>> round(found.difference, 2), round(found.low, 2), round(found.high, 2)
    (2.1, 0.62, 3.58)
    >>> found.p_value, found.n
    (0.0625, 5)
    """
    if len(a) != len(b):
        raise ValueError(f"a has {len(a)} values, b has {len(b)}; wanted pairs")
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    interval_of = mean_interval if len(a) < BOOTSTRAP_FROM else bca_interval
    interval = interval_of(left - right, level)
    scale = float(np.maximum(np.abs(left), np.abs(right)).max())
    p_value = _signed_rank(left - right, TIE * scale)
    return Paired(interval.mean, interval.low, interval.high, p_value, interval.n)


def smallest_p_value(pairs: int, comparisons: int = 1) -> float:
    """Return the least p-value that `compare_paired` and Holm's correction can give.

    When all n differences have one sign, the p-value is `2 ** (1 - n)`, and
    no smaller one exists; Holm's correction multiplies the least of several
    p-values by their number.

    Args:
        pairs: n, at least 1.
        comparisons: how many p-values are corrected together, at least 1.

    >>> smallest_p_value(10, comparisons=3), smallest_p_value(2)
    (0.005859375, 0.5)
    """
    return float(min(1.0, comparisons * 2.0 ** (1 - pairs)))


def pairs_needed(comparisons: int = 1, level: float = 0.05) -> int:
    """Return the least number of pairs with which `compare_paired` can reach a level.

    >>> pairs_needed(), pairs_needed(comparisons=3)
    (6, 7)
    """
    pairs = 1
    while smallest_p_value(pairs, comparisons) >= level:
        pairs += 1
    return pairs


def _signed_rank(differences: npt.NDArray[np.float64], tolerance: float) -> float:
    """Exact p-value by counting the sign patterns with each sum of ranks.

    `scipy.stats.wilcoxon(method="exact")` knows the distribution without ties
    only; accuracies of small test sets tie often.
    """
    sizes = np.abs(differences)
    kept = sizes > tolerance
    if not kept.any():
        return 1.0
    doubled = _doubled_ranks(sizes[kept], tolerance)
    probability = np.zeros(int(doubled.sum()) + 1)
    probability[0] = 1.0
    for rank in doubled:
        moved = np.zeros_like(probability)
        moved[rank:] = probability[:-rank]
        probability = 0.5 * (probability + moved)
    positive = int(doubled[differences[kept] > 0].sum())
    tail = min(probability[: positive + 1].sum(), probability[positive:].sum())
    return min(1.0, 2.0 * float(tail))


def _doubled_ranks(sizes: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.int64]:
    """Twice the ranks, so that the shared ranks of ties are whole numbers."""
    order = np.argsort(sizes, kind="stable")
    steps = np.diff(sizes[order], prepend=sizes[order[0]]) > tolerance
    groups = np.empty(sizes.size, dtype=np.int64)
    groups[order] = np.cumsum(steps)
    counts = np.bincount(groups)
    ranks: npt.NDArray[np.int64] = (2 * np.cumsum(counts) - counts + 1)[groups]
    return ranks
