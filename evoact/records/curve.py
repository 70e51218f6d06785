"""A training's curve in little memory: searches keep a hundred thousand of them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, overload

Point = Mapping[str, float | None]
Columns = tuple[tuple[str, bool], ...]
"""What points have in common: their names, and whether its values are whole numbers."""

_EXACT: Final = 2**53  # up to here a float holds every whole number


class Curve(Sequence[Point]):
    """Points that all have the same names, stored as numbers alone.

    What is not finite (a loss that diverged) is None, as in a journal.

    >>> points = tuple({"epoch": n, "loss": 1.0 / n} for n in (1, 2, 4))
    >>> compact(points)[-1], compact(points) == points
    ({'epoch': 4, 'loss': 0.25}, True)
    """

    __slots__ = ("_columns", "_values")

    def __init__(self, columns: Columns, values: array[float]) -> None:
        self._columns, self._values = columns, values

    def __len__(self) -> int:
        return len(self._values) // len(self._columns)

    @overload
    def __getitem__(self, index: int) -> Point: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Point]: ...

    def __getitem__(self, index: int | slice) -> Point | Sequence[Point]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        begin = range(len(self))[index] * len(self._columns)
        return {
            name: None if math.isnan(value) else int(value) if whole else value
            for (name, whole), value in zip(self._columns, self._values[begin:], strict=False)
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]  # as of the mappings that it stands for


def compact(points: Sequence[Point]) -> Sequence[Point]:
    """Return equal points in less memory; as they are where they differ in names or types."""
    if isinstance(points, Curve) or not points or not points[0]:
        return points
    if any(point.keys() != points[0].keys() for point in points):
        return points
    kinds = [(name, _kind([point[name] for point in points])) for name in points[0]]
    if any(kind is None for _, kind in kinds):
        return points
    values = array("d", bytes(8 * len(kinds) * len(points)))
    for row, point in enumerate(points):
        for column, (name, _) in enumerate(kinds):
            values[row * len(kinds) + column] = _number(point[name])
    return Curve(_shared(tuple((name, kind is int) for name, kind in kinds)), values)


def _kind(column: Sequence[float | None]) -> type | None:
    """Return the one type that numbers have, None where they have several."""
    kinds = {type(value) for value in column if value is not None}
    if kinds == {int}:
        return int if all(v is None or abs(v) < _EXACT for v in column) else None
    return float if kinds <= {float} else None


def _number(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else math.nan


@lru_cache(maxsize=64)
def _shared(columns: Columns) -> Columns:
    """Return equal columns as one object."""
    return columns
