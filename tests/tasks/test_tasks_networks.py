"""Networks with a free choice of activation."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from evoact.nn import Activation
from evoact.tasks import NETWORKS, draw_weights, make_task
from evoact.tasks.attention import SelfAttention, Tokens, attention
from evoact.tasks.networks import mlp

FEATURES = {"digits": 64, "mnist1d": 40, "mnist1d_shuffled": 40}
SIZES = {
    ("digits", "mlp"): [64, 64],
    ("digits", "deep"): [48] * 4,
    ("digits", "conv"): [16, 32],
    ("digits", "attention"): [64],
    ("mnist1d", "mlp"): [100, 100],
    ("mnist1d", "deep"): [48] * 4,
    ("mnist1d", "conv"): [25, 25, 25],
    ("mnist1d", "attention"): [64],
}
SIZES |= {
    ("mnist1d_shuffled", key[1]): sizes for key, sizes in SIZES.items() if key[0] == "mnist1d"
}
# The weights of before there were widths: the draws of a seed must not change.
OF_OLD = {
    ("digits", "mlp"): [(64, 64), (64, 64), (10, 64)],
    ("digits", "conv"): [(16, 1, 3, 3), (32, 16, 3, 3), (10, 512)],
    ("mnist1d", "mlp"): [(100, 40), (100, 100), (10, 100)],
    ("mnist1d", "conv"): [(25, 1, 5), (25, 25, 3), (25, 25, 3), (10, 125)],
}


@pytest.mark.parametrize("key", NETWORKS, ids="-".join)
def test_every_network_runs(key: tuple[str, str]) -> None:
    asked: list[tuple[int, int]] = []
    seen: list[torch.Size] = []

    def activation(channels: int, channel_dim: int) -> nn.Module:
        asked.append((channels, channel_dim))
        text = "max(x, a * x) where a = 0.1 per channel"
        module = Activation(text, channels, channel_dim)
        module.register_forward_hook(lambda _, inputs, output: seen.append(output.shape))
        return module

    network = NETWORKS[key](activation)
    x = torch.randn(7, FEATURES[key[0]])
    logits = network(x)
    assert logits.shape == (7, 10)
    assert [channels for channels, _ in asked] == SIZES[key]
    assert {dim for _, dim in asked} == {-1 if key[1] == "attention" else 1}
    assert [shape[dim] for shape, (_, dim) in zip(seen, asked, strict=True)] == SIZES[key]
    logits.logsumexp(1).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    names = [name for name, m in network.named_modules() if isinstance(m, Activation)]
    form = "block{}.act" if key[1] == "attention" else "act{}"
    assert names == [form.format(i + 1) for i in range(len(asked))]


@pytest.mark.parametrize("key", NETWORKS, ids="-".join)
def test_networks_are_built_afresh(key: tuple[str, str]) -> None:
    one, other = (NETWORKS[key](lambda *_: nn.ReLU()) for _ in range(2))
    assert not {id(p) for p in one.parameters()} & {id(p) for p in other.parameters()}


def drawn(key: tuple[str, str], gain: float, seed: int = 1) -> nn.Module:
    network = NETWORKS[key](lambda *_: Activation("a * x where a = 0.3"))
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.fill_(torch.nan)  # whatever is not drawn shows
    draw_weights(network, gain, torch.Generator().manual_seed(seed))
    return network


@pytest.mark.parametrize("key", NETWORKS, ids="-".join)
def test_first_weights(key: tuple[str, str]) -> None:
    """The gain scales the layers after an activation; the draws do not depend on it."""
    plain, doubled = dict(drawn(key, 1.0).named_parameters()), drawn(key, 2.0)
    following = {
        "mlp": ["dense2", "head"],
        "deep": ["dense2", "dense3", "dense4", "head"],
        "conv": ["conv2", "conv3", "head"],
        "attention": ["block1.contract"],
    }[key[1]]
    scaled = []
    for name, parameter in plain.items():
        layer, _, kind = name.rpartition(".")
        factor = 2.0 if kind == "weight" and layer in following else 1.0
        scaled += [layer] * (factor > 1.0)
        assert torch.equal(factor * parameter, doubled.get_parameter(name)), name
        assert parameter.isfinite().all(), name
        if kind == "bias":
            assert not parameter.any()
        if "norm" in layer and kind == "weight":
            assert (parameter == 1.0).all()
        if kind == "a":
            assert parameter == 0.3
    assert len(scaled) == len(SIZES[key])
    again = drawn(key, 1.0)
    assert all(torch.equal(p, again.get_parameter(name)) for name, p in plain.items())


@pytest.mark.parametrize("key", OF_OLD, ids="-".join)
def test_the_draws_of_a_seed_do_not_change(key: tuple[str, str]) -> None:
    generator = torch.Generator().manual_seed(1)
    weights = [p for name, p in drawn(key, 1.5).named_parameters() if name.endswith("weight")]
    assert [tuple(w.shape) for w in weights] == OF_OLD[key]
    for index, weight in enumerate(weights):
        normal = torch.randn(weight.shape, generator=generator)
        gain = 1.5 if index else 1.0
        assert torch.equal(weight, normal * (gain / weight[0].numel() ** 0.5))


def test_a_network_that_tells_nothing_has_no_layer_after_an_activation() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, bias=False))
    wanted = torch.Generator().manual_seed(5)
    draw_weights(network, 100.0, torch.Generator().manual_seed(5))
    for layer in (network[0], network[2]):
        normal = torch.randn(layer.weight.shape, generator=wanted)
        assert torch.equal(layer.weight, normal * (1.0 / layer.in_features**0.5))


def test_networks_within_networks_tell_too() -> None:
    inner = mlp(3, (4,), 3)(lambda *_: nn.ReLU())
    network = nn.Sequential(nn.Linear(3, 3), inner)
    draw_weights(network, 0.0, torch.Generator().manual_seed(0))
    silent = [name for name, p in network.named_parameters() if "weight" in name and not p.any()]
    assert silent == ["1.head.weight"]


def test_unknown_task() -> None:
    with pytest.raises(KeyError):
        make_task("digits", "transformer", 0)


# Attention


def test_tokens_are_windows_in_order() -> None:
    tokens = Tokens(length=40, window=7, stride=3, channels=8)
    x = torch.randn(2, 40)
    found = tokens(x)
    assert found.shape == (2, 12, 8)
    for place in range(12):
        window = tokens.embed(x[:, 3 * place : 3 * place + 7]) + tokens.position[place]
        torch.testing.assert_close(found[:, place], window)
    assert len({tuple(row) for row in tokens.position.tolist()}) == 12
    assert list(tokens.state_dict()) == ["embed.weight", "embed.bias"]


def test_self_attention_is_that_of_torch() -> None:
    mine, torchs = SelfAttention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    torchs.in_proj_weight.data, torchs.in_proj_bias.data = (
        mine.project.weight.data,
        mine.project.bias.data,
    )
    torchs.out_proj.load_state_dict(mine.gather.state_dict())
    x = torch.randn(4, 5, 12)
    wanted: Tensor = torchs(x, x, x, need_weights=False)[0]
    torch.testing.assert_close(mine(x), wanted)


def test_attention_is_deterministic_and_knows_positions() -> None:
    network = attention(24, 3, window=4, stride=4)(lambda *_: nn.GELU())
    draw_weights(network, 1.5, torch.Generator().manual_seed(0))
    x = torch.randn(50, 24)

    def gradients() -> list[Tensor]:
        network.zero_grad()
        network(x).logsumexp(1).sum().backward()
        return [p.grad.clone() for p in network.parameters() if p.grad is not None]

    first = gradients()
    for _ in range(5):
        assert all(torch.equal(a, b) for a, b in zip(first, gradients(), strict=True))
    turned = x.view(50, 6, 4).flip(1).reshape(50, 24)  # the same tokens, in another order
    assert not torch.allclose(network(x), network(turned), atol=1e-2)


def test_attention_with_several_blocks() -> None:
    network = attention(24, 3, 4, 4, channels=8, heads=2, hidden=(12, 20))(lambda *_: nn.Tanh())
    assert [network.block1.expand.out_features, network.block2.expand.out_features] == [12, 20]
    assert network(torch.randn(2, 24)).shape == (2, 3)


def test_building_does_not_import_torchs_compiler() -> None:
    """It takes seconds, of every worker."""
    code = """if True:
        import sys
        from fractions import Fraction
        from torch import nn
        from evoact.tasks import NETWORKS, Width
        for network in NETWORKS.values():
            network(lambda *_: nn.Identity(), Width(Fraction(1), 2, "round"))
            network(lambda *_: nn.Identity(), Width(Fraction(1), 3))
        print("torch._dynamo" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
