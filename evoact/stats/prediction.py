"""How well predictions were borne out by what was measured afterwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Borne:
    """How `n` predictions compare with what was measured.

    Attributes:
        n: how many there are.
        rank_correlation: Spearman's; NaN where one side has no two different values.
        inside: the share of measurements within their predicted interval.
        expected: the share that would be, of predictions whose spread is right.
    """

    n: int
    rank_correlation: float
    inside: float
    expected: float


def borne_out(
    predicted: Sequence[tuple[float, float]], measured: Sequence[float], level: float = 0.95
) -> Borne:
    """Compare predictions with measurements: are they in order, and as unsure as they should be?

    The order is judged by Spearman's rank correlation (1904, "The proof and
    measurement of association between two things"), ties sharing the mean of their
    ranks; the spread by how many measurements lie within the central interval of
    the predicted normal distribution.

    Args:
        predicted: mean and standard deviation of each.
        measured: the value of each, in the same order.
        level: of the intervals, in (0, 1).

    Raises:
        ValueError: none, not as many of each, or one that is no finite number.

    >>> found = borne_out([(0.1, 0.1), (0.2, 0.1), (0.6, 0.1)], [0.15, 0.3, 0.9])
    >>> found.n, round(found.rank_correlation, 2), round(found.inside, 2)
    (3, 1.0, 0.67)
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; wanted a share between 0 and 1, such as 0.95")
    if len(predicted) != len(measured) or not measured:
        raise ValueError(f"{len(predicted)} predictions of {len(measured)} values; wanted as many")
    table = np.asarray([(*one, value) for one, value in zip(predicted, measured, strict=True)])
    if not np.isfinite(table).all() or (table[:, 1] < 0.0).any():
        raise ValueError("predictions or values are not finite, or a deviation is negative")
    from scipy import special, stats

    mean, deviation, value = table.T
    reach = float(special.ndtri(0.5 + level / 2.0))
    inside = float((np.abs(value - mean) <= reach * deviation).mean())
    told_apart = np.ptp(mean) > 0.0 and np.ptp(value) > 0.0
    order = float(stats.spearmanr(mean, value).statistic) if told_apart else math.nan
    return Borne(len(measured), order, inside, level)
