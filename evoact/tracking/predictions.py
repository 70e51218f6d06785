"""What a surrogate predicted, against what training measured."""

from __future__ import annotations

from typing import Final

import numpy as np

from evoact.records import History

_LEAST: Final = 10
_SDS: Final = 1.96


def predictions(history: History) -> list[str]:
    """Say how well the surrogate predicted: rank correlation, and how often its interval held.

    Of the candidates that it chose and that were trained to the end; nothing where
    they are fewer than ten.
    """
    if history.started is None or not (measured := history.spec.trained):
        return []
    pairs = [(c.predicted, e) for c, e in history.searched() if c.predicted and e.is_ok]
    last = max((e.rung for _, e in pairs), default=0)
    rows = [(p.mean, p.sd, e.objectives[measured[0]]) for p, e in pairs if e.rung == last]
    if len(rows) < _LEAST:
        return []
    mean, sd, value = np.array(rows).T
    held = 100.0 * float((np.abs(value - mean) <= _SDS * sd).mean())
    return [
        f"The surrogate chose {len(pairs)} candidates; of the {len(rows)} trained to the end its "
        f"{measured[0]} has rank correlation {_rank_correlation(mean, value)} with what was "
        f"measured, and its 95 % interval held {held:.0f} % of it."
    ]


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> str:
    from scipy.stats import spearmanr  # takes half a second to import

    if np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
        return "-"  # of equal values there is no order
    return f"{spearmanr(one, other).statistic:.2f}"
