"""What a surrogate sees of a candidate: numbers that follow from it without a network.

The function is standardised under N(0, 1) and split into its odd and its even part,
the sign of each chosen; the scale and the shift are two numbers beside. So functions
that differ by sign, or by the sign of the input, have equal features, and those of a
search that standardises candidates differ by their shapes alone. Distances between
features are distances between functions: no text, no tree.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from scipy import special

from evoact.language import PATHS, ArrayFunction, Expression, FloatArray, Scope
from evoact.records import HEADS, SCHEDULES, Anneal, Candidate

_QUANTILES: Final = 32
_POSITIVE: Final = special.ndtri(0.5 + (np.arange(_QUANTILES) + 0.5) / (2 * _QUANTILES))
_EDGES: Final = np.linspace(-6.0, 6.0, 1201)
_GRID: Final = 0.5 * (_EDGES[1:] + _EDGES[:-1])
_WEIGHTS: Final = np.exp(-0.5 * np.square(_GRID)) / np.exp(-0.5 * np.square(_GRID)).sum()
_DEGREES: Final = 9
_DEPTH: Final = 4  # layers through which correlations are followed
_CORRELATIONS: Final = (0.3, 0.9)
_TAIL: Final = 4.0
_LARGEST: Final = 30.0  # of values, in standard deviations, and of slopes
_TINY: Final = 1e-3
_STEEP_WITHIN: Final = 3.0
_FLAT: Final = 0.05
_FARTHEST: Final = 2.0  # of scale and shift: beyond, functions are as far from all others
_GENE: Final = 0.5  # distance of candidates that differ in one gene alone, about


def _hermite() -> FloatArray:
    """Return the normalised probabilists' polynomials on the grid `(degrees, points)`."""
    rows = [np.ones_like(_GRID), _GRID]
    for k in range(1, _DEGREES - 1):
        rows.append((_GRID * rows[k] - np.sqrt(k) * rows[k - 1]) / np.sqrt(k + 1.0))
    return np.array(rows)


_HERMITE: Final = _hermite()

# Means and spreads over the core units, so that each number weighs about as much.
_CENTRES: Final = np.array([0.2, 1.1, 0.6, 0.3, 0.8, 0.5, 0.1, -0.3, 0.2, 1.0])
_SPREADS: Final = np.array([0.7, 0.8, 0.8, 0.3, 0.2, 0.4, 0.2, 0.3, 1.0, 0.9])


def features(candidate: Candidate) -> FloatArray:
    """Return the features of a candidate with a pointwise function, `(156,)`.

    Values on normal quantiles; scale and shift; signal propagation (mean-field theory,
    Schoenholz et al. 2017: what squared gradients are multiplied by, correlations after
    some layers), roughness, tails; how many learnable parameters; annealing genes. With
    the head, where it is a gene, `(160,)`.

    >>> from evoact.language import parse
    >>> one, other = (features(Candidate(parse(t))) for t in ("silu(x)", "-silu(-x)"))
    >>> bool(np.allclose(one, other))
    True
    """
    head = [_GENE * (candidate.head == head) for head in HEADS] if candidate.head else []
    return np.concatenate([of_function(candidate.late), _of_genes(candidate.anneal), head])


@lru_cache(maxsize=4096)
def of_function(late: Expression) -> FloatArray:
    """Return the features of the function alone, read-only."""
    function = late.numpy()
    mean, deviation = _moments(function)
    values = _clipped(function, mean, deviation)
    parts = _parts(values) / np.sqrt(_QUANTILES)
    signal = (_signal(values) - _CENTRES) / _SPREADS
    signal = np.clip(signal, -3.0, 3.0) / np.sqrt(2.0 * len(signal))
    scopes = [parameter.scope for parameter in late.parameters]
    counts = [_GENE * np.sqrt(scopes.count(scope)) for scope in Scope]
    placed = [_GENE * np.log(deviation), _GENE * abs(mean) / deviation]
    found = np.concatenate([parts, signal, counts, np.clip(placed, -_FARTHEST, _FARTHEST)])
    found.flags.writeable = False
    return found


def _moments(function: ArrayFunction) -> tuple[float, float]:
    with np.errstate(all="ignore"):
        values = np.nan_to_num(function(_GRID), nan=0.0, posinf=1e6, neginf=-1e6)
        mean = float(_WEIGHTS @ values)
        variance = float(_WEIGHTS @ np.square(values - mean))
    return mean, max(variance, 1e-12) ** 0.5


def _clipped(function: ArrayFunction, mean: float, deviation: float) -> ArrayFunction:
    """Return the standardised function, finite everywhere."""

    def values(x: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            found = (function(x) - mean) / deviation
        found = np.nan_to_num(found, nan=0.0, posinf=_LARGEST, neginf=-_LARGEST)
        return np.clip(found, -_LARGEST, _LARGEST)

    return values


def _parts(values: ArrayFunction) -> FloatArray:
    """Return odd and even part on positive quantiles, each with a sign of its own.

    To turn the output changes the sign of both, to turn the input that of one.
    """
    right, left = values(_POSITIVE), values(-_POSITIVE)
    odd, even = 0.5 * (right - left), 0.5 * (right + left)
    growing = np.square(_POSITIVE) - 1.0
    return np.concatenate([_turned(odd, _POSITIVE), _turned(even, growing)])


def _turned(part: FloatArray, along: FloatArray) -> FloatArray:
    return part * (-1.0 if float(part @ along) < 0.0 else 1.0)


def _signal(values: ArrayFunction) -> FloatArray:
    on_grid = values(_GRID)
    slopes = np.abs(np.gradient(on_grid, _GRID))
    bends = np.abs(np.diff(np.gradient(on_grid, _GRID)))
    near = np.abs(_GRID) < _STEEP_WITHIN
    tails = np.sort(np.abs(values(np.array([-_TAIL, _TAIL]))))
    numbers = [
        np.log(_TINY + _WEIGHTS @ np.square(slopes)),
        np.log(_TINY + _WEIGHTS @ np.square(np.square(on_grid))),
        np.log(_TINY + slopes[near].max()),
        *_correlations(np.square(_HERMITE @ (_WEIGHTS * on_grid))),
        np.log1p(0.5 * (_WEIGHTS[1:] + _WEIGHTS[:-1]) @ bends / (_GRID[1] - _GRID[0])),
        _WEIGHTS @ (slopes < _FLAT),
        np.log(_TINY + _WEIGHTS @ slopes),
        *np.log(_TINY + tails),
    ]
    return np.array(numbers)


def _correlations(spectrum: FloatArray) -> list[float]:
    """Return how alike two inputs are after some layers (Poole et al. 2016).

    With Hermite coefficients `a_k` and unit variance a correlation `c` becomes
    `sum of a_k^2 c^k` in the next layer (Daniely et al. 2016).
    """
    left = max(0.0, 1.0 - float(spectrum.sum()))
    powers = np.arange(len(spectrum) + 1)
    weights = np.append(spectrum, left)
    found = []
    for start in _CORRELATIONS:
        correlation = start
        for _ in range(_DEPTH):
            correlation = min(float(weights @ correlation**powers), 1.0)
        found.append(correlation)
    return found


def _of_genes(genes: Anneal | None) -> FloatArray:
    """Return annealing genes; the early function where it is given, not where it is derived."""
    early = np.zeros(2 * _QUANTILES)
    if genes is None:
        return np.concatenate([np.zeros(3 + len(PATHS) + len(SCHEDULES)), early])
    if genes.early is not None and not genes.early.is_groupwise:
        early = of_function(genes.early)[: len(early)]
    choices = [genes.path == path for path in PATHS]
    choices += [genes.schedule == schedule for schedule in SCHEDULES]
    return _GENE * np.concatenate([[1.0, genes.start, genes.end], choices, early])
