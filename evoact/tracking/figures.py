"""Figures of activations: the function and its derivative."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evoact.errors import InputError
from evoact.language import Expression, FloatArray
from evoact.tracking.curves import Panel, panels, shown_channels, slices_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANGE: Final = 5.0

# Okabe & Ito's palette, told apart with every common colour blindness.
_FUNCTION, _DERIVATIVE, _LAYER, _DENSITY = "#0072B2", "#D55E00", "#009E73", "#BBBBBB"
_OUTPUTS: Final = ("#0072B2", "#D55E00", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_OTHERS: Final = (":", "-", "--")  # lines by where the other channels are: -1, 0, 1
_GRID: Final[FloatArray] = np.linspace(-RANGE, RANGE, 2001)
_STEP: Final = 1e-5  # near the cube root of float64's precision: best for central differences
_HALVINGS: Final = 30  # of the grid's interval: down to 5e-12
_TITLE_WIDTH, _TITLE_LINES = 78, 3
_HIGHEST: Final = 10.0  # a pole must not flatten the rest of a figure


def function_figure(
    expression: Expression,
    *,
    title: str | None = None,
    params: Mapping[str, Mapping[str, Any]] | None = None,
) -> Figure:
    """Return a figure of an activation and its derivative over [-5, 5].

    The standard normal density, which a normalised layer feeds its activation
    with, lies behind both. Where a value is not finite, or the function jumps,
    there is a gap. A groupwise expression is drawn on a few channels, a row for
    each input channel that has a part of its own; the title says its width and
    where the other channels are.

    Args:
        expression: what to draw, at its initial parameters.
        title: the heading; by default the expression's text.
        params: trained values, `{layer: {name: values}}` as in an evaluation;
            each layer is drawn as a thin line, per-channel values by their mean.

    Raises:
        InputError: `params` lacks a parameter of the expression.

    >>> from evoact.language import resolve
    >>> figure = function_figure(resolve("silu"))
    >>> [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    ['f(x)', "f'(x)"]
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows = panels(expression, _layer_settings(expression, params or {}))
    engine = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.05)
    figure = Figure(figsize=(8.0, 3.4 * max(1, len(rows))), dpi=120, layout=engine)
    FigureCanvasAgg(figure)  # without pyplot: no display, no global list of figures
    axes: Any = figure.subplots(len(rows), 2, squeeze=False) if rows else []
    for panel, (left, right) in zip(rows, axes, strict=True):
        _draw_panel(panel, left, right, is_groupwise=expression.is_groupwise)
    # No formula may be read as mathtext: `$` is not in the language, but may be in a title.
    heading = _wrapped(title or str(expression)) + _channels_lines(expression, rows)
    figure.suptitle(heading, fontsize=10, family="monospace", parse_math=False)
    return figure


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


def _layer_settings(
    expression: Expression, params: Mapping[str, Mapping[str, Any]]
) -> list[list[float]]:
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


def _values(at: Callable[[FloatArray], FloatArray]) -> FloatArray:
    values = at(_GRID)
    values[1:][_jumps(at, values)] = np.nan
    return values


def _jumps(at: Callable[[FloatArray], FloatArray], values: FloatArray) -> Any:
    """Where the function jumps between a point of the grid and the next.

    A jump keeps its height in ever smaller intervals; a steep slope does not.
    """
    with np.errstate(all="ignore"):
        rise = np.nan_to_num(np.abs(np.diff(values)), posinf=0.0)
    around = np.pad(rise, 2)
    suspects = np.flatnonzero(rise > 1e-3 + 1.5 * np.maximum(around[:-4], around[4:]))
    found = np.zeros(rise.size, dtype=bool)
    if suspects.size == 0:
        return found
    low, high = _GRID[suspects], _GRID[suspects + 1]
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        first, second, third = at(low), at(middle), at(high)
        with np.errstate(all="ignore"):
            is_first = np.abs(second - first) >= np.abs(third - second)
        low, high = np.where(is_first, low, middle), np.where(is_first, middle, high)
    with np.errstate(all="ignore"):
        found[suspects] = np.abs(at(high) - at(low)) > 0.5 * rise[suspects]
    return found


def _slope(at: Callable[[FloatArray], FloatArray]) -> FloatArray:
    with np.errstate(all="ignore"):
        slope: FloatArray = (at(_GRID + _STEP) - at(_GRID - _STEP)) / (2.0 * _STEP)
    slope[_is_jump(slope)] = np.nan
    return slope


def _is_jump(slope: FloatArray) -> FloatArray:
    """Where a difference spans a step of the function: no derivative, but a spike."""
    with np.errstate(all="ignore"):
        around = np.maximum(np.abs(np.roll(slope, 1)), np.abs(np.roll(slope, -1)))
        return np.asarray(np.abs(slope) > 100.0 * (1.0 + around))


def _draw_panel(panel: Panel, left: Axes, right: Axes, *, is_groupwise: bool) -> None:
    _draw(left, panel, _values, panel.y, _OUTPUTS if is_groupwise else (_FUNCTION,))
    _draw(right, panel, _slope, panel.slope, _OUTPUTS if is_groupwise else (_DERIVATIVE,))
    left.annotate("N(0, 1)", (0.98, 0.04), xycoords="axes fraction", ha="right", color="#888888")
    if panel.layers or is_groupwise:
        left.legend(loc="best", fontsize=8, frameon=False)


def _draw(
    axes: Axes,
    panel: Panel,
    of: Callable[[Callable[[FloatArray], FloatArray]], FloatArray],
    label: str,
    colours: Sequence[str],
) -> None:
    curves = [of(curve.at) for curve in panel.curves]
    layers = [of(curve.at) for curve in panel.layers]
    _draw_ground(axes)
    for number, values in enumerate(layers):
        name = panel.layers[0].label if number == 0 else None
        axes.plot(
            _GRID, _gaps(values), color=_LAYER, linewidth=0.9, alpha=0.8, label=name, zorder=2
        )
    for curve, values in zip(panel.curves, curves, strict=True):
        colour, style = colours[curve.output % len(colours)], _OTHERS[curve.others]
        line: dict[str, Any] = {
            "color": colour,
            "linestyle": style,
            "linewidth": 2.0,
            "label": curve.label,
        }
        axes.plot(_GRID, _gaps(values), zorder=3, **line)
    low, high = _limits([*curves, *layers])
    axes.set(xlim=(-RANGE, RANGE), ylim=(low, high), xlabel=panel.x, ylabel=label)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_ground(axes: Axes) -> None:
    density = np.exp(-0.5 * _GRID**2)
    # Drawn in axes' height, so that it looks alike whatever the function's range.
    axes.fill_between(
        _GRID, 0.0, 0.45 * density, color=_DENSITY, alpha=0.35, linewidth=0.0,
        transform=axes.get_xaxis_transform(), zorder=0,
    )  # fmt: skip
    axes.axhline(0.0, color="#666666", linewidth=0.6, zorder=1)
    axes.axvline(0.0, color="#666666", linewidth=0.6, zorder=1)


def _gaps(values: FloatArray) -> FloatArray:
    """Leave out what is not finite, and the line that would join the sides of a pole."""
    shown = np.where(np.isfinite(values), values, np.nan)
    far = np.where(np.abs(shown) > _HIGHEST, np.sign(shown), 0.0)
    shown[1:][far[1:] * far[:-1] < 0] = np.nan
    return shown


def _limits(curves: Sequence[FloatArray]) -> tuple[float, float]:
    every = np.concatenate(curves)
    finite = every[np.isfinite(every)]
    if finite.size == 0:
        return -1.0, 1.0
    low, high = (float(v) for v in np.clip([finite.min(), finite.max()], -_HIGHEST, _HIGHEST))
    low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def _wrapped(text: str) -> str:
    lines = textwrap.wrap(text, _TITLE_WIDTH, max_lines=_TITLE_LINES, placeholder=" ...")
    return "\n".join(lines)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as `.png` or `.svg`, with the same bytes each time.

    Raises:
        InputError: another suffix.
    """
    from matplotlib import rc_context

    path = Path(path)
    if path.suffix not in {".png", ".svg"}:
        raise InputError(f"figure file is {path.name!r}; wanted a name in .png or .svg")
    # The date, the version and random ids would make equal figures differ.
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "evoact"}):
        figure.savefig(path, metadata=metadata)
