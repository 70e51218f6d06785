"""Where a piecewise-linear fit is to bend: the search among candidate knots.

It works on two tables alone: squared errors of lines between knots, and overlaps
of hinges. The first gives the best pieces that need not meet, exactly, by dynamic
programming (Bellman 1961). The second gives the gain of every move of one knot
at once, by the sweep operator (Goodnight 1979).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from evoact.language.tree import FloatArray

# A hinge is as good as a sum of others if this share of its variance is its own.
_OWN: Final = 1e-9
# Gains below this share of the variance are rounding; they change an error by 1e-10 of itself.
_ROUNDING: Final = 1e-20
# A move must gain this share of the squared error.
_LEAST_GAIN: Final = 1e-9


def best_apart(costs: FloatArray, pieces: int) -> list[int]:
    """Return the knots of the best pieces, which need not meet, by dynamic programming."""
    best, before = costs[0], []
    for _ in range(min(pieces, len(costs) - 1) - 1):
        totals = best[:, None] + costs
        before.append(totals.argmin(axis=0))
        best = np.minimum.reduce(totals)
    edges = [len(costs) - 1]
    for earlier in reversed(before):
        edges.append(int(earlier[edges[-1]]))
    return sorted({edge - 1 for edge in edges[1:]} - {-1})


def descend(table: FloatArray, start: list[int], most: int) -> list[int]:
    """Return the places of at most so many knots that no move of one can better."""
    table, least = table.copy(), _ROUNDING * table[-1, -1]
    inside: list[int] = []
    for knot in start[:most]:
        if table[knot, knot] > _OWN:
            _sweep(table, knot)
            inside.append(knot)
    while (move := _best_move(table, inside, most, least)) is not None:
        for knot in move:
            _sweep(table, knot)
        inside = sorted(set(inside) ^ set(move))
    losses = np.square(table[inside, -1]) / -table[inside, inside]
    return [knot for knot, loss in zip(inside, losses, strict=True) if loss > least]


def _sweep(table: FloatArray, at: int) -> None:
    """Take a hinge into the fit, or out again; the last corner is the squared error."""
    pivot, row = table[at, at], table[at].copy()
    table -= np.outer(row, row / pivot)
    table[at] = table[:, at] = row / abs(pivot)
    table[at, at] = -1.0 / pivot


def _best_move(
    table: FloatArray, inside: list[int], most: int, least: float
) -> tuple[int, ...] | None:
    """Return a knot to add; or one to take out and one to put in; or None."""
    own, share = np.diagonal(table)[:-1], table[:-1, -1]
    if len(inside) < most:
        gains = _gains(own, share)
        return (int(gains.argmax()),) if gains.max() > least else None
    if not inside:
        return None
    cross, pivots = table[inside, :-1], table[inside, inside][:, None]
    lost = table[inside, -1][:, None]
    gains = _gains(own - cross**2 / pivots, share - cross * lost / pivots) + lost**2 / pivots
    gains[:, inside] = -np.inf
    out, into = np.unravel_index(int(gains.argmax()), gains.shape)
    least = max(least, _LEAST_GAIN * abs(float(table[-1, -1])))
    return (inside[out], int(into)) if gains[out, into] > least else None


def _gains(own: FloatArray, share: FloatArray) -> FloatArray:
    return np.where(own > _OWN, share**2 / np.where(own > _OWN, own, 1.0), 0.0)
