"""Functions as small shapes: without ticks, told apart by what they look like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from evoact.language import Expression, FloatArray
from evoact.tracking.curves import panels
from evoact.tracking.figures.sampling import GRID, gaps, limits, values_of
from evoact.tracking.figures.style import SMALL, Style, apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RANGE: Final = 3.0
_INSIDE: Final = np.abs(GRID) <= _RANGE
_MIDDLE: Final = 1  # where the other channels are at 0
# Of a box from its point: in its size, and from straight on to nearly beside.
_DISTANCES: Final = (0.85, 1.2, 1.7, 2.3, 3.0)
_TURNS: Final = (0.0, 0.35, -0.35, 0.7, -0.7, 1.05, -1.05, 1.3, -1.3)
_MARGIN: Final = 0.008  # between shapes, in shares of the axes
_DEAREST: Final = 4.0  # a place that is worse is none

BoolArray = npt.NDArray[np.bool_]

Box = tuple[float, float, float, float]
"""Left, bottom, width, height."""


def draw_shape(axes: Axes, expression: Expression, style: Style, colour: str = "") -> None:
    """Draw a function over [-3, 3] into axes of its own, which get a frame and no ticks.

    Of a groupwise function the outputs by the first input, the others being 0.
    """
    shown = panels(expression, [])
    middle = [c for c in shown[0].curves if c.others == _MIDDLE] if shown else []
    curves = [values_of(curve.at)[_INSIDE] for curve in middle]
    for curve, values in zip(middle, curves, strict=True):
        line = colour if colour and curve.output == 0 else style.lines[curve.output]
        axes.plot(GRID[_INSIDE][::4], gaps(values)[::4], color=line, linewidth=1.6, zorder=2)
    low, high = limits(curves or [np.zeros(1)])
    axes.axhline(0.0, color=style.faint, linewidth=0.6, zorder=1)
    axes.axvline(0.0, color=style.faint, linewidth=0.6, zorder=1)
    axes.set(xlim=(-_RANGE, _RANGE), ylim=(low, high), xticks=[], yticks=[])
    axes.set_facecolor(style.paper)
    for spine in axes.spines.values():
        spine.set(visible=True, color=style.faint)
    if not shown:
        axes.text(0.5, 0.5, "too many\nchannels", fontsize=SMALL, ha="center", va="center",
                  transform=axes.transAxes)  # fmt: skip


def place_shapes(
    axes: Axes,
    points: Sequence[tuple[float, float, Expression]],
    others: FloatArray,
    size: tuple[float, float],
    style: Style,
    *,
    upward: bool = True,
) -> list[Box]:
    """Draw functions as small shapes above or below their points, with a line to each.

    A shape covers no other one and hardly a point; where there is no such place for
    it, it is left out. The first come first.

    Args:
        axes: with their limits set.
        points: x, y and function of each, in units of the axes.
        others: of points that should not be covered, `(n, 2)`, likewise.
        size: of a shape, in shares of the axes' width and height.
        style: the colours.
        upward: whether shapes are above their points.

    Returns:
        Where the shapes are, in shares of the axes.
    """
    within = (axes.transScale + axes.transLimits).transform
    placing = _Placing(size, within(np.asarray(others, dtype=float).reshape(-1, 2)), upward)
    for x, y, expression in points:
        point = np.asarray(within((x, y)))
        box = placing.place(point)
        if box is not None:
            _draw_at(axes, expression, point, box, style)
    return placing.boxes


def _draw_at(axes: Axes, expression: Expression, point: FloatArray, box: Box, style: Style) -> None:
    x, y = zip(point, _nearest(point, box), strict=True)
    axes.plot(x, y, color=style.muted, linewidth=0.7, transform=axes.transAxes, zorder=2.5)
    inset = axes.inset_axes(box, zorder=3)
    draw_shape(inset, expression, style)
    apart(inset)


def _nearest(point: FloatArray, box: Box) -> FloatArray:
    """Return where the line from a point meets a box."""
    return np.clip(point, box[:2], np.add(box[:2], box[2:]))


class _Placing:
    """Finds places for shapes, in shares of the axes."""

    def __init__(self, size: tuple[float, float], dots: FloatArray, upward: bool) -> None:
        self._size, self._dots, self._up = size, dots, 1.0 if upward else -1.0
        self.boxes: list[Box] = []
        self._lines: list[FloatArray] = []

    def place(self, point: FloatArray) -> Box | None:
        """Return the best place for the shape of a point, and keep it; or None."""
        boxes = [box for box in self._around(point) if self._is_free(box)]
        costs = [self._cost(point, box) for box in boxes]
        if not costs or min(costs) > _DEAREST:
            return None
        box = boxes[costs.index(min(costs))]
        self.boxes.append(box)
        self._lines.append(_line(point, box))
        return box

    def _around(self, point: FloatArray) -> list[Box]:
        """Return places around a point, straight on first."""
        width, height = self._size
        centres = [
            point + d * np.array([width * math.sin(turn), self._up * height * math.cos(turn)])
            for d in _DISTANCES
            for turn in _TURNS
        ]
        return [(x - width / 2, y - height / 2, width, height) for x, y in centres]

    def _is_free(self, box: Box) -> bool:
        inside = min(box[:2]) >= 0.0 and box[0] + box[2] <= 1.0 and box[1] + box[3] <= 1.0
        grown = (box[0] - _MARGIN, box[1] - _MARGIN, box[2] + 2 * _MARGIN, box[3] + 2 * _MARGIN)
        lines = sum(int(_inside(line, box).any()) for line in self._lines)
        return inside and not lines and not any(_overlap(grown, other) for other in self.boxes)

    def _cost(self, point: FloatArray, box: Box) -> float:
        """Return how bad a place is: by what it covers, and by how far it is."""
        line = _line(point, box)
        covered = int(_inside(self._dots, box).sum())
        through = sum(int(_inside(line, other).any()) for other in self.boxes)
        crossed = sum(_cross(line, other) for other in self._lines)
        distance = float(np.hypot(*((line[-1] - line[0]) / self._size)))
        return covered + 4 * through + 4 * crossed + distance


def _line(point: FloatArray, box: Box) -> FloatArray:
    return np.linspace(point, _nearest(point, box), 12)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _inside(points: FloatArray, box: Box) -> BoolArray:
    low, high = np.array(box[:2]) - _MARGIN, np.add(box[:2], box[2:]) + _MARGIN
    return np.asarray(((points > low) & (points < high)).all(axis=1))


def _cross(a: FloatArray, b: FloatArray) -> bool:
    """Whether two straight lines cross."""

    def side(line: FloatArray, point: FloatArray) -> float:
        (dx, dy), (px, py) = line[-1] - line[0], point - line[0]
        return float(dx * py - dy * px)

    apart_a = side(a, b[0]) * side(a, b[-1]) < 0.0
    return apart_a and side(b, a[0]) * side(b, a[-1]) < 0.0
