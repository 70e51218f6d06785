"""The figure of a comparison: every difference with its interval, and the pairs behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from evoact.comparison.plan import RESCALED
from evoact.comparison.result import RIVALS, ComparisonResult
from evoact.tracking import TEST, Comparison
from evoact.tracking.figures import (
    LIGHT,
    Style,
    draw_comparison,
    drawing,
    dress_rows,
    head,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST: Final = 37
_ROW: Final = 0.36  # inches


def differences_figure(result: ComparisonResult, *, style: Style = LIGHT) -> Figure:
    """Return a figure of the paired differences on test data, a row for each comparison.

    A dot is the mean with its 95 % interval: filled where the corrected p-value
    is below .05; the ticks behind it are the pairs.
    """
    found = [(one, role) for role in RIVALS for one in result.comparisons(role, TEST)]
    task, metric = result.plan.task, result.plan.metric
    points = " (points)" if metric == "accuracy" else " x 100"
    with drawing(1.2 + _ROW * max(1, len(found)), style) as figure:
        axes: Any = figure.subplots()
        for row, ((one, _), pairs) in enumerate(zip(found, _pairs(result), strict=True)):
            draw_comparison(axes, -row, one, pairs, style)
        axes.axvline(0.0, color=style.muted, linewidth=0.8, zorder=0)
        axes.set_yticks([-row for row in range(len(found))], [_row_text(*one) for one in found])
        axes.set(
            xlabel=f"difference in test {metric}{points}; filled: corrected p < .05",
            ylim=(-len(found) + 0.4, 0.6),
        )
        dress_rows(axes, style)
        head(
            figure,
            f"{task.name} ({task.network}, {task.epochs} epochs), {result.plan.seeds} paired seeds",
        )
    return figure


def _pairs(result: ComparisonResult) -> list[list[float]]:
    """Return the differences behind each comparison, in their order."""
    values = {one.entrant: one.measured.test for one in result.standings}
    both = [(values[a], values[b]) for role in RIVALS for a, b in result.plan.rivals(role)]
    shared = [[a[seed] - b[seed] for seed in a if seed in b] for a, b in both]
    return [differences for differences in shared if differences]


def _row_text(one: Comparison, role: str) -> str:
    who = shortened(one.who, _LONGEST)
    return f"{who} - {one.baseline}{' rescaled' if role == RESCALED else ''}"
