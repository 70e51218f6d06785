"""Facts of known functions: what must be certain, and what it must be."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from evoact.language import parse
from evoact.language.facts import Fact, Facts, Knot

INF = math.inf


def certain(text: str, name: str) -> Any:
    """The value of a fact, which must be certified."""
    fact: Fact = getattr(parse(text).facts(), name)
    assert fact.certified, (text, name, fact)
    return fact.value


# (expression, fact, value): each must be certified
CERTAIN: list[tuple[str, str, Any]] = [
    ("x * sigmoid(x)", "monotone", "no"),
    ("x * sigmoid(x)", "one_lipschitz", False),
    ("x * sigmoid(x)", "zeros", (0.0,)),
    ("x * sigmoid(x)", "fixed_points", (0.0,)),
    ("x * sigmoid(x)", "limit_left", 0.0),
    ("x * sigmoid(x)", "limit_right", INF),
    ("x * sigmoid(x)", "slope_left", 0.0),
    ("x * sigmoid(x)", "slope_right", 1.0),
    ("x * sigmoid(x)", "finite", True),
    ("x * sigmoid(x)", "differentiable", True),
    ("x * sigmoid(x)", "bounded", False),
    ("x * sigmoid(x)", "gradient_norm_preserving", False),
    ("x * sigmoid(beta * x) where beta = 2.0", "zeros", (0.0,)),
    ("x * sigmoid(beta * x) where beta = 1.0", "fixed_points", (0.0,)),
    ("relu(x)", "piecewise_linear", True),
    ("relu(x)", "knots", (Knot(0.0, 0.0, 0.0, 0.0, 0.0, 1.0),)),
    ("relu(x)", "pieces", 2),
    ("relu(x)", "one_lipschitz", True),
    ("relu(x)", "gradient_norm_preserving", False),
    ("relu(x)", "differentiable", False),
    ("relu(x)", "kinks", (0.0,)),
    ("relu(x)", "zeros", ((-INF, 0.0),)),
    ("relu(x)", "fixed_points", ((0.0, INF),)),
    ("relu(x)", "minimum", 0.0),
    ("relu(x)", "finite_everywhere", True),
    ("abs(x)", "one_lipschitz", True),
    ("abs(x)", "gradient_norm_preserving", True),
    ("identity(x)", "gradient_norm_preserving", True),
    ("x", "parity", "odd"),
    ("abs(x)", "parity", "even"),
    ("zero(x)", "parity", "both"),
    ("zero(x)", "monotone", "constant"),
    ("tanh(x)", "one_lipschitz", True),
    ("tanh(x)", "lipschitz", 1.0),
    ("tanh(x)", "gradient_norm_preserving", False),
    ("tanh(x)", "parity", "odd"),
    ("tanh(x)", "bounded", True),
    ("tanh(x)", "minimum", -1.0),
    ("tanh(x)", "maximum", 1.0),
    ("tanh(x)", "monotone", "increasing"),
    ("tanh(x)", "fixed_points", (0.0,)),
    ("tanh(x)", "piecewise_linear", False),
    ("softplus(x)", "monotone", "increasing"),
    ("softplus(x)", "bounded", False),
    ("softplus(x)", "slope_left", 0.0),
    ("softplus(x)", "slope_right", 1.0),
    ("softplus(x)", "minimum", 0.0),
    ("softplus(x)", "zeros", ()),
    ("softplus(x)", "fixed_points", ()),
    ("square(x)", "lipschitz", INF),
    ("square(x)", "parity", "even"),
    ("x * x", "lipschitz", INF),
    ("square(relu(x))", "differentiable", True),
    ("square(relu(x))", "kinks", ()),
    ("square(relu(x))", "zeros", ((-INF, 0.0),)),
    ("square(relu(x))", "fixed_points", (0.0, 1.0)),
    ("elu(x)", "fixed_points", ((0.0, INF),)),
    ("1.0 / x", "finite", False),
    ("1.0 / x", "continuous", False),
    ("1.0 / x", "monotone", "no"),
    ("1.0 / x", "fixed_points", (-1.0, 1.0)),
    ("reciprocal(x)", "continuous", False),
    ("log(x)", "finite", False),
    ("exp(x)", "finite", False),
    ("exp(x)", "monotone", "increasing"),
    ("exp(x)", "zeros", ()),
    ("sin(x)", "bounded", True),
    ("sin(x)", "maximum", 1.0),
    ("cos(square(cos(x) + sin(x)))", "maximum", 1.0),  # so flat that Brent's method crawls
    ("sin(x)", "monotone", "no"),
    ("sin(x)", "zeros", "infinitely many"),
    ("sin(x)", "lipschitz", 1.0),
    ("x + sin(x)", "monotone", "increasing"),
    ("x + sin(x)", "lipschitz", 2.0),
    ("x + sin(x)", "fixed_points", "infinitely many"),
    ("step(x)", "continuous", False),
    ("step(x)", "jumps", (0.0,)),
    ("step(x)", "lipschitz", INF),
    ("step(x)", "monotone", "increasing"),
    ("x * sigmoid(x) + step(x)", "continuous", False),
    ("x * sigmoid(x) + step(x)", "jumps", (0.0,)),
    ("x * sigmoid(x) + step(x)", "lipschitz", INF),
    ("sqrt(abs(x))", "continuous", True),
    ("sqrt(abs(x))", "differentiable", False),
    ("sqrt(abs(x))", "lipschitz", INF),
    ("sqrt(square(x) + 1.0)", "lipschitz", 1.0),
    ("x / sqrt(square(x) + 1.0)", "one_lipschitz", True),
    ("elu(x)", "differentiable", True),
    ("max(x, 0.0) + expm1(min(x, 0.0))", "differentiable", True),
    ("max(x, 0.0) + 2.0 * expm1(min(x, 0.0))", "differentiable", False),
    ("max(x, 0.0) + 2.0 * expm1(min(x, 0.0))", "kinks", (0.0,)),
    ("x * hard_sigmoid(x)", "limit_left", 0.0),
    ("clamp(x, -1.0, 1.0)", "bounded", True),
    ("group_sort(x, 2)", "one_lipschitz", True),
    ("group_sort(x, 2)", "gradient_norm_preserving", True),
    ("group_sort(abs(x), 2)", "gradient_norm_preserving", True),
    ("full_sort(x)", "gradient_norm_preserving", True),
    ("group_sort(tanh(x), 2)", "one_lipschitz", True),
    ("group_sort(relu(x), 2)", "gradient_norm_preserving", False),
    ("concat(relu(x), relu(-x))", "lipschitz", 1.0),
    ("concat(x, x)", "lipschitz", math.sqrt(2.0)),
    ("group_max(x, 2)", "one_lipschitz", True),
    ("softmax(x)", "lipschitz", 0.5),
    ("partial(relu(x), 0.5)", "lipschitz", 1.0),
    ("group_sort(x, 2)", "piecewise_linear", True),
    ("left(x) * sigmoid(right(x))", "continuous", True),
]


@pytest.mark.parametrize(("text", "name", "value"), CERTAIN)
def test_what_is_certain(text: str, name: str, value: Any) -> None:
    assert certain(text, name) == value


# (expression, fact, value, tolerance, x in the note)
NEARLY: list[tuple[str, str, float, float, float | None]] = [
    ("x * sigmoid(x)", "minimum", -0.27846454276107, 1e-9, -1.2784645),
    ("x * sigmoid(x)", "lipschitz", 1.09983932, 2e-6, None),
    ("gelu(x)", "minimum", -0.16997120747990, 1e-9, -0.7517915),
    ("gelu(x)", "lipschitz", 1.12890414518, 2e-6, None),
    ("x * tanh(softplus(x))", "minimum", -0.30884341, 1e-7, -1.192431),
    ("x * tanh(softplus(x))", "lipschitz", 1.0884982, 2e-6, None),
    ("bessel_i1e(x)", "maximum", 0.219091974950531, 1e-7, 1.5451272),
    ("sinc(x)", "minimum", -0.2172336282, 1e-7, None),
    ("sinc(x)", "lipschitz", 1.3703055927, 2e-6, None),
    ("x * sigmoid(a * x) where a = 1.702", "lipschitz", 1.09983932, 2e-6, None),
]


@pytest.mark.parametrize(("text", "name", "value", "tolerance", "x"), NEARLY)
def test_numbers_that_are_certain(
    text: str, name: str, value: float, tolerance: float, x: float | None
) -> None:
    assert certain(text, name) == pytest.approx(value, abs=tolerance)
    if x is not None:
        note = getattr(parse(text).facts(), name).note
        assert float(note.removeprefix("at x = ")) == pytest.approx(x, abs=2e-6)


def test_silu_is_the_same_by_name_and_by_formula() -> None:
    named, written = (parse(text).facts().to_dict() for text in ("silu(x)", "x * sigmoid(x)"))
    for name in named:
        if name not in ("flops", "saved_elements", "finite_everywhere"):
            assert named[name] == written[name]


def knots(text: str) -> list[float]:
    return [knot.x for knot in certain(text, "knots")]


def test_knots_are_exact() -> None:
    assert knots("clamp(x, -1.0, 2.0)") == [-1.0, 2.0]
    assert knots("hard_sigmoid(x)") == [-3.0, 3.0]
    assert knots("multistep(x, 3)") == [-2 / 3, 0.0, 2 / 3]
    assert knots("max(x, x + 1e-9)") == []
    assert knots("abs(abs(x) - 1.0)") == [-1.0, 0.0, 1.0]


def test_a_sawtooth_is_exact() -> None:
    tooth = "max(min(x, 2.0 - x), min(x - 2.0, 4.0 - x))"
    assert knots(tooth) == [1.0, 2.0, 3.0]
    assert certain(tooth, "zeros") == (0.0, 2.0, 4.0)
    assert certain(tooth, "maximum") == 1.0
    assert certain(tooth, "gradient_norm_preserving") is True
    assert certain(tooth, "fixed_points") == ((-INF, 1.0),)


def test_jumps_show_in_knots() -> None:
    (knot,) = certain("step(x)", "knots")
    assert (knot.left, knot.value, knot.right) == (0.0, 0.0, 1.0)


def test_nothing_is_said_of_channels_that_makes_no_sense() -> None:
    facts = parse("left(x) * sigmoid(right(x))").facts()
    for name in ("monotone", "zeros", "minimum", "knots", "parity"):
        fact = getattr(facts, name)
        assert (fact.value, fact.status) == (None, "-")
    assert parse("group_max(x, 2)").facts().gradient_norm_preserving.value is None


@pytest.mark.parametrize("text", ["concat(relu(x), step(x))", "step(left(x) - right(x))"])
def test_no_part_of_channels_is_overlooked(text: str) -> None:
    assert not parse(text).facts().continuous.certified


def test_what_reads_no_input_has_facts() -> None:
    assert parse("softmax(0.5)").facts().lipschitz.value == 0.0
    assert parse("3.0").facts().monotone.value == "constant"


def test_costs_count_shared_tensors_once() -> None:
    assert certain("x * sigmoid(x)", "saved_elements") == 2.0
    assert certain("tanh(x) * tanh(x)", "saved_elements") == 1.0
    assert certain("tanh(x) * tanh(x)", "flops") == 2.0
    assert certain("left(x) * sigmoid(right(x))", "saved_elements") == 1.0
    assert certain("2.0 * x + 1.0", "saved_elements") == 0.0


def test_facts_are_plain_json() -> None:
    for text in ("relu(x)", "x * sigmoid(x)", "sin(x)", "1.0 / x", "group_sort(x, 2)"):
        facts = parse(text).facts()
        data = json.loads(json.dumps(facts.to_dict(), allow_nan=False))
        assert set(data["lipschitz"]) == {"value", "certified", "note"}
        assert [row[0] for row in facts.rows()] == [name.replace("_", " ") for name in data]
    assert parse("square(x)").facts().to_dict()["lipschitz"]["value"] == "inf"


def test_facts_are_of_the_initial_parameters() -> None:
    e = parse("max(x, a * x) where a = 0.25")
    assert e.facts().lipschitz.value == 1.0
    assert e.with_values((2.0,)).facts().lipschitz.value == 2.0


def test_what_is_not_proved_is_not_called_certain() -> None:
    facts = parse("exp(x) / exp(x)").facts()
    assert not facts.piecewise_linear.certified
    assert isinstance(facts, Facts)


def test_a_bound_across_channels_is_not_called_the_constant() -> None:
    facts = parse("left(concat(x, 3.0 * x))").facts()
    assert (facts.lipschitz.certified, facts.lipschitz.note) == (False, "at most")
    assert facts.lipschitz.value == pytest.approx(math.sqrt(10.0))
    assert facts.one_lipschitz.value is None


@pytest.mark.parametrize("text", ["tanh(20*x)", "tanh(1000*x)", "erf(100*x)"])
def test_fixed_points_of_steep_functions(text: str) -> None:
    fact = parse(text).facts().fixed_points
    assert fact.value == pytest.approx((-1.0, 0.0, 1.0), abs=1e-9)


def test_the_gradient_of_a_surrogate_counts_as_not_finite() -> None:
    assert not parse("multistep(sqrt(abs(x)), 2)").facts().finite.certified
