"""Places beside which a function has no value, and whether it grows without end towards them."""

from __future__ import annotations

import numpy as np

from evoact.language.facts.enclose import Cells
from evoact.language.facts.intervals import Array
from evoact.language.facts.shape import Shape
from evoact.language.facts.undefined import undefined

_DISTANCES = (1e-4, 1e-7, 1e-10)


def edges(shape: Shape) -> Array:
    """Return the borders that have no value, and where ranges of such end."""
    gone = undefined(shape.graph, shape.root, shape.borders)
    last = np.flatnonzero(gone[1:] != gone[:-1])
    without, within = (np.where(gone[last] == side, shape.borders[last], shape.borders[last + 1])
                       for side in (True, False))  # fmt: skip
    for _ in range(80 if last.size else 0):
        middle = 0.5 * without + 0.5 * within
        none = undefined(shape.graph, shape.root, middle)
        without, within = np.where(none, middle, without), np.where(none, within, middle)
    return np.unique(np.concatenate([shape.borders[gone], without]))


def grows(shape: Shape, node: int, *, signs: tuple[float, ...] = (1.0, -1.0)) -> bool:
    """Whether a node seems to grow without end towards an edge: by no less each time.

    It is asked far, near and nearest; only what intervals are sure of counts.
    """
    gone = edges(shape)
    for side in (-1.0, 1.0):
        sizes = []
        for distance in _DISTANCES:
            x = gone + side * distance * np.maximum(1.0, np.abs(gone))
            box = Cells(shape.graph, x, x)[node]
            bounds = [box.lo if sign > 0 else -box.hi for sign in signs]
            sizes.append(np.where(box.ok, np.maximum.reduce(bounds), np.nan))
        first, second = sizes[1] - sizes[0], sizes[2] - sizes[1]
        if np.any((first > 1e-2) & (second > 0.9 * first)):
            return True
    return False
