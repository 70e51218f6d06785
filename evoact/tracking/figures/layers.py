"""What diagnostics say of each layer of a network, panel by panel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from evoact.tracking.figures.labels import shortened
from evoact.tracking.figures.style import LIGHT, Style, drawing, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]

PANELS: Final[tuple[tuple[str, tuple[tuple[str, str], ...]], ...]] = (
    (
        "units: shares",
        (
            ("zero_fraction", "exactly 0"),
            ("probability", "above 0"),
            ("dispersion", "dispersion of that"),
        ),
    ),
    ("signal and gradient", (("variance", "variance"), ("gradient", "gradient norm"))),
    ("a circle of inputs", (("curve_length", "length (input = 1)"), ("fold_depth", "fold depth"))),
    (
        "classes",
        (("contraction", "within / total"), ("neighbour_accuracy", "1-NN accuracy")),
    ),
    ("separation of classes", (("separation", "nearest other / own"),)),
    ("information", (("information_lost", "of the input lost"), ("rank_share", "rank / units"))),
)
"""What each panel is called, and the measures in it with their names."""

_SHARES: Final = ("units: shares", "classes", "information")
_MOST_NAMES: Final = 9
_LONGEST: Final = 12


def layers_figure(title: str, layers: Rows, *, style: Style = LIGHT) -> Figure:
    """Return a figure of measures by layer, from the input at the left to the last activation.

    Args:
        title: what stands above.
        layers: of a diagnosis as plain data, in their order; what is None is left out.
        style: the colours.
    """
    rows = [{**row, "rank_share": _share(row)} for row in layers]
    with drawing(4.6, style) as figure:
        axes: Any = figure.subplots(2, 3, sharex=True)
        for panel, (name, measures) in zip(axes.flat, PANELS, strict=True):
            _draw(panel, rows, measures, style)
            panel.set_title(name)
            if name in _SHARES:
                panel.set_ylim(0.0, 1.04)
        for panel in axes[1]:
            _name_layers(panel, [str(row["name"]) for row in rows])
        figure.suptitle(shortened(title, 90))
    return figure


def _share(row: Mapping[str, Any]) -> float | None:
    rank = row.get("effective_rank")
    return None if rank is None else rank / row["units"]


def _draw(axes: Axes, rows: Rows, measures: Sequence[tuple[str, str]], style: Style) -> None:
    for (measure, label), colour in zip(measures, style.lines, strict=False):
        values = [_number(row.get(measure)) for row in rows]
        if any(map(math.isfinite, values)):
            axes.plot(
                range(len(values)), values, "o-", color=colour, markersize=4.0, linewidth=1.6,
                label=label,
            )  # fmt: skip
    dress(axes, style)
    axes.grid(axis="y", color=style.faint, linewidth=0.5)
    axes.set_axisbelow(True)
    if axes.lines:
        axes.legend(loc="best")
    else:
        axes.text(0.5, 0.5, "does not apply", ha="center", transform=axes.transAxes)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _name_layers(axes: Axes, names: Sequence[str]) -> None:
    step = math.ceil(len(names) / _MOST_NAMES)
    shown = range(0, len(names), step)
    axes.set_xticks(
        list(shown), [shortened(names[i], _LONGEST) for i in shown], rotation=30, ha="right"
    )
