"""Integrals of any function of one variable under the standard normal distribution.

Panels of Gauss-Legendre nodes, split where the parts disagree with the whole.
Gauss-Hermite nodes are exact for polynomials but off by percents at kinks, and
an even grid is off by half a step at jumps; here both are cornered in panels
too narrow to matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from evoact.language.tree import FloatArray

# 1e-32 of the distribution lies beyond 12; most kinks lie on multiples of 1/2.
_EDGES: Final[FloatArray] = np.linspace(-12.0, 12.0, 49)
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(12)
_TOLERANCE: Final = 1e-12
_SPLIT: Final = 4
_LEVELS: Final = 19
_LEAST_WIDTH: Final = 0.5 * _SPLIT**-_LEVELS  # 2e-12
_MOST_PANELS: Final = 2048
# A value that is not a number where nobody gets to is no fault: sqrt(x + 9).
_FAR: Final = 8.0
# Of an integral that converges, less than this lies in the outmost or narrowest panels.
_DIVERGENT_SHARE: Final = 0.01
# Panels as narrow as this close in on a kink or a jump, and are no part of a slope.
_NARROW: Final = 1e-7


@dataclass(frozen=True, slots=True)
class Panels:
    """Nodes that resolve a function; arrays have one row a panel.

    Attributes:
        points: the nodes, of shape `(panels, nodes)`.
        values: the function there.
        weights: those of the expectation under N(0, 1).
        left, widths: of the panels, shape `(panels, 1)`.
    """

    points: FloatArray
    values: FloatArray
    weights: FloatArray
    left: FloatArray
    widths: FloatArray

    def mean(self, values: FloatArray) -> float:
        """Return the expectation of what has `values` at the nodes.

        One that does not exist is infinite, or NaN where signs differ.
        """
        with np.errstate(all="ignore"):
            integrand = self.weights * values
            total = float(integrand.sum())
        sizes = np.abs(integrand)
        tail = sizes[np.abs(self.points[:, 0]) > _EDGES[-3]].sum()
        pole = sizes[self.widths[:, 0] <= _LEAST_WIDTH].sum()
        if not math.isfinite(total) or max(tail, pole) <= _DIVERGENT_SHARE * sizes.sum():
            return total
        return math.nan if (values < 0).any() else math.inf

    def slopes(self) -> FloatArray:
        """Return the derivative at the nodes, 0 next to kinks and jumps."""
        with np.errstate(all="ignore"):
            slopes = self.values @ _differentiation().T * (2.0 / self.widths)
        return np.where(self.widths > _NARROW, slopes, 0.0)

    def __getitem__(self, rows: npt.NDArray[np.bool_]) -> Panels:
        """Return some of the panels."""
        return Panels(*(getattr(self, field.name)[rows] for field in fields(self)))


def resolve(function: Callable[[FloatArray], FloatArray], shift: float = 0.0) -> Panels:
    """Return nodes that integrate `f = function + shift` and `f^2` under N(0, 1).

    A function that oscillates faster than 2,048 panels can follow is left unresolved.
    """
    panels = _panels(function, shift, _EDGES[:-1, None], np.diff(_EDGES)[:, None])
    scale, done = np.zeros((2, 1)), []
    for _ in range(_LEVELS):
        width = np.repeat(panels.widths / _SPLIT, _SPLIT, axis=0)
        left = np.repeat(panels.left, _SPLIT, axis=0)
        left += width * np.tile(np.arange(_SPLIT), len(panels.left))[:, None]
        parts = _panels(function, shift, left, width)
        finer = _integrals(parts).reshape(2, -1, _SPLIT).sum(axis=2)
        with np.errstate(all="ignore"):
            error = np.abs(finer - _integrals(panels))
        scale = np.maximum(scale, np.abs(finer).sum(axis=1, keepdims=True))
        bad = (error > _TOLERANCE * scale).any(axis=0)
        done.append(parts[~np.repeat(bad, _SPLIT)])
        panels = parts[np.repeat(bad, _SPLIT)]
        if not 0 < bad.sum() <= _MOST_PANELS:
            break
    done.append(panels)
    return Panels(*(np.concatenate([getattr(p, f.name) for p in done]) for f in fields(Panels)))


def _panels(
    function: Callable[[FloatArray], FloatArray], shift: float, left: FloatArray, width: FloatArray
) -> Panels:
    points = left + 0.5 * width * (_NODES + 1.0)
    values = function(points) + shift
    values[np.isnan(values) & (np.abs(points) > _FAR)] = 0.0
    density = np.exp(-0.5 * np.square(points)) / math.sqrt(2.0 * math.pi)
    return Panels(points, values, 0.5 * width * _NODE_WEIGHTS * density, left, width)


def _integrals(panels: Panels) -> FloatArray:
    """Return what each panel adds to `E[f]` and `E[f^2]`, shape `(2, panels)`."""
    with np.errstate(all="ignore"):
        weighted = panels.weights * panels.values
        return np.stack([weighted.sum(axis=1), (weighted * panels.values).sum(axis=1)])


@cache
def _differentiation() -> FloatArray:
    """The matrix from values at the nodes in (-1, 1) to slopes of their polynomial."""
    gaps = _NODES[:, None] - _NODES
    np.fill_diagonal(gaps, 1.0)
    lagrange = 1.0 / gaps.prod(axis=1)
    matrix = lagrange / lagrange[:, None] / gaps
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    result: FloatArray = matrix
    return result
