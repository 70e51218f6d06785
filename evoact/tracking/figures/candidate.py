"""The figure of a candidate in one row: f, f', and how it was annealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evoact.records import Candidate
from evoact.tracking.curves import Panel, panels
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
from evoact.tracking.figures.style import (
    LIGHT,
    Style,
    drawing,
    dress,
    figure_bytes,
    redrawing,
    wiped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT, _WIDTH, _LINE = 3.1, 4.0, 0.17  # inches; the width is a panel's
_TICKS = 5  # at an axis, at most
_BROAD, _NARROW = 4.0, 1.0  # lines, in points


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a figure shows."""

    candidate: Candidate
    panel: Panel
    film: tuple[Any, list[Any]] | None
    heading: str

    @property
    def count(self) -> int:
        """How many axes there are."""
        return 2 + (self.film is not None)

    @property
    def height(self) -> float:
        """Of the figure, in inches."""
        return _HEIGHT + _LINE * self.heading.count("\n")


_SHEETS: Final[dict[tuple[int, float, str], Figure]] = {}
"""Figures to draw on, by what decides where their axes are."""


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
    plan = _plan(candidate, curve, params or {})
    if plan is None:
        return function_figure(candidate.late, params=params, style=style)
    with drawing(plan.height, style, _WIDTH * plan.count, is_placed=True) as figure:
        _add_axes(figure, plan)
        _draw(figure, plan, style)
    return figure


def candidate_svg(
    candidate: Candidate,
    curve: Sequence[Mapping[str, float | None]],
    *,
    params: Mapping[str, Mapping[str, Any]] | None = None,
    style: Style = LIGHT,
) -> bytes:
    """Return the figure of a candidate as SVG: the same, in half the time from the second one on.

    Axes and their ticks, which take most of the time, are used again.
    """
    plan = _plan(candidate, curve, params or {})
    if plan is None:
        return figure_bytes(function_figure(candidate.late, params=params, style=style))
    with redrawing(style):
        sheet = _SHEETS.get((plan.count, plan.height, style.name))
        if sheet is None:
            with drawing(plan.height, style, _WIDTH * plan.count, is_placed=True) as sheet:
                _add_axes(sheet, plan)
            _SHEETS[plan.count, plan.height, style.name] = sheet
        wiped(sheet)
        _draw(sheet, plan, style)
        return figure_bytes(sheet)


def _plan(
    candidate: Candidate,
    curve: Sequence[Mapping[str, float | None]],
    params: Mapping[str, Mapping[str, Any]],
) -> _Plan | None:
    """Return what to draw; None where the function's card is drawn instead."""
    late, (progress, g) = candidate.late, trained_g(curve)
    rows = panels(late, layer_settings(late, params))
    if late.is_groupwise or not rows:
        return None
    is_annealed = candidate.anneal is not None and g.size > 0
    film = candidate_frames(candidate, progress, g) if is_annealed else None
    return _Plan(candidate, rows[0], film, wrapped(str(late)))


def _add_axes(figure: Figure, plan: _Plan) -> None:
    sides = {"left": 0.19 / plan.count, "right": 1.0 - 0.04 / plan.count, "wspace": 0.22}
    bottom, top = 0.45 / plan.height, 2.6 / plan.height
    grid = figure.add_gridspec(1, plan.count, bottom=bottom, top=top, **sides)
    for place in range(plan.count):
        figure.add_subplot(grid[0, place])


def _draw(figure: Figure, plan: _Plan, style: Style) -> None:
    axes = figure.axes
    draw_panel(plan.panel, axes[0], axes[1], style)
    draw_bends(axes[0], plan.candidate.late, style)
    if plan.film is not None:
        x, frames = plan.film
        _draw_path(axes[2], x, [(weight, values) for _, weight, values in frames], style)
        axes[2].set_title(annealing_text(plan.candidate), fontsize=8)
    for one in axes:
        one.locator_params(nbins=_TICKS)  # of what is drawn, ticks take the most time
    figure.suptitle(plan.heading, fontsize=10, family="monospace", weight="bold")


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
