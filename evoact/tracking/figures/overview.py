"""A study in one picture: the search, the winner, its annealing, its confirmation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from evoact.records import Candidate, History
from evoact.tracking.curves import panels
from evoact.tracking.describe import spec_of
from evoact.tracking.figures.card import draw_bends, draw_curves, formula_of, is_drawable
from evoact.tracking.figures.confirmed import draw_means, shown
from evoact.tracking.figures.film import candidate_frames, draw_film, trained_g
from evoact.tracking.figures.labels import shortened
from evoact.tracking.figures.progress import draw_progress, steps_of
from evoact.tracking.figures.sampling import slopes_of, values_of
from evoact.tracking.figures.style import LIGHT, Style, drawing, head

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_SEARCH, _FILM, _LAST = 3.3, 1.75, 2.6  # heights in inches
_LONGEST: Final = 60


def overview_figure(history: History, *, style: Style = LIGHT) -> Figure | None:
    """Return what a study did, from above to below; None before anything was trained.

    The search with the functions that were best; how the best function came to be in
    its network, where that was annealed; the function and its slope, and, once it is known,
    how it does beside its baselines. The winner, or the best so far.
    """
    best = leading(history)
    if best is None:
        return None
    progress, g = trained_g(history.evaluations[best.id, 0].curve)
    has_film = best.anneal is not None and g.size > 0
    heights = [_SEARCH, *([_FILM] if has_film else []), _LAST]
    with drawing(sum(heights), style) as figure:
        every: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
        parts = iter(every)
        _search(next(parts), history, style)
        if has_film:
            _film(next(parts), best, progress, g, style)
        _last(next(parts), best, history, style)
    return figure


def leading(history: History) -> Candidate | None:
    """Return the winner that was trained in the search, or the best of it so far."""
    if history.finished and history.finished.winner:
        winner = history.candidates[history.finished.winner]
        if (winner.id, 0) in history.evaluations:
            return winner
    return next(iter(history.hall_of_fame(spec_of(history), 1)), None)


def _search(part: SubFigure, history: History, style: Style) -> None:
    trained = len(steps_of(history))
    draw_progress(part.subplots(), history, style)
    head(part, f"Breed functions, train a network with each: {trained:,} trained, the best drawn")


def _film(part: SubFigure, best: Candidate, progress: Any, g: Any, style: Style) -> None:
    x, frames = candidate_frames(best, progress, g)
    axes: Any = part.subplots(1, len(frames), sharey=True)
    draw_film(axes, x, frames, style)
    head(part, "Let it take shape while its network trains (g: from early to late function)")


def _last(part: SubFigure, best: Candidate, history: History, style: Style) -> None:
    measure, everyone = shown(history)
    columns = 3 if everyone else 2
    axes: Any = part.subplots(1, columns, width_ratios=[1.0, 1.0, 1.4][:columns])
    _function(axes[0], axes[1], best, style)
    if everyone:
        draw_means(axes[2], everyone, measure, style)
    name = "Winner" if history.finished else "Best so far"
    told = "; and what it does with fresh seeds" if everyone else ""
    formula = formula_of(best.late)
    text = f"{name}: $f(x) = {formula}${told}"
    if len(formula) <= _LONGEST and is_drawable(text):
        head(part, text, parse_math=True)
    else:
        head(part, f"{name}: {shortened(best.text, _LONGEST)}{told}")


def _function(left: Axes, right: Axes, best: Candidate, style: Style) -> None:
    if not (rows := panels(best.late, [])):  # thousands of channels
        return
    panel, lines = rows[0], style.lines
    several = best.late.is_groupwise
    draw_curves(left, panel, values_of, panel.y, lines if several else lines[:1], style)
    draw_curves(right, panel, slopes_of, panel.slope, lines if several else lines[1:2], style)
    if not several:
        draw_bends(left, best.late, style)
