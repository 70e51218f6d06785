"""The best continuous piecewise-linear functions under a normal distribution.

Once its knots are chosen, the best function is a linear least-squares problem
in hinges `max(x - knot, 0)`, so only knots are searched for (variable
projection, Golub & Pereyra 1973). Knots are multiples of a spacing. A search
starts from the best pieces that need not meet, and from the fit of half as many
pieces; from both it moves knots one by one until no move gains (see `knots`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from evoact.errors import InputError, integer
from evoact.language.expression import Expression
from evoact.language.knots import best_apart, descend
from evoact.language.piecewise import PiecewiseLinear
from evoact.language.tree import FloatArray

SPACING: Final = 1 / 16
_REACH: Final = 4.0  # knots lie within so many sigma,
_EDGE: Final = 8  # and integrals go so far: 1e-15 lies beyond
_MOST_KNOTS: Final = 256
_FINE: Final = 16
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(6)
# What rounding leaves of a line, over its largest value.
_STRAIGHT: Final = 1e-13


def fit_piecewise(
    expression: Expression, pieces: int, *, sigma: float = 1.0, spacing: float = SPACING
) -> PiecewiseLinear:
    """Return the continuous `p` of so many pieces with least `E[(f(z) - p(z))^2]`.

    `z ~ N(0, sigma^2)`, and `f` is taken at its initial parameters. Knots are
    multiples of `spacing` within 4 sigma (where more than 256 would be, of
    `spacing` times a power of two). Fits of 2, 4, 8, ... pieces never get worse.
    Where `f` is not finite, it is taken to go straight between the nearest
    points where it is, and to be constant beyond the last.

    Args:
        expression: a function of one number: not groupwise.
        pieces: how many at most; fewer come back where more cannot help.
        sigma: standard deviation of the inputs, in units of `x`.
        spacing: in units of `x`.

    Raises:
        InputError: an argument is out of its range, the expression is groupwise,
            or no value is finite.

    >>> from evoact.language import parse
    >>> fit_piecewise(parse("clamp(x, -1, 1)"), 8).knots
    (-1.0, 1.0)
    >>> fit = fit_piecewise(parse("x * sigmoid(x)"), 8)
    >>> fit.pieces, round(rms_error(parse("x * sigmoid(x)"), fit), 5)
    (8, 0.00316)
    """
    count = integer(pieces, "pieces", 8)
    if count < 1:
        raise InputError(f"pieces is {count}; wanted 1 or more, such as 8")
    for name, value in (("sigma", sigma), ("spacing", spacing)):
        if not 0.0 < value < math.inf:
            raise InputError(f"{name} is {value!r}; wanted a finite number above 0, such as 1.0")
    _check_pointwise(expression)
    return _fitted(expression, count, float(sigma), float(spacing))


def rms_error(expression: Expression, fit: PiecewiseLinear, sigma: float = 1.0) -> float:
    """Return `sqrt(E[(f(z) - fit(z))^2])`, `z ~ N(0, sigma^2)`, in units of `f`.

    Where `f` is not finite it is taken as by `fit_piecewise`.

    Raises:
        InputError: as `fit_piecewise`.

    >>> from evoact.language import parse
    >>> line = PiecewiseLinear((), (0.5,), (0.0,))
    >>> round(rms_error(parse("x"), line, sigma=3.0), 9)
    1.5
    """
    if not 0.0 < sigma < math.inf:
        raise InputError(f"sigma is {sigma!r}; wanted a finite number above 0, such as 1.0")
    _check_pointwise(expression)
    # A fit bends at edges of panels, which makes the integral exact there.
    even = sigma / _FINE * np.arange(-_EDGE * _FINE, _EDGE * _FINE + 1)
    inner = np.clip(fit.knots, even[0], even[-1])
    points, weights = _quadrature(np.union1d(even, inner), sigma)
    values, scale = _values(expression, points)
    return scale * _rms(values - fit(points) / scale, weights)


def _check_pointwise(expression: Expression) -> None:
    if expression.is_groupwise:
        raise InputError(
            f"{str(expression)!r} is groupwise; wanted a function of one number, such as "
            "silu(x). Of groupwise functions, `cheap_early` gives a cheap one (path blend)"
        )


@dataclass(frozen=True, slots=True)
class _Sample:
    """What all functions share: points of a quadrature, and hinges.

    `basis` holds 1, `x` and outward hinges, which are small where the density is;
    `hinges` the same without their lines, at unit variance.
    """

    points: FloatArray
    weights: FloatArray
    knots: FloatArray
    basis: FloatArray
    gram: FloatArray
    hinges: FloatArray
    overlaps: FloatArray


@lru_cache(maxsize=8)
def _sample(sigma: float, spacing: float) -> _Sample:
    coarser = max(1.0, 2.0 * _REACH * sigma / spacing / _MOST_KNOTS)
    step = spacing * 2.0 ** math.ceil(math.log2(coarser))
    width = step / math.ceil(4.0 * step / sigma)
    panels = math.ceil(_EDGE * sigma / width)
    points, weights = _quadrature(width * np.arange(-panels, panels + 1, dtype=np.float64), sigma)
    most = math.floor(_REACH * sigma / step)
    knots = step * np.arange(-most, most + 1, dtype=np.float64)
    outward = np.where(knots < 0.0, -1.0, 1.0)[:, None]
    hinges = np.maximum(outward * (points - knots[:, None]), 0.0)
    basis = np.concatenate([[np.ones_like(points), points], hinges])
    line = np.stack([np.ones_like(points), points / sigma])
    for _ in range(2):  # the second time takes off what rounding left
        hinges = hinges - (hinges * weights) @ line.T @ line
    hinges /= np.sqrt(np.square(hinges) @ weights)[:, None]
    overlaps: FloatArray = (hinges * weights) @ hinges.T
    return _Sample(points, weights, knots, basis, (basis * weights) @ basis.T, hinges, overlaps)


def _quadrature(edges: FloatArray, sigma: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes in panels between edges, and their weights under N(0, sigma^2)."""
    half = 0.5 * np.diff(edges)[:, None]
    points = (edges[:-1, None] + half * (_NODES + 1.0)).ravel()
    density = np.exp(-0.5 * np.square(points / sigma)) / (sigma * math.sqrt(2.0 * math.pi))
    return points, density * (half * _NODE_WEIGHTS).ravel()


@dataclass(frozen=True, slots=True)
class _Target:
    """A function on a sample.

    `values` are over `scale`, `table` has the hinges' overlaps with one another and,
    last, with the function, and `costs[i, j]` is the squared error of the best line
    from edge `i` to edge `j`, the edges being all knots and both infinities.
    """

    values: FloatArray
    scale: float
    table: FloatArray
    costs: FloatArray


@lru_cache(maxsize=32)
def _target(expression: Expression, sigma: float, spacing: float) -> _Target:
    sample = _sample(sigma, spacing)
    values, scale = _values(expression, sample.points)
    line = np.stack([np.ones_like(values), sample.points / sigma])
    bent = values
    for _ in range(2):
        bent = bent - (bent * sample.weights) @ line.T @ line
    if _rms(bent, sample.weights) <= _STRAIGHT:
        bent = np.zeros_like(values)
    shares = (sample.hinges * sample.weights) @ bent
    size = _rms(bent, sample.weights) ** 2
    table = np.block([[sample.overlaps, shares[:, None]], [shares[None], np.array([[size]])]])
    return _Target(values, scale, table, _costs(sample, bent))


def _values(expression: Expression, points: FloatArray) -> tuple[FloatArray, float]:
    """Return finite values of at most 1, and what they are over."""
    with np.errstate(all="ignore"):
        values = expression.numpy()(points)
    good = np.isfinite(values)
    if not good.any():
        raise InputError(
            f"{str(expression)!r} is finite nowhere within {points[-1]:.3g} of 0; "
            "wanted a function with values there, such as silu(x)"
        )
    values = np.interp(points, points[good], values[good])
    scale = float(np.abs(values).max()) or 1.0
    return values / scale, scale


def _rms(values: FloatArray, weights: FloatArray) -> float:
    return math.sqrt(float(np.square(values) @ weights))


def _costs(sample: _Sample, values: FloatArray) -> FloatArray:
    w, x = sample.weights, sample.points
    sums = np.cumsum([w, w * x, w * x * x, w * values, w * x * values, w * values**2], axis=1)
    ends = [0, *np.searchsorted(x, sample.knots), len(x)]
    sums = np.pad(sums, ((0, 0), (1, 0)))[:, ends]
    n, sx, sxx, sy, sxy, syy = sums[:, None, :] - sums[:, :, None]
    with np.errstate(all="ignore"):
        cross = sxy - sx * sy / n
        costs = syy - sy * sy / n - cross * cross / (sxx - sx * sx / n)
    return np.where(np.triu(np.isfinite(costs), 1), np.maximum(costs, 0.0), np.inf)


@lru_cache(maxsize=512)
def _fitted(expression: Expression, pieces: int, sigma: float, spacing: float) -> PiecewiseLinear:
    sample, target = _sample(sigma, spacing), _target(expression, sigma, spacing)
    starts = [best_apart(target.costs, pieces)]
    if pieces > 1:
        half = _fitted(expression, pieces // 2, sigma, spacing)
        starts.append(np.searchsorted(sample.knots, half.knots).tolist())
    fits = [_solved(descend(target.table, start, pieces - 1), target, sample) for start in starts]
    errors = [
        _rms(target.values - fit(sample.points) / target.scale, sample.weights) for fit in fits
    ]
    return fits[int(np.argmin(errors))]


def _solved(places: list[int], target: _Target, sample: _Sample) -> PiecewiseLinear:
    """Return the best function with such knots."""
    rows = [0, 1, *(place + 2 for place in places)]
    basis, gram = sample.basis[rows], sample.gram[np.ix_(rows, rows)]
    size = np.sqrt(np.diagonal(gram))
    found = np.zeros(len(rows))
    for _ in range(3):  # the first residual is as coarse as the equations are ill-conditioned
        rest = (basis * sample.weights) @ (target.values - found @ basis)
        found = found + np.linalg.solve(gram / np.outer(size, size), rest / size) / size
    knots, turns = sample.knots[places], target.scale * found[2:]
    # Hinges of negative knots reach to the left: they turn the slope as much, from below 0.
    first = target.scale * found[1] - turns[knots < 0.0].sum()
    slopes = first + np.concatenate([[0.0], np.cumsum(turns)])
    value = target.scale * found[0]
    return PiecewiseLinear.through(0.0, value, knots.tolist(), slopes.tolist())
