"""How a search got better, evaluation by evaluation, beside its baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evoact.records import Candidate, Evaluation, History, SearchSpec
from evoact.tracking.describe import spec_of
from evoact.tracking.figures.labels import factor_of, label_of, shortened, value_text
from evoact.tracking.figures.shapes import place_shapes
from evoact.tracking.figures.style import LIGHT, SMALL, Style, apart, drawing, dress, head

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEADROOM: Final = 0.55  # above the best, for shapes: share of the range of values
_SHAPE: Final = (0.075, 0.19)
_LOWEST: Final = 0.02  # quantile of values below which points are left out of the axes
_ALONG: Final = 60  # points on the line, which shapes should not cover
_LINE_GAP: Final = 0.085  # between texts at the right, in shares of the axes' height


@dataclass(frozen=True, slots=True)
class Step:
    """A candidate of the search in the order they were asked; `is_best` if the best so far."""

    number: int
    candidate: Candidate
    evaluation: Evaluation
    is_best: bool


def steps_of(history: History) -> list[Step]:
    """Return the candidates of a search, and which of them were better than all before.

    Who keeps the limits comes before who breaks them, and a higher rung before a lower.
    """
    spec = spec_of(history)
    steps, best = [], None
    for number, (candidate, evaluation) in enumerate(history.searched(), start=1):
        standing = _standing(spec, evaluation) if evaluation.is_ok else None
        is_best = standing is not None and (best is None or standing > best)
        best = standing if is_best else best
        steps.append(Step(number, candidate, evaluation, is_best))
    return steps


def _standing(spec: SearchSpec, evaluation: Evaluation) -> tuple[float, int, float]:
    value = evaluation.objectives[spec.primary]
    signed = value if spec.objectives[spec.primary] == "max" else -value
    return -spec.violation(evaluation.objectives), evaluation.rung, signed


def baseline_values(history: History, name: str) -> dict[str, float]:
    """Return the mean of a measure for each baseline and the winner, under fresh seeds."""
    if history.confirmation is None:
        return {}
    everyone = dict(history.confirmation.baselines)
    winner = history.finished.winner if history.finished else None
    if winner and winner not in {c.id for c in everyone.values()}:
        everyone["winner"] = history.candidates[winner]
    means = {who: Evaluation.means(history.confirmed(c)) for who, c in everyone.items()}
    return {who: found[name] for who, found in means.items() if name in found}


def progress_figure(history: History, *, style: Style = LIGHT) -> Figure | None:
    """Return a figure of the search against evaluations; None before the first has ended.

    A dot is a candidate, the line the best so far, with its shape where it changed.
    Baselines, and the winner, are lines at their mean under fresh seeds.
    """
    if not any(step.evaluation.is_ok for step in steps_of(history)):
        return None
    with drawing(3.7, style) as figure:
        axes: Any = figure.subplots()
        draw_progress(axes, history, style)
        head(figure, "Each dot is a trained candidate; the line is the best so far")
    return figure


def draw_progress(axes: Axes, history: History, style: Style) -> None:
    """Draw the course of a search into axes."""
    spec, steps = spec_of(history), steps_of(history)
    name, factor = spec.primary, factor_of(spec.primary)
    good = [step for step in steps if step.evaluation.is_ok]
    x = np.array([step.number for step in good], dtype=float)
    y = factor * np.array([step.evaluation.objectives[name] for step in good])
    lines = {who: factor * value for who, value in baseline_values(history, name).items()}
    downward = spec.objectives[name] == "min"
    axes.set(
        xlabel="evaluations (candidates trained in the search)", ylabel=label_of(name),
        xlim=(0.0, len(steps) + 1.0), ylim=_limits(y, list(lines.values()), downward=downward),
    )  # fmt: skip
    axes.plot(x, y, "o", color=style.muted, markersize=3.0, alpha=0.6, linewidth=0, zorder=1)
    best = [step for step in good if step.is_best]
    bx = [step.number for step in best]
    by = [factor * step.evaluation.objectives[name] for step in best]
    axes.step(
        [*bx, len(steps)], [*by, by[-1]], where="post", color=style.function, linewidth=1.8,
        zorder=2,
    )  # fmt: skip
    axes.plot(bx, by, "o", color=style.function, markersize=4.5, zorder=3)
    _draw_failed(axes, [step.number for step in steps if not step.evaluation.is_ok], style)
    _draw_baselines(axes, lines, name, style)
    shapes = [(a, b, step.candidate.late) for a, b, step in zip(bx, by, best, strict=True)]
    along = np.linspace(bx[0], len(steps), _ALONG)
    stairs = np.array(by)[np.searchsorted(bx, along, side="right") - 1]
    around = np.vstack([np.column_stack([x, y]), np.column_stack([along, stairs])])
    place_shapes(axes, shapes[::-1], around, _SHAPE, style, upward=not downward)
    dress(axes, style)


def _limits(values: Any, lines: Sequence[float], *, downward: bool) -> tuple[float, float]:
    """Return limits with room for shapes beyond the best, which is low where less is better."""
    low, high = np.quantile(values, [_LOWEST, 1.0] if not downward else [0.0, 1.0 - _LOWEST])
    low, high = min([low, *lines]), max([high, *lines])
    span = (high - low) or abs(high) or 1.0
    if downward:
        return float(low - _HEADROOM * span), float(high + 0.06 * span)
    return float(low - 0.06 * span), float(high + _HEADROOM * span)


def _draw_failed(axes: Axes, numbers: Sequence[int], style: Style) -> None:
    if numbers:
        axes.plot(
            numbers, [0.015] * len(numbers), "x", color=style.derivative, markersize=4.0,
            transform=axes.get_xaxis_transform(), clip_on=False, zorder=3,
            label=f"x: training failed ({len(numbers)})",
        )  # fmt: skip
        axes.legend(loc="lower right", handlelength=0.0, handletextpad=0.0)


def _draw_baselines(axes: Axes, lines: Mapping[str, float], name: str, style: Style) -> None:
    """Draw baselines as lines, with what they are beside the axes, none over another."""
    low, high = axes.get_ylim()
    ordered = sorted(lines, key=lambda who: lines[who])
    places = spread([(lines[who] - low) / (high - low) for who in ordered], _LINE_GAP)
    for who, place in zip(ordered, places, strict=True):
        is_winner = who == "winner"
        colour = style.function if is_winner else style.derivative
        dashes: Any = "-." if is_winner else (0, (4, 2))
        axes.axhline(lines[who], color=colour, linewidth=1.0, linestyle=dashes, zorder=1.5)
        told = value_text(name, lines[who] / factor_of(name))
        axes.annotate(
            f"{shortened(who, 16)} {told}", (1.0, lines[who]),
            xycoords=axes.get_yaxis_transform(), xytext=(1.03, place),
            textcoords="axes fraction", va="center", fontsize=SMALL, color=style.ink,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkB": 0},
        )  # fmt: skip
    if lines:
        note = axes.annotate(
            "dashed: means under fresh seeds", (1.0, 1.0), xycoords="axes fraction", ha="right",
            va="top", fontsize=SMALL, color=style.muted,
        )  # fmt: skip
        apart(note)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Return rising places moved apart, so that none is nearer to the next than a gap.

    >>> [round(p, 3) for p in spread([0.2, 0.5, 0.52], 0.1)]
    [0.2, 0.46, 0.56]
    """
    groups: list[list[float]] = []  # places that stand together, and the middle of them
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _start(groups[-1], gap) < _start(groups[-2], gap) + gap * len(
            groups[-2]
        ):
            last = groups.pop()
            groups[-1] += last
    return [_start(group, gap) + gap * i for group in groups for i in range(len(group))]


def _start(group: Sequence[float], gap: float) -> float:
    return sum(group) / len(group) - gap * (len(group) - 1) / 2
