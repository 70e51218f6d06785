"""Statistics: intervals, paired comparisons, corrections for many comparisons.

Imports nothing else of evoact.
"""

from evoact.stats.interval import Interval, mean_interval
from evoact.stats.multiple import holm
from evoact.stats.paired import Paired, compare_paired, pairs_needed

__all__ = [
    "Interval",
    "Paired",
    "compare_paired",
    "holm",
    "mean_interval",
    "pairs_needed",
]
