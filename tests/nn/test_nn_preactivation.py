"""Distances in place of inner products."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.nn import Activation, Conic, Distance
from evoact.tasks import load

CASES = (Distance, Conic)


def seeded(kind: type[nn.Module], inputs: int, outputs: int, dtype: torch.dtype) -> nn.Module:
    layer = kind(inputs, outputs).to(dtype)
    layer.reset_parameters(torch.Generator().manual_seed(0))
    return layer


def by_hand(layer: nn.Module, row: list[float], unit: int) -> float:
    """The formulas of the docstrings in plain numbers."""
    distance = layer.distance if isinstance(layer, Conic) else layer
    t, b = distance.centre[unit].tolist(), distance.scale[unit].tolist()
    difference = [x_i - t_i for x_i, t_i in zip(row, t, strict=True)]
    value = math.hypot(*(b_i * d_i for b_i, d_i in zip(b, difference, strict=True)))
    if isinstance(layer, Conic):
        w, omega = layer.weight[unit].tolist(), layer.omega[unit].item()
        value = sum(w_i * d_i for w_i, d_i in zip(w, difference, strict=True)) + omega * value
    return value


@pytest.mark.parametrize("kind", CASES)
def test_values_by_hand(kind: type[nn.Module]) -> None:
    layer = seeded(kind, 3, 5, torch.float64)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    x = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    found = layer(x)
    wanted = [[by_hand(layer, row, unit) for unit in range(5)] for row in x.tolist()]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))
    assert found.shape == (4, 5)
    assert torch.equal(layer(x.view(2, 2, 3)), found.view(2, 2, 5))


@pytest.mark.parametrize("kind", CASES)
def test_gradients(kind: type[nn.Module]) -> None:
    layer = seeded(kind, 3, 2, torch.float64)
    x = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    names, values = zip(*layer.named_parameters(), strict=True)

    def value(x: Tensor, *parameters: Tensor) -> Tensor:
        named = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(layer, named, (x,))

    inputs = [v.detach().clone().requires_grad_() for v in (x, *values)]
    assert torch.autograd.gradcheck(value, inputs)
    assert torch.autograd.gradgradcheck(value, inputs)


@pytest.mark.parametrize("kind", CASES)
def test_gradients_at_and_near_a_centre(kind: type[nn.Module]) -> None:
    layer = seeded(kind, 3, 1, torch.float32)
    distance = layer.distance if isinstance(layer, Conic) else layer
    for offset in (0.0, 1e-30, 1e-12):
        layer.zero_grad()
        x = (distance.centre.detach()[0] + offset * torch.ones(3)).requires_grad_()
        layer(x).sum().backward()
        gradients = [x.grad, *(p.grad for p in layer.parameters())]
        assert all(g is not None and g.isfinite().all() and g.norm() < 10 for g in gradients)
    exactly = distance.centre.detach()[0].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(layer(exactly).sum(), exactly)
    wanted = layer.weight.detach()[0] if isinstance(layer, Conic) else torch.zeros(3)
    assert torch.equal(gradient, wanted)


@pytest.mark.parametrize("features", [4, 64, 1000])
def test_first_values_are_of_size_one(features: int) -> None:
    x = torch.randn(500, features, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        distances = seeded(Distance, features, 50, torch.float32)(x)
        assert float(distances.square().mean()) == pytest.approx(1.0, abs=0.15)
        conic = seeded(Conic, features, 50, torch.float32)
        product = conic(x) - conic.distance(x)
        assert float(product.square().mean()) == pytest.approx(1.0, abs=0.3)


def test_draws_come_from_the_generator() -> None:
    for kind in CASES:
        one, same = (seeded(kind, 5, 4, torch.float32) for _ in range(2))
        for a, b in zip(one.parameters(), same.parameters(), strict=True):
            assert torch.equal(a, b)
        same.reset_parameters(torch.Generator().manual_seed(1))
        assert not torch.equal(next(one.parameters()), next(same.parameters()))


def test_unusable_sizes() -> None:
    for kind in CASES:
        with pytest.raises(InputError, match=r"in_features is 0; wanted at least 1"):
            kind(0, 3)
        with pytest.raises(InputError, match=r"out_features is -2; wanted at least 1"):
            kind(3, -2)
    assert repr(Distance(3, 2)) == "Distance(in_features=3, out_features=2)"


def accuracy(hidden: nn.Module, function: str, epochs: int = 12) -> float:
    """Train one hidden layer on digits, and return the accuracy in validation."""
    splits = load("digits", 0)
    x, y = torch.from_numpy(splits.train.x), torch.from_numpy(splits.train.y)
    network = nn.Sequential(hidden, Activation(function), nn.Linear(64, 10))
    generator = torch.Generator().manual_seed(0)
    for layer in (hidden, network[2]):
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.125, generator=generator)
        else:
            layer.reset_parameters(generator)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01, foreach=False)
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=generator).split(100):
            optimiser.zero_grad()
            F.cross_entropy(network(x[batch]), y[batch]).backward()
            optimiser.step()
    with torch.no_grad():
        found = network(torch.from_numpy(splits.validation.x)).argmax(1)
    return float((found == torch.from_numpy(splits.validation.y)).float().mean())


@pytest.mark.parametrize(
    ("kind", "function"),
    [(Distance, "gaussian(x)"), (Conic, "tanh(x)"), (Conic, "gaussian(x)")],
    ids=["rbf", "conic-tanh", "conic-gaussian"],
)
def test_digits_are_learnt(kind: type[nn.Module], function: str) -> None:
    assert accuracy(kind(64, 64), function) > 0.9
