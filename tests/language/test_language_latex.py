"""Expressions as formulas in LaTeX."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from language_strategies import PROPERTY, expressions, usual_number
from matplotlib.mathtext import MathTextParser

from evoact.language import PRIMITIVES, Expression, Kind, Primitive, parse
from evoact.language.latex import constant, symbol

FORMULAS = [
    ("x", "x"),
    ("2", "2"),
    ("x + 1", "x + 1"),
    ("x + -1.5", "x - 1.5"),
    ("x - -1.5", r"x - \left(-1.5\right)"),
    ("-1.5 + x", "-1.5 + x"),
    ("x + -sin(x)", r"x - \sin\left(x\right)"),
    ("x - (x + 1)", r"x - \left(x + 1\right)"),
    ("x - (x - 1)", r"x - \left(x - 1\right)"),
    ("x - 1 - 1", "x - 1 - 1"),
    ("x * -2", r"x \cdot \left(-2\right)"),
    ("-2 * x", r"-2 \cdot x"),
    ("1 + -2 * x", r"1 - 2 \cdot x"),
    ("-(x + 1)", r"-\left(x + 1\right)"),
    ("--x", r"-\left(-x\right)"),
    ("-x ** 2", "-x^{2}"),
    ("(-x) ** 2", r"\left(-x\right)^{2}"),
    ("(x + 1) * x", r"\left(x + 1\right) \cdot x"),
    ("(x + 1) / (x - 1)", r"\frac{x + 1}{x - 1}"),
    ("(1 / x) ** 2", r"\left(\frac{1}{x}\right)^{2}"),
    ("2 ** x ** 3", "2^{x^{3}}"),
    ("(2 ** x) ** 3", r"\left(2^{x}\right)^{3}"),
    ("(1e-6) ** x", r"\left(10^{-6}\right)^{x}"),
    ("abs(abs(x))", r"\left|x\right|"),
    ("softsign(abs(x))", r"\frac{\left|x\right|}{1 + \left|x\right|}"),
    ("square(exp(x))", r"\left(e^{x}\right)^2"),
    ("square(x) / 2", r"\frac{x^2}{2}"),
    ("2.5e-7 * x", r"2.5 \cdot 10^{-7} \cdot x"),
    ("x + 1e-6", "x + 10^{-6}"),
    ("pi * x - e", r"\pi \cdot x - e"),
    ("x * sigmoid(beta * x) where beta = 1", r"x \cdot \sigma\left(\beta \cdot x\right)"),
    ("max(x, a0 * x) where a0 = 0.25", r"\max\left(x, a_0 \cdot x\right)"),
    ("slope * x where slope = 1 per channel", r"\mathrm{slope} \cdot x"),
    ("exp(-abs(x)) - 1", r"e^{-\left|x\right|} - 1"),
    ("2 * expm1(x)", r"2 \cdot \left(e^{x} - 1\right)"),
    ("gaussian(x + 1)", r"e^{-\left(x + 1\right)^2}"),
    ("log1p(-x)", r"\ln\left(1 - x\right)"),
    ("sqrt(x) ** 2", r"\sqrt{x}^{2}"),
    ("identity(x + 1) * 2", r"\left(x + 1\right) \cdot 2"),
    ("softsign(x) ** 2", r"\left(\frac{x}{1 + \left|x\right|}\right)^{2}"),
    ("if_positive(x, x, -x)", r"\left\{x \;\text{if}\; x > 0, \;\text{else}\; -x\right\}"),
    ("leaky_relu(x, 0.01)", r"\operatorname{leakyrelu}_{0.01}\left(x\right)"),
    ("group_max(x, 2)", r"\operatorname{groupmax}_{2}\left(x\right)"),
    ("concat(relu(x), -x)", r"\left[\operatorname{relu}\left(x\right), -x\right]"),
    ("left(x) * right(x)", r"\operatorname{left}\left(x\right) \cdot "
                           r"\operatorname{right}\left(x\right)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), FORMULAS, ids=[text for text, _ in FORMULAS])
def test_formula(text: str, wanted: str) -> None:
    assert parse(text).latex() == wanted


def test_digits() -> None:
    text = "0.7978845608028654 * x + 1.23456e-9 * x + 123456.0"
    assert parse(text).latex(digits=3) == r"0.798 \cdot x + 1.23 \cdot 10^{-9} \cdot x + 123000"
    assert parse("x + 0.1").latex() == "x + 0.1"


def test_names_stay_apart() -> None:
    names = ["a", "a0", "a_0", "a00", "a0_", "ab", "ab0", "beta", "Beta", "beta1", "_b", "omicron"]
    assert len({symbol(name) for name in names}) == len(names)
    for name in names:
        assert_matplotlib_reads(symbol(name))


CONSTANTS = [
    (0.0, "0"),
    (-1.0, "-1"),
    (0.1, "0.1"),
    (1e15, "1000000000000000"),
    (1e16, "10^{16}"),
    (1.5e16, r"1.5 \cdot 10^{16}"),
    (-1e-5, "-10^{-5}"),
    (5e-324, r"5 \cdot 10^{-324}"),
    (math.pi, r"\pi"),
    (-math.e, "-e"),
]


@pytest.mark.parametrize(("value", "wanted"), CONSTANTS)
def test_constants(value: float, wanted: str) -> None:
    assert constant(value)[0] == wanted


def assert_matplotlib_reads(latex: str) -> None:
    MathTextParser("path").parse(f"${latex}$")


@pytest.mark.parametrize("row", PRIMITIVES.values(), ids=PRIMITIVES)
def test_matplotlib_reads_every_row(row: Primitive) -> None:
    literals = {Kind.NUMBER: "-0.5", Kind.INTEGER: "2", Kind.FRACTION: "0.5"}
    for arguments in (["x", "x + 1", "-x"], ["-exp(x)", "beta0", "1e-6"]):
        values = iter(arguments)
        text = ", ".join(literals.get(kind) or next(values) for kind in row.signature)
        bindings = " where beta0 = 1" * ("beta0" in text)
        latex = parse(f"{row.name}({text}){bindings}").latex()
        assert_matplotlib_reads(latex)
        assert "x" in latex or row.name in {"zero", "one"}


READ = given(expressions(numbers=usual_number, max_depth=4))


@settings(PROPERTY, max_examples=20)
@READ
def test_matplotlib_reads_random_trees(expression: Expression) -> None:
    assert_matplotlib_reads(expression.latex())


@pytest.mark.slow
@settings(PROPERTY, max_examples=400)
@READ
def test_matplotlib_reads_many_random_trees(expression: Expression) -> None:
    assert_matplotlib_reads(expression.latex())


def test_large_trees_are_written() -> None:
    assert len(parse("max(" * 60 + "x" + ", tanh(x))" * 60).latex()) > 1000
