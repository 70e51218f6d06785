"""A training's curve in little memory: searches keep a hundred thousand of them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, overload

Point = Mapping[str, float | None]

_TYPES: Final[Mapping[Literal["d", "q"], type]] = MappingProxyType({"d": float, "q": int})


class Curve(Sequence[Point]):
    """Points that all have the same names, stored name by name.

    >>> points = tuple({"epoch": n, "loss": 1.0 / n} for n in (1, 2, 4))
    >>> compact(points)[-1], compact(points) == points
    ({'epoch': 4, 'loss': 0.25}, True)
    """

    __slots__ = ("_columns",)

    def __init__(self, columns: dict[str, array[float] | array[int]]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    @overload
    def __getitem__(self, index: int) -> Point: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Point]: ...

    def __getitem__(self, index: int | slice) -> Point | Sequence[Point]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return {name: column[index] for name, column in self._columns.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]  # as of the mappings that it stands for


def compact(points: Sequence[Point]) -> Sequence[Point]:
    """Return equal points in less memory; as they are where they differ in names or types."""
    if len(points) < 2 or any(point.keys() != points[0].keys() for point in points):
        return points
    columns: dict[str, array[float] | array[int]] = {}
    for name in points[0]:
        column: Any = [point[name] for point in points]
        code = next((c for c, t in _TYPES.items() if all(type(v) is t for v in column)), None)
        if code is None:  # a loss that is not finite is None in a journal
            return points
        columns[name] = array(code, column)
    return Curve(columns)
