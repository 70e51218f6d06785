"""Generated C: the same function as numpy's, the same slopes as torch's."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from language_strategies import POINTWISE, PROPERTY, expressions, usual_number

from evoact.errors import InputError
from evoact.export.rounding import rounded
from evoact.language import PRIMITIVES, ZOO, Expression, Kind, Scope, c_kernel, c_source, parse
from evoact.language.c_source import c_literal
from evoact.nn import Activation
from evoact.nn.kernels import Kernel, available, kernels_of
from evoact.nn.kernels.compiler import library

needs_compiler = pytest.mark.skipif(not available(), reason="no C compiler that serves")
EPS = float(np.finfo(np.float32).eps)
POINTS = np.concatenate([np.linspace(-6, 6, 97), [1e-3, -1e-3, -1.5, 12.0, -20.0]])
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 1e38, -1e38, 90.0, -90.0])
ALL = frozenset({"values", "slopes", "pull"})
ROWS = [PRIMITIVES[name] for name in POINTWISE]


def written(row, scope: str) -> Expression:
    """The row with `x` first, parameters after it, and literal numbers."""
    names, numbers = iter("abc"), iter(("-0.75", "1.25"))
    texts, bound = ["x"], []
    for kind in row.signature[1:]:
        if kind is Kind.VALUE:
            bound.append(next(names))
            texts.append(bound[-1])
        else:
            texts.append("3" if kind is Kind.INTEGER else next(numbers))
    where = ", ".join(f"{name} = 0.75 per {scope}" for name in bound)
    return parse(f"{row.name}({', '.join(texts)})" + (f" where {where}" if where else ""))


def inputs(expression: Expression, seed: int, channels: int = 3) -> tuple[np.ndarray, list]:
    rng = np.random.default_rng(seed)
    x = (np.resize(POINTS, (34, channels)) + rng.uniform(0, 1e-2)).astype(np.float32)
    values = [
        np.float32(p.initial * rng.uniform(0.5, 1.5, (channels,) * (p.scope is Scope.CHANNEL)))
        for p in expression.parameters
    ]
    return x, values


def autograd(expression: Expression, x: np.ndarray, values: list, dtype: torch.dtype):
    """Values, and slopes by x and each parameter at each element, as torch computes them."""
    module = Activation(expression, x.shape[-1], channel_dim=-1).to(dtype)
    leaves = [torch.tensor(x, dtype=dtype)]
    leaves += [torch.tensor(np.broadcast_to(v, x.shape).copy(), dtype=dtype) for v in values]
    for leaf in leaves:
        leaf.requires_grad_()
    y = module._function(*leaves) + torch.zeros_like(leaves[0])
    slopes: tuple = (None,) * len(leaves)
    if y.requires_grad:
        slopes = torch.autograd.grad(y.sum(), leaves, allow_unused=True)
    zeros = torch.zeros_like(y)
    found = [zeros if slope is None else slope for slope in slopes]
    return y.detach().numpy(), torch.stack(found).numpy()


def noise(expression: Expression, x: np.ndarray, values: list) -> np.ndarray:
    """How far the slopes of torch in float32 are off, here and right beside."""
    rng, worst = np.random.default_rng(5), 0.0
    for draw in range(12):
        moved = [
            np.float32(v * (1 + 4 * EPS * (draw > 0) * rng.uniform(-1, 1, np.shape(v))))
            for v in (x, *values)
        ]
        exact = autograd(expression, moved[0], moved[1:], torch.float64)[1]
        single = autograd(expression, moved[0], moved[1:], torch.float32)[1]
        here = exact if draw == 0 else here  # noqa: F821
        spread = np.maximum(np.abs(single - exact), np.abs(exact - here))
        worst = np.maximum(worst, np.where(np.isnan(spread), np.inf, spread))
    return worst


def check(kernel: Kernel, seed: int = 0) -> None:
    x, values = inputs(kernel.expression, seed)
    y, d = kernel(x, values)
    judge(kernel.expression, x, values, y, d)


def judge(expression: Expression, x: np.ndarray, values: list, y: np.ndarray, d: np.ndarray):
    """Compare with torch; return the slopes, and how far they may be off: nan if unknown."""
    known = rounded(expression, x.astype(float), [v.astype(float) for v in values], torch.float32)
    assert not known.differs(y.astype(float)).any(), expression
    with np.errstate(all="ignore"):
        slopes = autograd(expression, x, values, torch.float64)[1]
        tolerance = 8 * noise(expression, x, values) + 2e-6 * np.abs(slopes)
        tolerance += 2e-6 + 8 * EPS / np.abs(x)  # x / x has the slope 1 / x - x / x^2
        some = slice(len(d))
        near = np.abs(d - slopes[some]) <= tolerance[some]
        # Beside a jump float32 may stand on the other side of it, as it does in torch.
        single = autograd(expression, x, values, torch.float32)[1]
        near |= np.abs(d - single[some]) <= tolerance[some]
        tolerance += np.abs(single - slopes)
    # Where it overflows, or two infinities meet, nothing is known.
    unknown = ~np.isfinite(slopes) | ~known.known[:, None] | (np.abs(slopes) > 1e30)
    wrong = np.argwhere(~near & ~unknown[some])
    assert not len(wrong), (str(expression), wrong[:3], d[tuple(wrong[0])], slopes[tuple(wrong[0])])
    return slopes, np.where(unknown, np.nan, tolerance)


@needs_compiler
@pytest.mark.parametrize("scope", ["layer", "channel"])
def test_every_pointwise_row(scope):
    for kernel in kernels_of([written(row, scope) for row in ROWS]):
        check(kernel)


@needs_compiler
@pytest.mark.parametrize("scope", ["layer", "channel"])
def test_well_conditioned_rows_are_within_a_millionth(scope):
    """Nothing is forgiven here: of torch's float64, beside values of size one."""
    for kernel in kernels_of([written(row, scope) for row in ROWS if row.name != "sinc"]):
        x, values = inputs(kernel.expression, 3)
        y, d = kernel(x, values)
        wanted, slopes = autograd(kernel.expression, x, values, torch.float64)
        for got, right in ((y, wanted), (d, slopes)):
            usual = np.isfinite(right) & (np.abs(right) < 1e30)
            error = np.abs(got - right)[usual] / np.maximum(np.abs(right[usual]), 1.0)
            assert error.max() < 1.5e-6, kernel.expression


def random_trees(count: int) -> list[Expression]:
    found: dict[str, Expression] = {}

    @settings(PROPERTY, max_examples=count)
    @given(expressions(POINTWISE, usual_number))
    def see(expression: Expression) -> None:
        found.setdefault(str(expression), expression)

    see()
    return list(found.values())


@needs_compiler
def test_random_trees():
    # Not with parameters that start at 0, where torch's forms may have a kink.
    trees = [e for e in random_trees(400) if all(p.initial for p in e.parameters)]
    assert len(trees) > 200
    for seed, kernel in enumerate(kernels_of(trees)):
        check(kernel, seed)


@needs_compiler
def test_the_zoo():
    every = [parse(named.text) for named in ZOO.values()]
    pointwise = [e for e in every if not e.is_groupwise]
    assert len(pointwise) > 300
    for kernel in kernels_of(pointwise):
        check(kernel)


@needs_compiler
@pytest.mark.parametrize("scope", ["layer", "channel"])
def test_values_do_not_depend_on_place_number_or_slopes(scope):
    """Bit for bit, also beside NaN and numbers that take other ways through a function."""
    texts = [str(written(row, scope)) for row in ROWS]
    texts += [f"a * tanh(x) + sin(b * x) * cos(b * x) where a = 1.0 per {scope}, b = 2.0"]
    rng = np.random.default_rng(1)
    flat = np.float32(rng.choice([*SPECIAL, *POINTS], 70))
    for kernel in kernels_of([parse(text) for text in texts]):
        values = [np.float32(0.75)] * kernel.parameters
        wanted, slopes = kernel(flat, values)
        for n in range(1, 71):
            start = rng.integers(0, 71 - n)
            part = flat[start : start + n]
            for x, shape in ((part, (n,)), (np.stack([part, part, part]), (1, n))):
                y, d = kernel(x, values)
                alone, _ = kernel(x, values, slopes=False)
                assert_bits(y, np.broadcast_to(wanted[start : start + n], x.shape))
                assert_bits(alone, y)
                there = slopes[:, start : start + n].reshape(-1, *shape)
                assert_bits(d, np.broadcast_to(there, d.shape))


def assert_bits(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_array_equal(a.view(np.int32), np.ascontiguousarray(b).view(np.int32))


@needs_compiler
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_nan_and_infinity_keep_their_meaning(row):
    (kernel,) = kernels_of([written(row, "layer")])
    values = [np.float32(0.75)] * kernel.parameters
    x = np.float32([np.nan, np.inf, -np.inf, 0.0])
    y, _ = kernel(x, values)
    wanted, _ = autograd(kernel.expression, x, values, torch.float32)
    oracle = kernel.expression.numpy()(x, values)
    # Of what torch and numpy agree on; 0 * inf where a row's formula has no limit.
    agreed = np.isnan(wanted) == np.isnan(oracle)
    np.testing.assert_allclose(y[agreed], oracle[agreed], rtol=1e-6)


def test_structural_zeros_and_common_parts():
    text = c_kernel(parse("x ** 2.7 + sigmoid(x) * sigmoid(-x)"), "f")
    assert "logf" not in text  # of the exponent nothing is asked
    slopes = text[text.index("f_slopes") :]
    assert slopes.count("powf(") == 2  # x^2.7 and x^1.7
    assert slopes.count("sigmoid_(") == 2
    assert "powf" not in c_kernel(parse("x ** 2.0 + x ** 0.5"), "f")


def test_constants_are_rounded_as_torch_rounds_them():
    for value in (0.1, 1 / 3, 1e-40, 123456789.0, 1e300, -0.7):
        literal = c_literal(value)
        rounded = float(torch.tensor(value, dtype=torch.float64).float())
        known = {"__builtin_inff()": np.inf, "-__builtin_inff()": -np.inf}
        assert known.get(literal) or np.float32(literal.removesuffix("f")) == rounded


def test_what_has_no_c_is_refused():
    with pytest.raises(InputError, match="'softmax\\(x\\)' is groupwise"):
        c_kernel(parse("softmax(x)"), "f")
    with pytest.raises(InputError, match="name is 'f; g'; wanted an identifier"):
        c_kernel(parse("x"), "f; g")


@pytest.mark.parametrize("row", PRIMITIVES.values(), ids=lambda row: row.name)
def test_every_pointwise_row_has_c(row):
    assert bool(row.c) != row.is_groupwise
    places = {int(place) for place in re.findall(r"\{(\d)", row.c)}
    assert places == set(range(row.arity)) or row.name in ("zero", "one") or row.is_groupwise


@needs_compiler
@pytest.mark.parametrize("scope", ["layer", "channel"])
def test_backward_from_x_alone(scope):
    """`pull` gives the slopes times a gradient; those of parameters summed up."""
    rows = [written(row, scope) for row in ROWS if row.name not in ("pow", "log", "log1p")]
    texts = [f"a * tanh(b * x) + c where a = 1.0 per {scope}, b = 2.0, c = 0.5 per channel"]
    for kernel in kernels_of([*rows, *map(parse, texts)], ALL):
        for rows_, channels in ((70, 1), (1, 37), (50, 16), (3, 2500)):
            x = np.resize(np.float32(POINTS), (rows_, channels))
            g = np.random.default_rng(2).standard_normal(x.shape).astype(np.float32)
            values = [np.float32(0.75)] * kernel.parameters
            _, d = kernel(x, values)
            gx, gp = kernel.backward(x, values, g)
            np.testing.assert_array_equal(gx, g * d[0])
            for j, parameter in enumerate(kernel.expression.parameters):
                terms = g * d[1 + j].astype(float)
                axes = 0 if parameter.scope is Scope.CHANNEL else None
                total = np.sum(terms, axis=axes)
                usual = np.isfinite(total)
                error = np.abs(gp[j] - total)[usual]
                size = np.abs(terms).sum(axis=axes)[usual]
                assert (error <= 2e-6 * size).all(), kernel.expression


@needs_compiler
def test_no_function_is_called_one_by_one(tmp_path, monkeypatch):
    """All calls are of vector functions: a scalar one is tens of times slower."""
    monkeypatch.setenv("EVOACT_CACHE", str(tmp_path))
    texts = [str(written(row, "layer")) for row in ROWS]
    library(
        c_source(
            {f"f{i}": parse(text) for i, text in enumerate(texts)},
            ALL,
        )
    )
    files = [path.read_bytes() for path in (tmp_path / "kernels").glob("*.so")]
    assert any(b"v_tanhf" in data for data in files)
    names = {name for row in ROWS for name in re.findall(r"\b[a-z]\w*f\b", row.c)}
    assert {name for name in names for data in files if b"\0" + name.encode() + b"\0" in data} == (
        set()
    )
