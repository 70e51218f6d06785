"""Splitting samples in two, with as much of each class in either part.

The same indices as scikit-learn's `train_test_split(..., stratify=y)`, whose import
takes a second in every worker.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


def stratified(y: npt.NDArray[np.generic], share: float, seed: int) -> tuple[IntArray, IntArray]:
    """Return the indices of two parts, shuffled; `share` of the samples are in the second.

    Args:
        y: labels `(samples,)`.
        share: of the second part, rounded up to whole samples.
        seed: decides all draws.

    >>> first, second = stratified(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, seed=0)
    >>> len(first), sorted(int(i) // 4 for i in second)
    (6, [0, 1])
    """
    rng = np.random.RandomState(seed)
    _, places, counts = np.unique(y, return_inverse=True, return_counts=True)
    of_class = np.split(np.argsort(places, kind="stable"), np.cumsum(counts)[:-1])
    fewer = math.ceil(share * len(y))
    firsts = _drawn(counts, len(y) - fewer, rng)
    seconds = _drawn(counts - firsts, fewer, rng)
    parts: tuple[list[IntArray], list[IntArray]] = ([], [])
    for indices, first, second in zip(of_class, firsts, seconds, strict=True):
        shuffled = indices[rng.permutation(len(indices))]
        parts[0].append(shuffled[:first])
        parts[1].append(shuffled[first : first + second])
    return rng.permutation(np.concatenate(parts[0])), rng.permutation(np.concatenate(parts[1]))


def _drawn(counts: IntArray, draws: int, rng: np.random.RandomState) -> IntArray:
    """Return how many to draw of each class: its share, rounded; ties are drawn for."""
    exact = counts / counts.sum() * draws
    whole = np.floor(exact)
    rest, missing = exact - whole, int(draws - whole.sum())
    for value in np.unique(rest)[::-1]:
        if not missing:
            break
        (tied,) = np.where(rest == value)
        more = rng.choice(tied, size=min(len(tied), missing), replace=False)
        whole[more] += 1
        missing -= len(more)
    drawn: IntArray = whole.astype(np.int64)
    return drawn
