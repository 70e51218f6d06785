"""Predicted against measured, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evoact.stats import borne_out


def prediction_told(
    predicted: Sequence[tuple[float, float]], measured: Sequence[float]
) -> list[str]:
    """Say how predictions compare with what was measured; nothing without any.

    Args:
        predicted: mean and standard deviation of each, made before its training.
        measured: the value of each, in the same order.

    >>> prediction_told([(0.1, 0.1), (0.2, 0.1), (0.6, 0.1)], [0.15, 0.3, 0.9])
    ['Predicted against measured: rank correlation +1.00 over 3 trainings; 67 % within the \
predicted 95 % interval.']
    >>> prediction_told([], [])
    []
    """
    if not predicted:
        return []
    found = borne_out(predicted, measured)
    order = "-" if math.isnan(found.rank_correlation) else f"{found.rank_correlation:+.2f}"
    many = f"{found.n} training{'' if found.n == 1 else 's'}"
    return [
        f"Predicted against measured: rank correlation {order} over {many}; "
        f"{100 * found.inside:.0f} % within the predicted {100 * found.expected:.0f} % interval."
    ]
