"""Signal at depth against real random layers and known results; and what is affine."""

from __future__ import annotations

import numpy as np
import pytest

from evoact.language import initialisation_gain, is_affine, named, parse, resolve, signal_at_depth
from evoact.language.signal import STARTS
from evoact.language.standard import standardised


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("relu", 1.0, 1.0),  # homogeneous: any size stays (He et al. 2015)
        ("abs", 1.0, 1.0),
        ("x", 1.0, 1.0),
        ("square", 0.0, np.inf),  # gain^2 * 3 q^2: from 1/2 to nothing, from 2 to infinity
        ("exp", 0.4, np.inf),
    ],
)
def test_signals_that_are_known(text: str, low: float, high: float) -> None:
    signal = signal_at_depth(resolve(text), 12)
    assert min(signal.forward) == pytest.approx(low, abs=0.05)
    assert max(signal.forward) == pytest.approx(high)


def test_selu_brings_every_size_to_its_fixed_point() -> None:
    """Klambauer et al. 2017: the fixed point 1 attracts."""
    forward = signal_at_depth(named("selu"), 100).forward
    assert np.multiply(forward, STARTS) == pytest.approx([1.0] * 3, rel=0.02)


def test_a_small_slope_vanishes_where_the_gain_is_at_its_bound() -> None:
    """The gain of 0.01 x would be 100; it is at most 20, and 1/25 is left in each layer."""
    signal = signal_at_depth(parse("0.01 * x"), 6)
    assert signal.forward == pytest.approx([0.04**6] * 3, rel=1e-3)
    assert signal.backward == pytest.approx([0.04**6] * 3, rel=1e-3)
    assert signal_at_depth(standardised(parse("0.01 * x")), 6).forward == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "text",
    ["tanh(x)", "silu(x)", "sin(3 * x)", "concat(relu(x), relu(-x))", "group_max(x, 2)",
     "left(x) * sigmoid(right(x))"],
)  # fmt: skip
def test_random_layers_of_a_network_do_the_same(text: str) -> None:
    """A numpy network of width 1,000, and gradients by finite differences of its layers."""
    expression, depth, width = parse(text), 4, 1000
    f, gain = expression.numpy(), initialisation_gain(expression)
    signal, rng = signal_at_depth(expression, depth), np.random.default_rng(0)
    for start, forward, backward in zip(STARTS, signal.forward, signal.backward or (), strict=True):
        h = np.sqrt(start) * rng.standard_normal((8, width))
        v = rng.standard_normal((8, width))  # forward-mode: as large as the gradient, in the mean
        size = np.square(v).sum()
        for _ in range(depth):
            inner = f(h).shape[1]
            weights = gain / np.sqrt(inner) * rng.standard_normal((inner, width))
            v = (f(h + 1e-6 * v) - f(h - 1e-6 * v)) @ weights / 2e-6
            h = f(h) @ weights
        assert np.square(h).mean() / start == pytest.approx(forward, rel=0.35)
        assert np.square(v).sum() / size == pytest.approx(backward, rel=0.6)


def test_thresholds_have_no_gradient_of_their_own() -> None:
    signal = signal_at_depth(parse("x * step(x)"), 8)
    assert (signal.forward, signal.backward) == ((1.0, 1.0, 1.0), None)


def test_values_far_out_where_nobody_gets_to_are_no_fault() -> None:
    assert np.isfinite(signal_at_depth(parse("sqrt(x + 9)"), 1).forward).all()
    assert max(signal_at_depth(parse("log(x)"), 1).forward) == np.inf


@pytest.mark.parametrize(
    ("text", "affine"),
    [
        ("x", True),
        ("3 - 2 * x", True),
        ("a * x + b where a = 2, b = 1", True),
        ("max(x, a * x) where a = 1", False),  # only at first
        ("a * x + (1 - a) * relu(x) where a = 1", False),
        ("clamp(x, -9, 9)", True),  # where activations work
        ("clamp(x, -1, 1)", False),
        ("abs(x)", False),
        ("x + 1e-4 * tanh(x)", False),
        ("x + sqrt(x)", False),  # not a number
        ("left(x) - right(x)", True),
        ("concat(x, -x)", True),
        ("concat(x, abs(x))", False),
        ("group_sort(x, 2)", False),
        ("left(x) * right(x)", False),
    ],
)
def test_affine_functions(text: str, affine: bool) -> None:
    assert is_affine(parse(text)) is affine
