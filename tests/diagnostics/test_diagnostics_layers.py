"""What is measured of a layer's features: against closed forms and counts by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from evoact.diagnostics import (
    activations_of,
    activity,
    contraction,
    crelu_reconstruction_error,
    effective_rank,
    filter_pairing,
    information_lost,
    local_support_vectors,
    nearest_neighbour_accuracy,
    record,
    separation,
    standardise,
)
from evoact.errors import InputError
from evoact.nn import Activation, Annealed


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_record_sees_what_goes_in_and_comes_out_in_order() -> None:
    network = nn.Sequential(
        nn.Linear(2, 4), nn.ReLU(inplace=True), nn.Linear(4, 4), Annealed("relu(x)", "tanh(x)"),
        Activation("group_max(x, 2)", channels=4),
    )  # fmt: skip
    assert [name for name, _ in activations_of(network)] == ["1", "3", "4"]
    x = normal(3, 2).float()
    y, layers = record(network, x)
    assert torch.equal(layers[0].before, network[0](x))
    assert torch.equal(layers[0].after, network[0](x).relu())
    assert torch.equal(layers[2].after, y)
    assert y.shape == (3, 2)
    assert not any(module._forward_hooks for module in network.modules())


def test_units_of_convolutions_are_channels() -> None:
    network = nn.Sequential(nn.Conv1d(1, 2, 1), Activation("relu(x)"))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1))
        network[0].bias.copy_(torch.tensor([10.0, -10.0]))
        _, (layer,) = record(network, torch.ones(3, 1, 5))
    assert layer.units.shape == (15, 2)
    found = activity(layer.units)
    assert (found.zero_fraction, found.dead, found.probability) == (0.5, 1, 0.5)
    assert found.dispersion == 0.5


@pytest.mark.parametrize(("text", "zeros"), [("relu(x)", 0.5), ("tanh(x)", 0.0), ("step(x)", 0.5)])
def test_zeros_of_symmetric_inputs(text: str, zeros: float) -> None:
    # Each number and its negative, so that halves are exact.
    z = normal(500, 6)
    found = activity(Activation(text)(torch.cat([z, -z])))
    assert found.zero_fraction == zeros
    assert found.probability == 0.5
    assert found.dispersion == 0.0
    assert found.dead == 0


def test_activation_probability_of_shifted_units() -> None:
    # P(z + b > 0) is Phi(b): the probabilities of two units, and their dispersion.
    z = torch.from_numpy(np.linspace(-8.0, 8.0, 16_001))
    weights = torch.exp(-0.5 * z**2)
    chosen = z[torch.multinomial(weights, 20_000, replacement=True, generator=_draws())]
    found = activity((chosen[:, None] + torch.tensor([-1.0, 1.0])).relu())
    phi = 0.5 * math.erfc(-1.0 / math.sqrt(2.0))
    assert found.probability == pytest.approx(0.5, abs=0.02)
    assert found.dispersion == pytest.approx(phi - 0.5, abs=0.02)


def _draws() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_dead_and_constant_units() -> None:
    found = activity(torch.tensor([[0.0, 1.0, 2.0], [0.0, 1.0, 0.0]]))
    assert (found.dead, found.constant) == (1, 2)
    assert found.zero_fraction == 0.5


def test_contraction_of_known_variances() -> None:
    # Means at +-3 and variance 1 within: 1 / (1 + 9).
    x = torch.tensor([[2.0], [4.0], [-2.0], [-4.0]])
    y = torch.tensor([0, 0, 1, 1])
    assert contraction(x, y) == pytest.approx(0.1)
    assert contraction(x, torch.tensor([0, 1, 0, 1])) == pytest.approx(1.0)  # means of 0
    assert contraction(x.expand(4, 3), y) == pytest.approx(0.1)
    assert contraction(torch.tensor([[1.0], [1.0], [2.0]]), torch.tensor([0, 0, 1])) == 0.0


def test_separation_is_a_ratio_of_distances() -> None:
    # Pairs 1 apart, the classes 10: from inner points 10, from outer ones 11.
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 11.0], [0.0, 12.0]])
    y = torch.tensor([0, 0, 1, 1])
    assert separation(x, y) == pytest.approx((11 + 10 + 10 + 11) / 4)
    assert separation(7.0 * x, y) == pytest.approx(10.5)
    with pytest.raises(InputError, match="two classes"):
        separation(x, torch.zeros(4, dtype=torch.int64))


def test_neighbours_by_exhaustion() -> None:
    x, y = normal(60, 3), torch.arange(60) % 3
    gaps = ((x[:, None] - x) ** 2).sum(dim=-1).numpy()
    np.fill_diagonal(gaps, np.inf)
    labels = y.numpy()
    wanted = np.mean([labels[gaps[i].argmin()] == labels[i] for i in range(60)])
    assert nearest_neighbour_accuracy(x, y) == pytest.approx(wanted)
    assert nearest_neighbour_accuracy(x, y, x, y) == 1.0

    orders, left, counts = (1, 2, 3, 7), set(range(60)), {}
    for k in range(1, 8):
        if k not in orders:
            continue
        for i in list(left):
            near = list(labels[np.argsort(gaps[i])[:k]])
            votes = {label: near.count(label) for label in set(near)}
            mine = votes.pop(labels[i], 0)
            if max(votes.values(), default=0) <= mine:
                left.discard(i)
        counts[k] = len(left)
    assert local_support_vectors(x, y, orders) == counts
    apart = torch.cat([x, x + 100.0])
    sides = (torch.arange(120) >= 60).long()
    assert set(local_support_vectors(apart, sides).values()) == {0}


@pytest.mark.parametrize(
    ("values", "rank"),
    [((1.0, 1.0, 1.0), 3.0), ((5.0, 0.0, 0.0), 1.0), ((3.0, 1.0, 0.0), 4.0 / 3.0**0.75)],
)
def test_effective_rank_of_known_singular_values(values: tuple[float, ...], rank: float) -> None:
    # exp of the entropy of (3/4, 1/4) is 4 / 3^(3/4).
    centred = normal(40, 3) - normal(40, 3).mean(dim=0)
    left, _, right = torch.linalg.svd(centred, full_matrices=False)
    features = left @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ right
    assert effective_rank(features) == pytest.approx(rank, abs=1e-9)
    assert effective_rank(features + 5.0) == pytest.approx(rank, abs=1e-9)
    assert effective_rank(torch.cat([features, features])) == pytest.approx(rank, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("concat(relu(x), relu(-x))", 0.0),
        ("2 * x + 1", 0.0),
        ("relu(x)", 1.0 - 1.0 / (2.0 - 2.0 / math.pi)),
        ("square(x)", 1.0),
        ("sign(x)", 1.0 - 2.0 / math.pi),
    ],
)
def test_information_lost_of_normal_numbers(text: str, lost: float) -> None:
    # One less the squared correlation of z and f(z), in closed form.
    x = normal(16_000, 2)
    outputs = Activation(text, channels=2)(x)
    assert information_lost(x, outputs) == pytest.approx(lost, abs=0.02)


def test_crelu_gives_back_what_the_filters_see() -> None:
    weight, x = normal(12, 5, seed=1), normal(30, 5, seed=2)
    assert crelu_reconstruction_error(weight, x) < 1e-12
    # Three orthonormal rows of five: what is lost is the part in the other two.
    basis = torch.linalg.qr(normal(5, 5)).Q
    lost = x @ basis[:, 3:]
    wanted = float(lost.norm() / x.norm())
    assert crelu_reconstruction_error(basis[:, :3].T, x) == pytest.approx(wanted)


def test_filters_in_pairs_of_opposite_phase() -> None:
    half = normal(4, 9)
    assert filter_pairing(torch.cat([half, -2.0 * half])).tolist() == pytest.approx([-1.0] * 8)
    assert filter_pairing(torch.eye(3)).tolist() == [0.0] * 3
    convolution = torch.cat([half, -half]).view(8, 1, 3, 3)
    assert filter_pairing(convolution).tolist() == pytest.approx([-1.0] * 8)


def test_standardise_takes_the_numbers_of_the_first() -> None:
    x = torch.tensor([[0.0, 5.0], [4.0, 5.0]])
    one, other = standardise(x, torch.tensor([[6.0, 7.0]]))
    assert one.tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    assert other.tolist() == [[2.0, 2.0]]
