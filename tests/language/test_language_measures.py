"""Measures of functions without training: against formulas and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from evoact.language import gaussian_moments, named, parse
from evoact.language.measures import STATIC, measure, smoothness, sparsity

AT_0 = norm.pdf(0.0)


@pytest.mark.parametrize(
    ("text", "roughness"),
    [
        ("x", 0.0),
        ("3 - 7 * x", 0.0),
        ("relu(x)", AT_0),
        ("5 * relu(x - 1)", 5 * norm.pdf(1.0)),
        ("abs(x)", 2 * AT_0),
        ("clamp(x, -1, 2)", norm.pdf(1.0) + norm.pdf(2.0)),
        ("square(x)", 2.0),
        ("exp(x)", math.exp(0.5)),
        ("cube(x)", 12 * AT_0),  # E|6 z|
        ("relu(x) + 1000000", AT_0),
        ("concat(relu(x), x)", AT_0 / 2),
        ("step(x)", math.inf),
        ("x * step(x - 1)", math.inf),
        ("log(x)", math.inf),
    ],
)
def test_roughness_by_formula(text: str, roughness: float) -> None:
    assert smoothness(parse(text)) == pytest.approx(1.0 / (1.0 + roughness), abs=2e-5)


def test_smooth_functions_by_their_second_derivative() -> None:
    x = np.linspace(-9.0, 9.0, 400_001)
    for name in ("tanh", "silu", "gelu", "mish", "softplus"):
        second = np.gradient(np.gradient(named(name).numpy()(x), x), x)
        roughness = float(np.sum(np.abs(second) * norm.pdf(x)) * (x[1] - x[0]))
        assert smoothness(named(name)) == pytest.approx(1.0 / (1.0 + roughness), abs=1e-4)


def test_groupwise_roughness_is_that_of_pairs() -> None:
    """max(a, b) has a kink of |v_a - v_b| = 2 across a = b for half of the signs."""
    expected = 1.0 / (1.0 + 2.0 * 2.0 * AT_0 / math.sqrt(2.0) / 2.0 / 1.0 / 1.0)
    assert smoothness(parse("group_max(x, 2)")) == pytest.approx(expected, abs=0.02)
    assert smoothness(parse("left(x) - right(x)")) == 1.0
    assert smoothness(parse("left(x) * step(right(x))")) == 0.0


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("relu(x)", 0.5),
        ("relu(x - 1)", norm.cdf(1.0)),
        ("x", 0.0),
        ("tanh(x)", 0.0),
        ("1.7 * relu(x) - 0.6", 0.0),
        ("concat(relu(x), x)", 0.25),
        ("left(x) * step(right(x))", 0.5),
    ],
)
def test_sparsity(text: str, share: float) -> None:
    assert sparsity(parse(text)) == pytest.approx(share, abs=2e-3)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("x", 1),
        ("relu(x)", 2),
        ("clamp(x, -1, 2)", 3),
        ("abs(abs(x) - 1)", 4),
        ("relu(x) - relu(-x)", 1),  # which is x
        ("max(abs(x) - 1, min(x, 0.5))", 4),
        ("if_positive(x, x, abs(x + 1) - 2)", 3),  # a jump parts two pieces
        ("multistep(x, 3)", 4),
        ("relu(x) * step(x)", 2),
        ("concat(relu(x), abs(abs(x) - 1))", 4),  # of the one that has most
        ("x * x", math.inf),
        ("tanh(x)", math.inf),
        ("concat(relu(x), tanh(x))", math.inf),
        ("group_max(x, 2)", None),  # of no function of one number
    ],
)
def test_linear_pieces_are_counted_exactly(text: str, pieces: float | None) -> None:
    assert measure("pieces", parse(text)) == pieces


def test_measures_by_name() -> None:
    silu = named("silu")
    found = {name: measure(name, silu) for name in STATIC}
    assert found["cost"] == silu.cost
    assert found["nodes"] == silu.nodes
    assert found["lipschitz"] == pytest.approx(1.09984, abs=1e-5)
    assert measure("lipschitz", parse("exp(x)")) == math.inf
    assert measure("lipschitz", parse("left(x) - right(x)")) is None  # not known
    with pytest.raises(AssertionError, match="no measure 'speed'"):
        measure("speed", silu)


def test_variance_is_never_above_the_square_of_the_lipschitz_constant() -> None:
    """Poincare's inequality, by which some constraints are refused."""
    for name in ("relu", "tanh", "silu", "gelu", "sin", "softplus", "abs"):
        mean, second = gaussian_moments(named(name))
        constant = measure("lipschitz", named(name))
        assert constant is not None
        assert second - mean**2 < constant**2
