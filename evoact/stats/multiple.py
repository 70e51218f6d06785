"""p-values of several tests that are read together."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the order given.

    The step-down method of Holm 1979 ("A simple sequentially rejective
    multiple test procedure"): the smallest of m is multiplied by m, the next
    by m - 1, and so on; none ends up below the one before it, none above 1.
    Rejecting those below 0.05 keeps the chance of any false rejection below 0.05.

    Raises:
        ValueError: a number outside [0, 1].

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    for p in p_values:
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"a p-value is {p}; wanted a number within [0, 1]")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    for position, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - position) * p_values[index]))
        adjusted[index] = largest
    return adjusted
