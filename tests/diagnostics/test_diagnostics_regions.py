"""Linear regions: against closed forms and exhaustive counts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from evoact.diagnostics import (
    circle,
    curve_lengths,
    deep_lower_bound,
    fold_depth,
    folding,
    maxout_lower_bound,
    regions_along,
    regions_on_plane,
    sign_patterns,
    zaslavsky,
)
from evoact.errors import InputError
from evoact.nn import Activation


def dense(*widths: int, text: str = "relu(x)", seed: int = 0) -> nn.Sequential:
    """A network of random weights, an activation after every layer but the last."""
    draws = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        linear = nn.Linear(inputs, outputs)
        with torch.no_grad():
            linear.weight.copy_(torch.randn(linear.weight.shape, generator=draws))
            linear.bias.copy_(torch.randn(linear.bias.shape, generator=draws))
        layers += [linear, Activation(text, outputs, 1)]
    return nn.Sequential(*layers[:-1])


class Square(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x


ENDS = torch.zeros(1), torch.ones(1)


@pytest.mark.parametrize(("folds", "layers"), [(2, 1), (4, 2), (4, 4), (3, 3)])
def test_folding_has_as_many_pieces_as_the_formula_says(folds: int, layers: int) -> None:
    found = regions_along(folding(folds, layers), *ENDS)
    assert found.linear == folds**layers
    # The map is a zigzag between 0 and 1: its knots are even.
    assert found.knots == pytest.approx(np.arange(1, folds**layers) / folds**layers, abs=1e-6)


def test_a_shallow_network_has_one_piece_more_than_units() -> None:
    network = dense(1, 16, 1)
    weight, bias = network[0].weight.detach().double(), network[0].bias.detach().double()
    kinks = (-bias / weight[:, 0]).sort().values
    reach = float(kinks.abs().max()) + 1.0
    found = regions_along(network, torch.tensor([-reach]), torch.tensor([reach]))
    assert found.linear == 17
    assert found.knots == pytest.approx(((kinks + reach) / (2 * reach)).tolist(), abs=1e-6)


def dense_grid(network: nn.Module, start: torch.Tensor, end: torch.Tensor) -> int:
    """Count pieces by brute force: distinct neighbouring patterns of signs on a fine grid."""
    t = torch.linspace(0.0, 1.0, 200_001, dtype=torch.float64)[:, None]
    values, signs = start.double() + t * (end - start).double(), []
    for layer in network.double():
        if isinstance(layer, Activation):
            signs.append(values > 0)
        values = layer(values)
    pattern = torch.cat(signs, dim=1)
    return 1 + int((pattern[1:] != pattern[:-1]).any(dim=1).sum())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_deep_networks_as_a_fine_grid_counts_them(seed: int) -> None:
    network = dense(3, 12, 12, 2, seed=seed)
    start, end = -3.0 * torch.ones(3), torch.tensor([3.0, 2.0, 1.0])
    with torch.no_grad():
        assert regions_along(network, start, end).activation == dense_grid(network, start, end)


def test_trained_parameters_and_knots_elsewhere_count() -> None:
    network = nn.Sequential(nn.Linear(1, 2), Activation("clamp(x, -1, 1)"), nn.Linear(2, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[4.0], [8.0]]))
        network[0].bias.copy_(torch.tensor([-2.0, -1.0]))
        network[2].weight.fill_(1.0)
    # Kinks at (2 +- 1) / 4 and (1 +- 1) / 8, of which 0 is an end.
    assert regions_along(network, *ENDS).knots == pytest.approx((0.25, 0.75))
    prelu = nn.Sequential(nn.Linear(1, 1), Activation("max(x, a * x) where a = 0.25"))
    with torch.no_grad():
        prelu[0].weight.fill_(1.0)
        prelu[0].bias.fill_(-0.5)
        assert regions_along(prelu, *ENDS).linear == 2
        prelu[1].a.fill_(1.0)
    assert regions_along(prelu, *ENDS).linear == 1


def test_parameters_per_channel_have_knots_of_their_own() -> None:
    act = Activation("relu(x - b) where b = 0.5 per channel", channels=2)
    network = nn.Sequential(nn.Linear(1, 2), act)
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.zero_()
        act.b.copy_(torch.tensor([0.25, 0.75]))
    assert regions_along(network, *ENDS).knots == pytest.approx((0.25, 0.75))


def test_maxout_of_tangents_has_a_piece_a_tangent() -> None:
    # Tangents to x^2 at k even points: the largest is piecewise linear with k pieces.
    k = 5
    at = torch.linspace(0.0, 1.0, k)
    network = nn.Sequential(nn.Linear(1, k), Activation("full_sort(x)", channels=k))
    last = nn.Linear(k, 1, bias=False)
    with torch.no_grad():
        network[0].weight.copy_(2.0 * at[:, None])
        network[0].bias.copy_(-at.square())
        last.weight.copy_(torch.eye(k)[-1:])  # the largest
    found = regions_along(nn.Sequential(*network, last), *ENDS)
    assert found.linear == k
    assert found.knots == pytest.approx((0.125, 0.375, 0.625, 0.875))
    assert found.activation > found.linear  # those behind the largest change places, too


def test_convolutions_and_skips_are_affine() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.act = nn.Conv1d(1, 1, 1), Activation("abs(x)")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.act(self.conv(x))

    network = nn.Sequential(nn.Unflatten(1, (1, 2)), Residual(), nn.Flatten())
    with torch.no_grad():
        network[1].conv.weight.fill_(1.0)
        network[1].conv.bias.fill_(-0.5)
    found = regions_along(network, torch.zeros(2), torch.tensor([1.0, 2.0]))
    assert found.knots == pytest.approx((0.25, 0.5))


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (dense(1, 2, 1, text="tanh(x)"), "not continuous and piecewise linear"),
        (dense(1, 2, 1, text="step(x)"), "not continuous and piecewise linear"),
        (nn.Sequential(nn.Linear(1, 2), nn.Tanh()), "none of evoact's activations"),
        (nn.Sequential(*dense(1, 3, 2), Square()), "affine between"),
        (nn.Linear(1, 1), "no activation"),
    ],
)
def test_what_has_no_regions_is_told(network: nn.Module, told: str) -> None:
    with pytest.raises(InputError, match=told):
        regions_along(network, *ENDS)


def test_lines_cut_a_plane_as_zaslavsky_says() -> None:
    """Tangents to a circle, whose crossings are all in the window, are in general position."""
    n = 8
    angles = 2.0 * math.pi * (torch.arange(n) + 0.3 * torch.rand(n, generator=_draws())) / n
    network = nn.Sequential(nn.Linear(2, n), Activation("relu(x)"), nn.Linear(n, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.stack([angles.cos(), angles.sin()], dim=1))
        network[0].bias.fill_(-1.0)
    w, b = network[0].weight.detach().double(), network[0].bias.detach().double()
    crossings = [
        torch.linalg.solve(w[[i, j]], -b[[i, j]]) for i, j in itertools.combinations(range(n), 2)
    ]
    reach = 1.1 * float(torch.stack(crossings).abs().max())
    cells = regions_on_plane(network, torch.zeros(2), *(reach * torch.eye(2)))
    assert len(cells) == zaslavsky(n, 2) == 37
    areas = [_area(cell) for cell in cells]
    assert sum(areas) == pytest.approx(4.0)
    assert min(areas) > 0.0


def _draws() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def _area(cell: np.ndarray) -> float:
    a, b = cell.T
    return 0.5 * float(a @ np.roll(b, -1) - b @ np.roll(a, -1))


def test_cells_of_deep_networks_are_the_patterns_of_samples() -> None:
    network = dense(2, 5, 4, 1, seed=4)
    window = torch.zeros(2), 3.0 * torch.eye(2)[0], 3.0 * torch.eye(2)[1]
    cells = regions_on_plane(network, *window)
    grid = torch.cartesian_prod(*[torch.linspace(-3.0, 3.0, 601)] * 2)
    wide = [cell for cell in cells if _area(cell) > 0.002]
    centres = torch.tensor(np.array([3.0 * cell.mean(axis=0) for cell in cells])).float()
    assert sign_patterns(network, centres) == len(cells)  # no two cells of one pattern
    assert len(wide) <= sign_patterns(network, grid) <= len(cells)


def test_bounds_are_those_of_the_papers() -> None:
    assert [zaslavsky(n, 1) for n in (0, 1, 5)] == [1, 2, 6]
    assert zaslavsky(3, 3) == 8
    assert deep_lower_bound((4, 4, 4), 1) == 4 * 4 * 5
    assert deep_lower_bound((6, 6), 2) == 9 * zaslavsky(6, 2)
    assert maxout_lower_bound(3, 1, 4) == 81
    assert regions_along(folding(4, 3), *ENDS).linear >= deep_lower_bound((4, 4, 3), 1)


def test_folds_double_laps() -> None:
    x = torch.linspace(0.0, 1.0, 4001)[:, None]
    assert fold_depth(folding(2, 5), x)["output"] == 5.0
    found = regions_along(folding(2, 5), *ENDS)
    assert list(found.laps.values()) == [1, 2, 4, 8, 16]  # before the last fold's sum
    smooth = nn.Sequential(nn.Linear(1, 1), Activation("sin(x)"))
    with torch.no_grad():
        smooth[0].weight.fill_(8.0 * math.pi)
        smooth[0].bias.zero_()
    # Four periods: nine laps, the first and the last of half a length.
    assert fold_depth(smooth, x)["output"] == pytest.approx(math.log2(9))


def test_lengths_of_curves_are_those_of_geometry() -> None:
    parabola = nn.Sequential(Activation("concat(x, square(x))", channels=1))
    t = torch.linspace(0.0, 1.0, 4001, dtype=torch.float64)[:, None]
    known = math.sqrt(5.0) / 2.0 + math.asinh(2.0) / 4.0
    assert curve_lengths(parabola, t)["output"] == pytest.approx(known, rel=1e-6)
    around = circle(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), 4001)
    lengths = curve_lengths(nn.Sequential(Activation("relu(x)")), around)
    assert lengths["input"] == pytest.approx(4.0 * math.pi, rel=1e-5)
    # A quarter stays, two become radii to and fro, one the origin.
    assert lengths["output"] == pytest.approx(math.pi + 4.0, rel=1e-5)
