"""The figure of an annealing: g over the training, and the function on its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evoact.language import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HIGHEST: Final = 10.0  # a pole must not flatten the rest


def annealing_figure(
    title: str,
    progress: FloatArray,
    g: FloatArray,
    x: FloatArray,
    frames: Sequence[tuple[float, float, FloatArray]],
) -> Figure:
    """Return a figure of g over a training and of the function at some moments of it.

    Args:
        title: the heading.
        progress: shares of the training within [0, 1], `(n,)`.
        g: at each of them, `(n,)`.
        x: inputs, `(m,)`.
        frames: progress, g and the values at `x` of each moment, in their order;
            early ones are dark, late ones light, as in both panels.

    >>> line = np.linspace(0.0, 1.0, 5)
    >>> figure = annealing_figure("line", line, line, line, [(0.0, 0.0, line), (1.0, 1.0, -line)])
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['g', 'y']
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot: no display, no global list of figures
    left, right = figure.subplots(1, 2)
    # Even lightness, told apart with every colour blindness and in print.
    colours = colormaps["viridis"](np.linspace(0.0, 0.9, len(frames)))
    left.plot(progress, g, color="#666666", linewidth=1.5, zorder=1)
    for (moment, weight, values), colour in zip(frames, colours, strict=True):
        left.plot([moment], [weight], "o", color=colour, zorder=2)
        shown = np.where(np.abs(values) <= _HIGHEST, values, np.nan)
        label: Any = f"{moment:.0%} done, g = {weight:.2g}"
        right.plot(x, shown, color=colour, linewidth=1.8, label=label)
    left.set(xlabel="share of the training", ylabel="g", xlim=(-0.02, 1.02), ylim=(-0.05, 1.05))
    right.set(xlabel="x", ylabel="y")
    right.legend(fontsize=7, frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=9, family="monospace", parse_math=False, wrap=True)
    return figure
