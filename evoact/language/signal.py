"""What becomes of a signal, and of its gradient, in a deep network of one activation.

Mean-field maps of wide random layers (Poole et al. 2016, Schoenholz et al. 2017):
with weights of variance `gain^2 / fan_in` and no biases, pre-activations of
variance `q` become `gain^2 * E[f(sqrt(q) z)^2]` in the next layer, and squared
gradients are multiplied by `gain^2 * E[f'(sqrt(q) z)^2]` on their way back, for
`z ~ N(0, 1)`. The gain is the candidate's own, `1 / sqrt(E[f(z)^2])`: so `q = 1`
is always kept, and what matters is where other values go.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import numpy as np

from evoact.language.expression import Expression
from evoact.language.gaussian import initialisation_gain, normal_points
from evoact.language.lanes import lanes
from evoact.language.tree import Call, FloatArray, walk

# Inputs are not all of one size: variances of pre-activations in the first layer.
STARTS: Final = (0.5, 1.0, 2.0)
_STEP: Final = 1e-5
_CHANNELS: Final = 24
_EVERY: Final = 16  # of the sampled points: this decides about powers of ten
# A value that is not a number where nobody gets to is no fault: sqrt(x + 9).
_FAR: Final = 6.0

Spread = Callable[[float], tuple[float, float]]
"""From `q` to `E[f(sqrt(q) z)^2]` and `E[f'(sqrt(q) z)^2]`."""


@dataclass(frozen=True, slots=True)
class Signal:
    """By what factor second moments change from the first layer to the last.

    Attributes:
        forward: of the signal, from each of `STARTS`.
        backward: of the gradient, along the same ways; None where slopes are
            surrogates, which are not those of the function.
    """

    forward: tuple[float, ...]
    backward: tuple[float, ...] | None


@lru_cache(maxsize=4096)
def signal_at_depth(expression: Expression, depth: int) -> Signal:
    """Return what `depth` layers of an activation make of signal and gradient.

    At the initial parameters; a second moment that is not finite is infinite.

    >>> from evoact.language import parse
    >>> signal_at_depth(parse("relu(x)"), 10)
    Signal(forward=(1.0, 1.0, 1.0), backward=(1.0, 1.0, 1.0))
    >>> max(signal_at_depth(parse("exp(x)"), 10).forward)
    inf
    """
    gain, spread = initialisation_gain(expression), moments_after(expression)
    ways = [_way(spread, gain**2, q, depth) for q in STARTS]
    has_surrogates = any(
        isinstance(node, Call) and node.primitive.surrogate for node in walk(expression.root)
    )
    backward = None if has_surrogates else tuple(back for _, back in ways)
    return Signal(tuple(forward for forward, _ in ways), backward)


def _way(spread: Spread, gain: float, start: float, depth: int) -> tuple[float, float]:
    q, gradient = start, 1.0
    for _ in range(depth):
        second, slope = spread(q)
        q, gradient = gain * second, gradient * gain * slope
        if not (math.isfinite(q) and math.isfinite(gradient)):
            return math.inf, math.inf
    return float(f"{q / start:.4g}"), float(f"{gradient:.4g}")


def moments_after(expression: Expression) -> Spread:
    """Return the map from the variance of inputs to second moments of outputs and slopes."""
    pieces = lanes(expression)
    if pieces is None:
        return _sampled(expression)
    functions = [(float(share), lane.numpy()) for share, lane in pieces]
    points, weights = _grid()

    def spread(q: float) -> tuple[float, float]:
        at, second, slope = math.sqrt(q) * points, 0.0, 0.0
        with np.errstate(all="ignore"):
            for share, f in functions:
                rise = (f(at + _STEP) - f(at - _STEP)) / (2.0 * _STEP)
                second += share * _mean_square(f(at), points, weights)
                slope += share * _mean_square(rise, points, weights)
        return _finite(second), _finite(slope)

    return spread


def _sampled(expression: Expression) -> Spread:
    """Groupwise: means over output channels, the squares of slopes summed over the inputs."""
    multiple = expression.channel_multiple
    points = normal_points(-(-_CHANNELS // multiple) * multiple)[::_EVERY]
    signs = np.sign(np.roll(points, len(points) // 3, axis=0))
    function = expression.numpy()

    def spread(q: float) -> tuple[float, float]:
        at = math.sqrt(q) * points
        with np.errstate(all="ignore"):
            rise = (function(at + _STEP * signs) - function(at - _STEP * signs)) / (2.0 * _STEP)
            return (
                _finite(float(np.square(function(at)).mean())),
                _finite(float(np.square(rise).mean())),
            )

    return spread


def _mean_square(values: FloatArray, points: FloatArray, weights: FloatArray) -> float:
    nobody = np.isnan(values) & (np.abs(points) > _FAR)
    return float(weights @ np.square(np.where(nobody, 0.0, values)))


def _finite(moment: float) -> float:
    return math.inf if math.isnan(moment) else moment


@cache
def _grid() -> tuple[FloatArray, FloatArray]:
    """Return midpoints over +-8 deviations, and their weights under N(0, 1)."""
    edges = np.linspace(-8.0, 8.0, 2049)
    points: FloatArray = 0.5 * (edges[1:] + edges[:-1])
    density = np.exp(-0.5 * np.square(points))
    weights: FloatArray = density / density.sum()
    return points, weights
