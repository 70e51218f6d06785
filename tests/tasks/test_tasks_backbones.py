"""Backbones: what is known of their layers, and that any activation can be in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evoact import Activation
from evoact.diagnostics import jacobians, lipschitz_bound
from evoact.errors import InputError
from evoact.language import Expression, named, resolve
from evoact.language.selfnormalising import self_normalising
from evoact.nn import Annealed
from evoact.tasks import Splits, UserTask, load, seeded
from evoact.tasks.backbones import (
    AlphaDropout,
    BjorckLinear,
    DiracLinear,
    dirac_network,
    lipschitz_network,
    orthonormalised,
    oyallon_network,
    plain_network,
    selfnormalising_network,
)
from evoact.tasks.shipped import Cones, Deep
from evoact.tasks.shipped.cones import Critic


def made(function: str | Expression) -> Any:
    """Make a factory of activations, as evoact calls it."""
    expression = resolve(function) if isinstance(function, str) else function

    def factory(channels: int, channel_dim: int = 1) -> nn.Module:
        act = Activation(expression, channels, channel_dim)
        act.out_channels = int(channels * expression.width)  # type: ignore[assignment]  # as UserNetwork does
        return act

    return factory


# Plain layers


@pytest.mark.parametrize(("initial", "deviation"), [("he", 2**0.5), ("lecun", 1.0)])
def test_first_weights_have_the_deviation_of_their_source(initial: str, deviation: float) -> None:
    torch.manual_seed(0)
    network = plain_network(made("relu"), 400, [400, 400], 400, initial)
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    found = [float(layer.weight.detach().std()) * 20.0 for layer in layers]
    assert found == pytest.approx([deviation, deviation, 1.0], rel=0.02)
    assert not any(layer.bias.any() for layer in layers)


def test_orthogonal_weights_keep_the_length_of_signals_and_gradients() -> None:
    network = plain_network(made("x"), 16, [16] * 60, 1, "orthogonal")[:-1]
    x = torch.randn(7, 16, requires_grad=True)
    y = network(x)
    assert torch.allclose(y.norm(dim=1), x.norm(dim=1), rtol=1e-4)
    (gradient,) = torch.autograd.grad(y[:, 0].sum(), x)
    assert torch.allclose(gradient.norm(dim=1), torch.ones(7), rtol=1e-4)


# Dirac layers


@pytest.mark.parametrize(("inputs", "outputs"), [(5, 5), (3, 6), (6, 3)])
def test_a_new_dirac_layer_is_the_identity_and_a_tenth_of_unit_rows(
    inputs: int, outputs: int
) -> None:
    layer, x = DiracLinear(inputs, outputs), torch.randn(4, inputs)
    rows = layer.weight.detach() / layer.weight.detach().norm(dim=1, keepdim=True)
    own = nn.functional.pad(x, (0, max(0, outputs - inputs)))[:, :outputs]
    assert torch.allclose(layer(x), own + 0.1 * x @ rows.T, atol=1e-6)
    scale = layer(x).detach()
    layer.weight.data *= 7.0  # the length of rows says nothing
    assert torch.allclose(layer(x), scale, atol=1e-6)


def test_a_trained_dirac_layer_is_a_linear_one() -> None:
    layer = DiracLinear(6, 4)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    folded, x = nn.Linear(6, 4), torch.randn(5, 6)
    folded.weight.data, folded.bias.data = layer.effective_weight().data, layer.bias.data
    assert torch.allclose(folded(x), layer(x), atol=1e-6)


def test_all_hidden_layers_but_the_first_are_dirac_layers() -> None:
    kinds = [type(layer) for layer in dirac_network(made("relu"), 8, [6] * 4, 3)][::2]
    assert kinds == [nn.Linear, DiracLinear, DiracLinear, DiracLinear, nn.Linear]


# Orthonormal layers


@pytest.mark.parametrize("shape", [(32, 32), (1, 32), (32, 2), (8, 20), (20, 8), (1, 1)])
def test_singular_values_become_1(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    for scale in (1e-6, 1.0, 1e6):
        weight = scale * torch.randn(shape, generator=generator)
        if shape == (32, 32):  # a square one of normal numbers may be close to singular
            weight = nn.init.orthogonal_(weight) @ torch.linspace(0.05, 1.0, 32).diag() * scale
        values = torch.linalg.svdvals(orthonormalised(weight))
        assert torch.allclose(values, torch.ones_like(values), atol=2e-5)


def test_no_singular_value_ever_exceeds_1() -> None:
    for seed in range(20):
        weight = torch.randn(24, 24, generator=torch.Generator().manual_seed(seed)).double()
        before = torch.zeros(24, dtype=torch.float64)
        for iterations in (0, 1, 2, 5, 20, 60):
            values = torch.linalg.svdvals(orthonormalised(weight, iterations))
            assert float(values.max()) <= 1.0 + 1e-12
            assert bool((values >= before - 1e-12).all())
            before = values


def test_the_nearest_orthonormal_matrix_is_found_and_gradients_go_through() -> None:
    u, s, vt = np.linalg.svd(np.random.default_rng(0).normal(size=(5, 9)), full_matrices=False)
    weight = torch.from_numpy(u @ np.diag(np.maximum(s, 0.3 * s.max())) @ vt).requires_grad_()
    assert np.allclose(orthonormalised(weight).detach().numpy(), u @ vt, atol=1e-10)
    assert torch.autograd.gradcheck(orthonormalised, (weight,))
    assert orthonormalised(torch.zeros(2, 3)).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("name", ["maxmin", "abs(x)", "relu", "concat(relu(x), relu(-x))"])
def test_networks_of_orthonormal_layers_are_as_steep_as_their_activations(name: str) -> None:
    torch.manual_seed(0)
    network = lipschitz_network(made(name), 3, [16, 16], 16).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    assert {type(layer) for layer in network[::2]} == {BjorckLinear}
    x = torch.randn(20, 3, dtype=torch.float64)
    values = torch.linalg.svdvals(jacobians(network, x))
    assert float(values.max()) <= 1.0 + 1e-6
    if name in ("maxmin", "abs(x)"):  # which turn and mirror, and so keep all lengths
        assert torch.allclose(values, torch.ones_like(values), atol=1e-3)


def test_diagnostics_know_the_layers() -> None:
    x = torch.zeros(1, 3)
    found = lipschitz_bound(lipschitz_network(made("maxmin"), 3, [8, 8], 1), x)
    assert found.certified
    assert found.value == pytest.approx(1.0, abs=1e-6)
    layer = DiracLinear(3, 3)
    wanted = float(torch.linalg.matrix_norm(layer.effective_weight().detach().double(), ord=2))
    assert lipschitz_bound(nn.Sequential(layer), x).value == pytest.approx(wanted, rel=1e-6)


# Self-normalising networks


def test_selu_has_its_published_constants() -> None:
    phi = lambda z: 0.5 * (1.0 + math.erf(z / 2**0.5))  # noqa: E731  # as in the paper
    alpha = -((2 / math.pi) ** 0.5) / (math.erfc(0.5**0.5) * math.exp(0.5) - 1.0)
    moment = math.exp(2.0) * phi(-2.0) - 2.0 * math.exp(0.5) * phi(-1.0) + 0.5
    scale = (0.5 + alpha**2 * moment) ** -0.5
    elu = resolve("max(x, 0) + alpha * expm1(min(x, 0)) where alpha = 1.0")
    found = self_normalising(elu, free="alpha")
    assert found.solved == pytest.approx(alpha, abs=1e-9)
    assert found.scale == pytest.approx(scale, abs=1e-9)


SATURATIONS = {
    "selu": -1.7580993408473766,
    "tanh": -1.0,
    "elu": -1.0,
    "relu": 0.0,
    "sigmoid(x) - 0.5": -0.5,
    "gaussian(x) - 0.7": -0.7,
    "softsign": -1.0,
    "sin(x)": 0.0,  # it has no limit: outputs are dropped to their mean
    "x": 0.0,
    "exp(-x)": 0.0,
}


@pytest.mark.parametrize("name", SATURATIONS)
def test_outputs_are_dropped_to_where_the_activation_saturates(name: str) -> None:
    found = AlphaDropout(made(name)(3), 0.1, channels=3).saturation()
    assert found.tolist() == pytest.approx([SATURATIONS[name]] * 3, abs=1e-3)


@pytest.mark.parametrize("name", ["selu", "tanh", "elu", "sin(x)", "sigmoid", "softsign"])
@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_alpha_dropout_keeps_mean_and_variance(name: str, rate: float) -> None:
    torch.manual_seed(0)
    wrapped = self_normalising(resolve(name)).expression
    dropout = AlphaDropout(made(wrapped)(64), rate, channels=64)
    y = dropout(torch.randn(20_000, 64))
    assert float(y.mean()) == pytest.approx(0.0, abs=0.01)
    assert float(y.var()) == pytest.approx(1.0, abs=0.02)
    dropout.eval()
    x = torch.randn(5, 64)
    assert torch.equal(dropout(x), dropout.activation(x))


def test_alpha_dropout_of_selu_is_that_of_torch() -> None:
    torch.manual_seed(0)
    found = AlphaDropout(made("selu")(1), 0.1, channels=1)(torch.zeros(2_000, 1)).unique()
    wanted = nn.functional.alpha_dropout(torch.zeros(2_000), 0.1, training=True).unique()
    assert torch.allclose(found, wanted, atol=1e-3)


def test_the_limit_is_that_of_the_activation_at_hand() -> None:
    annealed = Annealed("relu(x)", "tanh(x)")
    dropout = AlphaDropout(annealed, 0.1, channels=1)
    seen = []
    for g in (0.0, 0.5, 1.0):
        annealed.set_g(g)
        seen.append(float(dropout.saturation()))
    assert seen == pytest.approx([0.0, -0.5, -1.0])


def test_a_network_with_dropout_keeps_its_variance_through_fifty_layers() -> None:
    torch.manual_seed(0)
    network = selfnormalising_network(made("selu"), 256, [256] * 50, 1, dropout=0.05)[:-1]
    with torch.no_grad():
        variance = float(network(torch.randn(256, 256)).var())
    assert 0.8 < variance < 1.25


# Thirteen convolutions


def test_thirteen_convolutions_without_biases_halve_images_twice() -> None:
    network = oyallon_network(made("partial(relu(x), 0.25)"), 1, 10, width=8)
    kinds = [module for module in network if isinstance(module, nn.Conv2d)]
    assert len(kinds) == 13
    assert all(conv.bias is None for conv in kinds)
    assert [name for name, _ in network.named_parameters() if "bias" in name] == ["40.bias"]
    assert network[:-2](torch.randn(3, 1, 8, 8)).shape == (3, 8, 2, 2)
    assert network(torch.randn(3, 1, 8, 8)).shape == (3, 10)


# Any width, and a task of the user's


@pytest.mark.parametrize(
    "build",
    [
        partial(plain_network, inputs=4, hidden=[8, 8], outputs=2),
        partial(dirac_network, inputs=4, hidden=[8, 8, 8], outputs=2),
        partial(lipschitz_network, inputs=4, hidden=[8, 8], outputs=2),
        partial(selfnormalising_network, inputs=4, hidden=[8, 8], outputs=2, dropout=0.1),
    ],
)
@pytest.mark.parametrize("name", ["group_max(x, 2)", "concat(relu(x), relu(-x))", "maxmin"])
def test_activations_may_change_the_width(build: Callable[..., nn.Module], name: str) -> None:
    network = build(made(name))
    assert network(torch.randn(5, 4)).shape == (5, 2)
    network(torch.randn(5, 4)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


class Narrow(UserTask):
    """Digits by Oyallon's network, as a user writes it."""

    def data(self, split_seed: int) -> Splits:
        return load("digits", split_seed)

    def model(self, activation: Any) -> nn.Module:
        return nn.Sequential(nn.Unflatten(1, (1, 8, 8)), oyallon_network(activation, 1, 10, 8))


def test_a_users_model_takes_them() -> None:
    with seeded(torch.Generator().manual_seed(0)):
        model = Narrow().model(made("partial(relu(x), 0.5)"))
    train = load("digits", 0).train
    x, y = torch.from_numpy(train.x[:32]), torch.from_numpy(train.y[:32])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(5):
        loss = Narrow().loss(model(x), y)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < 0.9 * losses[0]


# Their tasks


class Cone(nn.Module):
    """The best critic."""

    def forward(self, x: Tensor) -> Tensor:
        return x.norm(dim=1, keepdim=True) + 3.0


def test_the_cone_scores_the_distance() -> None:
    for dimension in (1, 2, 5):
        task = Cones(dimension=dimension, samples=50)
        part = task.data(0).test
        output, y = Critic(Cone())(torch.from_numpy(part.x)), torch.from_numpy(part.y)
        assert torch.allclose(output, y, atol=1e-6)
        assert task.measure(output, y)["w1"] == pytest.approx(1.0, abs=1e-6)
        assert float(task.loss(output, y)) == pytest.approx(-1.0, abs=1e-6)


def test_a_critic_that_is_too_steep_is_told() -> None:
    y = torch.ones(2, 1)
    with pytest.raises(InputError, match=r"rises by 1.5 from the origin.*one_lipschitz: true"):
        Cones().measure(torch.tensor([[-1.5], [0.3]]), y)


@pytest.mark.parametrize("backbone", ["plain", "dirac", "selfnormalising"])
@pytest.mark.parametrize("data", ["digits", "mnist1d"])
def test_deep_networks_have_their_depth_and_take_their_data(backbone: str, data: str) -> None:
    task = Deep(data, backbone, depth=20, width=6)
    model = task.model(made("tanh"))
    assert sum(isinstance(module, Activation) for module in model.modules()) == 20
    assert model(torch.from_numpy(task.data(0).train.x[:3])).shape == (3, 10)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Deep("mnist"), "data is 'mnist'; did you mean 'mnist1d'"),
        (lambda: Deep(backbone="residual"), "wanted plain, dirac, selfnormalising"),
        (lambda: Deep(depth=0), "depth is 0; wanted 1 or more"),
        (lambda: Deep(width=2.5), "width is 2.5, a float"),
        (lambda: Deep(initial="xavier"), "initial is 'xavier'; wanted he, lecun, orthogonal"),
        (lambda: Deep(backbone="dirac", initial="he"), "initial is 'he', which dirac networks do"),
        (lambda: Deep(dropout=0.1), "dropout is 0.1, which plain networks do not have"),
        (lambda: Cones(dimension=0), "dimension is 0; wanted 1 or more"),
        (lambda: Cones(samples="many"), "samples is 'many'"),
        (lambda: AlphaDropout(nn.ReLU(), 1.0, 4), "rate is 1.0; wanted a number from 0 on"),
        (lambda: plain_network(made("relu"), 2, [3], 1, "hes"), "did you mean 'he'"),
        (lambda: oyallon_network(made("relu"), 1, 10, width=0), "width is 0; wanted 1 or more"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told(make: Callable[[], object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        make()


def test_the_zoo_has_what_the_cones_want() -> None:
    for name in ("maxmin", "groupsort4"):
        facts = named(name).facts()
        assert facts.one_lipschitz.value is True
        assert facts.gradient_norm_preserving.value is True
