"""All measures of a network together."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from evoact.diagnostics import activation_facts, diagnose
from evoact.errors import InputError
from evoact.language import parse
from evoact.nn import Activation


def linear(weight: torch.Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data.copy_(weight)
    return layer


def blobs(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes, far apart in their first feature."""
    draws = torch.Generator().manual_seed(seed)
    y = torch.arange(80) % 2
    x = torch.randn(80, 3, generator=draws)
    x[:, 0] += 20.0 * y
    return x, y


def test_an_identity_changes_nothing_by_any_measure() -> None:
    network = nn.Sequential(linear(torch.eye(3)), Activation("x + 0"), linear(torch.eye(3)))
    x, y = blobs()
    found = diagnose(network, x, y, blobs(1))
    before, after = found.layers
    assert before.name == "input"
    for name in ("mean", "variance", "effective_rank", "contraction", "separation", "units"):
        assert getattr(after, name) == pytest.approx(getattr(before, name)), name
    assert after.neighbour_accuracy == before.neighbour_accuracy == 1.0
    assert after.support_vectors is not None
    assert set(after.support_vectors.values()) == {0.0}
    assert after.information_lost == pytest.approx(0.0, abs=1e-12)
    assert after.curve_length == pytest.approx(1.0)
    assert after.gradient == pytest.approx(1.0)
    whole = found.whole
    for name in ("jacobian_largest", "jacobian_condition", "jacobian_preserved"):
        assert whole[name] == pytest.approx(1.0), name
    assert whole["lipschitz_bound"] == pytest.approx(1.0)
    assert whole["lipschitz_seen"] == pytest.approx(1.0)
    assert whole["linear_regions"] == 1.0
    assert found.notes == {}


def test_what_does_not_apply_is_none_and_a_note() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), Activation("tanh(x)"))
    found = diagnose(network, blobs()[0])
    assert found.layers[1].contraction is None
    assert found.whole["lipschitz_bound"] is None
    assert found.whole["linear_regions"] is None
    assert set(found.notes) == {"lipschitz_bound", "linear_regions"}
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["layers"][1]["name"] == "2"
    with pytest.raises(InputError, match="no activation"):
        diagnose(nn.Linear(3, 2), blobs()[0])


def test_a_network_stays_as_it_is() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), Activation("relu(x)"), nn.Linear(4, 2))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    diagnose(network, *blobs())
    assert network.training
    assert all(p.requires_grad and p.grad is None for p in network.parameters())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_tokens_have_no_curves_and_no_jacobians() -> None:
    network = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), Activation("relu(x)"))
    draws = torch.Generator().manual_seed(0)
    x = torch.randint(0, 5, (30, 3), generator=draws)
    found = diagnose(network, x, torch.arange(30) % 2)
    assert found.layers[1].gradient is not None
    assert found.layers[1].curve_length is None
    assert "jacobian_largest" not in found.whole


def test_activations_by_mean_field() -> None:
    relu = activation_facts(parse("relu(x)"))
    assert relu["gain"] == pytest.approx(2.0**0.5)
    assert relu["gradient_factor"] == pytest.approx(1.0, rel=1e-4)
    assert relu["variance_stable"] is False
    assert activation_facts(parse("group_max(x, 2)"))["mean_fixed_point"] is None
