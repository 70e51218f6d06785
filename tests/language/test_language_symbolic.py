"""Expressions as sympy's."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from language_strategies import PROPERTY, expressions, usual_number
from torch import float64

from evoact.errors import InputError
from evoact.export.rounding import rounded
from evoact.language import PRIMITIVES, Call, Expression, Kind, Primitive, parse, walk
from evoact.language.symbolic import OrderStatistic

X = sympy.Symbol("x", real=True)
A, B, BETA = (sympy.Symbol(name, real=True) for name in ("a", "b", "beta"))
X0, X1, X2, X3 = (sympy.Symbol(f"x{i}", real=True) for i in range(4))
A0, A1 = sympy.symbols("a_0 a_1", real=True)

FORMULAS = [
    ("x", X),
    ("2", sympy.Integer(2)),
    ("0.25 * x", X / 4),
    ("1e4 * x", sympy.Float(10000) * X),
    ("x - 1", X - 1),
    ("x / 2", X / 2),
    ("x ** 3", X**3),
    ("a * x + b where a = 1, b = 2", A * X + B),
    ("a * x where a = 1 per channel", A * X),
    ("sigmoid(x)", 1 / (1 + sympy.exp(-X))),
    ("silu(x)", X / (1 + sympy.exp(-X))),
    ("gelu(-sqrt(2) * x)", -sympy.sqrt(2) * X * sympy.erfc(X) / 2),
    ("softplus(x)", sympy.log(1 + sympy.exp(X))),
    ("softsign(x)", X / (1 + sympy.Abs(X))),
    ("relu(x)", sympy.Max(X, 0)),
    ("clamp(x, -1, 1)", sympy.Min(1, sympy.Max(-1, X))),
    ("leaky_relu(x, 0.5)", sympy.Max(0, X) + sympy.Min(0, X) / 2),
    ("if_positive(x, x, sin(x))", sympy.Piecewise((X, X > 0), (sympy.sin(X), True))),
    ("step(x)", sympy.Max(0, sympy.sign(X))),
    ("sign(x)", sympy.sign(X)),
    ("sinc(x)", sympy.sinc(sympy.pi * X)),
    ("bessel_i0e(x)", sympy.exp(-sympy.Abs(X)) * sympy.besseli(0, X)),
    ("zero(x) + one(x)", sympy.Integer(1)),
]


@pytest.mark.parametrize(("text", "wanted"), FORMULAS, ids=[text for text, _ in FORMULAS])
def test_formula(text: str, wanted: Any) -> None:
    got = parse(text).sympy()
    assert (got - wanted).free_symbols <= {X, A, B}
    points = {X: 0.7, A: 1.3, B: -0.4}
    assert abs(sympy.N((got - wanted).subs(points))) < 1e-12
    if "sqrt" not in text:
        assert sympy.simplify(got - wanted) == 0


GROUPWISE = [
    ("group_max(x, 2)", 4, (sympy.Max(X0, X1), sympy.Max(X2, X3))),
    ("group_sort(x, 2)", 2, (sympy.Min(X0, X1), sympy.Max(X0, X1))),
    ("full_sort(x)", 3, tuple(OrderStatistic(i, X0, X1, X2) for i in (1, 2, 3))),
    ("concat(x, -x)", 2, (X0, X1, -X0, -X1)),
    ("left(x) * right(x)", 4, (X0 * X2, X1 * X3)),
    ("partial(2 * x, 0.5)", 2, (2 * X0, X1)),
    ("left(x) * a where a = 1", 4, (A * X0, A * X1)),
    ("a * left(x) where a = 1 per channel", 4, (A0 * X0, A1 * X1)),
    ("softmax(2.0) * x", 2, (X0 / 2, X1 / 2)),
    ("softmax(x)", 2, (sympy.exp(X0) / (sympy.exp(X0) + sympy.exp(X1)),
                       sympy.exp(X1) / (sympy.exp(X0) + sympy.exp(X1)))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "channels", "wanted"), GROUPWISE)
def test_groupwise_formula(text: str, channels: int, wanted: tuple[Any, ...]) -> None:
    assert parse(text).sympy(channels) == sympy.Tuple(*wanted)


def test_groupwise_needs_channels() -> None:
    expression = parse("group_sort(x, 3)")
    with pytest.raises(InputError, match=r"channels is None, .* pass a multiple of 3"):
        expression.sympy()
    with pytest.raises(InputError, match=r"channels is 4, .* needs a multiple of 3"):
        expression.sympy(channels=4)


def test_symbols_of_channels_are_no_parameters() -> None:
    text = "left(x) * x0 * a_1 + a * right(x) where x0 = 1, a_1 = 2, a = 3 per channel"
    symbols = parse(text).sympy(channels=4).free_symbols
    assert {s.name for s in symbols} == {"x_0", "x_1", "x_2", "x_3", "x0", "a_1", "a__0", "a__1"}


def test_order_statistics_evaluate_on_numbers() -> None:
    assert OrderStatistic(2, 3, -1, sympy.sqrt(2)) == sympy.sqrt(2)
    found = parse("full_sort(x)").sympy(3).subs({X0: 3, X1: -1, X2: 2})
    assert found == sympy.Tuple(-1, 2, 3)
    assert sympy.latex(OrderStatistic(1, X, A)) == r"\left\{x, a\right\}_{(1)}"
    compute = sympy.lambdify([X0, X1, X2], parse("full_sort(x)").sympy(3), "math")
    assert compute(3.0, -1.0, 2.0) == (-1.0, 2.0, 3.0)


def test_derivative() -> None:
    slope = sympy.diff(parse("x * sigmoid(beta * x) where beta = 1").sympy(), X)
    wanted = parse("sigmoid(x) * (1 + x * sigmoid(-x))").numpy()(0.8)
    assert float(slope.subs({X: 0.8, BETA: 1})) == pytest.approx(float(wanted))


def test_kept_as_written() -> None:
    expression = parse("(x + x) * 1.0 - 0.0 / square(x)")
    written = expression.sympy(evaluate=False)
    assert written != expression.sympy()
    assert written.count(X) == 3
    assert expression.sympy() == 2 * X


STRANGE = [
    "max(1.0 / (x - x), x)",
    "if_positive(sqrt(-one(x)), x, 1.0)",
    "exp(exp(exp(exp(3.5 * one(x)))))",
    "(2 * x) ** (1024 * one(x) * 1024 * 1024)",
    "square(" * 60 + "x + x" + ")" * 60,
    "if_positive(" * 20 + "x" + ", x, sin(x))" * 20,
    "window(multistep(if_positive(step(x), multistep(x, 4), 2.0), 2) / step(expm1(x)))",
    "log(zero(x))",
    "window(hard_sigmoid(x) - step(window(x)))",
]


@pytest.mark.parametrize("text", STRANGE, ids=[text[:30] for text in STRANGE])
def test_what_sympy_cannot_simplify(text: str) -> None:
    """No error, and no integers of millions of digits."""
    for evaluate in (True, False):
        result = parse(text).sympy(evaluate=evaluate)
        assert all(n.p.bit_length() < 5000 for n in sympy.sympify(result).atoms(sympy.Rational))


def test_deep_trees_are_written_in_no_time() -> None:
    """Their formula has 2^60 terms, of which equal ones are one object."""
    assert parse("silu(" * 60 + "x" + ")" * 60).sympy(evaluate=False).func is sympy.Mul


POINTS = np.array([-2.25, -0.5, 0.3125, 1.75])


def agrees(expression: Expression, *, evaluate: bool) -> bool:
    """Compare with numpy where all steps are finite; whether that was anywhere."""
    channels = expression.channel_multiple
    x = np.outer(POINTS, np.linspace(1.0, 1.5, channels))
    initial = [np.asarray(p.initial) for p in expression.parameters]
    known = rounded(expression, x, initial, float64, 1e6)
    formula = expression.sympy(channels, evaluate=evaluate)
    symbols = sorted(formula.free_symbols, key=str)
    with mpmath.workdps(350):  # as 1 + exp(-700) must not be 1
        function = sympy.lambdify(symbols, formula, "mpmath")
        for row in np.flatnonzero(known.known):
            given = {"x": x[row, 0]} | {f"x{i}": value for i, value in enumerate(x[row])}
            for name, parameter in zip(expression.names, expression.parameters, strict=True):
                given |= {name: parameter.initial}
                given |= {f"{name}_{i}": parameter.initial for i in range(8 * channels)}
            result = function(*(mpmath.mpf(given[s.name]) for s in symbols))
            values = result if isinstance(result, tuple) else (result,)
            got = np.array([float(mpmath.re(value)) for value in values])
            wrong = np.abs(got - known.values[row]) > known.tolerance[row]
            assert not wrong.any(), (str(expression), got, known.values[row])
    return bool(known.known.any())


@pytest.mark.parametrize("evaluate", [True, False])
@pytest.mark.parametrize("row", PRIMITIVES.values(), ids=PRIMITIVES)
def test_row(row: Primitive, evaluate: bool) -> None:
    size = "2" if row.name == "group_max" else "3"
    literals = {Kind.NUMBER: "0.5", Kind.INTEGER: size, Kind.FRACTION: "0.5"}
    values = iter(["0.5 + sigmoid(x)", "0.5 + abs(x)", "a * x"])
    text = ", ".join(literals.get(kind) or next(values) for kind in row.signature)
    expression = parse(f"{row.name}({text})" + " where a = 0.75" * ("a *" in text))
    assert agrees(expression, evaluate=evaluate)
    if not row.is_groupwise:
        assert agrees(parse(re.sub(r"0\.5 \+ sigmoid\(x\)", "x", str(expression))),
                      evaluate=evaluate)  # fmt: skip


TREES = expressions(numbers=usual_number, max_depth=4)


@settings(PROPERTY, max_examples=150)
@given(TREES)
def test_random_trees_as_written(expression: Expression) -> None:
    agrees(expression, evaluate=False)


def prints_wrong(expression: Expression) -> bool:
    """Whether sympy 1.14 writes `a / (1 / b)` as `a / 1 / b` where nothing is evaluated."""
    return any(
        isinstance(node, Call)
        and node.primitive.name in {"div", "reciprocal"}
        and isinstance(node.args[-1], Call)
        and node.args[-1].primitive.name in {"div", "reciprocal"}
        for node in walk(expression.root)
    )


@pytest.mark.slow
@settings(PROPERTY, max_examples=1500)
@given(TREES)
def test_many_random_trees_as_written(expression: Expression) -> None:
    assume(not prints_wrong(expression))
    agrees(expression, evaluate=False)


@pytest.mark.slow
@settings(PROPERTY, max_examples=300)
@given(expressions(numbers=usual_number, max_depth=3))
def test_random_trees_simplified(expression: Expression) -> None:
    agrees(expression, evaluate=True)


def test_a_wrong_formula_is_found() -> None:
    right = parse("tanh(x)")
    assert isinstance(right.root, Call)
    assert agrees(right, evaluate=False)
    row = dataclasses.replace(
        right.root.primitive, sympy=lambda s, a: s.tanh(a) * s.Float(1 + 1e-12)
    )
    with pytest.raises(AssertionError, match="tanh"):
        agrees(Expression(Call(row, right.root.args)), evaluate=False)
