"""Statistics: intervals, paired comparisons, corrections for many comparisons.

Imports nothing else of evoact.
"""

from evoact.stats.interval import Interval, bca_interval, mean_interval
from evoact.stats.multiple import holm
from evoact.stats.paired import (
    BOOTSTRAP_FROM,
    Paired,
    compare_paired,
    pairs_needed,
    smallest_p_value,
)
from evoact.stats.prediction import Borne, borne_out
from evoact.stats.racing import still_racing

__all__ = [
    "BOOTSTRAP_FROM",
    "Borne",
    "Interval",
    "Paired",
    "bca_interval",
    "borne_out",
    "compare_paired",
    "holm",
    "mean_interval",
    "pairs_needed",
    "smallest_p_value",
    "still_racing",
]
