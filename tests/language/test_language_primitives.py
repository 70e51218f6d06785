"""Every row of the table of primitives: its torch template against its numpy function."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.export import Dim
from torch.func import functional_call

from evoact.export.rounding import rounded
from evoact.language import (
    PRIMITIVES,
    WIDTHS,
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
from evoact.language.primitives import ATOM
from evoact.language.widths import argument_width
from evoact.nn import Activation

ROWS = list(PRIMITIVES.values())
NAMES = list(PRIMITIVES)
NUMBERS = (-0.75, 1.25)  # literal numbers, in their order
GROUP, SHARE = 2, 0.25  # other literals
CONSTANT, INITIAL = -1.5, 0.75  # exact in all types
POINTS = np.concatenate([np.linspace(-6, 6, 97), [1e-3, -1e-3, 1.0, -1.5, 0.75]])
CHANNELS = 4


def literals(row: Primitive) -> list[float]:
    numbers = iter(NUMBERS)
    known = {Kind.INTEGER: GROUP, Kind.FRACTION: SHARE}
    return [known.get(kind) or next(numbers) for kind in row.signature if kind.is_literal]


def applied(row: Primitive, values: tuple[Node, ...]) -> Node:
    """Apply a row to nodes in its VALUE places and to literals in the others."""
    nodes, numbers = iter(values), iter(literals(row))
    return call(
        row.name,
        *(Const(float(next(numbers))) if k.is_literal else next(nodes) for k in row.signature),
    )


def places(row: Primitive) -> int:
    return sum(kind is Kind.VALUE for kind in row.signature)


def direct(row: Primitive, values: tuple[np.ndarray, ...], x: np.ndarray) -> np.ndarray:
    """The row's numpy function itself, on arrays."""
    arrays, numbers = iter(values), iter(literals(row))
    args = [next(numbers) if kind.is_literal else next(arrays) for kind in row.signature]
    with np.errstate(all="ignore"):
        return np.asarray(row.numpy(*args, *[x] * row.adds_x))


def arguments(row: Primitive) -> list[tuple[str, ...]]:
    """All ways to fill the VALUE places with x, a constant and a parameter.

    A call that keeps a constant as it is is folded: that is another test.
    """
    ways = product(("x", "constant", "layer", "channel"), repeat=places(row))
    folded = [("constant",) * places(row)] if row.keeps_uniform or not row.is_groupwise else []
    return [way for way in ways if way not in [*folded, *[("layer",)] * row.keeps_uniform]]


CASES = [pytest.param(row, way, id=f"{row.name}-{'-'.join(way)}") for row in ROWS
         for way in arguments(row)]  # fmt: skip


@pytest.mark.parametrize(("row", "way"), CASES)
def test_torch_equals_numpy(row: Primitive, way: tuple[str, ...]) -> None:
    parameters = (Parameter(INITIAL, Scope.LAYER), Parameter(INITIAL, Scope.CHANNEL))
    nodes = {"x": X(), "constant": Const(CONSTANT), "layer": Param(0), "channel": Param(1)}
    expression = Expression.build(applied(row, tuple(nodes[a] for a in way)), parameters)
    module = Activation(expression, CHANNELS)
    for parameter in module.parameters():
        if parameter.dim():
            parameter.data = torch.tensor(np.resize([0.5, 2.0, 1.25, 4.0], parameter.shape)).float()
    x = torch.tensor(np.outer(POINTS, [1.0, 0.5, 1.75, 0.25])).bfloat16().double()
    trained = [p.detach().double().numpy() for p in module.parameters()]
    wanted = expression.numpy()(x.numpy(), trained)

    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        output = module(x.to(dtype))
        assert output.dtype == dtype
        result = output.detach().double().numpy()
        assert result.shape == wanted.shape == (len(POINTS), int(CHANNELS * expression.width))
        known = rounded(expression, x.numpy(), trained, dtype)
        assert known.known.mean() > 0.3 or (row.name == "pow" and way[0] == "constant")
        assert not known.differs(result).any()
        np.testing.assert_array_equal(np.isnan(result), np.isnan(wanted))

    if way[0] == "constant" and row.name == "if_positive":  # is folded
        return
    # And the tree's evaluation is the row's own function.
    given = {"x": x.numpy(), "constant": np.float64(CONSTANT), "layer": np.float64(INITIAL)}
    given["channel"] = next((p for p in trained if p.ndim), None)
    values = tuple(given[a] for a in way)
    if row.is_groupwise:
        inner = argument_width(expression.root, expression.width)
        shape = (len(POINTS), int(CHANNELS * inner))
        values = tuple(np.broadcast_to(value, shape) for value in values)
    plain = direct(row, values, x.numpy())
    np.testing.assert_array_equal(wanted, np.broadcast_to(plain, wanted.shape))


@pytest.mark.parametrize("row", [r for r in ROWS if not r.surrogate], ids=lambda row: row.name)
def test_gradient(row: Primitive) -> None:
    """Autograd through the template is the slope of its values, in every place."""
    rng = np.random.default_rng(7)
    shape = (places(row), 60, CHANNELS)
    operands = rng.uniform(0.3, 2.6, shape) * rng.choice([-1, 1], shape)
    if row.name in {"sqrt", "log", "log1p", "pow"}:
        operands[0] = np.abs(operands[0])
    values = direct(row, tuple(operands), operands[0])
    # Away from the bounds of clamp and hard_sigmoid, and from ties.
    near = np.abs(operands[0] - np.reshape([*NUMBERS, 3.0, -3.0], (-1, 1, 1))).min(axis=0)
    smooth = (np.isfinite(values) & (np.abs(values) < 50)).all(axis=1) & (near > 1e-3).all(axis=1)
    x, *others = (torch.tensor(o[smooth][:6], requires_grad=True) for o in operands)
    assert len(x) == 6
    nodes = (X(), *(Param(i) for i in range(len(others))))
    parameters = (Parameter(1.0, Scope.CHANNEL),) * len(others)
    module = Activation(Expression.build(applied(row, nodes), parameters), CHANNELS).double()
    names = [name for name, _ in module.named_parameters()]

    def function(x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return functional_call(module, dict(zip(names, others, strict=True)), (x,))

    leaves = [o[0].detach().clone().requires_grad_() for o in others]
    assert torch.autograd.gradcheck(function, (x, *leaves))


THRESHOLDS = [row for row in ROWS if row.surrogate]


@pytest.mark.parametrize("row", THRESHOLDS, ids=lambda row: row.name)
@pytest.mark.parametrize("inner", ["x", "0.5 * x * x - 1.0"])
def test_thresholds_have_the_gradient_of_their_surrogate(row: Primitive, inner: str) -> None:
    x = torch.tensor(POINTS, requires_grad=True)
    hard = Activation(Expression.build(applied(row, (parse(inner).root,))))
    soft = Activation(row.surrogate.replace("x", f"({inner})"))
    (got,) = torch.autograd.grad(hard(x).sum(), x)
    (wanted,) = torch.autograd.grad(soft(x).sum(), x)
    torch.testing.assert_close(got, wanted)
    assert set(hard(x).tolist()) <= {-1.0, 0.0, 0.5, 1.0}


def test_surrogate_gradients_survive_torch_export(tmp_path: Path) -> None:
    text = "step(x) + 2.0 * sign(a * x) + multistep(x, 3) * window(x) where a = 0.5"
    module = Activation(text)
    program = torch.export.export(module, (torch.zeros(2, 3),), dynamic_shapes=({0: Dim("n")},))
    torch.export.save(program, tmp_path / "thresholds.pt2")
    loaded = torch.export.load(tmp_path / "thresholds.pt2").module()
    x = torch.tensor(POINTS, dtype=torch.float32).reshape(-1, 3)
    told = []
    for act in (module, loaded):
        leaf = x.clone().requires_grad_()
        y = act(leaf)
        gradients = torch.autograd.grad(y.sum(), (leaf, *act.parameters()))
        told.append([y.detach(), *gradients])
    torch.testing.assert_close(told[0], told[1])
    assert (told[0][1] != 0).all()


def widened(row: Primitive) -> Fraction:
    return row.widen(*literals(row)) if row.widen else Fraction(1)


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_width(row: Primitive) -> None:
    expression = Expression.build(applied(row, (X(),) * places(row)))
    assert expression.width == widened(row)
    assert expression.is_groupwise == row.is_groupwise


def binds(row: Primitive) -> bool:
    """Whether the text of a row is more than a call: it may fall apart inside others."""
    return row.level < ATOM or row.surrogate is not None


@pytest.mark.parametrize(
    "inner",
    [pytest.param(r, id=r.name, marks=[pytest.mark.slow] * (not binds(r))) for r in ROWS],
)
def test_nesting_keeps_precedence(inner: Primitive) -> None:
    """A row inside every row, in every place: no template captures its neighbours."""
    x = np.array([[-1.7, -0.6, 0.4, 1.3, 2.2, -0.1, 0.8, -2.4]])
    part = applied(inner, (X(), Const(0.7), X()))
    given = (x, np.full_like(x, 0.7), x)
    value = direct(inner, given, x)
    for outer in ROWS:
        width = widened(inner)
        if (outer.adds_x and width != 1) or width * widened(outer) not in WIDTHS:
            continue
        for place in range(places(outer)):
            like = AT_WIDTH[width]
            nodes, values = [like.root] * places(outer), [like.numpy()(x)] * places(outer)
            nodes[place], values[place] = part, value
            expression = Expression.build(applied(outer, tuple(nodes)))
            wanted = direct(outer, tuple(values), x)
            result = Activation(expression, x.shape[1])(torch.tensor(x))
            np.testing.assert_allclose(
                result, wanted, rtol=1e-7, atol=1e-9, err_msg=expression.source()
            )
        assert parse(str(expression)) == expression


AT_WIDTH = {e.width: e for e in map(parse, ("x", "left(x)", "left(left(x))", "concat(x, x)"))}


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


@pytest.mark.parametrize("row", [r for r in ROWS if not r.is_groupwise], ids=lambda row: row.name)
def test_constant_arguments_fold(row: Primitive) -> None:
    expression = Expression.build(applied(row, (Const(0.5), Const(2.0), Const(3.0))))
    assert expression.nodes == 1
    wanted = direct(row, (np.float64(0.5), np.float64(2.0), np.float64(3.0)), np.float64(0.0))
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
    ("identity(x)", -2.5, -2.5),
    ("zero(x)", 3.0, 0.0),
    ("one(x)", 3.0, 1.0),
    ("log1p(x)", 1e-12, 1e-12),
    ("sinh(x)", math.log(2.0), 0.75),
    ("cosh(x)", math.log(2.0), 1.25),
    ("signed_log(x)", 1.0 - math.e, -1.0),
    ("if_positive(x, 2, 3)", 1e-300, 2.0),
    ("if_positive(x, 2, 3)", 0.0, 3.0),
    ("erfc(x)", 0.7, math.erfc(0.7)),
    ("sinc(x)", 0.5, 2.0 / math.pi),
    ("sinc(x)", 0.0, 1.0),
    ("bessel_i0e(x)", 0.0, 1.0),
    ("bessel_i0e(x)", -1.0, 1.2660658777520084 / math.e),  # I0(1)
    ("bessel_i1e(x)", -1.0, -0.5651591039924851 / math.e),  # I1(1)
    ("step(x)", 0.0, 0.0),
    ("step(x)", 0.1, 1.0),
    ("sign(x)", -0.1, -1.0),
    ("sign(x)", 0.0, 0.0),
    ("multistep(x, 2)", -0.6, 0.0),
    ("multistep(x, 2)", 0.0, 0.5),  # steps at -1/2 and 1/2
    ("multistep(x, 2)", 0.6, 1.0),
    ("multistep(x, 3)", -0.5, 1.0 / 3.0),  # steps at -2/3, 0 and 2/3
    ("window(x)", -0.99, 1.0),
    ("window(x)", 1.0, 0.0),
]
CHANNEL_VALUES = [3.0, -1.0, 2.0, 0.0]
E3, E1, E2 = math.exp(3), math.exp(-1), math.exp(2)
KNOWN_GROUPWISE = [
    ("group_max(x, 2)", [3.0, 2.0]),
    ("group_max(x, 4)", [3.0]),
    ("group_sort(x, 2)", [-1.0, 3.0, 0.0, 2.0]),
    ("full_sort(x)", [-1.0, 0.0, 2.0, 3.0]),
    ("concat(x, -x)", [3.0, -1.0, 2.0, 0.0, -3.0, 1.0, -2.0, 0.0]),
    ("left(x)", [3.0, -1.0]),
    ("right(x)", [2.0, 0.0]),
    ("partial(10 * x, 0.25)", [30.0, -1.0, 2.0, 0.0]),
    ("partial(10 * x, 0.5)", [30.0, -10.0, 2.0, 0.0]),
    ("partial(10 * x, 0.1)", CHANNEL_VALUES),  # of 4 channels that is none
    ("softmax(x)", [v / (E3 + E1 + E2 + 1.0) for v in (E3, E1, E2, 1.0)]),
    ("log_softmax(x)", [v - math.log(E3 + E1 + E2 + 1.0) for v in CHANNEL_VALUES]),
]


@pytest.mark.parametrize(("text", "x", "wanted"), KNOWN, ids=[text for text, *_ in KNOWN])
def test_known_value(text: str, x: float, wanted: float) -> None:
    assert float(parse(text).numpy()(x)) == pytest.approx(wanted, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(("text", "wanted"), KNOWN_GROUPWISE)
def test_known_channels(text: str, wanted: list[float]) -> None:
    np.testing.assert_allclose(parse(text).numpy()(CHANNEL_VALUES), wanted, rtol=1e-12)
    columns = np.asarray(CHANNEL_VALUES)[:, None] + np.zeros(3)
    np.testing.assert_allclose(parse(text).numpy()(columns, channel_dim=0).T, [wanted] * 3)


def test_every_row_has_a_known_value() -> None:
    texts = " ".join(text for text, *_ in [*KNOWN, *KNOWN_GROUPWISE])
    unknown = [row.name for row in ROWS if not row.infix and f"{row.name}(" not in texts]
    assert not unknown


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith(("safe_", "signed_"))])
def test_guarded_rows_have_finite_slope_everywhere(name: str) -> None:
    others = ", 0.5" if name == "signed_pow" else ", x" if name == "safe_div" else ""
    x = torch.tensor([0.0, -0.0, 1e-30, -1e-9, 1e4, -1e4], requires_grad=True)
    y = Activation(f"{name}(x{others})")(x)
    y.sum().backward()
    assert y.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("backend", ["auto", "torch", "analytic"])
@pytest.mark.parametrize("power", [-1.0, 0.0, 0.1, 0.5, 1.5, 2.0])
def test_signed_pow_keeps_its_guard_in_float16(power: float, backend: str) -> None:
    """There 1e-12 is 0, and squares are from 2e-4 downwards."""
    text = f"signed_pow(x, {power})"
    x = torch.tensor([0.0, -0.0, 6e-8, -1e-6, 2e-4, -0.01, 0.5, -9.0, 200.0]).half()
    leaf, wide = x.clone().requires_grad_(), x.double().requires_grad_()
    y, wanted = Activation(text, backend=backend)(leaf), Activation(text)(wide)
    y.sum().backward()
    wanted.sum().backward()
    assert y.dtype == torch.float16
    assert torch.equal(y, wanted.half())
    assert leaf.grad is not None
    assert wide.grad is not None
    fits = wide.grad.abs() < torch.finfo(torch.float16).max
    torch.testing.assert_close(leaf.grad[fits], wide.grad[fits].half(), rtol=2e-3, atol=1e-5)


def test_costs_are_positive_and_relu_is_the_unit() -> None:
    assert all(row.cost > 0 for row in ROWS)
    assert PRIMITIVES["relu"].cost == 1.0


def test_a_condition_on_a_constant_folds() -> None:
    """Python would compare two numbers, and torch.where takes no bool."""
    assert str(parse("if_positive(2.0, x, exp(x))")) == "x"
    assert str(parse("x + if_positive(1.0 - 1.0, x, exp(x))")) == "x + exp(x)"


def test_equal_channels_fold() -> None:
    assert str(parse("group_max(2.0, 2) + full_sort(b) + x where b = 1")).startswith("2.0 + b + x")
    assert parse("softmax(2.0)").nodes == 2  # depends on how many channels there are


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_everything_about_a_row_is_said(row: Primitive) -> None:
    assert row.sympy is not None or row.definition is not None
    assert (row.torch != "") != (row.infix is not None and row.name != "neg")
    assert (row.surrogate is not None) == ("{s}" in row.torch)
    assert row.formula


def test_shared_parts_are_computed_once() -> None:
    source = parse("tanh(exp(x)) * exp(x) + signed_sqrt(log(x)) + exp(x)").source()
    assert source.count("torch.exp(") == 1
    assert source.count("torch.log(") == 1  # read twice by its template


def test_source_names_avoid_parameters() -> None:
    expression = parse("t0 * exp(x) + exp(x) where t0 = 2.0")
    result = Activation(expression)(torch.tensor(1.0, dtype=torch.float64))
    assert float(result.detach()) == pytest.approx(3 * math.e)
