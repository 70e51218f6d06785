"""The linear regions of a network along a segment, counted exactly.

Montufar, Pascanu, Cho & Bengio 2014, "On the number of linear regions of deep
neural networks", arXiv 1402.1869; along lines Raghu et al. 2017, arXiv 1606.05336,
and Hanin & Rolnick 2019, arXiv 1901.09021. Between two points where some unit changes
its linear piece a network is affine, and so are the inputs of its next
layer: their crossings are solved for, layer by layer, in float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from evoact.diagnostics.levels import levels
from evoact.diagnostics.recording import exact, record
from evoact.errors import InputError

RESOLUTION: Final = 1e-12
"""Of knots, in lengths of the segment: what is nearer counts as one."""
_SAME: Final = 1e-9  # of slopes, relative to the largest
_AFFINE: Final = 1e-7


@dataclass(frozen=True, slots=True)
class Regions:
    """What a segment between two inputs meets.

    Attributes:
        linear: how many pieces the network's outputs have: the largest intervals on
            which they are affine.
        activation: how many intervals there are on which every unit stays on its
            linear piece; at least as many.
        knots: where the outputs bend, in shares of the segment, rising.
        laps: by activation, the largest number of intervals on which one of its units
            rises or falls: a layer that folds the segment d times in two gives 2^d.
    """

    linear: int
    activation: int
    knots: tuple[float, ...]
    laps: Mapping[str, int]


def regions_along(network: nn.Module, start: Tensor, end: Tensor) -> Regions:
    """Count the linear regions of a network along the segment between two inputs.

    Activations may be continuous piecewise-linear functions of a number, trained
    parameters included, or sort groups of channels (`group_max`, `group_sort`,
    `full_sort`); all else in the network must be affine in evaluation mode. Skip
    connections and convolutions are.

    Args:
        network: any module; a copy in float64 is looked at.
        start: an input without the dimension of samples.
        end: another of its shape.

    Raises:
        InputError: shapes differ, or the network is not continuous and piecewise linear.

    >>> network = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    >>> _ = network[0].weight.data.fill_(1.0), network[0].bias.data.fill_(-0.25)
    >>> regions_along(network, torch.tensor([0.0]), torch.tensor([1.0]))
    Regions(linear=2, activation=2, knots=(0.25,), laps={'1': 1})
    """
    if start.shape != end.shape or not start.is_floating_point():
        raise InputError(
            f"start is {start.dtype} of shape {tuple(start.shape)} and end of "
            f"{tuple(end.shape)}; wanted two inputs of one shape, of real numbers"
        )
    network, origin = exact(network), start.detach().cpu().double()
    way = end.detach().cpu().double() - origin

    def at(shares: Tensor) -> Tensor:
        return origin + shares.view(-1, *[1] * origin.dim()) * way

    with torch.no_grad():
        ends = _ends(network, at)
        middles = (ends[1:] + ends[:-1]) / 2.0
        names, values, slopes = _slopes(network, at(middles), way)
        _check(network(at(ends)).flatten(1), values, slopes[0], ends)
    bends = _changes(slopes[0])
    turns = _changes(torch.cat(slopes, dim=1))
    return Regions(
        linear=1 + int(bends.sum()),
        activation=1 + int(turns.sum()),
        knots=tuple(round(t, 12) for t in ends[1:-1][bends].tolist()),
        laps={n: most_laps(s) for n, s in zip(names, slopes[1:], strict=True)},
    )


def _ends(network: nn.Module, at: object) -> Tensor:
    """Return the ends of intervals, as shares of the segment, in which nothing bends."""
    assert callable(at)
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for place in range(len(record(network, at(ends))[1])):
        layer = record(network, at(ends))[1][place]
        ends = _refined(ends, levels(layer.module, layer.before))
    return ends


def _refined(ends: Tensor, values: Tensor) -> Tensor:
    """Add where levels change their signs; they are affine between the ends."""
    left, right = values[:-1], values[1:]
    crossed = left.sign() * right.sign() < 0
    rows = crossed.nonzero()[:, 0]
    share = left[crossed] / (left[crossed] - right[crossed])
    width = ends[rows + 1] - ends[rows]
    inside = (share * width > RESOLUTION) & ((1.0 - share) * width > RESOLUTION)
    found = (ends[rows] + share * width)[inside]
    merged = torch.cat([ends, found]).sort().values
    kept = torch.ones(len(merged), dtype=torch.bool)
    kept[1:] = merged.diff() > RESOLUTION
    return merged[kept]


def _slopes(
    network: nn.Module, x: Tensor, way: Tensor
) -> tuple[list[str], Tensor, tuple[Tensor, ...]]:
    """Return names of activations, outputs, and slopes along the way: of outputs and of each."""
    names: list[str] = []

    def outputs(given: Tensor) -> tuple[Tensor, ...]:
        y, layers = record(network, given)
        names[:] = [layer.name for layer in layers]
        return (y.flatten(1), *(layer.features for layer in layers))

    # By differentiating twice: the forward mode loads what warns.
    values, slopes = torch.autograd.functional.jvp(outputs, x, way.expand_as(x).clone())
    return names, values[0], slopes


def _changes(slopes: Tensor) -> Tensor:
    """Return between which neighbours slopes, `(intervals, numbers)`, differ."""
    gaps = (slopes[1:] - slopes[:-1]).abs().amax(dim=1)
    return gaps > _SAME * slopes.abs().max()


def most_laps(rises: Tensor) -> int:
    """Return the largest number of intervals on which a unit rises or falls.

    Args:
        rises: of units from point to point, `(steps, units)`; where one stays, it
            neither ends an interval nor begins one.

    >>> most_laps(torch.tensor([[1.0, 1.0], [0.0, -1.0], [2.0, 1.0]]))
    3
    """
    small = rises.abs() <= RESOLUTION * rises.abs().max()
    signs = rises.sign().masked_fill(small, 0.0)
    moving = (column[column != 0] for column in signs.T)
    return max((1 + int((one[1:] != one[:-1]).sum()) for one in moving), default=1)


def _check(at_ends: Tensor, values: Tensor, slopes: Tensor, ends: Tensor) -> None:
    """Refuse a network that bends where no activation does, or that jumps."""
    half = (ends.diff() / 2.0)[:, None] * slopes
    left = (at_ends[:-1] - (values - half)).abs().max()
    right = (at_ends[1:] - (values + half)).abs().max()
    if not max(left, right) <= _AFFINE * (at_ends.abs().max() + slopes.abs().max()):
        raise InputError(
            "network is not affine between the knots of its activations; wanted one whose other "
            "layers are affine, such as Linear, Conv1d and BatchNorm1d: a softmax or a product of "
            "features has no linear regions to count"
        )
