"""The card of a function: f and f' with its bends, what feeds it, its name and its formula."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evoact.errors import InputError
from evoact.language import Expression, FloatArray, nearest_named
from evoact.tracking.curves import Panel, panels, shown_channels, slices_text
from evoact.tracking.figures.sampling import (
    GRID,
    RANGE,
    At,
    gaps,
    limits,
    slopes_of,
    values_of,
)
from evoact.tracking.figures.style import LIGHT, SMALL, Style, apart, drawing, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OTHERS: Final = (":", "-", "--")  # lines by where the other channels are: -1, 0, 1
_TITLE_WIDTH, _TITLE_LINES = 84, 3
_FORMULA_LENGTH: Final = 110  # characters of LaTeX: what is longer is no picture of a formula
_MOST_BENDS: Final = 12
_MOST_COMPARED: Final = 16  # channels of a group: the zoo has no larger ones, and it takes long
_GREY: Final = "Grey: the density of N(0, 1)."
_CIRCLES: Final = "Circles: where the slope jumps."
_ROW, _HEAD, _LINE = 2.9, 0.25, 0.17  # heights in inches


def function_figure(
    expression: Expression,
    *,
    title: str | None = None,
    params: Mapping[str, Mapping[str, Any]] | None = None,
    style: Style = LIGHT,
) -> Figure:
    """Return the card of an activation: the function and its derivative over [-5, 5].

    The standard normal density, which a normalised layer feeds its activation
    with, lies behind both; dots are where the function bends. Where a value is not
    finite, or a curve jumps, there is a gap. A groupwise expression is drawn on a
    few channels, a row for each input channel that has a part of its own; the title
    says its width and where the other channels are.

    Args:
        expression: what to draw, at its initial parameters.
        title: the heading; by default the expression's text.
        params: trained values, `{layer: {name: values}}` as in an evaluation;
            each layer is drawn as a thin line, per-channel values by their mean.
        style: the colours.

    Raises:
        InputError: `params` lacks a parameter of the expression.

    >>> from evoact.language import resolve
    >>> figure = function_figure(resolve("silu"))
    >>> [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    ['f(x)', "f'(x)"]
    """
    rows = panels(expression, layer_settings(expression, params or {}))
    heading = wrapped(title or str(expression)) + _channels_lines(expression, rows)
    about = "\n".join(filter(None, [about_text(expression), _legend(expression) if rows else ""]))
    lines = heading.count("\n") + 1 + about.count("\n") + 1
    with drawing(_HEAD + _LINE * lines + _ROW * max(1, len(rows)), style) as figure:
        axes: Any = figure.subplots(len(rows), 2, squeeze=False) if rows else []
        for panel, (left, right) in zip(rows, axes, strict=True):
            draw_panel(panel, left, right, style, is_groupwise=expression.is_groupwise)
        if rows and not expression.is_groupwise:
            draw_bends(axes[0][0], expression, style)
            _write_formula(axes[0][0], expression)
        figure.suptitle(heading, fontsize=10, family="monospace", weight="bold")
        figure.supxlabel(about, fontsize=SMALL, color=style.muted)
    return figure


def _legend(expression: Expression) -> str:
    return f"{_GREY} {_CIRCLES}" if shown_bends(expression) else _GREY


def about_text(expression: Expression) -> str:
    """Return what a card says below its curves: the nearest named function.

    >>> from evoact.language import parse
    >>> about_text(parse("2 * relu(x)"))
    'Up to scale and shift it is a named function: = 2 * relu(x).'
    """
    few = expression.channel_multiple <= _MOST_COMPARED
    matches = nearest_named(expression) if few else []
    if not matches:
        return ""
    if matches[0].same:
        return f"Up to scale and shift it is a named function: {matches[0].text}."
    told = matches[0].text if matches[0].is_near else matches[0].not_near
    return wrapped(f"{told[0].upper()}{told[1:]}.", 110)


def _channels_lines(expression: Expression, rows: Sequence[Panel]) -> str:
    """Return the lines of the title that tell the channels of a groupwise expression."""
    if not expression.is_groupwise:
        return ""
    count = shown_channels(expression)
    if not count:
        wanted = expression.channel_multiple
        return f"\nwidth {expression.width}: groups of {wanted} channels are too many to draw"
    width = f"width {expression.width}: {count} channels in, {count * expression.width} out"
    return f"\n{width}\n{slices_text(rows, count)}"


def layer_settings(
    expression: Expression, params: Mapping[str, Mapping[str, Any]]
) -> list[list[float]]:
    """Return the values of parameters for each layer, in the order of the expression's.

    Raises:
        InputError: `params` lacks a parameter of the expression.
    """
    settings = []
    for layer, values in params.items():
        missing = [name for name in expression.names if name not in values]
        if missing:
            raise InputError(
                f"params of layer {layer!r} has {sorted(values)}, not {missing[0]!r}; "
                f"wanted values for {', '.join(expression.names)}"
            )
        settings.append([float(np.mean(values[name])) for name in expression.names])
    return settings


def draw_panel(
    panel: Panel, left: Axes, right: Axes, style: Style, *, is_groupwise: bool = False
) -> None:
    """Draw the curves of a panel and their slopes."""
    lines = style.lines
    draw_curves(left, panel, values_of, panel.y, lines if is_groupwise else lines[:1], style)
    draw_curves(right, panel, slopes_of, panel.slope, lines if is_groupwise else lines[1:2], style)
    if panel.layers or is_groupwise:
        left.legend(loc="best")


def draw_curves(
    axes: Axes,
    panel: Panel,
    of: Callable[[At], FloatArray],
    label: str,
    colours: Sequence[str],
    style: Style,
) -> None:
    """Draw something of each curve of a panel, over the density of what feeds it."""
    curves = [of(curve.at) for curve in panel.curves]
    layers = [of(curve.at) for curve in panel.layers]
    _draw_ground(axes, style)
    for number, values in enumerate(layers):
        name = panel.layers[0].label if number == 0 else None
        axes.plot(
            GRID, gaps(values), color=style.others[0], linewidth=0.9, alpha=0.8, label=name,
            zorder=2,
        )  # fmt: skip
    for curve, values in zip(panel.curves, curves, strict=True):
        line: dict[str, Any] = {
            "color": colours[curve.output % len(colours)],
            "linestyle": _OTHERS[curve.others],
            "linewidth": 2.2,
            "label": curve.label,
        }
        axes.plot(GRID, gaps(values), zorder=3, **line)
    low, high = limits([*curves, *layers])
    axes.set(xlim=(-RANGE, RANGE), ylim=(low, high), xlabel=panel.x, ylabel=label)
    dress(axes, style)


def _draw_ground(axes: Axes, style: Style) -> None:
    density = np.exp(-0.5 * GRID**2)
    # Drawn in axes' height, so that it looks alike whatever the function's range.
    axes.fill_between(
        GRID, 0.0, 0.45 * density, color=style.density, linewidth=0.0,
        transform=axes.get_xaxis_transform(), zorder=0,
    )  # fmt: skip
    axes.axhline(0.0, color=style.muted, linewidth=0.6, zorder=1)
    axes.axvline(0.0, color=style.muted, linewidth=0.6, zorder=1)


def draw_bends(axes: Axes, expression: Expression, style: Style) -> None:
    """Mark where a function bends; nothing where that is in too many places, or unknown."""
    x = np.array(shown_bends(expression))
    if not x.size:
        return
    y = expression.numpy()(x)
    axes.plot(
        x, y, "o", color=style.function, markerfacecolor=style.paper, markersize=5.0, zorder=4,
        label="bends",
    )  # fmt: skip


def shown_bends(expression: Expression) -> list[float]:
    """Return the bends that a card marks: none where they are many, or of several channels."""
    found = [] if expression.is_groupwise else bends(expression)
    return found if len(found) <= _MOST_BENDS else []


def bends(expression: Expression) -> list[float]:
    """Return where a pointwise function has no derivative, within the range of the card.

    >>> from evoact.language import parse
    >>> bends(parse("max(x, 1) - relu(x + 2)"))
    [-2.0, 1.0]
    """
    kinks = expression.facts().kinks.value or ()
    found = [entry for entry in kinks if isinstance(entry, float)]
    return [x for x in found if -RANGE <= x <= RANGE]


def _write_formula(axes: Axes, expression: Expression) -> None:
    """Write the formula above the function, where it is short enough to be read."""
    formula = formula_of(expression)
    if len(formula) > _FORMULA_LENGTH:
        return
    text = axes.set_title(f"$f(x) = {formula}$", fontsize=10, parse_math=True)
    if not is_drawable(text.get_text()):
        axes.set_title("")
    apart(text)


def formula_of(expression: Expression) -> str:
    """Return a formula as LaTeX that matplotlib draws well: it makes growing bars too small."""
    return expression.latex(4).replace(r"\left|", "|").replace(r"\right|", "|")


def is_drawable(formula: str) -> bool:
    """Whether matplotlib can draw a text with a formula between `$`: it knows not all LaTeX."""
    from matplotlib.mathtext import MathTextParser

    try:
        MathTextParser("path").parse(formula)
    except ValueError:  # LaTeX that matplotlib does not know
        return False
    return True


def wrapped(text: str, width: int = _TITLE_WIDTH) -> str:
    """Return a text in a few lines."""
    lines = textwrap.wrap(text, width, max_lines=_TITLE_LINES, placeholder=" ...")
    return "\n".join(lines)
