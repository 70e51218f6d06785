"""Functions with mean 0 and variance 1, and what is taken off them again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, reject, settings
from language_strategies import PROPERTY, expressions, usual_number

from evoact.errors import InputError
from evoact.language import MAX_NODES, ZOO, Expression, ExpressionError, Node, X, call, named, parse
from evoact.language.gaussian import centred_moments, gaussian_moments
from evoact.language.selfnormalising import self_normalising
from evoact.language.standard import affine, standardised, strip_affine

TEXTS = [
    # text, full, scale
    ("x", "x", "x"),
    ("relu(x)", "1.71286 * relu(x) - 0.683332", "1.41421 * relu(x)"),
    ("-relu(x)", "-1.71286 * relu(x) + 0.683332", "-1.41421 * relu(x)"),
    ("5 + 3 * relu(x)", "1.71286 * relu(x) - 0.683332", None),
    ("(2 - 3 * relu(x)) / 7", "-1.71286 * relu(x) + 0.683332", None),
    ("tanh(x)", "1.59254 * tanh(x)", "1.59254 * tanh(x)"),
    ("0.001 * x", "x", "x"),
    ("-7 * x", "-x", "-x"),
    ("exp(x) - 1", "0.462706 * exp(x) - 0.762873", "0.443172 * (exp(x) - 1.0)"),
    ("abs(x)", "1.6589 * abs(x) - 1.323611", "abs(x)"),
    ("sign(x)", "sign(x)", "sign(x)"),
    ("1e6 + tanh(x)", "1.59254 * tanh(x)", None),
    ("a * x where a = 4", "0.25 * (a * x) where a = 4.0", "0.25 * (a * x) where a = 4.0"),
    ("group_sort(x, 2)", "group_sort(x, 2)", "group_sort(x, 2)"),
    ("group_max(x, 2) * 3", None, "group_max(x, 2)"),
    (
        "concat(relu(x), relu(-x))",
        "1.71286 * concat(relu(x), relu(-x)) - 0.683332",
        "1.41421 * concat(relu(x), relu(-x))",
    ),
]


@pytest.mark.parametrize(("text", "full", "scale"), TEXTS, ids=[text for text, *_ in TEXTS])
def test_texts(text: str, full: str | None, scale: str | None) -> None:
    expression = parse(text)
    if full is not None:
        assert str(standardised(expression)) == full
    if scale is not None:
        assert str(standardised(expression, "scale")) == scale
    assert standardised(expression, "none") is expression


@pytest.mark.parametrize("name", ZOO)
def test_named_functions_are_standardised_once(name: str) -> None:
    full, scaled = standardised(named(name)), standardised(named(name), "scale")
    mean, variance = centred_moments(full)
    assert mean == pytest.approx(0.0, abs=2e-6)
    assert variance == pytest.approx(1.0, abs=3e-5)
    assert gaussian_moments(scaled)[1] == pytest.approx(1.0, abs=3e-5)
    assert standardised(full) is full
    assert standardised(scaled, "scale") is scaled
    assert full.nodes <= named(name).nodes + 4
    canonical = full.canonical()
    assert canonical.canonical() == canonical
    assert standardised(canonical) is canonical


@given(expressions(numbers=usual_number, max_depth=3))
@settings(PROPERTY, max_examples=60)
def test_any_function_is_standardised_or_refused(expression: Expression) -> None:
    try:
        full = standardised(expression)
    except ExpressionError:
        reject()
    assert standardised(full) is full
    assert standardised(parse(str(full))) == full
    again = standardised(strip_affine(full))  # of the same sign, or the other
    assert strip_affine(again) == strip_affine(full)
    assert centred_moments(full)[1] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("3", "full", "constant"),
        ("x - x", "full", "constant"),
        ("x - x", "scale", "zero"),
        ("sin(x) ** 2 + cos(x) ** 2", "full", "constant"),
        ("relu(x - 20)", "full", "constant"),
        ("1 / x", "full", "no finite mean and variance"),
        ("log(x)", "scale", "no finite mean and variance"),
        ("exp(x * x)", "full", "no finite mean and variance"),
    ],
)
def test_what_cannot_be_standardised(text: str, mode: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        standardised(parse(text), mode)  # type: ignore[arg-type]


def test_unknown_mode() -> None:
    with pytest.raises(InputError, match="mode is 'half'; wanted 'full', 'scale' or 'none'"):
        standardised(parse("relu(x)"), "half")  # type: ignore[arg-type]


def test_the_bound_on_nodes_is_told() -> None:
    node: Node = X()
    for _ in range(8):
        node = call("add", node, node)
    large = Expression.build(call("relu", node))
    assert large.nodes == MAX_NODES
    with pytest.raises(ExpressionError, match=r"with an output scale of .* nodes"):
        standardised(large)


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("x", "x"),
        ("2 * x", "x"),
        ("x * 2 + 1", "x"),
        ("1 - x / 3", "x"),
        ("-(1 + tanh(x) * 2)", "tanh(x)"),
        ("1.71286 * relu(x) - 0.683332", "relu(x)"),
        ("2 * x + tanh(x)", "2.0 * x + tanh(x)"),
        ("a * x where a = 2", "a * x where a = 2.0"),
        ("3 * (a * x + 1) where a = 2 per channel", "a * x where a = 2.0 per channel"),
        ("0 * x", "0.0 * x"),
        ("2 / x", "2.0 / x"),
        ("x / 0", "x / 0.0"),
        ("x ** 2 * 3", "x ** 2.0"),
        ("5", "5.0"),
        ("1e-300 * (1e-300 * x)", "x"),
        ("2 * group_max(x, 2) - 1", "group_max(x, 2)"),
    ],
)
def test_strip_affine(text: str, core: str) -> None:
    assert str(strip_affine(parse(text))) == core


def test_affine_leaves_out_what_changes_nothing() -> None:
    relu = parse("relu(x)")
    assert affine(relu, 1.0, 0.0) == relu
    assert str(affine(relu, -1.0, -0.5)) == "-relu(x) - 0.5"
    assert str(affine(relu, 2.0, 0.5)) == "2.0 * relu(x) + 0.5"


ALPHA = -((2 * math.pi) ** -0.5) / (math.exp(0.5) * 0.15865525393145707 - 0.5)


def test_selu_comes_out_of_elu() -> None:
    elu = parse("max(x, 0) + alpha * expm1(min(x, 0)) where alpha = 1.0")
    found = self_normalising(elu, free="alpha")
    assert found.solved == pytest.approx(ALPHA, rel=1e-12)
    assert found.solved == pytest.approx(1.6732632423543772, rel=1e-12)
    assert found.scale == pytest.approx(1.0507009873554805, rel=1e-12)
    assert (found.shift, found.gain) == (0.0, 1.0)
    assert found.expression.parameters == ()
    assert centred_moments(found.expression) == pytest.approx((0.0, 1.0), abs=1e-10)


def test_selu_is_a_fixed_point_of_the_wrapper() -> None:
    found = self_normalising(parse("selu(x)"))
    assert found.expression == parse("selu(x)")
    assert found.scale == pytest.approx(1.0, abs=1e-12)
    assert found.shift == pytest.approx(0.0, abs=1e-12)
    # Klambauer et al. 2017, section 2: the Jacobian at the fixed point (0, 1).
    assert found.mean_slope == pytest.approx(0.088834, abs=1e-6)
    assert found.variance_slope == pytest.approx(0.782648, abs=1e-6)
    assert found.jacobian_norm == pytest.approx(0.7877, abs=5e-5)
    assert found.stable


@pytest.mark.parametrize(
    ("name", "slope"),
    [("identity", 1.0), ("relu", 1.0), ("abs", 1.0), ("maxout", 1.0), ("squared_relu", 2.0)],
)
def test_homogeneous_functions_keep_a_variance_and_bring_none_back(name: str, slope: float) -> None:
    found = self_normalising(named(name))
    assert found.variance_slope == pytest.approx(slope, rel=1e-6)
    assert not found.stable


@pytest.mark.parametrize("name", ["relu", "gelu", "tanh", "silu", "mish", "softplus", "glu"])
def test_the_wrapper_has_the_fixed_point(name: str) -> None:
    found = self_normalising(named(name))
    assert centred_moments(found.expression) == pytest.approx((0.0, 1.0), abs=1e-9)
    again = self_normalising(found.expression)
    assert again.scale == pytest.approx(1.0, abs=1e-9)
    assert again.variance_slope == pytest.approx(found.variance_slope, rel=1e-6)
    assert again.slope_moment == pytest.approx(found.slope_moment, rel=1e-6)


def test_what_cannot_be_made_self_normalising() -> None:
    with pytest.raises(InputError, match="has no parameter 'alfa'; did you mean 'alpha'"):
        self_normalising(parse("alpha * x where alpha = 1"), free="alfa")
    with pytest.raises(ExpressionError, match="no value of 'a' near 1 gives mean 0"):
        self_normalising(parse("relu(x) + a * a where a = 1"), free="a")
    with pytest.raises(ExpressionError, match="cannot be made self-normalising"):
        self_normalising(parse("3"))
    with pytest.raises(ExpressionError, match="cannot be made self-normalising"):
        self_normalising(parse("1 / x"))
