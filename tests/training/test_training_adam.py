"""Adam on the rows of a stack, against torch's own."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.nn import Activation, Annealed
from evoact.training.adam import RowAdam, RowState
from evoact.training.network import share_storage

TEXTS = ("x * sigmoid(beta * x) where beta = 1.0", "max(x, a * x) where a = 0.25 per channel")


def network(text: str, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2), Activation(text, 2))


def own(model: nn.Module) -> list[nn.Parameter]:
    return [p for name, p in model.named_parameters() if not name.startswith("2.")]


def state(model: nn.Module) -> RowState:
    row = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    return RowState(row, torch.zeros_like(row), torch.zeros_like(row))


def optimiser_of(models: list[nn.Sequential]) -> RowAdam:
    """Stack the models: a block for all layers, one for the activations' parameters."""
    optimiser = RowAdam([sum(p.numel() for p in own(models[0]))], max_norm=5.0)
    optimiser.arrange([state(model) for model in models])
    blocks = zip(optimiser.weights.blocks, optimiser.gradient.blocks, strict=True)
    for part, (weights, gradient) in zip((own, lambda m: m[2].parameters()), blocks, strict=True):
        for k, model in enumerate(models):
            share_storage(part(model), weights[k], gradient[k])
    return optimiser


def losses(models: list[nn.Sequential], x: Tensor, y: Tensor, scale: float) -> Tensor:
    return torch.stack([scale * F.mse_loss(model(x), y) for model in models])


@pytest.mark.parametrize("scale", [1.0, 1e4], ids=["small", "clipped"])
def test_the_steps_are_those_of_torch(scale: float) -> None:
    mine = [network(text, seed) for seed, text in enumerate(TEXTS)]
    torchs = copy.deepcopy(mine)
    rows = optimiser_of(mine)
    theirs = [torch.optim.Adam(model.parameters(), lr=1.0) for model in torchs]
    x, y = torch.randn(16, 3), torch.randn(16, 2)
    clipped = 0
    for step in range(30):
        rate = 0.02 * (1 - step / 30)
        rows.zero_grad()
        losses(mine, x, y, scale).sum().backward()
        rows.count(rate)
        norms = rows.step()
        for model, adam, norm in zip(torchs, theirs, norms, strict=True):
            adam.zero_grad()
            losses([model], x, y, scale).sum().backward()
            wanted = nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            clipped += int(wanted > 5.0)
            adam.param_groups[0]["lr"] = rate
            adam.step()
            assert float(norm) == pytest.approx(float(wanted), rel=1e-3)
    assert clipped == (60 if scale > 1 else 0)
    for one, other in zip(mine, torchs, strict=True):
        for (name, a), b in zip(one.named_parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4, msg=name)


def test_a_network_takes_the_same_steps_whoever_its_neighbours_are() -> None:
    x, y = torch.randn(16, 3), torch.randn(16, 2)

    def steps(*places: int) -> list[Tensor]:
        models = [network(TEXTS[place % 2], place) for place in places]
        rows = optimiser_of(models)
        for _ in range(5):
            rows.zero_grad()
            losses(models, x, y, 1.0).sum().backward()
            rows.count(0.1)
            rows.step()
        return [torch.cat([p.detach().reshape(-1) for p in m.parameters()]) for m in models]

    alone = {place: steps(place)[0] for place in range(5)}
    for order in ((0, 1), (4, 3, 2, 1, 0), (2, 4)):
        for place, found in zip(order, steps(*order), strict=True):
            assert torch.equal(found, alone[place])


def test_a_state_can_be_taken_out_and_put_back() -> None:
    models = [network(text) for text in TEXTS]
    rows = optimiser_of(models)
    losses(models, torch.ones(2, 3), torch.ones(2, 2), 1.0).sum().backward()
    rows.count(0.1)
    rows.step()
    taken = [rows.state(k) for k in (0, 1)]
    again = RowAdam([42], 5.0)
    again.arrange(taken[::-1])
    assert torch.equal(again.weights.row(1), rows.weights.row(0))
    for one, other in zip(again.state(0), taken[1], strict=True):
        assert torch.equal(one, other)
    assert taken[1].mean.abs().sum() > 0


def test_what_was_not_used_keeps_its_value() -> None:
    """The early function of an annealed activation has a gradient of zero at g = 1."""
    module = Annealed("a * x where a = 3", "b * x where b = 2")
    module.set_g(1.0)
    rows = RowAdam([0], 5.0)
    rows.arrange([state(module)])
    share_storage(module.parameters(), rows.weights.blocks[-1][0], rows.gradient.blocks[-1][0])
    for _ in range(3):
        rows.zero_grad()
        module(torch.ones(4)).sum().backward()
        rows.count(0.1)
        rows.step()
    values = {name: float(p.detach()) for name, p in module.named_parameters()}
    assert values["early.a"] == 3.0
    assert values["late.b"] == pytest.approx(1.7, abs=1e-4)


def test_a_gradient_that_is_not_finite_shows_in_the_norm_of_its_own_network() -> None:
    models = [network("a * log(x) where a = 1"), network("a * x where a = 1")]
    rows = optimiser_of(models)
    losses(models, torch.full((2, 3), -9.0), torch.ones(2, 2), 1.0).sum().backward()
    rows.count(0.1)
    norms = rows.step()
    assert norms.isnan().tolist() == [True, False]
    assert not rows.weights.row(1).isnan().any()
