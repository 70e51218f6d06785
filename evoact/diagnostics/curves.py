"""What a network makes of a curve through its inputs: how long it gets, how often it folds."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from evoact.diagnostics.recording import record
from evoact.diagnostics.segments import most_laps
from evoact.errors import InputError
from evoact.nn import Activation


def circle(one: Tensor, other: Tensor, points: int = 401) -> Tensor:
    """Return points of the ellipse `one cos t + other sin t`, t from 0 to 2 pi.

    A great circle where both are orthogonal and of one length (Poole et al. 2016).

    >>> circle(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 5).shape
    torch.Size([5, 2])
    """
    angles = torch.linspace(0.0, 2.0 * math.pi, points, dtype=one.dtype)
    angles = angles.view(-1, *[1] * one.dim())
    return one * angles.cos() + other * angles.sin()


def curve_lengths(network: nn.Module, curve: Tensor) -> dict[str, float]:
    """Return how long a curve is in a network's input, behind each activation and in its output.

    The sum of distances between neighbouring points: it grows exponentially with
    depth in expressive networks (Raghu et al. 2017, arXiv 1606.05336; Poole et al. 2016, arXiv
    1606.05340), and says of smooth ones what regions say of piecewise-linear ones.

    Args:
        network: any module with activations.
        curve: inputs in their order, `(points, ...)`.

    Returns:
        Lengths by the names of activations, and of `input` and `output`.

    >>> network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU())
    >>> _ = network[0].weight.data.fill_(2.0)
    >>> curve_lengths(network, torch.tensor([[-1.0], [0.0], [1.0]]))
    {'input': 2.0, '1': 2.0, 'output': 2.0}
    """
    return {name: _length(values) for name, values in _stages(network, curve)}


def fold_depth(network: nn.Module, curve: Tensor) -> dict[str, float]:
    """Return into how many layers the activations of a network fold a curve, as powers of 2.

    `log2` of the largest number of laps (intervals on which it rises or falls) of a
    unit: a layer that folds the line in two doubles them, as |x| does (Montufar et al. 2014,
    section 2; Telgarsky 2016, arXiv 1602.04485). Sampled: at most what it is;
    `regions_along` counts laps of piecewise-linear networks exactly.

    Args:
        network: any module with activations.
        curve: inputs in their order, `(points, ...)`.

    Returns:
        By the names of activations, and of `output`.

    >>> network = nn.Sequential(nn.Linear(1, 1), Activation("abs(x)"))
    >>> _ = network[0].weight.data.fill_(1.0), network[0].bias.data.zero_()
    >>> fold_depth(network, torch.linspace(-1.0, 1.0, 11).view(-1, 1))
    {'1': 1.0, 'output': 1.0}
    """
    _, *stages = _stages(network, curve)
    return {name: math.log2(most_laps(values.diff(dim=0))) for name, values in stages}


def folding(folds: int, layers: int) -> nn.Sequential:
    """Return the ReLU network that folds [0, 1] onto itself `folds` times in each layer.

    `h(x) = n x + sum_{i=1}^{n-1} (-1)^i 2 n relu(x - i / n)`, composed: `folds^layers`
    linear pieces, which a shallow network would need as many units for (Montufar et al. 2014).

    >>> folding(4, 2)(torch.tensor([[0.0], [0.0625], [0.125], [1.0]])).flatten().tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    if folds < 1 or layers < 1:
        raise InputError(f"folds is {folds} and layers {layers}; wanted 1 or more of both")
    signs = torch.tensor([1.0, *(2.0 * (-1) ** i for i in range(1, folds))])
    parts: list[nn.Module] = []
    for _ in range(layers):
        first, last = nn.Linear(1, folds), nn.Linear(folds, 1, bias=False)
        with torch.no_grad():
            first.weight.fill_(1.0)
            first.bias.copy_(-torch.arange(folds) / folds)
            last.weight.copy_(folds * signs)
        parts += [first, Activation("relu(x)"), last]
    return nn.Sequential(*parts)


def _stages(network: nn.Module, curve: Tensor) -> list[tuple[str, Tensor]]:
    if len(curve) < 2 or not curve.is_floating_point():
        raise InputError(
            f"curve is {curve.dtype} of shape {tuple(curve.shape)}; wanted two points or more, of "
            "real numbers"
        )
    with torch.no_grad():
        y, layers = record(network, curve)
    inner = [(layer.name, layer.features.double()) for layer in layers]
    return [("input", curve.flatten(1).double()), *inner, ("output", y.flatten(1).double())]


def _length(points: Tensor) -> float:
    return float(torch.linalg.vector_norm(points.diff(dim=0), dim=1).sum())
