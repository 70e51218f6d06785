"""Tasks from a file of arrays: rows of numbers, and a class or numbers for each."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from evoact.errors import InputError, nearest
from evoact.tasks.criterion import Classification, Criterion, Regression
from evoact.tasks.data import Part, Splits
from evoact.tasks.networks import mlp
from evoact.tasks.splitting import moments, split, standardised
from evoact.tasks.task import Task

_HIDDEN: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"mlp": (64, 64), "deep": (48,) * 4}
)
_NAMES: Final = ("x", "y", "x_test", "y_test")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows that are split and standardised, and what is to be learnt of them.

    Attributes:
        splits: the data: targets are indices of `classes`, or standardised.
        classes: the labels in their order; empty for regression.
        x_scale, y_scale: mean and deviation of each feature and target.
    """

    splits: Splits
    classes: npt.NDArray[Any]
    x_scale: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    y_scale: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

    @property
    def outputs(self) -> int:
        """How many numbers a network gives for a row."""
        return len(self.classes) or self.splits.train.y.shape[1]

    def criterion(self) -> Criterion:
        """Return what networks learn."""
        if len(self.classes):
            return Classification()
        return Regression(torch.from_numpy(self.y_scale[1]))


def arrays_task(
    path: str, network: str, split_seed: int, kind: str = "auto", target: str | None = None
) -> Task:
    """Return the task of a file, with its data loaded.

    Args:
        path: of an .npz with `x` (rows, features) and `y` (and `x_test`, `y_test`, if it
            has a test part of its own), or of a .csv whose first line names its columns.
        network: `mlp` or `deep`.
        split_seed: decides which rows validate.
        kind: `classification`, `regression`, or `auto`: texts and integers are classes.
        target: the column of a .csv to be predicted; the last by default.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    table = arrays_table(path, split_seed, kind, target)
    features = table.splits.train.x.shape[1]
    return Task(table.splits, mlp(features, _HIDDEN[network], table.outputs), table.criterion())


def arrays_table(
    path: str, split_seed: int, kind: str = "auto", target: str | None = None
) -> Table:
    """Return the rows of a file, as for `arrays_task`."""
    arrays = read_arrays(path, target)
    try:
        return make_table(arrays, split_seed, kind)
    except InputError as error:
        raise InputError(f"task.arrays {path!r}: {error}") from error


def make_table(arrays: Mapping[str, npt.NDArray[Any]], split_seed: int, kind: str) -> Table:
    """Split and standardise arrays `x` and `y`.

    Raises:
        InputError: shapes or values do not suit.

    >>> table = make_table({"x": np.eye(12), "y": np.array(["a", "b"] * 6)}, 0, "auto")
    >>> table.classes.tolist(), table.splits.train.x.shape
    (['a', 'b'], (8, 12))
    """
    x, labels = arrays["x"], arrays["y"]
    if x.ndim != 2:
        raise InputError(f"x is of shape {x.shape}; wanted (rows, features)")
    x_test, labels_test = arrays.get("x_test"), arrays.get("y_test")
    if _is_of_classes(labels, kind):
        every = labels if labels_test is None else np.concatenate([labels, labels_test])
        classes, codes = np.unique(every, return_inverse=True)
        if labels.ndim != 1 or len(classes) < 2:
            raise InputError(
                f"y is of shape {labels.shape} with {len(classes)} class(es); wanted (rows,), and "
                "two classes or more"
            )
        y_test = None if labels_test is None else codes[len(labels) :]
        plain = split(x, codes[: len(labels)], split_seed, x_test=x_test, y_test=y_test)
        unit = np.zeros(0), np.ones(0)
        return Table(standardised(plain), classes, moments(plain.train.x), unit)
    numbers_test = None if labels_test is None else _numbers(labels_test)
    plain = split(x, _numbers(labels), split_seed, x_test=x_test, y_test=numbers_test)
    y_scale = moments(plain.train.y)
    made = [_scaled(part, *y_scale) for part in (plain.train, plain.validation, plain.test)]
    return Table(standardised(Splits(*made)), np.zeros(0), moments(plain.train.x), y_scale)


def _is_of_classes(y: npt.NDArray[Any], kind: str) -> bool:
    if kind == "auto":
        return y.dtype.kind in "biuUSO"
    return kind == "classification"


def _numbers(y: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return numbers to be predicted, `(rows, targets)`."""
    try:
        found = np.asarray(y, dtype=np.float64)
    except ValueError as error:
        raise InputError(f"y holds {y.flat[0]!r}; wanted numbers for regression") from error
    return found.reshape(len(found), -1)


def _scaled(part: Part, mean: npt.NDArray[np.float64], deviation: npt.NDArray[np.float64]) -> Part:
    return Part(part.x, ((part.y - mean) / deviation).astype(np.float32))


def read_arrays(path: str, target: str | None = None) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an .npz or .csv file; nothing in it is executed.

    Raises:
        InputError: the file cannot be read, or lacks `x` and `y`.
    """
    try:
        if Path(path).suffix == ".csv":
            return _read_csv(path, target)
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            found = {name: stored[name] for name in _NAMES if name in stored}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"task.arrays is {path!r}, which cannot be read: {reason}") from error
    missing = [name for name in ("x", "y") if name not in found]
    missing += [b for a, b in (_NAMES[2:], _NAMES[:1:-1]) if a in found and b not in found]
    if missing:
        raise InputError(
            f"task.arrays is {path!r}, which has no array {missing[0]!r}; wanted x and y, and "
            "x_test and y_test or neither"
        )
    return found


def _read_csv(path: str, target: str | None) -> dict[str, npt.NDArray[Any]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        head, *rows = [row for row in csv.reader(file) if row] or [[]]
    if target is not None and target not in head:
        raise InputError(
            f"task.target is {target!r}{nearest(target, head)}; wanted a column of {path}: "
            f"{', '.join(head)}"
        )
    if len(head) < 2 or not rows:
        raise InputError(f"task.arrays {path!r} has no table; wanted a line of names, then rows")
    for number, row in enumerate(rows, 2):
        if len(row) != len(head):
            raise InputError(f"task.arrays {path}:{number} has {len(row)} cells, of {len(head)}")
    place = head.index(target) if target is not None else len(head) - 1
    columns = list(zip(*rows, strict=True))
    features = [
        _column(path, name, cells)
        for index, (name, cells) in enumerate(zip(head, columns, strict=True))
        if index != place
    ]
    return {"x": np.stack(features, axis=1), "y": _target(columns[place])}


def _column(path: str, name: str, cells: Sequence[str]) -> npt.NDArray[np.float64]:
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        wrong = next(cell for cell in cells if not _is_number(cell))
        raise InputError(
            f"task.arrays {path!r}: column {name!r} holds {wrong!r}; wanted numbers: encode "
            "categories as columns of 0 and 1, and fill what is missing"
        ) from None


def _target(cells: Sequence[str]) -> npt.NDArray[Any]:
    """Return integers where all are, else numbers, else texts."""
    for read in (int, float):
        try:
            return np.array([read(cell) for cell in cells])
        except ValueError:
            continue
    return np.array(cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
