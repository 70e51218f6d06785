"""Networks with a free choice of activation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evoact.nn import Activation
from evoact.tasks import NETWORKS, draw_weights, make_task

FEATURES = {"digits": 64, "mnist1d": 40}
WIDTHS = {
    ("digits", "mlp"): [64, 64],
    ("digits", "conv"): [16, 32],
    ("mnist1d", "mlp"): [100, 100],
    ("mnist1d", "conv"): [25, 25, 25],
}


@pytest.mark.parametrize("key", NETWORKS, ids="-".join)
def test_every_network_runs(key: tuple[str, str]) -> None:
    asked: list[int] = []
    seen: list[torch.Size] = []

    def activation(channels: int) -> nn.Module:
        asked.append(channels)
        module = Activation("max(x, a * x) where a = 0.1 per channel", channels)
        module.register_forward_hook(lambda _, inputs, output: seen.append(output.shape))
        return module

    network = NETWORKS[key](activation)
    x = torch.randn(7, FEATURES[key[0]])
    logits = network(x)
    assert logits.shape == (7, 10)
    assert asked == WIDTHS[key]
    assert [shape[1] for shape in seen] == asked  # channels are dimension 1
    logits.logsumexp(1).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    names = [name for name, m in network.named_modules() if isinstance(m, Activation)]
    assert names == [f"act{i + 1}" for i in range(len(asked))]


@pytest.mark.parametrize("key", NETWORKS, ids="-".join)
def test_networks_are_built_afresh(key: tuple[str, str]) -> None:
    one, other = (NETWORKS[key](lambda _: nn.ReLU()) for _ in range(2))
    assert not {id(p) for p in one.parameters()} & {id(p) for p in other.parameters()}


@pytest.mark.parametrize("key", NETWORKS, ids="-".join)
def test_first_weights(key: tuple[str, str]) -> None:
    """The gain scales all layers but the first; the draws do not depend on it."""

    def drawn(gain: float) -> nn.Sequential:
        network = NETWORKS[key](lambda _: Activation("a * x where a = 0.3"))
        draw_weights(network, gain, torch.Generator().manual_seed(1))
        return network

    plain, doubled = drawn(1.0), drawn(2.0)
    weights = [name for name, _ in plain.named_parameters() if name.endswith("weight")]
    for index, name in enumerate(weights):
        factor = 2.0 if index else 1.0
        assert torch.equal(factor * plain.get_parameter(name), doubled.get_parameter(name)), name
    assert len(weights) == len(WIDTHS[key]) + 1
    for name, parameter in plain.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        if name.startswith("act"):
            assert parameter == 0.3


def test_unknown_task() -> None:
    with pytest.raises(KeyError):
        make_task("digits", "transformer", 0)
