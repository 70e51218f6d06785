"""Figures of activations: the function and its derivative."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evoact.errors import InputError
from evoact.language import ArrayFunction, Expression, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANGE: Final = 5.0

# Okabe & Ito's palette, told apart with every common colour blindness.
_FUNCTION, _DERIVATIVE, _LAYER, _DENSITY = "#0072B2", "#D55E00", "#009E73", "#BBBBBB"
_GRID: Final[FloatArray] = np.linspace(-RANGE, RANGE, 2001)
_STEP: Final = 1e-5  # near the cube root of float64's precision: best for central differences
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
    with, lies behind both. Where a value is not finite there is a gap.

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

    engine = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.05)
    figure = Figure(figsize=(8.0, 3.4), dpi=120, layout=engine)
    FigureCanvasAgg(figure)  # without pyplot: no display, no global list of figures
    left, right = figure.subplots(1, 2)
    function = expression.numpy()
    settings = _layer_settings(expression, params or {})
    _draw(left, function, _values, settings, _FUNCTION, "f(x)")
    _draw(right, function, _slope, settings, _DERIVATIVE, "f'(x)")
    left.annotate("N(0, 1)", (0.98, 0.04), xycoords="axes fraction", ha="right", color="#888888")
    if settings:
        left.legend(loc="best", fontsize=8, frameon=False)
    # No formula may be read as mathtext: `$` is not in the language, but may be in a title.
    heading = _wrapped(title or str(expression))
    figure.suptitle(heading, fontsize=10, family="monospace", parse_math=False)
    return figure


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


def _values(function: ArrayFunction, setting: list[float] | None) -> FloatArray:
    return function(_GRID, setting)


def _slope(function: ArrayFunction, setting: list[float] | None) -> FloatArray:
    with np.errstate(all="ignore"):
        rise = function(_GRID + _STEP, setting) - function(_GRID - _STEP, setting)
        slope: FloatArray = rise / (2.0 * _STEP)
    slope[_is_jump(slope)] = np.nan
    return slope


def _is_jump(slope: FloatArray) -> FloatArray:
    """Where a difference spans a step of the function: no derivative, but a spike."""
    with np.errstate(all="ignore"):
        around = np.maximum(np.abs(np.roll(slope, 1)), np.abs(np.roll(slope, -1)))
        return np.asarray(np.abs(slope) > 100.0 * (1.0 + around))


def _draw(
    axes: Axes,
    function: ArrayFunction,
    of: Any,
    settings: list[list[float]],
    colour: str,
    label: str,
) -> None:
    curve = of(function, None)
    layers = [of(function, setting) for setting in settings]
    low, high = _limits([curve, *layers])
    density = np.exp(-0.5 * _GRID**2)
    # Drawn in axes' height, so that it looks alike whatever the function's range.
    axes.fill_between(
        _GRID, 0.0, 0.45 * density, color=_DENSITY, alpha=0.35, linewidth=0.0,
        transform=axes.get_xaxis_transform(), zorder=0,
    )  # fmt: skip
    axes.axhline(0.0, color="#666666", linewidth=0.6, zorder=1)
    axes.axvline(0.0, color="#666666", linewidth=0.6, zorder=1)
    for number, layer in enumerate(layers):
        name = "trained, by layer" if number == 0 else None
        axes.plot(_GRID, _gaps(layer), color=_LAYER, linewidth=0.9, alpha=0.8, label=name, zorder=2)
    axes.plot(_GRID, _gaps(curve), color=colour, linewidth=2.0, label="initial", zorder=3)
    axes.set(xlim=(-RANGE, RANGE), ylim=(low, high), xlabel="x", ylabel=label)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _gaps(values: FloatArray) -> FloatArray:
    """Leave out what is not finite, and the line that would join the sides of a pole."""
    shown = np.where(np.isfinite(values), values, np.nan)
    far = np.where(np.abs(shown) > _HIGHEST, np.sign(shown), 0.0)
    shown[1:][far[1:] * far[:-1] < 0] = np.nan
    return shown


def _limits(curves: list[FloatArray]) -> tuple[float, float]:
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
