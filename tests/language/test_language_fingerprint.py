"""Which functions are told to be the same, exactly and up to affine maps."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from evoact.language import (
    PRIMITIVES,
    Const,
    Expression,
    ExpressionError,
    FingerprintIndex,
    FloatArray,
    Kind,
    Node,
    Param,
    Parameter,
    Scope,
    X,
    call,
    fingerprint,
    is_constant,
    is_finite_near_zero,
    parse,
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
    ("step(x)", "step(x - 0.019)"),
    ("x + step(x - 2.5)", "x + step(x - 3.9)"),
    ("max(x, 40)", "max(x, 45)"),
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
        for text in ("relu(x)", "silu(x)", "x * tanh(exp(x))", "elu(x)"):
            index.add(parse(f"0.9 * ({text})"), text)
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
    rows = [row for row in PRIMITIVES.values() if not row.is_groupwise]
    row = rows[rng.integers(len(rows))]
    literals = {Kind.NUMBER: [-1.0, 0.5, 2.0], Kind.INTEGER: [2.0, 3.0]}
    return call(
        row.name,
        *(
            Const(float(rng.choice(literals[kind])))
            if kind.is_literal
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
    shifts = np.array([[0.0, 0.0], [0.31, -0.17], [-1.83, -2.21], [2.6, 3.1]])[:, : start.size]
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


def test_scopes_are_part_of_the_signature() -> None:
    index = FingerprintIndex()
    layer = parse("a * x where a = 1")
    channel = Expression(layer.root, (Parameter(1.0, Scope.CHANNEL),))
    index.add(layer, "layer")
    index.add(channel, "channel")
    assert (index.find(layer), index.find(channel)) == ("layer", "channel")


GROUPWISE_SAME = [
    ("concat(relu(x), relu(-x))", "concat(relu(-x), relu(x))"),
    ("concat(max(left(x), right(x)), min(left(x), right(x)))",
     "concat(min(right(x), left(x)), (left(x) + right(x) + abs(left(x) - right(x))) / 2)"),
    ("relu(group_max(x, 2))", "group_max(relu(x), 2)"),
    ("tanh(full_sort(x))", "full_sort(tanh(x))"),
    ("left(a * x) where a = 1", "a * left(x) where a = 1"),
    ("concat(a * x, x) where a = 1 per channel", "concat(x, a * x) where a = 1 per channel"),
    ("group_sort(x, 5) / 3", "group_sort(x / 3, 5)"),
    ("group_sort(x, 1021) * 2", "group_sort(2 * x, 1021)"),
    ("softmax(x)", "exp(log_softmax(x))"),
]  # fmt: skip

GROUPWISE_DIFFERENT = [
    ("full_sort(x)", "group_sort(x, 24)"),
    ("partial(tanh(x), 0.5)", "partial(tanh(x), 0.51)"),
    ("left(x)", "right(x)"),
    ("group_sort(x, 2)", "group_sort(x, 3)"),
    ("group_sort(x, 2)", "x"),
    ("full_sort(x)", "group_sort(x, 12)"),
    ("group_max(x, 2)", "max(left(x), right(x))"),
    ("group_sort(x, 5)", "group_sort(x, 7)"),
    ("group_max(x, 2)", "group_max(x, 4)"),
    ("left(a * x) where a = 1 per channel", "a * left(x) where a = 1 per channel"),
    ("concat(a * x, x) where a = 1", "concat(a * x, a * x) where a = 1"),
    ("partial(tanh(x), 0.5)", "partial(tanh(x), 0.25)"),
]


@pytest.mark.parametrize(("a", "b"), GROUPWISE_SAME)
def test_equal_groupwise_functions_are_found(a: str, b: str) -> None:
    index = FingerprintIndex()
    index.add(parse("group_sort(tanh(x), 2)"), "other")
    index.add(parse(a), "it")
    assert index.find(parse(b)) == "it"


@pytest.mark.parametrize(("a", "b"), GROUPWISE_DIFFERENT)
def test_different_groupwise_functions_are_not_merged(a: str, b: str) -> None:
    index = FingerprintIndex()
    index.add(parse(a), "other")
    assert index.find(parse(b)) is None
    assert index.find(parse(a)) == "other"


def test_groupwise_fingerprints_tell_constants_and_infinities() -> None:
    assert is_constant(fingerprint(parse("concat(0 * x, one(x))")))
    assert is_constant(fingerprint(parse("softmax(0 * x)")))
    assert not is_constant(fingerprint(parse("left(x)")))
    assert is_finite_near_zero(fingerprint(parse("group_max(x, 4)")))
    assert not is_finite_near_zero(fingerprint(parse("log(group_max(x, 2))")))


def test_what_needs_too_many_channels_is_like_nothing() -> None:
    huge = parse("group_sort(group_sort(group_sort(x, 1021), 1019), 1013)")
    index = FingerprintIndex()
    index.add(huge, "huge")
    assert index.find(huge) is None
    assert not is_finite_near_zero(fingerprint(huge))


AFFINE_SAME = [
    ("tanh(x)", "sigmoid(-2 * x)"),
    ("relu(x)", "3 - 2 * relu(-x)"),
    ("silu(x)", "silu(x) - x"),
    ("x", "1 - x / 3"),
    ("exp(x)", "exp(1 - x)"),
    ("log_sigmoid(x)", "5 * softplus(x)"),
    ("a * tanh(x) where a = 1", "a - 2 - 3 * a * (1 + tanh(-x)) + 2 * a where a = 1"),
    ("group_max(x, 2)", "2 - group_max(-x, 2)"),
    ("concat(relu(x), relu(-x))", "2 * concat(relu(-x), relu(x)) + 1"),
]

AFFINE_DIFFERENT = [
    ("silu(x)", "silu(x) + x"),
    ("square(x)", "square(x + 1)"),
    ("tanh(x)", "tanh(2 * x)"),
    ("relu(x)", "leaky_relu(x, 0.01)"),
    ("a * x where a = 1", "a * tanh(x) where a = 1"),
    ("a * x where a = 1", "a + x where a = 1"),
    ("a * x where a = 1", "x"),
    ("a * relu(x) where a = 1", "a * relu(x) where a = 2"),
    ("relu(x)", "concat(relu(x), relu(x))"),
]


@pytest.mark.parametrize(("a", "b"), AFFINE_SAME)
def test_affine_classes(a: str, b: str) -> None:
    exact, affine = FingerprintIndex(), FingerprintIndex(affine=True)
    for added, sought in ((a, b), (b, a)):
        exact.add(parse(added), added)
        affine.add(parse(added), added)
        assert exact.find(parse(sought)) is None or sought == a
        assert affine.find(parse(sought)) is not None


@pytest.mark.parametrize(("a", "b"), AFFINE_DIFFERENT)
def test_affine_classes_that_differ(a: str, b: str) -> None:
    index = FingerprintIndex(affine=True)
    index.add(parse(a), "other")
    assert index.find(parse(b)) is None


def test_a_lookup_compares_few_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those alone whose keys are near: below 1 ms among 10,000 entries."""
    rng = np.random.default_rng(0)
    index = FingerprintIndex(affine=True)
    for number in range(2000):
        a, b = rng.standard_normal(2)
        index.add(parse(f"tanh({a} * x) + {b} * x"), str(number))
    compared = []

    def counted(first: FloatArray, second: FloatArray) -> bool:
        compared.append(1)
        return same_values(first, second)

    monkeypatch.setattr(sys.modules[FingerprintIndex.__module__], "same_values", counted)
    pairs = rng.standard_normal((50, 2))
    sought = [parse(f"tanh({a} * x) + {b} * x").canonical() for a, b in pairs]
    assert all(index.find(expression) is None for expression in sought)
    assert len(compared) < 10 * len(sought)
