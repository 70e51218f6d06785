"""Splitting data of the user's: training, validation and test part."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evoact.errors import InputError
from evoact.tasks.data import Array, Part, Splits

_TEST, _VALIDATION = 0.2, 0.25
LEAST: Final = 8
"""Samples without which nothing can be split."""


def split(
    x: Any,
    y: Any,
    split_seed: int,
    *,
    x_test: Any = None,
    y_test: Any = None,
    standardise: bool = False,
) -> Splits:
    """Split arrays into training, validation and test part.

    A fifth is the test part, the same whatever the seed, if none is given; of the rest
    the seed decides which quarter validates. Classes have their shares in each part,
    where there are enough samples of all.

    Args:
        x: inputs `(samples, ...)`, an array or tensor; integers stay integers.
        y: targets, likewise; integers are classes.
        split_seed: as `UserTask.data` is given it.
        x_test: inputs of the test part, where the data have one.
        y_test: its targets.
        standardise: whether to give each feature mean 0 and deviation 1 over the
            training part; for `x` of numbers.

    Raises:
        InputError: sizes differ, there are too few samples, or some are not finite.

    >>> splits = split(np.zeros((100, 3)), np.arange(100) % 2, split_seed=0)
    >>> splits.train.x.shape, splits.validation.x.shape, splits.test.x.shape
    ((60, 3), (20, 3), (20, 3))
    """
    x, y = array_of(x, "x"), array_of(y, "y")
    _check_sizes(x, y)
    rows = np.arange(len(y))
    if x_test is None:
        rows, last = _drawn(rows, y, _TEST, 0)
        x_test, y_test = x[last], y[last]
    x_test, y_test = array_of(x_test, "x_test"), array_of(y_test, "y_test")
    train, validation = _drawn(rows, y, _VALIDATION, split_seed)
    parts = [Part(x[train], y[train]), Part(x[validation], y[validation]), Part(x_test, y_test)]
    return standardised(Splits(*parts)) if standardise else Splits(*parts)


def standardised(splits: Splits) -> Splits:
    """Return data whose features have mean 0 and deviation 1 over the training part."""
    mean, deviation = moments(splits.train.x)

    def part(of: Part) -> Part:
        return Part(((of.x - mean) / deviation).astype(np.float32), of.y)

    return Splits(part(splits.train), part(splits.validation), part(splits.test))


def moments(x: Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and deviation of each feature; 1 for one that never changes."""
    x = x.astype(np.float64)
    deviation = x.std(axis=0)
    return x.mean(axis=0), np.where(deviation == 0, 1.0, deviation)


def array_of(values: Any, name: str) -> Array:
    """Return values as float32 or int64.

    Raises:
        InputError: they are no numbers, or not finite.
    """
    try:
        found = np.asarray(values)
        kind = np.int64 if found.dtype.kind in "biu" else np.float32
        found = found.astype(kind)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} cannot be an array of numbers: {error}") from error
    if not np.isfinite(found).all():
        raise InputError(f"{name} has values that are not finite; fill or drop them before")
    return found


def _check_sizes(x: Array, y: Array) -> None:
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise InputError(
            f"x is of shape {x.shape} and y of {y.shape}; wanted as many samples in both"
        )
    if len(x) < LEAST:
        raise InputError(f"there are {len(x)} samples; wanted at least {LEAST}, to split them")


def _drawn(
    rows: npt.NDArray[np.int64], y: Array, share: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw a share of rows; return those that are left, and those drawn."""
    from sklearn.model_selection import train_test_split

    labels = y[rows]
    drawn = max(1, round(share * len(rows)))
    left, taken = train_test_split(
        rows, test_size=drawn, random_state=seed, stratify=labels if _even(labels, drawn) else None
    )
    return left, taken


def _even(labels: Array, drawn: int) -> bool:
    """Whether classes can have their shares in both parts."""
    if labels.dtype.kind != "i" or labels.ndim != 1:
        return False
    counts = np.unique(labels, return_counts=True)[1]
    return int(counts.min()) > 1 and len(counts) <= min(drawn, len(labels) - drawn)
