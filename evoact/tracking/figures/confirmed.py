"""Who was confirmed, with intervals: means, and differences to the winner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from evoact.records import History
from evoact.tracking.confirmation import (
    BASELINE,
    CONTROL,
    FINALIST,
    TEST,
    VALIDATION,
    WINNER,
    Comparison,
    Contestant,
    comparisons,
    contestants,
    control_comparisons,
    measure_text,
)
from evoact.tracking.figures.labels import shortened
from evoact.tracking.figures.style import LIGHT, SMALL, Style, drawing, dress, head

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIGNIFICANT: Final = 0.05
_ROW: Final = 0.34  # inches
_LONGEST: Final = 20  # characters of a name


def confirmation_figure(history: History, *, style: Style = LIGHT) -> Figure | None:
    """Return means with intervals under fresh seeds, and the winner's differences.

    In test accuracy, or in validation accuracy where the test data was not read; None
    before anyone was confirmed. Ticks are the single trainings, or pairs of them.
    """
    measure, everyone = shown(history)
    if not everyone:
        return None
    with drawing(1.3 + _ROW * len(everyone), style) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        draw_means(left, everyone, measure, style)
        draw_differences(right, everyone, history, measure, style)
        seeds = max(len(one.values(measure)) for one in everyone)
        head(figure, f"Trained anew with {seeds} fresh seeds each")
    return figure


def shown(history: History) -> tuple[str, list[Contestant]]:
    """Return in what contestants are compared, and who was measured in it."""
    everyone = contestants(history)
    tested = [one for one in everyone if one.test]
    measure = TEST if tested else VALIDATION
    return measure, tested or [one for one in everyone if one.validation]


def draw_means(axes: Axes, everyone: Sequence[Contestant], measure: str, style: Style) -> None:
    """Draw a row for each contestant: its trainings, and their mean with its interval."""
    for row, one in enumerate(everyone):
        interval = one.interval(measure)
        assert interval is not None, "it was measured"
        colour = style.function if one.role == WINNER else style.ink
        values = list(one.values(measure).values())
        draw_interval(
            axes, -row, (interval.mean, interval.low, interval.high), values, colour, style
        )
    names = [contestant_name(one) for one in everyone]
    axes.set_yticks([-row for row in range(len(everyone))], names)
    axes.set(
        xlabel=f"{_scaled(measure, everyone)}: mean, 95 % interval",
        ylim=(-len(everyone) + 0.4, 0.6),
    )
    dress_rows(axes, style)


def _scaled(measure: str, everyone: Sequence[Contestant]) -> str:
    """Return what an axis is called on which a hundredth is one."""
    metric = everyone[0].metric
    return f"{measure_text(measure, metric)} {'(%)' if metric == 'accuracy' else 'x 100'}"


def contestant_name(one: Contestant) -> str:
    """Return who it is, in a word or two: what a winner or finalist is called is an id."""
    if one.role in (WINNER, FINALIST):
        return one.role
    label = shortened(one.label, _LONGEST)
    return label if one.role == CONTROL else f"{one.role} {label}"


def draw_differences(
    axes: Axes, everyone: Sequence[Contestant], history: History, measure: str, style: Style
) -> None:
    """Draw winner minus each other, in the rows of `everyone`, with p-values beside them."""
    found = [*comparisons(history), *control_comparisons(history)]
    by_label = {one.baseline: one for one in found if one.is_of_test == (measure == TEST)}
    winner = next((one for one in everyone if one.role == WINNER), None)
    for row, other in enumerate(everyone):
        one = by_label.get(other.label) if other.role in (BASELINE, CONTROL) else None
        if winner is not None and one is not None:
            a, b = winner.values(measure), other.values(measure)
            draw_comparison(axes, -row, one, [a[seed] - b[seed] for seed in a if seed in b], style)
            _write_p(axes, -row, one, style)
    axes.axvline(0.0, color=style.muted, linewidth=0.8, zorder=0)
    points = "(points)" if everyone[0].metric == "accuracy" else "x 100"
    axes.set(
        xlabel=f"winner minus the other {points}; filled: p < .05",
        ylim=(-len(everyone) + 0.4, 0.6),
    )
    dress_rows(axes, style)
    axes.tick_params(axis="y", labelleft=False)


def draw_comparison(
    axes: Axes, y: float, one: Comparison, pairs: Sequence[float], style: Style
) -> None:
    """Draw a difference: coloured and filled where the corrected p-value is below .05."""
    surely = one.corrected < SIGNIFICANT
    better = style.function if one.is_better else style.derivative
    bounds = (one.paired.difference, one.paired.low, one.paired.high)
    draw_interval(axes, y, bounds, pairs, better if surely else style.muted, style, filled=surely)


def draw_interval(
    axes: Axes,
    y: float,
    bounds: tuple[float, float, float],
    values: Sequence[float],
    colour: str,
    style: Style,
    *,
    filled: bool = True,
) -> None:
    """Draw a mean with its interval, both in percent, and ticks of what they are of.

    Args:
        axes: where.
        y: the row.
        bounds: mean, low and high; the last two are NaN for a single value.
        values: what the mean is of.
        colour: of mean and interval.
        style: the colours of the rest.
        filled: whether the dot is.
    """
    mean, low, high = (100.0 * v for v in bounds)
    single: dict[str, Any] = {"color": style.muted, "alpha": 0.5, "zorder": 1}
    axes.plot([100.0 * v for v in values], [y] * len(values), "|", **single)
    if not math.isnan(low):
        axes.plot([low, high], [y, y], color=colour, linewidth=1.8, zorder=2)
    dot: dict[str, Any] = {"markerfacecolor": colour if filled else style.paper, "zorder": 3}
    axes.plot([mean], [y], "o", color=colour, markersize=6.0, **dot)


def _write_p(axes: Axes, y: float, one: Comparison, style: Style) -> None:
    p = f"p = {one.corrected:.3f}" if one.corrected >= 0.001 else "p < 0.001"
    axes.annotate(
        p, (1.01, y), xycoords=axes.get_yaxis_transform(), va="center", fontsize=SMALL,
        color=style.ink, annotation_clip=False,
    )  # fmt: skip


def dress_rows(axes: Axes, style: Style) -> None:
    """Give axes of rows no line at the left, and lines to read values by."""
    dress(axes, style)
    axes.tick_params(axis="y", length=0, labelcolor=style.ink)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=style.faint, linewidth=0.5)
    axes.set_axisbelow(True)
