"""Numbers of a function that need no training: objectives and constraints of a search.

Under the standard normal distribution, as inputs of activations about are; at the
initial parameters. Of groupwise functions means over the output channels.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Final

import numpy as np

from evoact.language.expression import Expression
from evoact.language.facts import facts_of
from evoact.language.gaussian import normal_points
from evoact.language.lanes import lanes
from evoact.language.tree import FloatArray

STATIC: Final = ("cost", "nodes", "lipschitz", "smoothness", "sparsity", "pieces")
"""The names of the measures."""

_REACH: Final = 8.0
_PANELS: Final = 1 << 13
_SAMPLED_STEP: Final = 0.05
_CHANNELS: Final = 24
_GROWS: Final = 1.6  # of a jump the roughness doubles with half the step, of a kink it stays


def measure(name: str, expression: Expression) -> float | None:
    """Return one of the measures; None where it is not known.

    `lipschitz` is the fact of that name, certified or estimated; infinite where
    there is no bound.

    >>> from evoact.language import parse
    >>> [measure(name, parse("relu(x)")) for name in STATIC]
    [1.0, 2.0, 1.0, 0.714826, 0.5, 2.0]
    """
    match name:
        case "cost":
            return expression.cost
        case "nodes":
            return float(expression.nodes)
        case "lipschitz":
            value = facts_of(expression).lipschitz.value
            return None if value is None or math.isnan(value) else float(value)
        case "smoothness":
            return smoothness(expression)
        case "sparsity":
            return sparsity(expression)
        case "pieces":
            return linear_pieces(expression)
    raise AssertionError(f"no measure {name!r}")


@lru_cache(maxsize=1024)
def smoothness(expression: Expression) -> float:
    """Return `1 / (1 + V)`, V being how much the slope changes: `E|f''(z)|`, z ~ N(0, 1).

    V is the total variation of `f'`, weighed by the normal density `p`: for a kink
    at `x` where the slope jumps by `s`, `p(x) |s|` is added; a jump of `f` makes it
    infinite. As `V = lim E|f(z + h) - 2 f(z) + f(z - h)| / h^2` it is that of
    groupwise functions too, with steps of either sign in each channel. Six digits.

    1 for what is linear, 0 for what jumps; 1 / (1 + p(0)) for relu.

    >>> from evoact.language import parse
    >>> [smoothness(parse(text)) for text in ("3 * x", "relu(x)", "abs(x)", "step(x)")]
    [1.0, 0.714826, 0.556209, 0.0]
    """
    pieces = lanes(expression)
    if pieces is None:
        coarse, fine = (_sampled_roughness(expression, h) for h in (1.0, 0.5))
    else:
        functions = [(float(share), lane.numpy()) for share, lane in pieces]
        coarse, fine = (
            math.fsum(share * _roughness(f, panels) for share, f in functions)
            for panels in (_PANELS, 2 * _PANELS)
        )
    if not math.isfinite(fine) or fine > _GROWS * coarse + 1e-6:
        return 0.0
    return round(1.0 / (1.0 + fine), 6)


@lru_cache(maxsize=1024)
def sparsity(expression: Expression) -> float:
    """Return the share of outputs that are exactly 0 for inputs from N(0, 1); four digits.

    >>> from evoact.language import parse
    >>> [sparsity(parse(text)) for text in ("relu(x)", "x * step(x - 1)", "tanh(x)")]
    [0.5, 0.8413, 0.0]
    """
    pieces = lanes(expression)
    if pieces is None:
        values = expression.numpy()(normal_points(_channels(expression)))
        return round(float((values == 0.0).mean()), 4)
    points, weights = _grid(2 * _PANELS)
    zeros = (
        float(share) * float(weights @ (lane.numpy()(points) == 0.0)) for share, lane in pieces
    )
    return round(math.fsum(zeros), 4)


@lru_cache(maxsize=1024)
def linear_pieces(expression: Expression) -> float | None:
    """Return of how many linear pieces a function is, in exact fractions.

    Of channels side by side that of the one that has most. Infinite where it is not
    known to be piecewise linear, None where an operation mixes channels.

    >>> from evoact.language import parse
    >>> [linear_pieces(parse(text)) for text in ("clamp(x, 0, 1)", "abs(x) - relu(x)", "tanh(x)")]
    [3.0, 2.0, inf]
    """
    # Deferred, as by `facts_of`: little asks for it.
    from evoact.language.facts.exact import piecewise

    functions = lanes(expression)
    if functions is None:
        return None
    found = [piecewise(lane.root, lane.parameters) for _, lane in functions]
    return max(math.inf if f is None else float(len(f.lines)) for f in found)


def _roughness(function: object, panels: int) -> float:
    assert callable(function)
    points, weights = _grid(panels)
    step = points[1] - points[0]
    with np.errstate(all="ignore"):
        values = function(points)
        second = np.abs(values[2:] - 2.0 * values[1:-1] + values[:-2])
        # Rounding of large values is no roughness.
        second[second <= 8.0 * np.finfo(np.float64).eps * np.abs(values[1:-1])] = 0.0
        total = float(weights[1:-1] @ second) / step**2
    return total if math.isfinite(total) else math.inf


def _sampled_roughness(expression: Expression, scale: float) -> float:
    points = normal_points(_channels(expression))
    signs = np.sign(np.roll(points, len(points) // 3, axis=0))
    function, step = expression.numpy(), scale * _SAMPLED_STEP
    with np.errstate(all="ignore"):
        second = function(points + step * signs) + function(points - step * signs)
        total = float(np.abs(second - 2.0 * function(points)).mean()) / step**2
    return total if math.isfinite(total) else math.inf


def _channels(expression: Expression) -> int:
    multiple = expression.channel_multiple
    return -(-_CHANNELS // multiple) * multiple


@cache
def _grid(panels: int) -> tuple[FloatArray, FloatArray]:
    """Return the middles of even panels over +-8 deviations, and their weights."""
    edges = np.linspace(-_REACH, _REACH, panels + 1)
    points: FloatArray = 0.5 * (edges[1:] + edges[:-1])
    density = np.exp(-0.5 * np.square(points))
    weights: FloatArray = density / density.sum()
    return points, weights
