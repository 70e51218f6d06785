"""Which functions are told to be the same, and the names that they have."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evoact.errors import InputError
from evoact.language import (
    PRIMITIVES,
    ZOO,
    Const,
    Expression,
    ExpressionError,
    FingerprintIndex,
    Kind,
    Node,
    Param,
    Parameter,
    Scope,
    X,
    call,
    fingerprint,
    gaussian_moments,
    initialisation_gain,
    is_constant,
    is_finite_near_zero,
    known_as,
    named,
    parse,
    resolve,
    same_values,
)

SAME = [
    ("max(x, 0)", "relu(x)"),
    ("(x + abs(x)) / 2", "relu(x)"),
    ("x - min(x, 0)", "relu(x)"),
    ("x / (1 + exp(-x))", "silu(x)"),
    ("x * (0.5 + 0.5 * tanh(x / 2))", "silu(x)"),
    ("2 * sigmoid(2 * x) - 1", "tanh(x)"),
    ("log(1 + exp(x))", "softplus(x)"),
    ("-log_sigmoid(-x)", "softplus(x)"),
    ("x * erf(x / 2 ** 0.5) / 2 + x / 2", "gelu(x)"),
    ("x * x * x", "cube(x)"),
    ("x ** 2", "square(x)"),
    ("sin(x) ** 2 + cos(x) ** 2", "cos(0 * x)"),
    ("exp(-square(x))", "gaussian(x)"),
    ("max(x, 0.01 * x)", "leaky_relu(x, 0.01)"),
    ("min(max(x, -1), 1)", "clamp(x, -1, 1)"),
    ("abs(-x)", "abs(x)"),
    ("log(x)", "log(x) + 0 * x"),
    ("a * x * x where a = 1", "x * (b * x) where b = 1"),
    ("a * x + b * tanh(x) where a = 1, b = 2", "d * tanh(x) + c * x where c = 1, d = 2"),
    ("max(x, 0) + a * min(x, 0) where a = 0.25 per channel",
     "relu(x) - a * relu(-x) where a = 0.25 per channel"),
]  # fmt: skip

DIFFERENT = [
    ("relu(x)", "silu(x)"),
    ("gelu(x)", "0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * cube(x))))"),
    ("a * x where a = 1", "x"),
    ("x + a where a = 0", "x"),
    ("a * x where a = 1", "a + x - 1 where a = 1"),
    ("a * x where a = 1", "a * x where a = 1 per channel"),
    ("a * x where a = 1", "a * x where a = 1.01"),
    ("a * tanh(a * x) where a = 1", "a * tanh(b * x) where a = 1, b = 1"),
    ("a * b * x where a = 1, b = 1", "a * x where a = 1"),
    ("a * x where a = 0", "a * tanh(x) where a = 0"),
    ("x * sigmoid(x)", "x * sigmoid(1.000001 * x)"),
    ("relu(x)", "clamp(x, 0, 20)"),
    ("x", "clamp(x, -20, 20)"),
    ("log(x)", "safe_log(x)"),
    ("sqrt(x)", "sqrt(abs(x))"),
    ("1 / x", "safe_div(1, x)"),
    ("tanh(x)", "-tanh(x)"),
    ("sin(x)", "sin(x + 2 * pi + 0.0001)"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_equal_functions_are_found(a: str, b: str) -> None:
    first, second = parse(a), parse(b)
    assert same_values(fingerprint(first), fingerprint(second))
    for added, sought in ((first, second), (second, first)):
        index = FingerprintIndex()
        for name in ("relu", "silu", "tanhexp", "elu"):
            index.add(parse(f"0.9 * ({ZOO[name]})"), name)
        index.add(added, "it")
        assert index.find(sought) == "it"


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_functions_are_not_merged(a: str, b: str) -> None:
    index = FingerprintIndex()
    index.add(parse(a), "other")
    assert index.find(parse(b)) is None
    assert index.find(parse(a)) == "other"


def random_node(rng: np.random.Generator, depth: int, parameters: int) -> Node:
    if depth == 0 or rng.random() < 0.25:
        kind = rng.integers(6)
        if kind == 0:
            return Const(float(rng.choice([0.0, 0.5, 1.0, -1.0, 2.0])))
        return Param(int(rng.integers(parameters))) if kind == 1 and parameters else X()
    row = list(PRIMITIVES.values())[rng.integers(len(PRIMITIVES))]
    return call(
        row.name,
        *(
            Const(float(rng.choice([-1.0, 0.5, 2.0])))
            if kind is Kind.NUMBER
            else random_node(rng, depth - 1, parameters)
            for kind in row.signature
        ),
    )


def random_expressions(count: int) -> list[Expression]:
    rng = np.random.default_rng(11)
    found: list[Expression] = []
    while len(found) < count:
        parameters = tuple(Parameter(1.0) for _ in range(rng.integers(3)))
        root = random_node(rng, int(rng.integers(1, 4)), len(parameters))
        try:
            found.append(Expression.build(root, parameters).canonical())
        except ExpressionError:
            continue
    return found


def dense(expression: Expression) -> np.ndarray:
    """Values on a dense grid, at the initial parameters and at others."""
    grid = np.concatenate([np.linspace(-4.0, 4.0, 1601), [-30.0, -10.0, 10.0, 30.0]])
    function, start = expression.numpy(), np.array([p.initial for p in expression.parameters])
    shifts = np.array([[0.0, 0.0], [0.31, -0.17], [-1.83, -2.21]])[:, : start.size]
    return np.concatenate([function(grid, list(start + shift)) for shift in shifts])


def test_random_functions_are_merged_exactly_when_they_are_equal() -> None:
    """Against the direct comparison of all pairs, on a dense grid."""
    expressions = random_expressions(300)
    values = [dense(e) for e in expressions]
    index, kept, merges = FingerprintIndex(), [], 0
    for number, expression in enumerate(expressions):
        equal = {
            str(other)
            for other in kept
            if len(expressions[other].parameters) == len(expression.parameters)
            and np.allclose(values[other], values[number], rtol=1e-7, atol=1e-7, equal_nan=True)
        }
        label = index.find(expression)
        if label is None:
            assert not equal, (expression, [str(expressions[int(e)]) for e in equal])
            index.add(expression, str(number))
            kept.append(number)
        else:
            assert label in equal, (str(expression), str(expressions[int(label)]))
            merges += 1
    assert merges > 20  # the sample has equal functions, or this test says nothing
    assert len(kept) > 150


@pytest.mark.parametrize(
    ("text", "constant"),
    [
        ("x", False),
        ("2", True),
        ("x - x", True),
        ("a where a = 1", True),
        ("0 * x + a where a = 5", True),
        ("sin(x) ** 2 + cos(x) ** 2", True),
        ("1e-6 * x", False),
        ("1e9 + 1e-3 * x", True),
        ("a * x where a = 0", True),  # at the initial parameters
        ("sqrt(x - 9)", False),  # NaN everywhere, which is no constant
        ("exp(1000 + x)", False),  # nor is infinity
        ("relu(x - 9)", True),  # where activations work
    ],
)
def test_constant_functions(text: str, constant: bool) -> None:
    assert is_constant(fingerprint(parse(text))) is constant


@pytest.mark.parametrize(
    ("text", "finite"),
    [
        ("x", True),
        ("log(x)", False),
        ("sqrt(x + 3)", True),
        ("1 / x", True),
        ("exp(exp(x))", True),  # infinite at 30 only
        ("exp(exp(exp(x)))", False),
        ("x / (a - a) where a = 1", False),
    ],
)
def test_finite_near_zero(text: str, finite: bool) -> None:
    assert is_finite_near_zero(fingerprint(parse(text))) is finite


KNOWN_AS = [
    ("x / (1 + exp(-x))", "silu"),
    ("max(0, x)", "relu"),
    ("x * 1.0", "identity"),
    ("min(max(0, x), 6)", "relu6"),
    ("x * tanh(log(1 + exp(x)))", "mish"),
    ("square(max(x, 0))", "squared_relu"),
    ("x * sigmoid(k * x) where k = 1", "swish"),
    ("x * sigmoid(k * x) where k = 2", None),
    ("max(x, 0) + k * min(x, 0) where k = 0.25", None),  # a prelu is per channel
    ("max(x, 0) + k * min(x, 0) where k = 0.25 per channel", "prelu"),
    ("x * min(max(x + 3, 0), 6) / 6", "hardswish"),
    ("x - tanh(x)", "tanhshrink"),
    ("x * x * tanh(x)", None),
    ("-x", None),
]


@pytest.mark.parametrize(("text", "name"), KNOWN_AS)
def test_known_as(text: str, name: str | None) -> None:
    assert known_as(parse(text)) == name


@pytest.mark.parametrize("name", ZOO)
def test_zoo(name: str) -> None:
    """Each name is known by itself: the zoo has no function twice."""
    expression = named(name)
    assert known_as(expression) == name
    assert known_as(expression.canonical()) == name
    assert resolve(name) == resolve(f" {name}\n") == expression
    assert is_finite_near_zero(fingerprint(expression))
    assert parse(str(expression)) == expression


@pytest.mark.parametrize(
    ("function", "text", "message"),
    [
        (named, "sillu", "unknown function 'sillu'; did you mean 'silu'?"),
        (named, "x", "unknown function 'x'"),
        (resolve, "sillu", "unknown function 'sillu'; did you mean 'silu'?"),
        (resolve, "square", "'square' takes 1 argument"),
        (resolve, "x +", "expected an expression"),
        (resolve, "", "expected an expression"),
    ],
)
def test_unknown_names(function, text: str, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as caught:
        function(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(("text", "wanted"), [("pi", math.pi), ("e", math.e), ("x", 0.5)])
def test_resolve_reads_single_words_of_the_language(text: str, wanted: float) -> None:
    assert float(resolve(text).numpy()(0.5)) == wanted


MOMENTS = [
    ("x", 0.0, 1.0),
    ("relu(x)", 1 / math.sqrt(2 * math.pi), 0.5),
    ("abs(x)", math.sqrt(2 / math.pi), 1.0),
    ("square(x)", 1.0, 3.0),
    ("cube(x)", 0.0, 15.0),
    ("3", 3.0, 9.0),
    ("x + 2", 2.0, 5.0),
    ("a * x where a = 3 per channel", 0.0, 9.0),
    ("exp(x)", math.exp(0.5), math.exp(2.0)),
    ("sin(x)", 0.0, (1 - math.exp(-2)) / 2),
    ("cos(x)", math.exp(-0.5), (1 + math.exp(-2)) / 2),
    ("erf(x)", 0.0, 2 / math.pi * math.asin(2 / 3)),
    ("gaussian(x)", 1 / math.sqrt(3), 1 / math.sqrt(5)),
    ("sigmoid(x)", 0.5, None),
    ("gelu(x)", 1 / (2 * math.sqrt(math.pi)), None),
    ("leaky_relu(x, 0.5)", 0.5 / math.sqrt(2 * math.pi), 0.625),
]


@pytest.mark.parametrize(("text", "mean", "second"), MOMENTS, ids=[text for text, *_ in MOMENTS])
def test_gaussian_moments(text: str, mean: float, second: float | None) -> None:
    found = gaussian_moments(parse(text))
    assert found[0] == pytest.approx(mean, rel=1e-5, abs=1e-9)
    if second is not None:
        assert found[1] == pytest.approx(second, rel=1e-5)


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
        ("exp(1000 + x)", 1.0),
        ("0 * x", 1.0),
        ("exp(square(x) * 100)", 1.0),
    ],
)
def test_initialisation_gain(text: str, gain: float) -> None:
    assert initialisation_gain(parse(text)) == pytest.approx(gain, rel=1e-5)


def test_scopes_are_part_of_the_signature() -> None:
    index = FingerprintIndex()
    layer = parse("a * x where a = 1")
    channel = Expression(layer.root, (Parameter(1.0, Scope.CHANNEL),))
    index.add(layer, "layer")
    index.add(channel, "channel")
    assert (index.find(layer), index.find(channel)) == ("layer", "channel")
