"""The film of an annealing: g over the training, and below it the function at some moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evoact.language import Expression, FloatArray, homotopy
from evoact.records import Candidate
from evoact.tracking.describe import annealing_text
from evoact.tracking.figures.card import wrapped
from evoact.tracking.figures.sampling import HIGHEST, gaps, limits
from evoact.tracking.figures.style import LIGHT, SMALL, Style, drawing, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRAMES: Final = 6
_RANGE: Final = 4.0
_POINTS: Final = 401

Frame = tuple[float, float, FloatArray]
"""The share of the training that is done, g, and values."""


def annealing_figure(
    title: str,
    progress: FloatArray,
    g: FloatArray,
    x: FloatArray,
    frames: Sequence[Frame],
    *,
    style: Style = LIGHT,
) -> Figure:
    """Return a figure of g over a training and of the function at some moments of it.

    Args:
        title: the heading.
        progress: shares of the training within [0, 1], `(n,)`.
        g: at each of them, `(n,)`.
        x: inputs, `(m,)`.
        frames: progress, g and the values at `x` of each moment, in their order; each
            is a dot on g and a panel below, with what comes last as a thin line.
        style: the colours.

    >>> line = np.linspace(0.0, 1.0, 5)
    >>> figure = annealing_figure("line", line, line, line, [(0.0, 0.0, line), (1.0, 1.0, -line)])
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['g', 'y', '']
    """
    heading = wrapped(title)
    with drawing(3.2 + 0.17 * heading.count("\n"), style) as figure:
        grid = figure.add_gridspec(2, len(frames), height_ratios=[1.0, 1.5])
        draw_g(figure.add_subplot(grid[0, :]), progress, g, frames, style)
        panels = [figure.add_subplot(grid[1, place]) for place in range(len(frames))]
        draw_film(panels, x, frames, style)
        figure.suptitle(heading, family="monospace", weight="bold")
    return figure


def candidate_film(
    candidate: Candidate, curve: Sequence[Mapping[str, float | None]], *, style: Style = LIGHT
) -> Figure | None:
    """Return the film of a candidate as it was trained; None where it was not annealed.

    Args:
        candidate: whose.
        curve: of its evaluation, with `g` at the end of each epoch.
        style: the colours.
    """
    progress, g = trained_g(curve)
    if candidate.anneal is None or not g.size:
        return None
    x, frames = candidate_frames(candidate, progress, g)
    return annealing_figure(annealing_text(candidate), progress, g, x, frames, style=style)


def candidate_frames(
    candidate: Candidate, progress: FloatArray, g: FloatArray
) -> tuple[FloatArray, list[Frame]]:
    """Return inputs and the frames between where g begins to rise and where it has risen."""
    assert candidate.anneal is not None, "it was annealed"
    assert candidate.early is not None, "it was annealed"
    start, end = candidate.anneal.start, max(candidate.anneal.end, candidate.anneal.start)
    moments = [
        (float(p), float(np.interp(p, progress, g))) for p in np.linspace(start, end, FRAMES)
    ]
    moments[-1] = (end, 1.0)  # which may lie within an epoch
    return film(candidate.late, candidate.early, candidate.anneal.path, moments)


def trained_g(curve: Sequence[Mapping[str, float | None]]) -> tuple[FloatArray, FloatArray]:
    """Return the shares of a training where g is known, from its begin on, and g there."""
    known = [float(entry["g"]) for entry in curve if entry.get("g") is not None]  # type: ignore[arg-type]  # just asked
    if len(known) < len(curve) or not known:
        return np.zeros(0), np.zeros(0)
    return np.arange(len(known) + 1) / len(known), np.array([0.0, *known])


def film(
    late: Expression, early: Expression, path: str, moments: Sequence[tuple[float, float]]
) -> tuple[FloatArray, list[Frame]]:
    """Return inputs, and the function's values there at moments of a training.

    Of a groupwise function the first output by the first input channel, the
    others being at fixed values.

    Args:
        late: the function at g = 1.
        early: the function at g = 0.
        path: between the two, as `evoact.language.homotopy` takes it.
        moments: share of the training and g of each.
    """
    x = np.linspace(-_RANGE, _RANGE, _POINTS)
    inputs, frames = x, []
    if late.is_groupwise:
        inputs = np.tile(np.linspace(-1.0, 1.0, 2 * late.channel_multiple), (_POINTS, 1))
        inputs[:, 0] = x
    for moment, g in moments:
        values = homotopy(late, early, path, g)(inputs)
        frames.append((moment, g, values[:, 0] if late.is_groupwise else values))
    return x, frames


def draw_g(
    axes: Axes, progress: FloatArray, g: FloatArray, frames: Sequence[Frame], style: Style
) -> None:
    """Draw g over a training, and a dot for each frame of the film."""
    axes.plot(100.0 * progress, g, color=style.muted, linewidth=1.5, zorder=1)
    for (moment, weight, _), colour in zip(frames, style.moments(len(frames)), strict=True):
        axes.plot([100.0 * moment], [weight], "o", color=colour, zorder=2)
    axes.set(xlabel="share of the training (%)", ylabel="g", xlim=(-2, 102), ylim=(-0.08, 1.08))
    dress(axes, style)


def draw_film(panels: Sequence[Axes], x: FloatArray, frames: Sequence[Frame], style: Style) -> None:
    """Draw a panel for each frame, all with the same axes."""
    every = [gaps(np.where(np.abs(values) <= HIGHEST, values, np.nan)) for *_, values in frames]
    low, high = limits(every)
    moments = zip(panels, frames, every, style.moments(len(frames)), strict=True)
    for axes, (moment, g, _), values, colour in moments:
        ghost: dict[str, Any] = {"color": style.muted, "linewidth": 0.8, "linestyle": (0, (3, 2))}
        axes.plot(x, every[-1], zorder=1, **ghost)
        axes.plot(x, values, color=colour, linewidth=2.0, zorder=2)
        axes.axhline(0.0, color=style.faint, linewidth=0.6, zorder=0)
        axes.axvline(0.0, color=style.faint, linewidth=0.6, zorder=0)
        axes.set_title(f"{moment:.0%}: g = {g:.2g}", fontsize=SMALL, loc="center")
        axes.set(xlim=(x[0], x[-1]), ylim=(low, high), xlabel="x", xticks=(-3, 0, 3))
        dress(axes, style)
        if axes is panels[0]:
            axes.set_ylabel("y")
        else:
            axes.tick_params(labelleft=False)
