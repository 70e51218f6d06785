"""Gradients, Lipschitz bounds and mean-field maps: against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from evoact.diagnostics import (
    dual,
    gradient_norms,
    jacobians,
    lipschitz_bound,
    lipschitz_estimate,
    moment_fixed_point,
    moment_map,
    spectrum,
    variance_fixed_points,
)
from evoact.errors import InputError
from evoact.language import parse
from evoact.nn import Activation

SELU = "1.0507009873554805 * (max(x, 0) + 1.6732632423543772 * expm1(min(x, 0)))"


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def linear(weight: torch.Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data.copy_(weight)
    return layer


def orthogonal(size: int, seed: int) -> torch.Tensor:
    return torch.linalg.qr(normal(size, size, seed=seed).double()).Q.float()


def test_jacobians_are_products_of_weights_and_slopes() -> None:
    first, last = normal(4, 3), normal(2, 4, seed=1)
    network = nn.Sequential(linear(first), Activation("tanh(x)"), linear(last))
    x = normal(5, 3, seed=2)
    slopes = 1.0 - torch.tanh(x.double() @ first.double().T) ** 2
    wanted = torch.einsum("oh,nh,hi->noi", last.double(), slopes, first.double())
    assert torch.allclose(jacobians(network, x), wanted, atol=1e-12)


def test_singular_values_are_those_that_were_put_in() -> None:
    values = torch.diag(torch.tensor([3.0, 1.0, 0.5]))
    weight = orthogonal(3, 0) @ values @ orthogonal(3, 1)
    found = spectrum(jacobians(linear(weight), normal(4, 3)))
    assert found.largest == pytest.approx(3.0, rel=1e-6)
    assert found.smallest == pytest.approx(0.5, rel=1e-6)
    assert found.condition == pytest.approx(6.0, rel=1e-5)
    assert found.preserved == pytest.approx(1.0 / 3.0)
    dead = nn.Sequential(linear(torch.eye(2)), Activation("relu(x)"))
    assert spectrum(jacobians(dead, torch.tensor([[1.0, -1.0]]))).condition == math.inf


@pytest.mark.parametrize("text", ["abs(x)", "group_sort(x, 2)"])
def test_orthogonal_layers_keep_gradients_with_what_preserves_norms(text: str) -> None:
    layers = [
        part
        for seed in range(3)
        for part in (linear(orthogonal(6, seed)), Activation(text, channels=6))
    ]
    network, x = nn.Sequential(*layers), normal(10, 6, seed=7)
    assert list(gradient_norms(network, x).values()) == pytest.approx([1.0] * 3, rel=1e-5)
    assert spectrum(jacobians(network, x)).preserved == 1.0
    bound = lipschitz_bound(network, x)
    assert bound.value == pytest.approx(1.0, rel=1e-5)
    assert lipschitz_estimate(network, x) == pytest.approx(1.0, rel=1e-5)


def test_gradients_vanish_by_the_slopes() -> None:
    network = nn.Sequential(*[Activation("0.5 * x") for _ in range(4)])
    found = gradient_norms(network, normal(3, 2))
    assert list(found.values()) == pytest.approx([2.0**-4, 2.0**-3, 2.0**-2, 2.0**-1])


def test_bounds_hold_the_lipschitz_constant_between_them() -> None:
    network = nn.Sequential(linear(normal(8, 4)), Activation("gelu(x)"), linear(normal(3, 8)))
    x = normal(60, 4, seed=3)
    bound, least = lipschitz_bound(network, x), lipschitz_estimate(network, x)
    product = [
        float(torch.linalg.svdvals(network[0].weight.detach())[0]),
        1.1289,  # the largest slope of GELU, at sqrt(2)
        float(torch.linalg.svdvals(network[2].weight.detach())[0]),
    ]
    assert list(bound.factors.values()) == pytest.approx(product, rel=1e-4)
    assert bound.certified
    assert bound.value == pytest.approx(math.prod(product), rel=1e-4)
    assert 0.0 < least < bound.value
    affine = linear(normal(3, 4))
    exact = float(torch.linalg.svdvals(affine.weight.detach())[0])
    assert lipschitz_estimate(affine, x) == pytest.approx(exact, rel=1e-5)


def test_convolutions_are_matrices_of_known_norm() -> None:
    # Without padding, x_i + x_(i+1): singular values 2 cos(pi k / (n + 1)) of the bidiagonal one.
    conv = nn.Conv1d(1, 1, 2, bias=True)
    conv.weight.data.fill_(1.0)
    network = nn.Sequential(nn.Unflatten(1, (1, 5)), conv, nn.Flatten())
    found = lipschitz_bound(network, torch.zeros(1, 5))
    assert found.value == pytest.approx(2.0 * math.cos(math.pi / 10.0))


def test_what_is_no_chain_has_no_bound() -> None:
    with pytest.raises(InputError, match="chain of linear layers"):
        lipschitz_bound(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)), torch.zeros(1, 2))
    with pytest.raises(InputError, match="none of evoact's activations"):
        lipschitz_bound(nn.Sequential(nn.Linear(2, 2), nn.GELU()), torch.zeros(1, 2))


def test_variances_of_relu_go_to_the_fixed_point_of_the_formula() -> None:
    # q -> s q / 2 + b: the fixed point b / (1 - s / 2), with slope and chi s / 2.
    (found,) = variance_fixed_points(parse("relu(x)"), 1.6, 0.3)
    assert found.variance == pytest.approx(1.5, rel=1e-4)
    assert (found.slope, found.gradient) == pytest.approx((0.8, 0.8), rel=1e-4)
    assert found.stable
    zero, one = variance_fixed_points(parse("relu(x)"), 2.0)  # He et al. 2015: every variance stays
    assert zero.variance == 0.0
    assert (one.variance, one.slope, one.gradient) == pytest.approx((1.0, 1.0, 1.0), rel=1e-4)
    assert not one.stable
    assert [p.variance for p in variance_fixed_points(parse("relu(x)"), 3.0)] == [0.0]


def test_erf_networks_have_the_fixed_point_of_williams() -> None:
    # E[erf(sqrt(q) z)^2] = 2 / pi asin(2 q / (1 + 2 q)); E[erf'^2] = 4 / pi / sqrt(1 + 4 q).
    zero, found = variance_fixed_points(parse("erf(x)"), 2.0)
    q = found.variance
    assert q == pytest.approx(2.0 * 2.0 / math.pi * math.asin(2 * q / (1 + 2 * q)), rel=1e-6)
    assert found.gradient == pytest.approx(2.0 * 4.0 / math.pi / math.sqrt(1 + 4 * q), rel=1e-5)
    assert found.stable
    assert zero.slope == pytest.approx(2.0 * 4.0 / math.pi, rel=1e-4)
    assert not zero.stable


@pytest.mark.parametrize("c", [-0.6, 0.0, 0.35, 0.9])
def test_dual_activations_have_closed_forms(c: float) -> None:
    angle = math.acos(c)  # the arc-cosine kernel of degree 1 (Cho & Saul 2009)
    relu = (math.sin(angle) + (math.pi - angle) * c) / (2.0 * math.pi)
    assert dual(parse("relu(x)"), c) == pytest.approx(relu, abs=2e-5)
    assert dual(parse("relu(x)"), c, 4.0) == pytest.approx(4.0 * relu, abs=1e-4)
    erf = 2.0 / math.pi * math.asin(2.0 * c / 3.0)  # Williams 1997
    assert dual(parse("erf(x)"), c) == pytest.approx(erf, abs=1e-9)
    assert dual(parse("x"), c, 3.0) == pytest.approx(3.0 * c, abs=1e-9)


def test_selu_has_the_fixed_point_and_jacobian_of_its_paper() -> None:
    found = moment_fixed_point(parse(SELU))
    assert found is not None
    assert (found.mean, found.variance) == pytest.approx((0.0, 1.0), abs=1e-8)
    (_, first), (_, second) = found.jacobian
    assert (first, second) == pytest.approx((0.088834, 0.782648), abs=1e-5)
    assert found.stable
    far = moment_fixed_point(parse(SELU), start=(0.5, 3.0))
    assert far is not None
    assert far.variance == pytest.approx(1.0, abs=1e-6)


def test_moments_of_linear_and_rectified_numbers() -> None:
    # y ~ N(m w, v t): of 2 y mean 2 m w, variance 4 v t.
    moved = moment_map(parse("2 * x"), 1.5, 0.5, weight_sum=0.4, weight_square_sum=3.0)
    assert moved == pytest.approx((1.2, 6.0), rel=1e-9)
    mean, variance = moment_map(parse("relu(x)"), 0.0, 1.0)
    assert mean == pytest.approx(1.0 / math.sqrt(2.0 * math.pi), rel=1e-9)
    assert variance == pytest.approx(0.5 - 0.5 / math.pi, rel=1e-9)
    assert moment_fixed_point(parse("3 * x")) is None
