"""The regions of a network on a plane, and the sign patterns that samples show.

A convex window of the plane is cut along the lines on which the units of the first layer
change their linear pieces; within each cell the next layer is affine, and cuts it in
turn (Raghu et al. 2017, arXiv 1606.05336, theorem 1). On a plane the cells of a
shallow network are those of an arrangement of lines (Zaslavsky 1975).
"""

from __future__ import annotations

from math import comb, prod
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from evoact.diagnostics.levels import levels
from evoact.diagnostics.recording import exact, record
from evoact.errors import InputError
from evoact.language import FloatArray

_ZERO: Final = 1e-12  # of a level, relative to its size in the cell
_SQUARE: Final = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))


def regions_on_plane(network: nn.Module, centre: Tensor, u: Tensor, v: Tensor) -> list[FloatArray]:
    """Return the activation regions of a network on `centre + a u + b v`, |a| and |b| <= 1.

    Args:
        network: as for `regions_along`; sorting activations are cut wherever two of a
            group are equal, which may be more than there are regions of the largest.
        centre: an input without the dimension of samples.
        u: a direction, likewise, as is `v`.
        v: another.

    Returns:
        The corners `(a, b)` of each convex cell, of shape `(corners, 2)`.

    Raises:
        InputError: shapes differ, or an activation is not piecewise linear.

    >>> network = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> _ = network[0].weight.data.copy_(torch.eye(2)), network[0].bias.data.zero_()
    >>> len(regions_on_plane(network, torch.zeros(2), *torch.eye(2)))
    4
    """
    if not centre.shape == u.shape == v.shape:
        raise InputError(
            f"centre, u and v are of shapes {tuple(centre.shape)}, {tuple(u.shape)} and "
            f"{tuple(v.shape)}; wanted one shape, that of an input"
        )
    network = exact(network)
    origin, *sides = (one.detach().cpu().double() for one in (centre, u, v))

    def at(corners: FloatArray) -> Tensor:
        a, b = (torch.from_numpy(c).view(-1, *[1] * origin.dim()) for c in corners.T)
        return origin + a * sides[0] + b * sides[1]

    cells = [np.array(_SQUARE)]
    with torch.no_grad():
        for place in range(len(record(network, at(cells[0]))[1])):
            layer = record(network, at(np.concatenate(cells)))[1][place]
            values = levels(layer.module, layer.before).numpy()
            starts = np.cumsum([len(cell) for cell in cells])[:-1]
            parts = np.split(values, starts)
            cells = [part for pair in zip(cells, parts, strict=True) for part in _cut_by_all(*pair)]
    return cells


def _cut_by_all(cell: FloatArray, values: FloatArray) -> list[FloatArray]:
    """Cut a cell along each line on which a level is 0.

    Args:
        cell: corners, `(corners, 2)`.
        values: of the levels at the corners, `(corners, levels)`.
    """
    parts = [np.concatenate([cell, values], axis=1)]
    for level in range(2, parts[0].shape[1]):
        parts = [half for part in parts for half in _cut(part, level)]
    return [part[:, :2] for part in parts]


def _cut(part: FloatArray, level: int) -> list[FloatArray]:
    """Cut a convex polygon whose corners carry levels where one of them is 0."""
    heights = part[:, level]
    least = _ZERO * np.abs(heights).max()
    if not (heights > least).any() or not (heights < -least).any():
        return [part]
    halves: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    for corner, following in zip(part, np.roll(part, -1, axis=0), strict=True):
        here, there = corner[level], following[level]
        for half, sign in zip(halves, (1.0, -1.0), strict=True):
            if sign * here >= -least:
                half.append(corner)
        if min(here, there) < -least and max(here, there) > least:
            crossing = corner + (here / (here - there)) * (following - corner)
            crossing[level] = 0.0
            halves[0].append(crossing)
            halves[1].append(crossing)
    return [np.array(half) for half in halves]


def sign_patterns(network: nn.Module, x: Tensor) -> int:
    """Return how many patterns of signs of pre-activations inputs show, over all units.

    For any network: never more than its activation regions among those of ReLU, and
    fewer where small ones lie between the samples.

    Args:
        network: any module with activations.
        x: inputs, `(samples, ...)`.

    >>> network = nn.Sequential(nn.Linear(1, 2), nn.Tanh())
    >>> _ = network[0].weight.data.fill_(1.0), network[0].bias.data.copy_(torch.tensor([0.0, -1]))
    >>> sign_patterns(network, torch.tensor([[-1.0], [0.5], [0.6], [2.0]]))
    3
    """
    with torch.no_grad():
        _, layers = record(network, x)
    signs = torch.cat([(layer.before > 0).flatten(1) for layer in layers], dim=1)
    return len(signs.unique(dim=0))


def zaslavsky(units: int, inputs: int) -> int:
    """Return into how many regions so many hyperplanes cut a space at most (Zaslavsky 1975).

    `sum_{j <= inputs} C(units, j)`: the largest number of a shallow ReLU network.

    >>> zaslavsky(8, 2)
    37
    """
    return sum(comb(units, j) for j in range(inputs + 1))


def deep_lower_bound(widths: tuple[int, ...], inputs: int) -> int:
    """Return how many regions some ReLU network of these widths has at least.

    `prod_{i < L} floor(n_i / n_0)^n_0 * sum_{j <= n_0} C(n_L, j)` (Montufar et al. 2014,
    theorem 4).

    >>> deep_lower_bound((4, 4), 1)
    20
    """
    *lower, last = widths
    folds = [width // inputs for width in lower for _ in range(inputs)]
    return prod(folds) * zaslavsky(last, inputs)


def maxout_lower_bound(rank: int, inputs: int, depth: int) -> int:
    """Return how many regions some maxout network of width `inputs` has at least.

    `k^(L - 1) k^n_0` for `L` layers of rank k (Montufar et al. 2014, theorem 8).

    >>> maxout_lower_bound(2, 2, 3)
    16
    """
    return prod([rank] * (depth - 1 + inputs))
