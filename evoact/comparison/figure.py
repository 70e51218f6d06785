"""The figure of a comparison: every difference with its interval, and the pairs behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from evoact.comparison.plan import RESCALED
from evoact.comparison.result import RIVALS, ComparisonResult
from evoact.tracking import SIGNIFICANT, TEST, Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito's palette, told apart with every common colour blindness.
_BETTER, _WORSE, _OPEN, _PAIR = "#0072B2", "#D55E00", "#555555", "#BBBBBB"
_LONGEST: Final = 34


def differences_figure(result: ComparisonResult) -> Figure:
    """Return a figure of the paired differences on test data, a row for each comparison.

    A dot is the mean with its 95 % interval: filled where the corrected p-value
    is below .05; the ticks behind it are the pairs.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = [(one, role) for role in RIVALS for one in result.comparisons(role, TEST)]
    figure = Figure(figsize=(8.0, 1.4 + 0.42 * max(1, len(found))), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot: no display, no global list of figures
    axes: Any = figure.subplots()
    for row, ((one, _), pairs) in enumerate(zip(found, _pairs(result), strict=True)):
        _draw(axes, -row, one, pairs, 100.0 if result.plan.metric == "accuracy" else 1.0)
    metric = result.plan.metric
    points = ", points" if metric == "accuracy" else ""
    axes.axvline(0.0, color="#666666", linewidth=0.8, zorder=0)
    axes.set_yticks([-row for row in range(len(found))], [_row_text(*one) for one in found])
    axes.set(
        xlabel=f"difference in test {metric}{points} (filled: corrected p < .05)",
        ylim=(-len(found) + 0.4, 0.6),
    )
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    task = result.plan.task
    figure.suptitle(
        f"{task.name} ({task.network}, {task.epochs} epochs), {result.plan.seeds} paired seeds",
        fontsize=10,
    )
    return figure


def _pairs(result: ComparisonResult) -> list[list[float]]:
    """Return the differences behind each comparison, in their order."""
    values = {one.entrant: one.measured.test for one in result.standings}
    both = [(values[a], values[b]) for role in RIVALS for a, b in result.plan.rivals(role)]
    shared = [[a[seed] - b[seed] for seed in a if seed in b] for a, b in both]
    return [differences for differences in shared if differences]


def _draw(axes: Any, y: int, one: Comparison, pairs: list[float], unit: float) -> None:
    axes.plot([unit * d for d in pairs], [y] * len(pairs), "|", color=_PAIR, zorder=1)
    surely = one.corrected < SIGNIFICANT
    colour = (_BETTER if one.is_better else _WORSE) if surely else _OPEN
    if one.paired.n > 1:
        low, high = unit * one.paired.low, unit * one.paired.high
        axes.plot([low, high], [y, y], color=colour, linewidth=1.8, zorder=2)
    face = colour if surely else "white"
    dot = {"markerfacecolor": face, "markersize": 6.0, "zorder": 3}
    axes.plot([unit * one.paired.difference], [y], "o", color=colour, **dot)


def _row_text(one: Comparison, role: str) -> str:
    who = one.who if len(one.who) <= _LONGEST else f"{one.who[:_LONGEST]}..."
    return f"{who} - {one.baseline}{' rescaled' if role == RESCALED else ''}"
