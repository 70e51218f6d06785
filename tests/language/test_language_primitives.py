"""Every row of the table of primitives: its torch template against its numpy function."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from language_strategies import PROPERTY, TAME_NUMBERS, expressions
from torch.func import functional_call

from evoact.language import (
    PRIMITIVES,
    Const,
    Expression,
    Kind,
    Node,
    Param,
    Parameter,
    Primitive,
    Scope,
    X,
    call,
    parse,
)
from evoact.nn import Activation

ROWS = list(PRIMITIVES.values())
NAMES = list(PRIMITIVES)
NUMBERS = (-0.75, 1.25)  # literal arguments, in their order
CONSTANT, INITIAL = -1.5, 0.75  # exact in float32
POINTS = np.concatenate([np.linspace(-6, 6, 97), [1e-3, -1e-3, 1.0, -1.5, 0.75]])
TOLERANCES = {torch.float64: (1e-9, 1e-12), torch.float32: (3e-5, 3e-6)}


def applied(row: Primitive, values: tuple[Node, ...]) -> Node:
    """Apply a row to nodes in its VALUE places and to numbers in the others."""
    nodes, numbers = iter(values), iter(NUMBERS)
    return call(
        row.name,
        *(Const(next(numbers)) if kind is Kind.NUMBER else next(nodes) for kind in row.signature),
    )


def places(row: Primitive) -> int:
    return sum(kind is Kind.VALUE for kind in row.signature)


def direct(row: Primitive, values: tuple[np.ndarray, ...]) -> np.ndarray:
    """The row's numpy function itself, on arrays."""
    arrays, numbers = iter(values), iter(NUMBERS)
    with np.errstate(all="ignore"):
        return row.numpy(
            *(next(numbers) if kind is Kind.NUMBER else next(arrays) for kind in row.signature)
        )


def arguments(row: Primitive) -> list[tuple[str, ...]]:
    """All ways to fill the VALUE places with x, a constant and a parameter.

    A call on constants alone is folded: that is another test.
    """
    ways = product(("x", "constant", "layer", "channel"), repeat=places(row))
    return [way for way in ways if set(way) != {"constant"}]


CASES = [pytest.param(row, way, id=f"{row.name}-{'-'.join(way)}") for row in ROWS
         for way in arguments(row)]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("row", "way"), CASES)
def test_torch_equals_numpy(row: Primitive, way: tuple[str, ...], dtype: torch.dtype) -> None:
    parameters = (Parameter(INITIAL, Scope.LAYER), Parameter(INITIAL, Scope.CHANNEL))
    nodes = {"x": X(), "constant": Const(CONSTANT), "layer": Param(0), "channel": Param(1)}
    expression = Expression.build(applied(row, tuple(nodes[a] for a in way)), parameters)
    x = torch.tensor(np.stack([POINTS, POINTS[::-1]], axis=1), dtype=dtype)
    module = Activation(expression, channels=2)
    per_channel = np.array([0.5, 2.0])
    for parameter in module.parameters():
        if parameter.dim():
            parameter.data = torch.tensor(per_channel, dtype=torch.float32)

    result = module(x)

    exact = x.double().numpy()
    values = {"x": exact, "constant": np.float64(CONSTANT), "layer": np.float64(INITIAL)}
    values["channel"] = per_channel
    wanted = direct(row, tuple(values[a] for a in way))
    assert result.dtype == dtype
    assert result.shape == x.shape
    rtol, atol = TOLERANCES[dtype]
    np.testing.assert_allclose(
        result.detach().double(), np.broadcast_to(wanted, x.shape), rtol=rtol, atol=atol
    )
    trained = [per_channel if p.scope is Scope.CHANNEL else INITIAL for p in expression.parameters]
    np.testing.assert_array_equal(
        expression.numpy()(exact, trained), np.broadcast_to(wanted, x.shape)
    )


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_gradient(row: Primitive) -> None:
    """Autograd through the template is the slope of its values, in every place."""
    rng = np.random.default_rng(7)
    operands = rng.uniform(0.3, 2.6, (places(row), 60)) * rng.choice([-1, 1], (places(row), 60))
    values = direct(row, tuple(operands))
    smooth = np.isfinite(values) & (np.abs(values) < 50)
    # Away from the bounds of clamp and hard_sigmoid, and from ties.
    near = np.abs(operands[0] - np.reshape([*NUMBERS, 3.0, -3.0], (-1, 1))).min(axis=0)
    smooth &= near > 1e-3
    x, *others = (torch.tensor(o[smooth][:12], requires_grad=True) for o in operands)
    assert len(x) == 12
    nodes = (X(), *(Param(i) for i in range(len(others))))
    parameters = (Parameter(1.0, Scope.CHANNEL),) * len(others)
    module = Activation(Expression.build(applied(row, nodes), parameters), 12, 0).double()
    names = [name for name, _ in module.named_parameters()]

    def function(x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return functional_call(module, dict(zip(names, others, strict=True)), (x,))

    assert torch.autograd.gradcheck(function, (x, *others))


@pytest.mark.parametrize("inner", ROWS, ids=NAMES)
def test_nesting_keeps_precedence(inner: Primitive) -> None:
    """A row inside every row, in every place: no template captures its neighbours."""
    x = np.array([-1.7, -0.6, 0.4, 1.3])
    part = applied(inner, (X(), Const(0.7)))
    with np.errstate(all="ignore"):
        value = direct(inner, (x, np.float64(0.7)))
    for outer in ROWS:
        for place in range(places(outer)):
            nodes, values = [X()] * places(outer), [x] * places(outer)
            nodes[place], values[place] = part, value
            expression = Expression.build(applied(outer, tuple(nodes)))
            wanted = np.broadcast_to(direct(outer, tuple(values)), x.shape)
            result = Activation(expression)(torch.tensor(x))
            np.testing.assert_allclose(
                result, wanted, rtol=1e-7, atol=1e-9, err_msg=expression.source()
            )
            assert parse(str(expression)) == expression


@pytest.mark.parametrize("row", [r for r in ROWS if r.commutative], ids=lambda row: row.name)
@pytest.mark.parametrize("other", ["0.25", "tanh(x)"])
def test_commutative_rows_do_not_mind_the_order(row: Primitive, other: str) -> None:
    other_root = parse(other).root
    there = Expression.build(call(row.name, X(), other_root))
    back = Expression.build(call(row.name, other_root, X()))
    x = torch.tensor(POINTS)
    assert there != back
    assert there.canonical() == back.canonical()
    assert torch.equal(Activation(there)(x), Activation(back)(x))
    np.testing.assert_array_equal(there.numpy()(POINTS), back.numpy()(POINTS))


@pytest.mark.parametrize("row", [r for r in ROWS if not r.commutative and places(r) == 2],
                         ids=lambda row: row.name)  # fmt: skip
def test_other_binary_rows_mind_the_order(row: Primitive) -> None:
    there = Expression.build(call(row.name, X(), parse("exp(x)").root))
    back = Expression.build(call(row.name, parse("exp(x)").root, X()))
    assert there.canonical() != back.canonical()
    assert not np.allclose(there.numpy()([0.5, 2.0]), back.numpy()([0.5, 2.0]))


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_constant_arguments_fold(row: Primitive) -> None:
    expression = Expression.build(applied(row, (Const(0.5), Const(2.0))))
    assert expression.nodes == 1
    wanted = direct(row, (np.float64(0.5), np.float64(2.0)))
    assert expression.root == Const(float(wanted))


# Values by hand: the numpy functions are the oracle of all else, this is theirs.
KNOWN = [
    ("x + 2", 1.0, 3.0),
    ("x - 2", 1.0, -1.0),
    ("x * 3", 2.0, 6.0),
    ("1 / x", 4.0, 0.25),
    ("x ** 3", -2.0, -8.0),
    ("-x", 2.0, -2.0),
    ("abs(x)", -2.0, 2.0),
    ("square(x)", -3.0, 9.0),
    ("cube(x)", -3.0, -27.0),
    ("reciprocal(x)", 8.0, 0.125),
    ("sqrt(x)", 9.0, 3.0),
    ("exp(x)", 1.0, math.e),
    ("expm1(x)", 1e-12, 1e-12),
    ("log(x)", math.e, 1.0),
    ("safe_div(x, 2)", 1.0, 2.0 / 4.0001),
    ("safe_div(1, x)", 0.0, 0.0),
    ("safe_sqrt(x)", 0.0, 1e-3),
    ("safe_sqrt(x)", -4.0, math.sqrt(4.000001)),
    ("safe_log(x)", -math.e, math.log(math.e + 1e-6)),
    ("safe_exp(x)", 1000.0, math.exp(10.0)),
    ("safe_exp(x)", 1.0, math.e),
    ("signed_sqrt(x)", -8.0, -2.0),
    ("signed_pow(x, 0.5)", -4.0, -2.0),
    ("signed_pow(x, 2)", -3.0, -9.0),
    ("max(x, 1)", -3.0, 1.0),
    ("min(x, 1)", -3.0, -3.0),
    ("clamp(x, -1, 2)", 5.0, 2.0),
    ("sigmoid(x)", math.log(3.0), 0.75),
    ("log_sigmoid(x)", -1000.0, -1000.0),
    ("tanh(x)", math.log(3.0), 0.8),
    ("erf(x)", 0.7, math.erf(0.7)),
    ("atan(x)", 1.0, math.pi / 4),
    ("asinh(x)", 0.75, math.log(2.0)),
    ("sin(x)", math.pi / 6, 0.5),
    ("cos(x)", math.pi / 3, 0.5),
    ("softplus(x)", 0.0, math.log(2.0)),
    ("softplus(x)", 1000.0, 1000.0),
    ("softsign(x)", -3.0, -0.75),
    ("gaussian(x)", 2.0, math.exp(-4.0)),
    ("relu(x)", -3.0, 0.0),
    ("leaky_relu(x, 0.1)", -3.0, -0.3),
    ("elu(x)", -1.0, math.exp(-1.0) - 1.0),
    ("elu(x)", 1000.0, 1000.0),
    ("selu(x)", 1.0, 1.0507009873554805),
    ("selu(x)", -1.0, 1.0507009873554805 * 1.6732632423543772 * (math.exp(-1) - 1)),
    ("silu(x)", math.log(3.0), 0.75 * math.log(3.0)),
    ("gelu(x)", 1.0, 0.5 * (1 + math.erf(math.sqrt(0.5)))),
    ("hard_sigmoid(x)", 1.5, 0.75),
    ("hard_sigmoid(x)", 9.0, 1.0),
]


@pytest.mark.parametrize(("text", "x", "wanted"), KNOWN, ids=[text for text, *_ in KNOWN])
def test_known_value(text: str, x: float, wanted: float) -> None:
    assert float(parse(text).numpy()(x)) == pytest.approx(wanted, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith(("safe_", "signed_"))])
def test_guarded_rows_have_finite_slope_everywhere(name: str) -> None:
    others = ", 0.5" if name == "signed_pow" else ", x" if name == "safe_div" else ""
    x = torch.tensor([0.0, -0.0, 1e-30, -1e-9, 1e4, -1e4], requires_grad=True)
    y = Activation(f"{name}(x{others})")(x)
    y.sum().backward()
    assert y.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_costs_are_positive_and_relu_is_the_unit() -> None:
    assert all(row.cost > 0 for row in ROWS)
    assert PRIMITIVES["relu"].cost == 1.0


TAME = ("add", "sub", "mul", "neg", "max", "min", "abs", "relu", "sigmoid", "tanh", "sin", "cube",
        "softsign", "signed_sqrt", "clamp", "safe_div")  # fmt: skip


@PROPERTY
@given(expressions(TAME, TAME_NUMBERS))
def test_random_trees_in_torch_equal_numpy(expression: Expression) -> None:
    """Sharing, temporaries and precedence of the generated source."""
    x = np.linspace(-2, 2, 9)
    module = Activation(expression, channels=9, channel_dim=0)
    values = [p.detach().double().numpy() for p in module.parameters()]
    wanted = expression.numpy()(x, values)
    result = module(torch.tensor(x)).detach().numpy()
    scale = 1.0 + np.abs(wanted).max()
    np.testing.assert_allclose(result, wanted, rtol=1e-6, atol=1e-6 * scale)


def test_shared_parts_are_computed_once() -> None:
    source = parse("tanh(exp(x)) * exp(x) + signed_sqrt(log(x)) + exp(x)").source()
    assert source.count("torch.exp(") == 1
    assert source.count("torch.log(") == 1  # read twice by its template


def test_source_names_avoid_parameters() -> None:
    expression = parse("t0 * exp(x) + exp(x) where t0 = 2.0")
    result = Activation(expression)(torch.tensor(1.0, dtype=torch.float64))
    assert float(result.detach()) == pytest.approx(3 * math.e)
