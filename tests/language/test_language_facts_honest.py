"""Facts that were once told wrong: what is certified must be so, down to ends and signs of 0."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest

from evoact.language import parse
from evoact.language.facts import Fact
from evoact.language.facts.facts import Interval

INF = math.inf


def fact(text: str, name: str) -> Fact:
    found: Fact = getattr(parse(text).facts(), name)
    return found


CERTAIN: list[tuple[str, str, Any]] = [
    # What cannot be told from 0 is 0, and from a number of few digits is that.
    ("log(exp(x))", "zeros", (0.0,)),
    ("softplus(x) - 0.6931471805599453", "zeros", (0.0,)),
    ("x * atan(1.0 / x)", "minimum", 0.0),
    ("square(sigmoid(x) - sin(x))", "minimum", 0.0),
    ("x - sqrt(abs(x))", "zeros", (0.0, 1.0)),
    # Of several places the nearest to 0 is told, and not where rounding leads.
    ("sign(sign(cos(x)))", "maximum", 1.0),
    # A kink at the place of a condition is no jump.
    ("if_positive(cube(x), 0.0, x)", "kinks", (0.0,)),
    # Steps are counted in exact arithmetic, as near 0 as may be.
    ("clamp(multistep(cube(min(x, 1e-06)), 3), -0.25, 10.0)", "fixed_points", (2.0 / 3.0,)),
    ("x / abs(x)", "lipschitz", INF),
    ("x / x + step(x - 1.0)", "lipschitz", INF),
    ("x / 0.0", "finite", False),
    ("log(-exp(x))", "finite", False),
]


@pytest.mark.parametrize(("text", "name", "value"), CERTAIN)
def test_what_is_certain(text: str, name: str, value: Any) -> None:
    found = fact(text, name)
    assert (found.value, found.certified) == (value, True)


def test_a_true_value_near_zero_is_no_rounding() -> None:
    found = fact("1.0 / cosh(clamp(x, -40.0, 40.0))", "minimum")
    assert found.certified
    assert found.value == pytest.approx(1.0 / math.cosh(40.0), rel=1e-9)


@pytest.mark.parametrize(
    ("text", "steepest"),
    [("sin(x) / x", 0.436182), ("reciprocal(x) * x", 0.0), ("exp(-1.0 / abs(x))", 0.541341)],
)
def test_a_place_without_value_does_not_make_a_function_steep(text: str, steepest: float) -> None:
    found = fact(text, "lipschitz")
    assert not found.certified
    assert found.value == pytest.approx(steepest, abs=1e-5)
    for name in ("finite", "continuous"):
        told = fact(text, name)
        assert (told.value, told.note) == (False, "not defined at x = 0")
        # By IEEE exp(-1 / 0) is 0: that its gradient is not finite was only seen.
        assert told.certified or (name == "finite" and text.startswith("exp"))


@pytest.mark.parametrize("text", ["1.0 / (x - 1.0)", "log1p(x)", "sqrt(1.0 - x)", "sqrt(x)"])
def test_it_is_steep_beside_what_is_not_removable(text: str) -> None:
    assert fact(text, "lipschitz").value == INF


INTERVALS = [
    ("if_positive(x, x, x + 1.0)", "fixed_points", "(0, inf)", "without x = 0"),
    ("if_positive(abs(x) - 0.5, x, 0.0)", "fixed_points", "(-inf, -0.5), 0, (0.5, inf)",
     "without x = -0.5, 0.5"),
    ("if_positive(x, x, 0.0025 * (sin(x) - cos(x)))", "fixed_points", "-0.00250626, (0, inf)",
     "without x = 0"),
    ("(sign(x - 0.5) + sign(x + 0.5)) / 2.0", "zeros", "(-0.5, 0.5)", "without x = -0.5, 0.5"),
    ("relu(x)", "zeros", "(-inf, 0]", ""),
    ("square(relu(x))", "zeros", "(-inf, 0]", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "told", "note"), INTERVALS)
def test_intervals_are_open_where_the_end_is_no_zero(
    text: str, name: str, told: str, note: str
) -> None:
    found = fact(text, name)
    assert (found.text, found.certified, found.note) == (told, True, note)


def test_intervals_can_be_copied() -> None:
    interval = Interval(0.0, 1.0, low_open=True)
    for twin in (copy.deepcopy(interval), pickle.loads(pickle.dumps(interval))):
        assert (twin, twin.low_open, twin.high_open) == (interval, True, False)


@pytest.mark.parametrize("text", ["max(x, sigmoid(x))", "min(x, safe_exp(x))"])
def test_an_interval_does_not_end_at_a_border_of_the_search(text: str) -> None:
    found = fact(text, "fixed_points")
    assert not found.certified or found.value[0][0] == pytest.approx(0.659046, abs=1e-6)
    assert 0.65 < found.value[0][0] < 0.66 or 22025.0 < found.value[0][1] < 22027.0


@pytest.mark.parametrize("text", ["x / 0.0", "log(-exp(x))", "sqrt(-1.0 - abs(x))",
                                  "sqrt(-abs(x))", "exp(exp(exp(abs(x) + 3.0)))"])  # fmt: skip
def test_what_has_no_values_has_no_bounds(text: str) -> None:
    facts = parse(text).facts()
    for name in ("minimum", "maximum", "bounded", "monotone", "lipschitz", "zeros", "limit_left"):
        assert getattr(facts, name).status == "-", name
    assert (facts.finite.value, facts.finite.certified) == (False, True)


def test_what_a_condition_hides_is_finite() -> None:
    """By IEEE a condition that is not a number is not positive."""
    found = fact("if_positive(sqrt(x), -1.0, x)", "finite")
    assert found.value or not found.certified


def test_what_ieee_gives_a_value_is_not_certainly_infinite() -> None:
    assert not fact("atan(reciprocal(hard_sigmoid(x)))", "finite").certified


def test_what_overflows_float64_proves_nothing() -> None:
    """sinh(-724) is -inf there, and gelu of that is not a number: it is about 0."""
    found = fact("window(gelu(sinh(x)))", "monotone")
    assert "724" not in found.note


@pytest.mark.parametrize(("text", "name"), [
    ("tanh(log1p(x))", "minimum"),  # -1 as x goes to -1, where it is not defined
    ("(square(x) + x * x) * square(window(x))", "maximum"),  # 2 as x goes to 1, where it is 0
])  # fmt: skip
def test_a_bound_that_is_not_reached_is_not_said_to_be(text: str, name: str) -> None:
    assert fact(text, name).note.startswith("near x = ")


@pytest.mark.parametrize("text", ["x * cos(x)", "sign(sinc(x))", "reciprocal(cos(x))"])
def test_what_refutes_monotony_is_shown_as_it_is(text: str) -> None:
    expression = parse(text)
    found = expression.facts().monotone
    assert (found.value, found.certified) == ("no", True)
    for part in found.note.split(", "):
        sign = "<" if "<" in part else ">"
        a, b = (float(expression.numpy()(float(side.strip()[2:-1]))) for side in part.split(sign))
        assert a < b if sign == "<" else a > b


@pytest.mark.parametrize("text", [
    "left(x) * sigmoid(right(x))", "group_sort(x, 2)", "concat(relu(x), relu(-x))", "softmax(x)",
    "log_softmax(x)", "left(x) * right(x)", "full_sort(tanh(x))", "partial(relu(x), 0.5)",
    "sqrt(square(left(x)) + 1.0)", "x * softmax(x)",
])  # fmt: skip
def test_functions_across_channels_are_proved_finite(text: str) -> None:
    found = fact(text, "finite")
    assert (found.value, found.certified) == (True, True)


@pytest.mark.parametrize("text", [
    "exp(group_max(x, 2))", "1.0 / softmax(x)", "left(x) / right(x)", "log(softmax(x))",
    "partial(exp(x), 0.5)", "sqrt(group_max(abs(x), 2))", "cube(cube(left(x) * right(x)))",
])  # fmt: skip
def test_what_may_overflow_across_channels_is_not_proved_finite(text: str) -> None:
    assert not fact(text, "finite").certified


@pytest.mark.parametrize(
    "text",
    [
        "safe_exp(gelu(group_max(exp(concat(x, x)), 4)))",  # gelu(inf) is NaN in torch
        "concat(elu(sqrt(sinc(sinc(x)))), x)",  # sinc(1) is below 0 in float32
        "log(square(log_sigmoid(concat(x, x))))",  # log_sigmoid(200) is 0 there
        "reciprocal(log_softmax(min(x, 0.0)))",  # softmax is 1 where one of two is far above
        "exp(full_sort(safe_div(abs(right(x)), -cube(left(x)))))",
    ],
)
def test_steps_across_channels_that_are_not_finite_are_seen(text: str) -> None:
    assert fact(text, "finite").value is False


def test_constants_that_cancel_stay_within_bounds() -> None:
    """So the whole certainly grows: exp(min(x, 0)) - 1 goes to 0, but for rounding."""
    selu = "1.0507*max(x,0)+1.7581*(exp(min(x,0))-1)"
    for name, value in (("limit_right", INF), ("maximum", INF), ("bounded", False)):
        assert (fact(selu, name).value, fact(selu, name).certified) == (value, True)
    assert not fact("exp(min(x, 0.0)) - 1.0", "limit_right").certified
