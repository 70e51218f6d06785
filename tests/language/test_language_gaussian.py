"""Moments of activations under N(0, 1), against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from evoact.language import ZOO, initialisation_gain, named, parse
from evoact.language.gaussian import (
    centred_moments,
    gaussian_moments,
    moment_slopes,
    slope_moment,
)
from evoact.language.lanes import lanes
from evoact.language.quadrature import resolve


def below(x: float) -> float:
    return float(special.ndtr(x))


def density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


# Of max(z - t, 0): mean and second moment.
T = 0.37
RAMP = density(T) - T * below(-T), (1 + T * T) * below(-T) - T * density(T)
LOG_MEAN = -(np.euler_gamma + math.log(2)) / 2

MOMENTS = [
    ("x", 0.0, 1.0),
    ("relu(x)", density(0), 0.5),
    ("abs(x)", 2 * density(0), 1.0),
    ("square(x)", 1.0, 3.0),
    ("cube(x)", 0.0, 15.0),
    ("x ** 20", 654729075.0, math.prod(range(1, 40, 2))),
    ("3", 3.0, 9.0),
    ("x + 2", 2.0, 5.0),
    ("a * x where a = 3 per channel", 0.0, 9.0),
    ("exp(x)", math.exp(0.5), math.exp(2.0)),
    ("exp(2 * x)", math.exp(2.0), math.exp(8.0)),
    ("sin(x)", 0.0, (1 - math.exp(-2)) / 2),
    ("cos(x)", math.exp(-0.5), (1 + math.exp(-2)) / 2),
    ("sin(50 * x)", 0.0, 0.5),
    ("erf(x)", 0.0, 2 / math.pi * math.asin(2 / 3)),
    ("gaussian(x)", 1 / math.sqrt(3), 1 / math.sqrt(5)),
    ("gelu(x)", 1 / (2 * math.sqrt(math.pi)), None),
    ("sigmoid(x)", 0.5, None),
    ("leaky_relu(x, 0.5)", 0.5 * density(0), 0.625),
    ("step(x)", 0.5, 0.5),
    ("sign(x)", 0.0, 1.0),
    ("window(x)", below(1) - below(-1), below(1) - below(-1)),
    ("step(x - 0.37)", below(-T), below(-T)),
    ("relu(x - 0.37)", *RAMP),
    ("100 * step(x - 0.37)", 100 * below(-T), 10000 * below(-T)),
    ("log(abs(x))", LOG_MEAN, math.pi**2 / 8 + LOG_MEAN**2),
    ("sqrt(x + 9)", None, 9.0),  # not a number for one input in 1e19
    ("concat(relu(x), relu(-x))", density(0), 0.5),
    ("concat(x, 2) + 1", 2.0, (2 + 9) / 2),
    ("partial(relu(x), 0.3)", 0.3 * density(0), 0.85),
    ("partial(step(x), 0.25)", 0.125, 0.875),
    ("partial(partial(abs(x), 0.5) + 1, 0.75)", density(0) + 0.75, None),
]


@pytest.mark.parametrize(("text", "mean", "second"), MOMENTS, ids=[text for text, *_ in MOMENTS])
def test_moments_to_ten_digits(text: str, mean: float | None, second: float | None) -> None:
    found = gaussian_moments(parse(text))
    if mean is not None:
        assert found[0] == pytest.approx(mean, rel=1e-10, abs=1e-10)
    if second is not None:
        assert found[1] == pytest.approx(second, rel=1e-10)


@pytest.mark.parametrize(
    "text", ["1 / x", "1 / (x - 0.3)", "exp(x * x / 3)", "exp(x * x)", "exp(exp(x))", "exp(40 * x)"]
)
def test_second_moments_that_do_not_exist(text: str) -> None:
    assert gaussian_moments(parse(text))[1] == math.inf


@pytest.mark.parametrize("text", ["log(x)", "sqrt(x + 3)", "x / 0 - x / 0"])
def test_what_is_not_a_number_has_no_moments(text: str) -> None:
    assert all(np.isnan(gaussian_moments(parse(text))))


def test_what_cannot_be_resolved_is_integrated_roughly() -> None:
    mean, second = gaussian_moments(parse("sin(100000 * x)"))
    assert mean == pytest.approx(0.0, abs=1e-6)
    assert second == pytest.approx(0.5, rel=1e-6)


# The largest of four: Godwin 1949.
LARGEST_OF_FOUR = 6 / math.pi**1.5 * math.atan(math.sqrt(2)), 1 + math.sqrt(3) / math.pi
GATE = gaussian_moments(parse("sigmoid(x)"))[1]
SAMPLED = [
    ("group_max(x, 2)", 1 / math.sqrt(math.pi), 1.0),
    ("group_max(x, 4)", *LARGEST_OF_FOUR),
    ("max(left(x), right(x))", 1 / math.sqrt(math.pi), 1.0),
    ("group_sort(x, 2)", 0.0, 1.0),
    ("group_sort(x, 5)", 0.0, 1.0),
    ("full_sort(x)", 0.0, 1.0),
    ("left(x) * sigmoid(right(x))", 0.0, GATE),
    ("left(x) * right(x)", 0.0, 1.0),
    ("left(relu(x)) * right(relu(x))", 1 / (2 * math.pi), 0.25),
    ("softmax(x)", 1 / 24, None),
    ("group_max(a * x, 2) where a = 2", 2 / math.sqrt(math.pi), 4.0),
]


@pytest.mark.parametrize(("text", "mean", "second"), SAMPLED, ids=[text for text, *_ in SAMPLED])
def test_moments_over_mixed_channels(text: str, mean: float, second: float | None) -> None:
    found = gaussian_moments(parse(text))
    assert found[0] == pytest.approx(mean, abs=2e-4)
    assert gaussian_moments(parse(text)) == found  # the points are fixed
    if second is not None:
        assert found[1] == pytest.approx(second, rel=1e-3)


def test_odd_gates_have_mean_zero_exactly() -> None:
    for text in ("left(x) * sigmoid(right(x))", "left(x) * right(x)", "group_sort(x, 2)"):
        assert gaussian_moments(parse(text))[0] == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("name", ZOO)
def test_all_named_functions_have_finite_moments(name: str) -> None:
    mean, variance = centred_moments(named(name))
    assert math.isfinite(mean)
    assert math.isfinite(variance)


def test_variance_of_small_ripples_on_large_values() -> None:
    mean, variance = centred_moments(parse("1e8 + sin(x)"))
    assert mean == pytest.approx(1e8)
    assert variance == pytest.approx((1 - math.exp(-2)) / 2, rel=1e-6)
    assert centred_moments(parse("5")) == (5.0, 0.0)


SLOPES = [
    ("x", 1.0),
    ("relu(x)", 0.5),
    ("abs(x)", 1.0),
    ("square(x)", 4.0),
    ("exp(x)", math.exp(2)),
    ("step(x)", 0.0),
    ("sin(x)", (1 + math.exp(-2)) / 2),
    ("relu(x - 0.37)", below(-T)),
    ("concat(relu(x), 2 * x)", (0.5 + 4) / 2),
    ("group_max(x, 2)", 1.0),
    ("group_sort(3 * x, 2)", 9.0),
    ("left(x) * right(x)", 2.0),
]


@pytest.mark.parametrize(("text", "wanted"), SLOPES, ids=[text for text, _ in SLOPES])
def test_slope_moments(text: str, wanted: float) -> None:
    assert slope_moment(parse(text)) == pytest.approx(wanted, rel=2e-3, abs=1e-9)


def test_slope_moments_of_pointwise_functions_are_accurate() -> None:
    assert slope_moment(parse("exp(x)")) == pytest.approx(math.exp(2), rel=1e-9)
    assert slope_moment(parse("relu(x - 0.37)")) == pytest.approx(below(-T), rel=2e-5)


@pytest.mark.parametrize(
    "text", ["relu({x})", "silu({x})", "step({x} - 0.37)", "concat(tanh({x}), exp({x}))",
             "group_max(silu({x}), 2)"]
)  # fmt: skip
def test_moment_slopes_are_derivatives_by_the_variance(text: str) -> None:
    def moments(variance: float) -> np.ndarray:
        return np.array(gaussian_moments(parse(text.format(x=f"({variance**0.5!r} * x)"))))

    rise = (moments(1.001) - moments(0.999)) / 0.002
    assert moment_slopes(parse(text.format(x="x"))) == pytest.approx(rise, rel=1e-5, abs=1e-8)


def test_lanes_are_what_concat_and_partial_put_together() -> None:
    def told(text: str) -> list[tuple[str, str]] | None:
        found = lanes(parse(text))
        return None if found is None else [(str(share), str(lane)) for share, lane in found]

    assert told("tanh(x)") == [("1", "tanh(x)")]
    assert told("partial(tanh(x), 0.5)") == [("1/2", "tanh(x)"), ("1/2", "x")]
    assert told("partial(partial(abs(x), 0.5) + 1, 0.75)") == [
        ("1/2", "abs(x) + 1.0"),
        ("1/4", "x + 1.0"),
        ("1/4", "x"),
    ]
    product = "concat(x, 1) * concat(2, abs(x))"
    assert told(product) == [("1/2", "x * 2.0"), ("1/2", "1.0 * abs(x)")]
    assert told("left(x)") is None
    assert told("concat(left(x), right(x))") is None


def test_panels_close_in_on_jumps() -> None:
    panels = resolve(parse("step(x - 0.37)").numpy())
    assert panels.widths.min() < 1e-8
    assert panels.weights.sum() == pytest.approx(1.0, rel=1e-12)
    assert len(panels.points) < 500


@pytest.mark.parametrize(
    ("text", "gain"),
    [
        ("relu(x)", math.sqrt(2)),
        ("x", 1.0),
        ("square(x)", 3**-0.5),
        ("2 * x", 0.5),
        ("0.001 * x", 20.0),
        ("1000 * x", 0.05),
        ("log(x)", 1.0),
        ("1 / x", 1.0),
        ("exp(1000 + x)", 1.0),
        ("0 * x", 1.0),
        ("exp(square(x) * 100)", 1.0),
        ("group_max(x, 2)", 1.0),
        ("concat(relu(x), relu(-x))", math.sqrt(2)),
    ],
)
def test_initialisation_gain(text: str, gain: float) -> None:
    assert initialisation_gain(parse(text)) == pytest.approx(gain, rel=1e-5)
