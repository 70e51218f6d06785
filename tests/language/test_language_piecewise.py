"""Piecewise-linear functions, the best fits of them, and what annealing starts with."""

from __future__ import annotations

import math
import random
import time
from itertools import pairwise

import numpy as np
import pytest
from scipy import optimize

from evoact.errors import InputError
from evoact.language import (
    PATHS,
    ZOO,
    Expression,
    PiecewiseLinear,
    auto_early,
    cheap_early,
    fit_piecewise,
    ladder,
    named,
    parse,
    rms_error,
    sharp_limit,
)
from evoact.language.early import AUTO_EARLY
from evoact.language.facts.exact import piecewise

through = PiecewiseLinear.through
POINTWISE = [name for name in ZOO if not named(name).is_groupwise]
SAMPLE = sorted(random.Random(0).sample(POINTWISE, 20))
GRID = np.linspace(-6.0, 6.0, 1201)


def fitted(text: str, pieces: int, **more: float) -> PiecewiseLinear:
    return fit_piecewise(parse(text), pieces, **more)


# The class


def test_values_of_any_shape() -> None:
    p = PiecewiseLinear((-1.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 1.0))
    assert p.pieces == 3
    assert p([[-5.0, -1.0], [0.25, 7.0]]).tolist() == [[-1.0, -1.0], [0.25, 1.0]]
    assert p(0.5).shape == ()
    assert float(p(0.5)) == 0.5
    line = PiecewiseLinear((), (2.0,), (1.0,))
    assert line.pieces == 1
    assert line([1.0, -1.0]).tolist() == [3.0, -1.0]
    assert p == PiecewiseLinear((-1.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 1.0))
    assert len({p, line, p}) == 2


@pytest.mark.parametrize("x", [-2.0, -1.0, 0.0, 1.0, 3.0])
def test_through_a_point(x: float) -> None:
    p = through(x, 5.0, [-1.0, 1.0], [1.0, -1.0, 2.0])
    assert float(p(x)) == pytest.approx(5.0)
    assert p.slopes == (1.0, -1.0, 2.0)


@pytest.mark.parametrize(
    ("knots", "slopes", "intercepts", "told"),
    [
        ((0.0,), (1.0,), (0.0, 0.0), "slopes has 1 numbers for 1 knots; wanted 2"),
        ((0.0,), (1.0, 2.0), (0.0,), "intercepts has 1"),
        ((1.0, 0.0), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), "wanted rising numbers"),
        ((0.0,), (1.0, math.nan), (0.0, 0.0), "not finite"),
        ((0.0,), (1.0, 2.0), (0.0, 1.0), "wanted one value there"),
    ],
)
def test_numbers_that_do_not_fit(knots, slopes, intercepts, told: str) -> None:
    with pytest.raises(InputError, match=told):
        PiecewiseLinear(knots, slopes, intercepts)


WRITTEN = [
    (through(0, 0, [], [0.0]), "0.0"),
    (through(0, -2, [], [0.0]), "-2.0"),
    (through(0, 0, [], [1.0]), "x"),
    (through(0, 0, [], [-1.0]), "-x"),
    (through(0, -1, [], [0.5]), "0.5 * x - 1.0"),
    (through(0, 0, [0], [0, 1.0]), "relu(x)"),
    (through(0, 0, [0], [1e-16, 1.0]), "relu(x)"),
    (through(0, 1e-15, [0], [0, 0.99999999]), "relu(x)"),
    (through(0, 0, [0], [0.01, 1.0]), "leaky_relu(x, 0.01)"),
    (through(0, 0, [0], [-1.0, 1.0]), "abs(x)"),
    (through(0, 0, [0], [1.0, -1.0]), "-abs(x)"),
    (through(0, 0, [0], [1.0, 0.0]), "-relu(-x)"),
    (through(0, 0, [0], [-1.0, 0.0]), "relu(-x)"),
    (through(0, 0, [0.5], [2.0, 0.5]), "-2.0 * leaky_relu(0.5 - x, 0.25) + 1.0"),
    (through(-1, -1, [-1], [0, 1.0]), "relu(x + 1.0) - 1.0"),
    (through(1, 0.25, [1], [0.1, 0.5]), "0.5 * leaky_relu(x - 1.0, 0.2) + 0.25"),
    (through(0, 0, [-1, 1], [0, 1.0, 0]), "clamp(x, -1.0, 1.0)"),
    (through(0, 0.5, [-2.5, 2.5], [0, 0.2, 0]), "0.2 * clamp(x, -2.5, 2.5) + 0.5"),
    (
        through(0, 0, [0, 1, 2], [0.1, 1.0, 0.5, 2.0]),
        "leaky_relu(x, 0.1) - 0.5 * relu(x - 1.0) + 1.5 * relu(x - 2.0)",
    ),
    (through(0, 0, [0, 1], [0.0, 1.0, 1.0]), "relu(x)"),
    (through(1, 1 / 3, [1], [0.0, 2 / 3]), "0.666667 * relu(x - 1.0) + 0.333333"),
]


@pytest.mark.parametrize(("p", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_written_with_few_operations(p: PiecewiseLinear, text: str) -> None:
    assert str(p.expression()) == text
    assert parse(text) == p.expression()


@pytest.mark.parametrize("pieces", [1, 2, 3, 5, 16, 17, 18, 33, 64])
def test_the_text_is_the_function(pieces: int) -> None:
    rng = np.random.default_rng(pieces)
    knots = np.sort(rng.choice(np.arange(-64, 65), pieces - 1, replace=False)) / 16
    p = through(0.3, rng.normal(), knots.tolist(), rng.normal(size=pieces).tolist())
    text = str(p.expression().canonical())
    assert np.abs(parse(text).numpy()(GRID) - p(GRID)).max() < 2e-4


def test_too_many_pieces_to_write() -> None:
    slopes = [float(3 * (i % 2)) for i in range(101)]
    with pytest.raises(InputError, match="nodes"):
        through(0.0, 0.0, [float(i) for i in range(100)], slopes).expression()


# The fits

EXACT = [
    ("3", 1, ()),
    ("0", 4, ()),
    ("0.5 * x - 7", 8, ()),
    ("1e6 + x", 2, ()),
    ("relu(x)", 2, (0.0,)),
    ("relu(x)", 16, (0.0,)),
    ("1e6 * relu(x) + 5", 16, (0.0,)),
    ("leaky_relu(x, 0.01)", 2, (0.0,)),
    ("max(x, a * x) where a = 0.25", 2, (0.0,)),
    ("abs(x)", 2, (0.0,)),
    ("clamp(x, -1, 1)", 3, (-1.0, 1.0)),
    ("clamp(x, -1, 1)", 32, (-1.0, 1.0)),
    ("x - clamp(x, -0.5, 0.5)", 4, (-0.5, 0.5)),
    ("max(1 - abs(x), 0)", 4, (-1.0, 0.0, 1.0)),
    ("relu(x + 3) + relu(x - 3)", 3, (-3.0, 3.0)),
]


@pytest.mark.parametrize(("text", "pieces", "knots"), EXACT, ids=[f"{t}-{n}" for t, n, _ in EXACT])
def test_exact_where_the_function_has_no_more_pieces(text, pieces, knots) -> None:
    fit = fitted(text, pieces)
    assert fit.knots == knots
    assert rms_error(parse(text), fit) < 1e-9 * max(1.0, float(np.abs(fit(GRID)).max()))


def test_every_piecewise_linear_function_of_the_zoo_is_found_exactly() -> None:
    found = 0
    for name in POINTWISE:
        expression = named(name)
        exact = piecewise(expression.root, expression.parameters)
        if exact is None or any(p * 16 % 1 or abs(p) > 4 for p in exact.places):
            continue
        if any(exact.left(i) != exact.right(i) for i in range(len(exact.places))):
            continue
        fit = fit_piecewise(expression, len(exact.lines))
        assert fit.knots == tuple(map(float, exact.places)), name
        assert rms_error(expression, fit) < 1e-9, name
        found += 1
    assert found > 30


Z = (np.arange(-4000, 4000) + 0.5) / 500
DENSITY = np.exp(-Z * Z / 2) / math.sqrt(2 * math.pi) / 500


def least_error(expression: Expression, *knots: float) -> float:
    """Of the best function with such knots, by an even grid."""
    basis = np.stack([np.ones_like(Z), Z, *(np.maximum(Z - knot, 0.0) for knot in knots)])
    f = expression.numpy()(Z)
    found = np.linalg.solve((basis * DENSITY) @ basis.T, (basis * DENSITY) @ f)
    return float(np.square(found @ basis - f) @ DENSITY) ** 0.5


@pytest.mark.parametrize("name", ["silu", "tanh", "gelu"])
def test_two_pieces_are_the_best_by_brute_force(name: str) -> None:
    expression = named(name)
    best = optimize.brute(lambda k: least_error(expression, float(k[0])), [(-3, 3)], Ns=49)
    fit = fit_piecewise(expression, 2)
    error = rms_error(expression, fit)
    assert error == pytest.approx(least_error(expression, *fit.knots), rel=1e-5)
    lowest = least_error(expression, float(best[0]))
    assert lowest * (1 - 1e-5) <= error <= lowest * 1.002


def test_three_pieces_are_the_best_of_all_pairs_of_knots() -> None:
    expression = named("mish")
    low, high = (np.arange(-2.0, 2.01, 0.1875) for _ in range(2))
    errors = [least_error(expression, a, b) for a in low for b in high if a < b]
    assert rms_error(expression, fit_piecewise(expression, 3)) <= min(errors) * (1 + 1e-5)


@pytest.mark.parametrize("sigma", [0.25, 1.0, 3.0])
def test_widths_scale(sigma: float) -> None:
    plain = fitted("tanh(x)", 6)
    scaled = fit_piecewise(parse(f"tanh(x / {sigma})"), 6, sigma=sigma, spacing=sigma / 16)
    assert np.allclose(scaled.knots, sigma * np.array(plain.knots))
    assert np.allclose(scaled.slopes, np.array(plain.slopes) / sigma)
    assert rms_error(parse(f"tanh(x / {sigma})"), scaled, sigma) == pytest.approx(
        rms_error(parse("tanh(x)"), plain), rel=1e-3
    )


@pytest.mark.parametrize("sigma", [1e-3, 0.05, 4.0, 50.0])
def test_knots_are_multiples_of_the_spacing_within_reach(sigma: float) -> None:
    knots = np.array(fitted("silu(x)", 16, sigma=sigma).knots)
    assert (knots * 16 % 1 == 0).all()
    assert (np.abs(knots) <= 4 * sigma).all()
    assert (np.diff(knots) > 0).all()


def test_fewer_pieces_where_no_more_knots_are_to_be_had() -> None:
    assert fitted("silu(x)", 64, sigma=0.1).pieces <= 14
    assert fitted("silu(x)", 200).pieces <= 130


SAMPLES_OF_NESTED = [pytest.param(POINTWISE, marks=pytest.mark.slow), SAMPLE]


@pytest.mark.parametrize("names", SAMPLES_OF_NESTED, ids=["all", "some"])
def test_more_pieces_are_never_worse(names: list[str]) -> None:
    for name in names:
        expression = named(name)
        errors = [rms_error(expression, fit_piecewise(expression, 2**i)) for i in range(6)]
        size = max(1.0, float(np.nanmax(np.abs(expression.numpy()(np.linspace(-8, 8, 99))))))
        for coarse, fine in pairwise(errors):
            assert fine <= coarse * (1 + 1e-6) + 1e-12 * size, (name, errors)


@pytest.mark.parametrize(
    ("name", "most"),
    [("silu", 2.6e-4), ("tanh", 3.9e-4), ("gelu", 3.1e-4), ("mish", 2.8e-4)],
)
def test_32_pieces_are_close(name: str, most: float) -> None:
    assert rms_error(named(name), fit_piecewise(named(name), 32)) < most


@pytest.mark.parametrize("text", ["1 / x", "log(x)", "sqrt(x)", "step(x)", "exp(exp(x))"])
def test_poles_jumps_and_overflow(text: str) -> None:
    fit = fitted(text, 4)
    assert np.isfinite(fit(GRID)).all()
    assert math.isfinite(rms_error(parse(text), fit))
    assert np.isfinite(fit.expression().numpy()(GRID)).all()


def test_a_step_is_fitted_by_a_steep_ramp() -> None:
    fit = fitted("step(x)", 3)
    assert fit.slopes[1] > 5.0
    assert rms_error(parse("step(x)"), fit) < 0.1


@pytest.mark.parametrize(
    ("text", "arguments", "told"),
    [
        ("log(-1 - square(x))", {"pieces": 2}, "finite nowhere"),
        ("group_max(x, 2)", {"pieces": 2}, "groupwise.*cheap_early"),
        ("silu(x)", {"pieces": 0}, "pieces is 0; wanted 1 or more"),
        ("silu(x)", {"pieces": 2.0}, "pieces is 2.0"),
        ("silu(x)", {"pieces": 2, "sigma": 0.0}, "sigma is 0.0"),
        ("silu(x)", {"pieces": 2, "sigma": math.nan}, "sigma is nan"),
        ("silu(x)", {"pieces": 2, "spacing": -1.0}, "spacing is -1.0"),
    ],
)
def test_what_cannot_be_fitted(text: str, arguments: dict, told: str) -> None:
    with pytest.raises(InputError, match=told):
        fit_piecewise(parse(text), **arguments)


def test_errors_of_what_cannot_be_compared() -> None:
    line = PiecewiseLinear((), (1.0,), (0.0,))
    with pytest.raises(InputError, match="groupwise"):
        rms_error(parse("group_max(x, 2)"), line)
    with pytest.raises(InputError, match="sigma is -1"):
        rms_error(parse("x"), line, sigma=-1.0)


def test_a_fit_takes_milliseconds() -> None:
    fitted("x * tanh(1.1 * x)", 8)
    start = time.perf_counter()
    fitted("x * tanh(1.1 * x)", 16)
    fitted("x * tanh(1.1 * x)", 32)
    assert time.perf_counter() - start < 0.5  # 15 ms on an idle machine
    start = time.perf_counter()
    fitted("x * tanh(1.1 * x)", 32)
    assert time.perf_counter() - start < 0.01


# What annealing starts with


def same(a: Expression, b: Expression) -> bool:
    return bool(np.allclose(a.numpy()(GRID), b.numpy()(GRID), rtol=1e-5, atol=1e-6))


@pytest.mark.parametrize(
    ("late", "early"),
    [
        ("relu(x)", "relu(x)"),
        ("x", "x"),
        ("2.5", "2.5"),
        ("max(x, 0.01 * x)", "max(x, 0.01 * x)"),
        ("max(x, -0.05)", "max(x, -0.05)"),  # the knot is on no grid
        ("max(x, a * x) where a = 0.25", "leaky_relu(x, 0.25)"),
        ("max(x, a) where a = -0.05", "relu(x + 0.05) - 0.05"),
        ("left(x) * sigmoid(right(x))", "group_max(x, 2)"),
        ("group_max(x, 4)", "group_max(x, 4)"),
        ("concat(tanh(x), x)", "concat(relu(x), relu(-x))"),
        ("softmax(x)", "relu(x)"),
    ],
)
def test_cheap_early(late: str, early: str) -> None:
    assert str(cheap_early(parse(late))) == early
    assert cheap_early(parse(late)).width == parse(late).width


@pytest.mark.parametrize(
    "late", ["silu(x)", "0.5 * (x * sigmoid(x) - 0.2)", "x * sigmoid(b * x) where b = 1.5"]
)
def test_cheap_early_of_curves_is_the_fit(late: str) -> None:
    early, fit = cheap_early(parse(late)), fitted(late, 2)
    assert early == fit.expression()
    assert same(early, early.canonical())
    assert np.allclose(early.numpy()(GRID), fit(GRID), atol=1e-4)
    assert not early.parameters
    assert early.cost < 5.0


@pytest.mark.parametrize(
    ("late", "early"),
    [
        ("silu(x)", "relu(x)"),
        ("gelu(x)", "relu(x)"),
        ("softplus(x)", "relu(x)"),
        ("x * tanh(softplus(x))", "relu(x)"),
        ("elu(x) + 3", "relu(x)"),
        ("x - tanh(x)", "x"),
        ("0.5 * x + tanh(x)", "0.5 * x"),
        ("x * tanh(x)", "abs(x)"),
        ("max(x, 0.01 * x)", "leaky_relu(x, 0.01)"),
        ("log_sigmoid(x)", "-relu(-x)"),
        ("0.5 * (x * sigmoid(x) - 0.2)", "0.5 * relu(x)"),
        ("x * sigmoid(b * x) where b = -2.0", "-relu(-x)"),
        ("x + sin(x)", "x"),  # it has no slope at infinity, but a limit
        ("x + square(sin(a * x)) / a where a = 1.0", "x"),
        ("if_positive(x, x, 0.0025 * (sin(x) - cos(x)))", "relu(x)"),
    ],
)
def test_sharp_limit(late: str, early: str) -> None:
    expression, found = parse(late), sharp_limit(parse(late))
    assert str(found) == early
    sharp = expression.numpy()(1e7 * GRID) / 1e7
    assert np.allclose(sharp, found.numpy()(GRID), atol=1e-5)


@pytest.mark.parametrize(
    ("late", "told"),
    [
        ("tanh(x)", "flat at both ends"),
        ("gaussian(x)", "flat at both ends"),
        ("sin(x)", "flat at both ends"),
        ("3", "flat at both ends"),
        ("square(x)", "infinite slope far to the left"),
        ("square(relu(x))", "infinite slope far to the right"),
        ("x * cos(x)", "no slope far to the left"),
        ("left(x) * sigmoid(right(x))", "groupwise"),
    ],
)
def test_no_sharp_limit(late: str, told: str) -> None:
    with pytest.raises(InputError, match=f"{told}.*use path blend or ladder"):
        sharp_limit(parse(late))


def test_each_path_derives_its_own_start() -> None:
    late = named("silu")
    assert PATHS == ("blend", "ladder", "sharpness") == tuple(AUTO_EARLY)
    assert auto_early(late) == auto_early(late, "blend") == cheap_early(late)
    assert auto_early(late, "ladder") == ladder(late)[0].expression()
    assert str(auto_early(late, "sharpness")) == "relu(x)"
    assert auto_early(late, "blend") is auto_early(late, "blend")


def test_paths_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"path is 'lader'; did you mean 'ladder'\?"):
        auto_early(named("silu"), "lader")
    with pytest.raises(InputError, match="path ladder fits functions of one number; use path ble"):
        auto_early(parse("group_sort(x, 2)"), "ladder")


@pytest.mark.parametrize(
    "names", [pytest.param(list(ZOO), marks=pytest.mark.slow), SAMPLE], ids=["all", "some"]
)
def test_every_function_has_a_cheap_start(names: list[str]) -> None:
    for name in names:
        late, early = named(name), cheap_early(named(name))
        assert early.width == late.width, name
        assert early == parse(str(early)), name
        if early != late:
            assert not early.parameters, name
            assert early.is_groupwise or early.cost < 8.0, (name, str(early))


@pytest.mark.parametrize(
    "names", [pytest.param(list(ZOO), marks=pytest.mark.slow), SAMPLE[:6]], ids=["all", "some"]
)
def test_every_function_has_a_sharp_limit_or_a_reason(names: list[str]) -> None:
    found = 0
    for name in names:
        try:
            early = sharp_limit(named(name))
        except InputError as error:
            message = str(error)
            assert "use path blend or ladder" in message, name
            continue
        found += 1
        assert early.width == named(name).width, name
        assert early.cost < 5.0, name
    assert found


# The ladder


@pytest.mark.parametrize(
    ("name", "pieces"), [("gelu", [2, 4, 8, 16, 32]), ("tanh", [4, 8, 16, 32]), ("relu", [2] * 5)]
)
def test_a_ladder_starts_from_the_coarsest_fit_that_is_near(name: str, pieces: list[int]) -> None:
    late = named(name)
    rungs = ladder(late)
    assert [rung.pieces for rung in rungs] == pieces
    errors = [rms_error(late, rung, 2.0) for rung in rungs]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 0.05 * float(np.std(late.numpy()(2.0 * GRID)))


def test_a_groupwise_function_has_no_ladder() -> None:
    with pytest.raises(InputError, match=r"groupwise.*use path blend"):
        ladder(named("glu"))
