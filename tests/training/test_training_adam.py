"""Adam on one flat tensor, against torch's own."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from evoact.nn import Activation, Annealed
from evoact.training.adam import FlatAdam


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 8),
        Activation("x * sigmoid(beta * x) where beta = 1.0"),
        nn.Linear(8, 8),
        Activation("max(x, a * x) where a = 0.25 per channel", 8),
        nn.Linear(8, 2),
    )


@pytest.mark.parametrize("scale", [1.0, 1e4], ids=["small", "clipped"])
def test_the_steps_are_those_of_torch(scale: float) -> None:
    mine = network()
    torchs = copy.deepcopy(mine)
    flat = FlatAdam(mine, max_norm=5.0)
    theirs = torch.optim.Adam(torchs.parameters(), lr=1.0)
    x, y = torch.randn(16, 3), torch.randn(16, 2)
    clipped = 0
    for step in range(30):
        rate = 0.02 * (1 - step / 30)
        for model in (mine, torchs):
            for parameter in model.parameters():
                if model is torchs:
                    parameter.grad = None
        flat.zero_grad()
        for model in (mine, torchs):
            (scale * F.mse_loss(model(x), y)).backward()
        norm = nn.utils.clip_grad_norm_(torchs.parameters(), 5.0)
        clipped += int(norm > 5.0)
        theirs.param_groups[0]["lr"] = rate
        theirs.step()
        assert float(flat.step(rate)) == pytest.approx(float(norm), rel=1e-3)
    assert clipped == (30 if scale > 1 else 0)
    for (name, a), b in zip(mine.named_parameters(), torchs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4, msg=name)


def test_parameters_become_views() -> None:
    model = network()
    before = [p.detach().clone() for p in model.parameters()]
    optimiser = FlatAdam(model, 5.0)
    assert optimiser.weights.numel() == sum(p.numel() for p in before)
    for parameter, value in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, value)
        assert parameter.shape == value.shape
    x = torch.randn(5, 3)
    wanted = torch.autograd.grad(model(x).sum(), list(model.parameters()))
    for _ in range(2):
        optimiser.zero_grad()
        model(x).sum().backward()
    assert torch.equal(optimiser.gradient, torch.cat([w.reshape(-1) for w in wanted]))
    optimiser.weights.fill_(0.5)
    assert all((p == 0.5).all() for p in model.parameters())


def test_what_was_not_used_keeps_its_value() -> None:
    """The early function of an annealed activation has a gradient of zero at g = 1."""
    module = Annealed("a * x where a = 3", "b * x where b = 2")
    module.set_g(1.0)
    optimiser = FlatAdam(module, 5.0)
    for _ in range(3):
        optimiser.zero_grad()
        module(torch.ones(4)).sum().backward()
        optimiser.step(0.1)
    values = {name: float(p.detach()) for name, p in module.named_parameters()}
    assert values["early.a"] == 3.0
    assert values["late.b"] == pytest.approx(1.7, abs=1e-4)


def test_a_gradient_that_is_not_finite_shows_in_the_norm() -> None:
    module = Activation("a * log(x) where a = 1")
    optimiser = FlatAdam(module, 5.0)
    module(torch.tensor([-1.0])).sum().backward()
    assert optimiser.step(0.1).isnan()
