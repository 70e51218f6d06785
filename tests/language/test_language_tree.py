"""Expressions as immutable values."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from language_strategies import PROPERTY, expressions

from evoact.errors import InputError
from evoact.language import (
    PRIMITIVES,
    Call,
    Const,
    Expression,
    ExpressionError,
    Node,
    Param,
    Parameter,
    Scope,
    X,
    call,
    parse,
    walk,
)

ALPHA, BETA = parse("a * x where a = 1.0"), parse("b * x where b = 1.0")


def test_names_of_parameters_are_no_identity() -> None:
    assert ALPHA == BETA
    assert hash(ALPHA) == hash(BETA)
    assert str(ALPHA) != str(BETA)
    assert len({ALPHA, BETA}) == 1


@pytest.mark.parametrize(
    "other",
    [
        "a * x where a = 2.0",
        "a * x where a = 1.0 per channel",
        "x * a where a = 1.0",
        "x",
        "a + x where a = 1.0",
        "1.0 * x",
    ],
)
def test_all_else_is_identity(other: str) -> None:
    assert parse(other) != ALPHA


def test_not_equal_to_other_things() -> None:
    assert ALPHA != "a * x where a = 1.0"
    assert Parameter(1.0) != 1.0


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (ALPHA, "root"),
        (ALPHA, "parameters"),
        (ALPHA.root, "args"),
        (ALPHA.root, "primitive"),
        (ALPHA.parameters[0], "initial"),
        (Const(1.0), "value"),
        (Param(0), "index"),
        (PRIMITIVES["add"], "cost"),
    ],
)
def test_immutable(value: object, field: str) -> None:
    before = getattr(value, field)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, None)
    assert getattr(value, field) is before


def test_the_table_is_immutable() -> None:
    with pytest.raises(TypeError):
        PRIMITIVES["new"] = PRIMITIVES["add"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("b * x + a where a = 1, b = 2", ("b", "a")),
        ("max(a, b * a) where b = 2, a = 1", ("a", "b")),
        ("c ** x / (b - a) where a = 1, b = 2, c = 3", ("c", "b", "a")),
        ("tanh(q * x) + p * q where p = 1, q = 2", ("q", "p")),
    ],
)
def test_parameters_are_ordered_by_first_use(text: str, order: tuple[str, ...]) -> None:
    expression = parse(text)
    assert expression.names == order
    uses = [node.index for node in walk(expression.root) if isinstance(node, Param)]
    assert list(dict.fromkeys(uses)) == list(range(len(order)))


def test_build_renumbers_and_drops_the_unused() -> None:
    root = call("add", Param(2), call("mul", Param(0), X()))
    built = Expression.build(root, (Parameter(0.0), Parameter(1.0), Parameter(2.0, name="c")))
    assert built.parameters == (Parameter(2.0), Parameter(0.0))
    assert str(built) == "c + a1 * x where c = 2.0, a1 = 0.0"


def test_given_names_are_kept_apart_from_made_ones() -> None:
    root = call("add", call("mul", Param(0), X()), Param(1))
    built = Expression.build(root, (Parameter(1.0), Parameter(2.0, name="a0")))
    assert built.names == ("a0_", "a0")
    assert parse(str(built)) == built


@PROPERTY
@given(expressions())
def test_invariants_of_build(expression: Expression) -> None:
    nodes = list(walk(expression.root))
    assert expression.nodes == len(nodes)
    uses = [node.index for node in nodes if isinstance(node, Param)]
    assert list(dict.fromkeys(uses)) == list(range(len(expression.parameters)))
    for node in nodes:
        if isinstance(node, Const):
            assert np.isfinite(node.value)
            assert str(node.value) != "-0.0"
        if isinstance(node, Call):
            folded = not node.primitive.is_groupwise or node.primitive.keeps_uniform
            assert not (folded and all(isinstance(arg, Const) for arg in node.args))
    assert Expression.build(expression.root, expression.parameters) == expression


@PROPERTY
@given(expressions(), expressions())
def test_equality_is_that_of_the_text(a: Expression, b: Expression) -> None:
    assert (a.canonical() == b.canonical()) == (str(a.canonical()) == str(b.canonical()))
    if a == b:
        assert hash(a) == hash(b)


def nested(levels: int) -> Node:
    root: Node = X()
    for _ in range(levels):
        root = call("relu", root)
    return root


def full(levels: int) -> Node:
    return X() if levels == 0 else call("add", full(levels - 1), full(levels - 1))


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (nested(65), "nests 65 deep; at most 64"),
        (full(9), "1023 nodes; at most 512"),
        (Const(float("nan")), "constant is nan"),
        (call("add", X(), Const(float("inf"))), "constant is inf"),
        (call("log", Const(0.0)), r"log\(0.0\) is -inf"),
        (call("add", X(), call("exp", Const(1000.0))), r"exp\(1000.0\) is inf"),
    ],
)
def test_build_refuses(root: Node, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        Expression.build(root)


@pytest.mark.parametrize(
    ("text", "nodes", "depth", "parts"),
    [
        ("x", 1, 0, ()),
        ("2", 1, 0, ()),
        ("x * sigmoid(x)", 4, 2, ("mul", "sigmoid")),
        ("exp(x) + exp(x)", 5, 2, ("add", "exp")),  # the shared part counts once
        ("exp(x) + exp(exp(x))", 6, 3, ("add", "exp", "exp")),
        ("clamp(x, -1, 1)", 4, 1, ("clamp",)),
        ("a * tanh(a * x) where a = 1", 6, 3, ("mul", "mul", "tanh")),
    ],
)
def test_size_depth_and_cost(text: str, nodes: int, depth: int, parts: tuple[str, ...]) -> None:
    expression = parse(text)
    assert (expression.nodes, expression.depth) == (nodes, depth)
    assert expression.cost == pytest.approx(sum(PRIMITIVES[name].cost for name in parts))


def test_with_values() -> None:
    expression = parse("a * x + b where a = 1, b = 2 per channel")
    changed = expression.with_values((3, 4))  # type: ignore[arg-type]
    assert str(changed) == "a * x + b where a = 3.0, b = 4.0 per channel"
    assert str(expression).endswith("a = 1.0, b = 2.0 per channel")
    with pytest.raises(ValueError, match="shorter"):
        expression.with_values((1.0,))


def test_numpy_function() -> None:
    function = parse("a * x + b where a = 2, b = 1 per channel").numpy()
    x = [[1, 2], [3, 4]]
    np.testing.assert_array_equal(function(x), [[3, 5], [7, 9]])
    np.testing.assert_array_equal(function(x, [1.0, [10.0, 20.0]]), [[11, 22], [13, 24]])
    assert function(3).shape == ()
    with pytest.raises(InputError, match=r"has 1 values.*2 parameters \('a', 'b'\)"):
        function(1.0, [1.0])


@pytest.mark.parametrize("text", ["2", "a where a = 3", "x"])
def test_numpy_result_has_the_shape_of_the_input_and_is_its_own(text: str) -> None:
    x = np.ones((2, 3))
    result = parse(text).numpy()(x)
    assert result.shape == (2, 3)
    result[:] = 7.0
    assert (x == 1.0).all()


def test_numpy_is_quiet_about_nan_and_infinity() -> None:
    result = parse("log(x) + 1 / x").numpy()([-1.0, 0.0, 1.0])
    assert np.isnan(result[:2]).all()
    assert result[2] == 1.0


@pytest.mark.parametrize("name", PRIMITIVES)
def test_pickle_and_copy(name: str) -> None:
    """By the name of the row: its functions are lambdas."""
    row = PRIMITIVES[name]
    assert pickle.loads(pickle.dumps(row)) is row
    root = Call(row, (X(),) * row.arity)
    expression = Expression(root, (Parameter(1.0, Scope.CHANNEL, "a"),))
    for copied in (pickle.loads(pickle.dumps(expression)), copy.deepcopy(expression)):
        assert copied == expression
        assert copied.parameters[0].name == "a"
        assert copied.root.primitive is row


@pytest.mark.parametrize("room", ["evoact.language", "evoact.records", "evoact"])
def test_light_rooms_import_nothing_heavy(room: str) -> None:
    heavy = ["torch", "ray", "mlflow", "sklearn", "deap", "matplotlib", "sympy"]
    code = f"import sys, {room}; print(sorted(set({heavy}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
