"""The figure of a candidate in one row: f, f', and how it was annealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evoact.records import Candidate
from evoact.tracking.curves import panels
from evoact.tracking.describe import annealing_text
from evoact.tracking.figures.card import (
    draw_bends,
    draw_panel,
    function_figure,
    layer_settings,
    wrapped,
)
from evoact.tracking.figures.film import candidate_frames, trained_g
from evoact.tracking.figures.sampling import HIGHEST, gaps, limits
from evoact.tracking.figures.style import LIGHT, Style, drawing, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT, _WIDTH, _LINE = 3.1, 4.0, 0.17  # inches; the width is a panel's
_TICKS = 5  # at an axis, at most
_BROAD, _NARROW = 4.0, 1.0  # lines, in points


def candidate_figure(
    candidate: Candidate,
    curve: Sequence[Mapping[str, float | None]],
    *,
    params: Mapping[str, Mapping[str, Any]] | None = None,
    style: Style = LIGHT,
) -> Figure:
    """Return the function, its derivative, and where it was annealed the way from its early one.

    It says less than a card and a film, and is drawn in a fraction of their time: a search
    has one for each of its best. Groupwise functions have their card.

    Args:
        candidate: whose.
        curve: of its evaluation, with `g` at the end of each epoch.
        params: trained values, as `function_figure` takes them.
        style: the colours.

    >>> from evoact.language import resolve
    >>> len(candidate_figure(Candidate(resolve("silu")), ()).axes)
    2
    """
    late, (progress, g) = candidate.late, trained_g(curve)
    rows = panels(late, layer_settings(late, params or {}))
    if late.is_groupwise or not rows:
        return function_figure(late, params=params, style=style)
    is_annealed = candidate.anneal is not None and g.size > 0
    count, heading = 2 + is_annealed, wrapped(str(late))
    height = _HEIGHT + _LINE * heading.count("\n")
    with drawing(height, style, _WIDTH * count, is_placed=True) as figure:
        sides = {"left": 0.19 / count, "right": 1.0 - 0.04 / count, "wspace": 0.22}
        grid = figure.add_gridspec(1, count, bottom=0.45 / height, top=2.6 / height, **sides)
        axes = [figure.add_subplot(grid[0, place]) for place in range(count)]
        draw_panel(rows[0], axes[0], axes[1], style)
        draw_bends(axes[0], late, style)
        if is_annealed:
            x, frames = candidate_frames(candidate, progress, g)
            _draw_path(axes[2], x, [(weight, values) for _, weight, values in frames], style)
            axes[2].set_title(annealing_text(candidate), fontsize=8)
        for one in axes:
            one.locator_params(nbins=_TICKS)  # of what is drawn, ticks take the most time
        figure.suptitle(heading, fontsize=10, family="monospace", weight="bold")
    return figure


def _draw_path(axes: Axes, x: Any, frames: Sequence[tuple[float, Any]], style: Style) -> None:
    """Draw a function at some g, from early to late."""
    # The early ones are broad, and seen beside late ones that lie on them.
    widths = np.linspace(_BROAD, _NARROW, len(frames))
    moments = zip(frames, style.moments(len(frames)), widths, strict=True)
    for (g, values), colour, width in moments:
        shown = gaps(np.where(np.abs(values) <= HIGHEST, values, np.nan))
        axes.plot(x, shown, color=colour, linewidth=width, label=f"g = {g:.2g}")
    low, high = limits([values for _, values in frames])
    axes.axhline(0.0, color=style.faint, linewidth=0.6, zorder=0)
    axes.axvline(0.0, color=style.faint, linewidth=0.6, zorder=0)
    axes.set(xlim=(x[0], x[-1]), ylim=(low, high), xlabel="x", ylabel="y")
    axes.legend(frameon=True, facecolor=style.paper, edgecolor="none", framealpha=0.85)
    dress(axes, style)
