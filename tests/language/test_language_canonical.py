"""The normal form: one writing for each function, rule by rule."""

from __future__ import annotations

import re

import numpy as np
import pytest

from evoact.language import (
    MAX_DEPTH,
    Call,
    Const,
    Expression,
    Node,
    Param,
    Parameter,
    X,
    call,
    parse,
)
from evoact.language.normal.rules import RULES

RULES_BY_KIND = {
    "identities": [
        ("x + 0", "x"),
        ("x - 0", "x"),
        ("x * 1", "x"),
        ("x / 1", "x"),
        ("x ** 1", "x"),
        ("x ** 0", "1.0"),
        ("1 ** x", "1.0"),
        ("x - x", "0.0"),
        ("0 * tanh(x)", "0.0"),
        ("x / x", "1.0"),
        ("x * x / x", "x"),
        ("-(-x)", "x"),
        ("identity(x)", "x"),
        ("zero(x)", "0.0"),
        ("one(x) + x", "1.0 + x"),
        ("x + x", "2.0 * x"),
        ("2 * x + tanh(x) - 5 * x", "tanh(x) - 3.0 * x"),
        ("0.1 * x + 0.2 * x - 0.3 * x", "0.0"),  # rounding is no term
    ],
    "powers": [
        ("x ** 2", "square(x)"),
        ("x * x", "square(x)"),
        ("x ** 3", "cube(x)"),
        ("x * x * x", "cube(x)"),
        ("square(x) * x", "cube(x)"),
        ("square(square(x))", "square(square(x))"),
        ("x ** 4", "square(square(x))"),
        ("x * x ** 4", "x ** 5.0"),
        ("x ** -1", "reciprocal(x)"),
        ("1 / x", "reciprocal(x)"),
        ("1 / (x * x)", "reciprocal(square(x))"),
        ("reciprocal(reciprocal(x))", "x"),
        ("2 / x", "2.0 / x"),
        ("-1 / x", "-reciprocal(x)"),
        ("tanh(x) * reciprocal(x)", "tanh(x) / x"),
        ("x / tanh(x) / sigmoid(x)", "x / (sigmoid(x) * tanh(x))"),
        ("square(x) * square(tanh(x))", "square(x * tanh(x))"),
        ("square(x) / square(tanh(x))", "square(x / tanh(x))"),
        ("x ** 0.5", "sqrt(x)"),
        ("x ** -0.5", "reciprocal(sqrt(x))"),
        ("sqrt(x) * sqrt(x)", "x"),
        ("sqrt(square(x))", "abs(x)"),
        ("abs(x) * abs(x)", "square(x)"),
        ("square(-x)", "square(x)"),
        ("square(1 - x)", "square(x - 1.0)"),
        ("x ** 2.5", "x ** 2.5"),
        ("e ** x", "exp(x)"),
    ],
    "constants": [
        ("2 * (3 * x)", "6.0 * x"),
        ("(x + 1) + 2", "3.0 + x"),
        ("x - 1", "x - 1.0"),
        ("1 - x", "1.0 - x"),
        ("x / 4", "0.25 * x"),
        ("x * tanh(x) * 2", "2.0 * x * tanh(x)"),
        ("2 * (x + 1) + 3", "5.0 + 2.0 * x"),
        ("2 * (x + 1)", "2.0 + 2.0 * x"),
        ("0.1 * (x + 3)", "0.1 * (3.0 + x)"),  # 0.1 * 3 has more digits
        ("2 * x + 2 * tanh(x)", "2.0 * (x + tanh(x))"),
        ("(2 * x + 2) * tanh(x)", "2.0 * tanh(x) * (1.0 + x)"),
        ("x + 0.044715 * cube(x)", "x + 0.044715 * cube(x)"),
        ("x + x * sin(x)", "x * (1.0 + sin(x))"),
        ("x * x + x * tanh(x)", "x * (x + tanh(x))"),
        ("x / (1 + exp(x) + abs(x)) + 1 / (1 + exp(x) + abs(x))",
         "(1.0 + x) / (1.0 + abs(x) + exp(x))"),
    ],
    "order": [
        ("tanh(x) + sigmoid(x)", "sigmoid(x) + tanh(x)"),
        ("square(tanh(x)) + sin(x)", "sin(x) + square(tanh(x))"),
        ("(sin(x) + x) + (cos(x) + 1)", "1.0 + x + cos(x) + sin(x)"),
        ("sin(x) * (tanh(x) * x)", "x * sin(x) * tanh(x)"),
        ("max(tanh(x), max(sin(x), x))", "max(max(x, sin(x)), tanh(x))"),
        ("x * (1 - x)", "x * (1.0 - x)"),
        ("-(x - 1) * x", "x * (1.0 - x)"),
    ],
    "extrema": [
        ("max(x, x)", "x"),
        ("max(x, 0)", "relu(x)"),
        ("max(0, max(x, tanh(x)))", "relu(max(x, tanh(x)))"),
        ("max(max(x, 1), max(tanh(x), 2))", "max(2.0, max(x, tanh(x)))"),
        ("min(x, 0)", "min(0.0, x)"),
        ("-min(x, 0)", "relu(-x)"),
        ("x * -min(x, 0)", "x * relu(-x)"),
        ("-max(-x, -tanh(x))", "min(x, tanh(x))"),
        ("max(x, -x)", "abs(x)"),
        ("min(x, -x)", "-abs(x)"),
        ("max(2 * x, 2 * tanh(x))", "2.0 * max(x, tanh(x))"),
        ("max(min(x, 1), -1)", "clamp(x, -1.0, 1.0)"),
        ("min(max(x, 0), 6)", "clamp(x, 0.0, 6.0)"),
        ("min(max(x, 1), 0)", "0.0"),
        ("clamp(x, 1, 0)", "0.0"),
        ("relu(clamp(x, -1, 2))", "clamp(x, 0.0, 2.0)"),
        ("relu(relu(x))", "relu(x)"),
        ("relu(abs(x))", "abs(x)"),
        ("relu(exp(x))", "exp(x)"),
        ("relu(-sigmoid(x))", "0.0"),
        ("max(sigmoid(x), 2)", "2.0"),
        ("min(tanh(x), 5)", "tanh(x)"),
        ("max(x, abs(x))", "abs(x)"),
        ("min(x, relu(x))", "x"),
        ("relu(2 * x)", "2.0 * relu(x)"),
        ("min(2 * x, 4)", "2.0 * min(2.0, x)"),
        ("max(x, 0.01 * x)", "leaky_relu(x, 0.01)"),
        ("min(x, 3 * x)", "leaky_relu(x, 3.0)"),
        ("leaky_relu(2 * x, 0.1)", "2.0 * leaky_relu(x, 0.1)"),
        ("leaky_relu(x, 1)", "x"),
        ("leaky_relu(x, 0)", "relu(x)"),
        ("leaky_relu(exp(x), 0.1)", "exp(x)"),
        ("(x + abs(x)) / 2", "relu(x)"),
        ("relu(x) - relu(-x)", "x"),
        ("relu(x) + relu(-x)", "abs(x)"),
        ("x - min(x, 0)", "relu(x)"),
        ("clamp(x / 6 + 0.5, 0, 1)", "hard_sigmoid(x)"),
        ("x * clamp(x + 3, 0, 6) / 6", "x * hard_sigmoid(x)"),
        ("if_positive(x, x, 0)", "relu(x)"),
        ("if_positive(3 * x, x, 0.1 * x)", "leaky_relu(x, 0.1)"),
        ("if_positive(2 * x, 1, 0)", "if_positive(x, 1.0, 0.0)"),
        ("if_positive(x, sin(x), sin(x))", "sin(x)"),
        ("if_positive(exp(x), x, 0)", "if_positive(exp(x), x, 0.0)"),  # it may underflow to 0
        ("if_positive(cosh(x), x, 0)", "x"),
    ],
    "parity": [
        ("tanh(-x)", "-tanh(x)"),
        ("tanh(1 - x)", "-tanh(x - 1.0)"),
        ("cos(-x)", "cos(x)"),
        ("abs(-2 * x)", "2.0 * abs(x)"),
        ("abs(abs(x))", "abs(x)"),
        ("gaussian(-x)", "gaussian(x)"),
        ("safe_div(-x, -tanh(x))", "safe_div(x, tanh(x))"),
        ("signed_pow(-x, 2)", "-signed_pow(x, 2.0)"),
        ("sigmoid(-x)", "sigmoid(-x)"),
        ("softplus(-x)", "-log_sigmoid(x)"),
    ],
    "compositions": [
        ("x * sigmoid(x)", "silu(x)"),
        ("x * (sigmoid(x) * x)", "x * silu(x)"),
        ("x / (1 + exp(-x))", "silu(x)"),
        ("x * sigmoid(-x)", "-silu(-x)"),
        ("tanh(x) * x * sigmoid(x * tanh(x))", "silu(x * tanh(x))"),
        ("x * sigmoid(1.702 * x)", "x * sigmoid(1.702 * x)"),  # no constant that nobody wrote
        ("2 * x * sigmoid(2 * x)", "silu(2.0 * x)"),
        ("1 / silu(x)", "reciprocal(silu(x))"),
        ("1 / (x * sigmoid(x))", "reciprocal(silu(x))"),
        ("log(sigmoid(x))", "log_sigmoid(x)"),
        ("log(1 + exp(x))", "softplus(x)"),
        ("log(1 + tanh(x))", "log1p(tanh(x))"),
        ("-log_sigmoid(-x)", "softplus(x)"),
        ("1 / (1 + exp(-x))", "sigmoid(x)"),
        ("exp(x) / (1 + exp(x))", "sigmoid(x)"),
        ("1 - sigmoid(x)", "sigmoid(-x)"),
        ("exp(x) - 1", "expm1(x)"),
        ("3 * exp(x) + tanh(x) - 3", "3.0 * expm1(x) + tanh(x)"),
        ("expm1(x) + 1", "exp(x)"),
        ("x / (1 + abs(x))", "softsign(x)"),
        ("x / (2 + abs(x))", "softsign(0.5 * x)"),
        ("exp(-square(x))", "gaussian(x)"),
        ("exp(-x * x * square(tanh(x)))", "gaussian(x * tanh(x))"),
        ("exp(-square(x) / 2)", "exp(-0.5 * square(x))"),
        ("exp(x) * exp(-x)", "1.0"),
        ("exp(x) * exp(tanh(x))", "exp(x + tanh(x))"),
        ("x / exp(x)", "x * exp(-x)"),
        ("2 * sigmoid(2 * x) - 1", "tanh(x)"),
        ("x * (0.5 + 0.5 * tanh(x / 2))", "silu(x)"),
        ("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh(x)"),
        ("0.5 * x * (1 + erf(x / 2 ** 0.5))", "gelu(x)"),
        ("0.5 * x * erfc(-x * 0.5 ** 0.5)", "gelu(x)"),
        ("1 - erf(x)", "erfc(x)"),
        ("sin(x) ** 2 + cos(x) ** 2", "1.0"),
        ("x * tanh(log(1 + exp(x)))", "x * tanh(softplus(x))"),
        ("log(exp(x))", "x"),
        ("exp(log(x))", "x"),
        ("asinh(sinh(x))", "x"),
    ],
    "channels": [
        ("group_sort(group_sort(x, 2), 4)", "group_sort(x, 4)"),
        ("group_sort(group_sort(x, 4), 2)", "group_sort(x, 4)"),
        ("group_sort(full_sort(x), 2)", "full_sort(x)"),
        ("full_sort(group_sort(x, 2))", "full_sort(x)"),
        ("full_sort(full_sort(x))", "full_sort(x)"),
        ("group_max(group_sort(x, 2), 4)", "group_max(x, 4)"),
        ("group_max(group_max(x, 2), 2)", "group_max(x, 4)"),
        ("group_max(full_sort(x), 2)", "group_max(full_sort(x), 2)"),
        ("group_sort(group_sort(x, 2), 3)", "group_sort(group_sort(x, 2), 3)"),
        ("left(concat(x, tanh(x)))", "x"),
        ("right(concat(x, tanh(x)))", "tanh(x)"),
        ("concat(left(x), right(x))", "x"),
        ("concat(right(x), left(x))", "concat(right(x), left(x))"),
        ("tanh(full_sort(x))", "tanh(full_sort(x))"),
        ("partial(x, 0.5)", "x"),
        ("partial(partial(tanh(x), 0.5), 0.25)", "partial(tanh(x), 0.25)"),
        ("softmax(x + 1)", "softmax(x)"),
        ("log(softmax(x))", "log_softmax(x)"),
        ("sigmoid(right(x)) * left(x)", "left(x) * sigmoid(right(x))"),
    ],
    "thresholds": [
        ("sign(-x)", "-sign(x)"),
        ("window(-x)", "window(x)"),
        ("step(2 * x)", "step(2.0 * x)"),
        ("step(-x)", "step(-x)"),
        ("x * sign(x)", "x * sign(x)"),
        ("step(x) * step(x)", "square(step(x))"),
        ("relu(step(x))", "relu(step(x))"),
        ("max(step(x), 0)", "max(0.0, step(x))"),
        ("abs(sign(x))", "abs(sign(x))"),
        ("max(x * sign(x), -x * sign(x))", "max(-(x * sign(x)), x * sign(x))"),
        ("full_sort(group_sort(sign(x), 2))", "full_sort(group_sort(sign(x), 2))"),
        ("step(x) + x - step(x)", "x"),
    ],
    "parameters": [
        ("b * x + a * tanh(x) where a = 1, b = 2",
         "a0 * x + a1 * tanh(x) where a0 = 2.0, a1 = 1.0"),
        ("a * tanh(x) + b * x where a = 1, b = 1",
         "a0 * x + a1 * tanh(x) where a0 = 1.0, a1 = 1.0"),
        ("tanh(b * x - a * x) where a = 1, b = 1", "tanh(x * (a0 - a1)) where a0 = 1.0, a1 = 1.0"),
        ("-tanh(a * x - b * x) where a = 1, b = 1", "tanh(x * (a0 - a1)) where a0 = 1.0, a1 = 1.0"),
        ("x * beta where beta = 1 per channel", "a0 * x where a0 = 1.0 per channel"),
        ("0 * a + x where a = 1", "x"),
        ("a * x / a where a = 1", "x"),
        ("a * x + a * tanh(x) where a = 1", "a0 * (x + tanh(x)) where a0 = 1.0"),
        ("max(x, 0) + a * min(x, 0) where a = 0.25", "relu(x) + a0 * min(0.0, x) where a0 = 0.25"),
    ],
    "kept as it is written": [
        ("x / (x - x)", "x / (x - x)"),  # 1 / 0 is no constant
        ("1e308 * (10 * x)", "1e+308 * (10.0 * x)"),
        ("zero(left(x))", "zero(left(x))"),  # 0.0 would have another width
        ("x ** 64 * x ** 64", "x ** 64.0 * x ** 64.0"),
        ("relu(-2 / x)", "relu(-2.0 / x)"),
        ("x - min(2 / x, 0)", "x + relu(-2.0 / x)"),
        ("min(step(x), x / x)", "min(step(x), x / x)"),  # a literal takes the whole gradient
        ("abs(2 / x)", "abs(2.0 / x)"),  # the 2 outside would make it longer
        ("5e-324 * x", "5e-324 * x"),
    ],
}  # fmt: skip
CASES = [pytest.param(*pair, id=pair[0]) for pairs in RULES_BY_KIND.values() for pair in pairs]


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_canonical_text(text: str, wanted: str) -> None:
    found = parse(text).canonical()
    assert str(found) == wanted
    assert found.canonical() == found
    assert parse(str(found)) == found
    assert found.width == parse(text).width


@pytest.mark.parametrize("line", [line.strip() for line in RULES.splitlines() if line.strip()])
@pytest.mark.parametrize("value", ["x", "sin(x)", "(x * cosh(x))"])
def test_rules_of_the_table_hold_and_apply(line: str, value: str) -> None:
    left, right = (parse(re.sub(r"\bu\b", value, side)) for side in line.split("->"))
    x = np.linspace(-2.0, 2.0, 40)
    wanted, found = left.numpy()(x), right.numpy()(x)
    fine = np.isfinite(wanted)
    np.testing.assert_allclose(found[fine], wanted[fine], rtol=1e-10, atol=1e-12)
    assert left.canonical() == right.canonical()
    assert left.canonical().nodes <= left.nodes


def chain(name: str, parts: list[Node]) -> Node:
    """Join parts by an operator in a tree of least depth."""
    while len(parts) > 1:
        parts = [
            call(name, *parts[i : i + 2]) if i + 1 < len(parts) else parts[i]
            for i in range(0, len(parts), 2)
        ]
    return parts[0]


@pytest.mark.parametrize("name", ["add", "mul", "max"])
def test_long_chains_stay_within_the_bounds(name: str) -> None:
    inner = ["tanh", "sin", "erf", "square", "cos", "atan", "sinh", "softplus"]
    leaves: list[Node] = [call(f, call(g, X())) for f in inner for g in inner]
    expression = Expression.build(chain(name, leaves))
    backward = Expression.build(chain(name, leaves[::-1]))
    assert expression.canonical().depth <= MAX_DEPTH
    assert expression.canonical() == backward.canonical()


def test_the_deepest_tree_has_a_normal_form() -> None:
    root: Node = X()
    for _ in range(MAX_DEPTH):
        root = Call(call("tanh", X()).primitive, (root,))
    assert Expression.build(root).canonical().depth == MAX_DEPTH


def test_many_equal_parameters_are_ordered_by_their_use() -> None:
    inner = ["tanh", "sin", "erf", "square", "cos", "atan", "sinh", "softplus"]
    terms = [call("mul", call(f, X()), call("add", X(), Const(0.5))) for f in inner]

    def weighted(order: list[int]) -> Expression:
        products: list[Node] = [call("mul", Param(p), terms[i]) for p, i in enumerate(order)]
        return Expression.build(chain("add", products), (Parameter(1.0),) * len(order))

    orders = [[0, 1, 2, 3, 4, 5, 6, 7], [7, 3, 1, 0, 2, 6, 5, 4], [4, 5, 6, 7, 0, 1, 2, 3]]
    texts = {str(weighted(order).canonical()) for order in orders}
    assert len(texts) == 1
