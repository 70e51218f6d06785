"""The Pareto front: what one objective costs in another, with functions as small shapes."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evoact.language import FloatArray
from evoact.records import Candidate, Evaluation, History, SearchSpec
from evoact.tracking.describe import spec_of
from evoact.tracking.figures.labels import factor_of, label_of
from evoact.tracking.figures.shapes import place_shapes
from evoact.tracking.figures.style import LIGHT, Style, drawing, dress, head

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHAPE: Final = (0.085, 0.16)
_MANY: Final = 5.0
_TICKS: Final = tuple(m * 10.0**e for e in range(-4, 6) for m in (1.0, 2.0, 5.0))
_FAR: Final = 0.98  # quantile of what is dear, beyond which points are left out of the axes
_ROOM: Final = 0.45  # for shapes, share of the range of values


def front_figure(history: History, *, style: Style = LIGHT) -> Figure | None:
    """Return the front of the first two objectives; None before anything was trained.

    Of a search with one objective it is that against the static cost, which nothing
    was selected by: what the best of each price is.
    """
    if not any(e.is_ok for _, e in history.searched()):
        return None
    with drawing(4.2, style) as figure:
        axes: Any = figure.subplots()
        draw_front(axes, history, style)
        spec = spec_of(history)
        title = "The Pareto front" if len(spec.objectives) > 1 else "The best at each cost"
        head(figure, f"{title}: no candidate is better in both (dots: all others)")
    return figure


def axes_of(spec: SearchSpec) -> tuple[tuple[str, bool], tuple[str, bool]]:
    """Return the measures of a front, each with whether more of it is better: y, then x.

    >>> axes_of(SearchSpec(objectives={"val_accuracy": "max"}))
    (('val_accuracy', True), ('cost', False))
    """
    objectives = [(name, way == "max") for name, way in spec.objectives.items()]
    rest = [("cost", False), ("nodes", False)]
    first, second = [*objectives, *(one for one in rest if one[0] not in spec.objectives)][:2]
    return first, second


def front_points(history: History) -> tuple[list[Candidate], FloatArray, list[bool]]:
    """Return candidates of the highest rung, their `(x, y)`, and which are on the front."""
    spec = spec_of(history)
    (y_name, y_max), (x_name, x_max) = axes_of(spec)
    ok = [(c, e) for c, e in history.searched() if e.is_ok]
    ok = [(c, e) for c, e in ok if not spec.violation(e.objectives)] or ok
    highest = max((e.rung for _, e in ok), default=0)
    found = [
        (c, _measure(c, e, x_name), _measure(c, e, y_name)) for c, e in ok if e.rung == highest
    ]
    points = np.array([[x, y] for _, x, y in found], dtype=float).reshape(-1, 2)
    signed = points * np.array([1.0 if x_max else -1.0, 1.0 if y_max else -1.0])
    return [candidate for candidate, *_ in found], points, on_front(signed)


def _measure(candidate: Candidate, evaluation: Evaluation, name: str) -> float:
    static = {"cost": candidate.late.cost, "nodes": float(candidate.late.nodes)}
    value = evaluation.objectives.get(name, static.get(name))
    assert value is not None, "what is no objective is cost or nodes"
    return value


def on_front(points: FloatArray) -> list[bool]:
    """Return which of `(points, 2)` no other is better than in one and as good as in the other.

    From the best in the first on, so that each is compared with one: of equals all are.
    """
    on, last = [False] * len(points), (math.inf, -math.inf)
    for index in np.lexsort((-points[:, 1], -points[:, 0])).tolist():
        x, y = points[index].tolist()
        if y > last[1] or (x, y) == last:
            on[index], last = True, (x, y)
    return on


def draw_front(axes: Axes, history: History, style: Style) -> None:
    """Draw the front into axes."""
    (y_name, y_max), (x_name, x_max) = axes_of(spec_of(history))
    candidates, points, on = front_points(history)
    points = points * [factor_of(x_name), factor_of(y_name)]
    on_front = [
        ((x, y), c)
        for c, (x, y), is_on in zip(candidates, points.tolist(), on, strict=True)
        if is_on
    ]
    front = sorted(dict(on_front).items(), key=lambda item: item[0])
    line = np.array([place for place, _ in front]).reshape(-1, 2)
    axes.set(xlabel=label_of(x_name), ylabel=label_of(y_name))
    _scale(axes, points[:, 0])
    is_log = axes.get_xscale() == "log"
    axes.set_xlim(_limits(points[:, 0], line[:, 0], x_max, is_log=is_log))
    axes.set_ylim(_limits(points[:, 1], line[:, 1], y_max, is_log=False))
    axes.plot(*points.T, "o", color=style.muted, markersize=3.0, alpha=0.5, linewidth=0, zorder=1)
    axes.step(
        *line.T, where="pre" if x_max else "post", color=style.function, linewidth=1.6, zorder=2
    )
    axes.plot(*line.T, "o", color=style.function, markersize=5.0, linewidth=0, zorder=4)
    best_first = front[::-1] if y_max else front
    shapes = [(x, y, candidate.late) for (x, y), candidate in best_first]
    place_shapes(
        axes, shapes, np.vstack([points, _stairs(line, x_max)]), _SHAPE, style, upward=y_max
    )
    dress(axes, style)


def _scale(axes: Axes, x: FloatArray) -> None:
    """Take a logarithmic scale for what is many times as much, such as costs."""
    from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

    if x.min() <= 0.0 or x.max() < _MANY * x.min():
        return
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())


def _stairs(line: FloatArray, from_right: bool) -> FloatArray:
    """Return points on the line of a front, which shapes should not cover."""
    corners = []
    for (x0, y0), (x1, y1) in pairwise(line):
        corner = (x0, y1) if from_right else (x1, y0)
        corners += [np.linspace((x0, y0), corner, 12), np.linspace(corner, (x1, y1), 12)]
    return np.vstack(corners) if corners else line


def _limits(
    values: FloatArray, front: FloatArray, more_is_better: bool, *, is_log: bool
) -> tuple[float, float]:
    """Return limits with room beyond the best; what is worst by far is left out."""
    if is_log:
        logs = _limits(np.log(values), np.log(front), more_is_better, is_log=False)
        return math.exp(logs[0]), math.exp(logs[1])
    low, high = np.quantile(values, [1.0 - _FAR, 1.0] if more_is_better else [0.0, _FAR])
    low, high = min(low, front.min()), max(high, front.max())
    span = (high - low) or abs(high) or 1.0
    room = (0.05, _ROOM) if more_is_better else (0.2, 0.05)
    return float(low - room[0] * span), float(high + room[1] * span)
