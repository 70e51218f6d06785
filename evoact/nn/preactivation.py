"""What stands before an activation in place of an inner product: distances.

Duch & Jankowski, "Survey of Neural Transfer Functions", Neural Computing
Surveys 2 (1999): a transfer function is an output function `o` of an
activation `A(x)`. For `nn.Linear`, `A` is an inner product, and the unit tells
the two sides of a hyperplane apart; for a distance it answers in a region
around a centre; a mix of both can turn from one into the other. Any
`Activation` serves as `o`: `gaussian(x)` after `Distance` gives a network of
radial basis functions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evoact.errors import InputError


class Distance(nn.Module):
    r"""Distances to centres: `A_j(x) = ||b_j * (x - t_j)||`, Euclidean, not squared.

    The scale `b` has an entry for each unit and feature, as the dispersions of
    the survey, but multiplies: nothing is divided by a number that training may
    bring to zero, and a feature of scale 0 is left out.

    `t` starts standard normal and `b` at `1 / sqrt(2 * in_features)`: on
    standardised features `A` is about 1, where `gaussian` is steep. Centres
    drawn from the data, `layer.centre.data = x[chosen]`, are a better start
    where there are data at hand.

    The gradient never exceeds `b` times the length of the difference's
    direction, and at a centre, where a distance has none, it is 0. Time and
    memory grow with `batch * in_features * out_features`.

    Args:
        in_features: features of the input.
        out_features: number of centres.

    Shapes: input `(..., in_features)`, result `(..., out_features)`; `centre`
    (`t`) and `scale` (`b`) are `(out_features, in_features)`.

    Raises:
        InputError: `in_features` or `out_features` is not positive.

    >>> layer = Distance(2, 1)
    >>> _ = layer.centre.data.copy_(torch.tensor([[1.0, 2.0]]))
    >>> _ = layer.scale.data.fill_(1.0)
    >>> layer(torch.tensor([[4.0, 6.0], [1.0, 2.0]])).tolist()
    [[5.0], [0.0]]
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        _check(in_features, out_features)
        self.in_features, self.out_features = in_features, out_features
        self.centre = nn.Parameter(torch.empty(out_features, in_features))
        self.scale = nn.Parameter(torch.empty(out_features, in_features))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the centres, and set the scales so that distances are about 1."""
        nn.init.normal_(self.centre, generator=generator)
        nn.init.constant_(self.scale, (2.0 * self.in_features) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return the distance of each input to each centre."""
        difference = self.scale * (x.unsqueeze(-2) - self.centre)
        # Unlike the root of a sum, this has a gradient of 0 where the norm is 0.
        distance: Tensor = torch.linalg.vector_norm(difference, dim=-1)
        return distance

    def extra_repr(self) -> str:
        """Return what stands between the parentheses when the module is printed."""
        return f"in_features={self.in_features}, out_features={self.out_features}"


class Conic(nn.Module):
    r"""An inner product and a distance: `A_j(x) = w_j.(x - t_j) + omega_j ||b_j * (x - t_j)||`.

    The conical activation of the survey, of Dorffner's conic section function
    networks (1994) when `b` is 1. The level sets of `A` are conic sections: a
    hyperplane at `omega = 0`, a sphere (an ellipsoid, with `b`) at `w = 0`, and
    ellipsoids, paraboloids and hyperboloids between.

    `omega` starts at 1, `t` and `b` as in `Distance`, and `w` normal with
    variance `1 / (2 * in_features)`: on standardised features both terms are
    of size 1, and units of both kinds can grow from there.

    Args:
        in_features: features of the input.
        out_features: number of units.

    Shapes: input `(..., in_features)`, result `(..., out_features)`; `weight`
    (`w`), `distance.centre` (`t`) and `distance.scale` (`b`) are
    `(out_features, in_features)`, `omega` is `(out_features,)`.

    Raises:
        InputError: `in_features` or `out_features` is not positive.

    >>> layer = Conic(2, 1)
    >>> _ = layer.distance.centre.data.copy_(torch.tensor([[1.0, 2.0]]))
    >>> _ = layer.distance.scale.data.fill_(1.0)
    >>> _ = layer.weight.data.copy_(torch.tensor([[10.0, 100.0]]))
    >>> _ = layer.omega.data.fill_(-2.0)
    >>> layer(torch.tensor([[4.0, 6.0]])).tolist()  # 10 * 3 + 100 * 4 - 2 * 5
    [[420.0]]
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.distance = Distance(in_features, out_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.omega = nn.Parameter(torch.empty(out_features))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw centres and weights, and set scales and shares of the distance."""
        self.distance.reset_parameters(generator)
        deviation = (2.0 * self.distance.in_features) ** -0.5
        nn.init.normal_(self.weight, std=deviation, generator=generator)
        nn.init.ones_(self.omega)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mix of inner product and distance for each unit."""
        # w.(x - t) as w.x - w.t, which is a product of matrices.
        product = x @ self.weight.T - (self.weight * self.distance.centre).sum(dim=-1)
        mix: Tensor = product + self.omega * self.distance(x)
        return mix


def _check(in_features: int, out_features: int) -> None:
    for name, value in (("in_features", in_features), ("out_features", out_features)):
        if value < 1:
            raise InputError(f"{name} is {value}; wanted at least 1")
