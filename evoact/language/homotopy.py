"""What lies between an early and a late function, as values: the paths of annealing.

A path leads from the early function at g = 0 to the late one at g = 1. `evoact.nn`
computes the same by torch while a network trains.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from evoact.language.early import ladder
from evoact.language.evaluate import ArrayFunction
from evoact.language.expression import Expression
from evoact.language.tree import FloatArray

SHARPEST: Final = 2.0**-10
"""The least g of the path `sharpness`: below, `x / g` may leave where functions are finite."""

# Of the ladder's g, as float32 holds it; the rest blends the last rung into the late function.
_TABLE_SHARE: Final = float(np.float32(0.95))
_TABLE_STEPS: Final = 16  # between two rungs, so that a table is not written at each step


def ladder_place(g: float, rungs: int) -> tuple[float, float]:
    """Return on which of its rungs a ladder is (between two: a fraction), and how late it is.

    Up to g = .95 it goes from rung to rung, linearly from one to the next and fast at
    first; from there on the last is blended into the late function.

    >>> ladder_place(0.0, 4), ladder_place(0.5, 4), ladder_place(1.0, 4)
    ((0.0, 0.0), (2.6875, 0.0), (3.0, 1.0))
    """
    done = min(1.0, g / _TABLE_SHARE)
    position = (1.0 - (1.0 - done) ** 3) * (rungs - 1)
    share = max(0.0, (g - _TABLE_SHARE) / (1.0 - _TABLE_SHARE))
    return round(position * _TABLE_STEPS) / _TABLE_STEPS, 1.0 if g == 1.0 else share


def homotopy(late: Expression, early: Expression, path: str, g: float) -> ArrayFunction:
    """Return `f(x)` that stands for an annealed activation at a g, parameters at their start.

    Args:
        late: the function at g = 1.
        early: the function at g = 0; on the paths that derive it, what they derived.
        path: `blend`, `ladder` or `sharpness`.
        g: within [0, 1].

    >>> from evoact.language import resolve
    >>> homotopy(resolve("tanh"), resolve("relu"), "blend", 0.5)(np.array([3.0])).round(4).tolist()
    [1.9975]
    """
    last = late.numpy()
    if g == 1.0:
        return last
    if path == "sharpness":
        return (lambda x: g * last(x / g)) if g >= SHARPEST else early.numpy()
    return _ladder(late, g) if path == "ladder" else _blend(early.numpy(), last, g)


def _blend(first: ArrayFunction, last: ArrayFunction, share: float) -> ArrayFunction:
    return lambda x: (1.0 - share) * first(x) + share * last(x) if share else first(x)


def _ladder(late: Expression, g: float) -> ArrayFunction:
    rungs = ladder(late.canonical())
    position, share = ladder_place(g, len(rungs))
    lower = min(int(position), len(rungs) - 1)
    upper = min(lower + 1, len(rungs) - 1)

    def table(x: FloatArray) -> FloatArray:
        return _blend(rungs[lower], rungs[upper], position - lower)(x)

    return _blend(table, late.numpy(), share)
