"""Racing: which of many are worse than the leader, after few measurements of each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from evoact.stats.paired import compare_paired


def still_racing(values: Sequence[Sequence[float]], level: float = 0.05) -> list[int]:
    """Return who is not shown to be worse than the leader, by position.

    A step of F-Race (Birattari et al. 2002, "A racing algorithm for configuring
    metaheuristics"): Friedman's test of the ranks under each condition; where it
    says that not all are alike, each is compared with the leader, whose sum of ranks
    is best, by Conover's criterion (Conover 1999, "Practical nonparametric
    statistics", 5.8). Of two, the exact signed-rank test decides. As in F-Race
    nothing is corrected for the steps that a race has: an error costs a good
    contestant, so what is said of the survivors has to come from other data.

    Args:
        values: of each contestant, its finite measurements under the same conditions
            (seeds), in one order; more is better.
        level: of the tests, in (0, 1).

    Raises:
        ValueError: no contestants, or not as many measurements of each.

    >>> still_racing([[7, 8, 9, 7, 8], [6, 7, 9, 8, 8], [1, 2, 3, 1, 2]])
    [0, 1]
    """
    table = np.asarray(values, dtype=np.float64)  # ragged rows are its error
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise ValueError(f"values are of shape {table.shape}; wanted finite (contestants, seeds)")
    count, seeds = table.shape
    everyone = list(range(count))
    if count == 1 or seeds == 1:
        return everyone
    if count == 2:
        return _of_two(table, level)
    from scipy import special, stats

    ranks = stats.rankdata(-table, axis=0)  # 1 is the best
    sums = ranks.sum(axis=1)
    spread = float((ranks**2).sum()) - seeds * count * (count + 1) ** 2 / 4
    if spread <= 0.0:
        return everyone  # all are alike under every seed
    statistic = (count - 1) * float(((sums - seeds * (count + 1) / 2) ** 2).sum()) / spread
    if special.chdtrc(count - 1, statistic) >= level:
        return everyone
    freedom = (seeds - 1) * (count - 1)
    left = max(0.0, seeds * float((ranks**2).sum()) - float((sums**2).sum()))
    allowed = special.stdtrit(freedom, 1.0 - level / 2) * math.sqrt(2.0 * left / freedom)
    return [position for position in everyone if sums[position] - sums.min() <= allowed]


def _of_two(table: npt.NDArray[np.float64], level: float) -> list[int]:
    found = compare_paired(table[0].tolist(), table[1].tolist())
    if found.p_value >= level:
        return [0, 1]
    return [0 if found.difference > 0 else 1]
