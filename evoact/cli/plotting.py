"""A function and its derivative, drawn with characters."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Final

import numpy as np

from evoact.language import Expression, FloatArray

RANGE: Final = 5.0
_HEIGHT: Final = 18
_STEP: Final = 1e-5  # near the cube root of float64's precision: best for central differences
_MOST_TOLD: Final = 4
_LEAST_TOLD: Final = 20
_HIGHEST: Final = 10.0  # a pole must not flatten the rest


def terminal_plot(expression: Expression, width: int = 72) -> str:
    """Return lines of text that show f (a line) and f' (dots) over [-5, 5].

    Of a groupwise expression, the first output channel by the first input
    channel, the others at fixed values; a last line says so.

    >>> from evoact.language import parse
    >>> lines = terminal_plot(parse("relu(x)"), width=40).splitlines()
    >>> len(lines), max(map(len, lines))
    (18, 40)
    """
    x = np.linspace(-RANGE, RANGE, 2 * width)
    lines = {"f'": _slope(expression, x), "f": _curve(expression, x)}
    text = draw_lines(x, lines, width, {"f'": "·"})
    return "\n".join([text, *_slice_lines(expression, width)])


def draw_lines(
    x: FloatArray,
    lines: Mapping[str, FloatArray],
    width: int,
    markers: Mapping[str, str],
) -> str:
    """Return lines of text that show functions of `x` by name, some by characters of their own."""
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(width, _HEIGHT)
    for name, values in lines.items():
        marker = markers.get(name, "braille")
        shown = np.abs(values) <= _HIGHEST  # nothing where it is not finite
        if shown.any():
            plotext.scatter(x[shown].tolist(), values[shown].tolist(), marker=marker, label=name)
    drawn: list[str] = plotext.uncolorize(plotext.build()).splitlines()
    return "\n".join(line.rstrip() for line in drawn)


def _slice_lines(expression: Expression, width: int) -> list[str]:
    """Return what says which channels of a groupwise expression are shown."""
    if not expression.is_groupwise:
        return []
    others = [f"{value:.2g}" for value in _channel_values(expression)[1:]]
    at = ", ".join(others if len(others) <= _MOST_TOLD else [*others[:2], "...", others[-1]])
    told = (
        f"slice: output 1 of {(len(others) + 1) * expression.width} against input 1 of "
        f"{len(others) + 1}; the others at {at.replace(', ..., ', ' ... ')}"
    )
    return textwrap.wrap(told, max(width, _LEAST_TOLD))


def _channel_values(expression: Expression) -> FloatArray:
    """Return the inputs of the plot; the first one is replaced by what varies."""
    return np.linspace(-1.0, 1.0, expression.channel_multiple * 2)


def _curve(expression: Expression, x: FloatArray) -> FloatArray:
    function = expression.numpy()
    if not expression.is_groupwise:
        return function(x)
    inputs = np.tile(_channel_values(expression), (x.size, 1))
    inputs[:, 0] = x
    first: FloatArray = function(inputs)[:, 0]
    return first


def _slope(expression: Expression, x: FloatArray) -> FloatArray:
    with np.errstate(all="ignore"):
        rise = _curve(expression, x + _STEP) - _curve(expression, x - _STEP)
        slope: FloatArray = rise / (2.0 * _STEP)
    return np.where(np.isfinite(slope), slope, np.inf)
