"""Paths: exact ends, and between them a continuous way from early to late."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.language import (
    PiecewiseLinear,
    auto_early,
    fit_piecewise,
    homotopy,
    ladder,
    parse,
)
from evoact.nn import PATH_CLASSES, Activation, Annealed, Phase, PiecewiseTable

PROPERTY = settings(derandomize=True, deadline=None, database=None, max_examples=60)
LAYER = "x * sigmoid(beta * x) where beta = 1.0"
CHANNEL = "x * sigmoid(beta * x) where beta = 1.0 per channel"
GATED = "left(x) * sigmoid(beta * right(x)) where beta = 1.0"
X = torch.linspace(-4, 4, 99).reshape(33, 3)
# Of the standard normal, each as probable as the next.
NORMAL = torch.special.ndtri((torch.arange(4000) + 0.5) / 4000)
TINY, ALMOST = 1e-6, 1.0 - 1e-6


def annealed(path: str, late: str = CHANNEL, channels: int = 3, g: float = 0.0) -> Annealed:
    module = Annealed("auto", late, channels, path=path)
    module.set_g(g)
    return module


class Broken(nn.Module):
    """A function that raises, or gives NaN only."""

    def __init__(self, *, raises: bool) -> None:
        super().__init__()
        self.raises = raises

    def forward(self, x: Tensor) -> Tensor:
        assert not self.raises, "this function has no weight"
        return x * float("nan")


@pytest.mark.parametrize("path", PATH_CLASSES)
@pytest.mark.parametrize("g", [0.0, TINY, 0.3, 0.75, 0.97, ALMOST, 1.0])
def test_numpy_goes_the_same_way(path: str, g: float) -> None:
    late = parse("0.5 * x + softplus(x) * sigmoid(2 * x)")
    module = Annealed("auto", late, path=path).double()
    module.set_g(g)
    x = torch.linspace(-4.0, 4.0, 401, dtype=torch.float64)
    values = homotopy(late, auto_early(late, path), path, g)(x.numpy())
    np.testing.assert_allclose(values, module(x).detach().numpy(), rtol=1e-5, atol=2e-6)


# The ends


@pytest.mark.parametrize("path", PATH_CLASSES)
@pytest.mark.parametrize("late", [LAYER, CHANNEL])
def test_ends_are_the_functions_bit_for_bit(path: str, late: str) -> None:
    module = annealed(path, late)
    early = auto_early(parse(late), path)
    if path == "ladder":
        torch.testing.assert_close(module(X), Activation(early)(X), rtol=1e-5, atol=1e-5)
        fit = ladder(parse(late))[0]
        assert np.allclose(module(X), fit(X.double().numpy()), rtol=1e-6, atol=1e-6)
    else:
        assert torch.equal(module(X), Activation(early)(X))
    module.set_g(1.0)
    assert torch.equal(module(X), Activation(late, 3)(X))


@pytest.mark.parametrize("path", PATH_CLASSES)
@pytest.mark.parametrize("raises", [True, False])
def test_what_has_no_weight_is_not_evaluated(path: str, raises: bool) -> None:
    module = annealed(path)
    early, late = module.early, module.late
    module.late = Broken(raises=raises)
    assert torch.equal(module(X), early(X))
    module.late = late
    module.set_g(1.0)
    module.early = Broken(raises=raises)
    assert torch.equal(module(X), late(X))


def test_the_ladder_does_without_the_late_function_almost_to_the_end() -> None:
    module = annealed("ladder")
    module.late = Broken(raises=True)
    for g in (0.0, 0.1, 0.4, 0.94, 0.95):
        module.set_g(g)
        assert module(X).isfinite().all()
    module.set_g(0.96)
    with pytest.raises(AssertionError, match="no weight"):
        module(X)


def test_the_ladder_goes_from_rung_to_rung() -> None:
    module, x = annealed("ladder"), X.double()
    rungs = ladder(parse(CHANNEL))
    for number, rung in enumerate(rungs):
        module.set_g(0.95 * (1.0 - (1.0 - number / (len(rungs) - 1)) ** (1 / 3)))
        assert np.allclose(module(x), rung(x.numpy()), rtol=1e-6, atol=1e-6)


# The way between


@pytest.mark.parametrize("path", PATH_CLASSES)
def test_the_way_has_no_jumps(path: str) -> None:
    module = annealed(path)
    before = module(X)
    for i in range(1, 501):
        module.set_g(i / 500)
        after = module(X)
        assert float((after - before).detach().abs().max()) < 0.01
        before = after


@pytest.mark.parametrize("path", PATH_CLASSES)
@pytest.mark.parametrize(("near", "end"), [(TINY, 0.0), (ALMOST, 1.0)])
def test_near_an_end_is_near_its_function(path: str, near: float, end: float) -> None:
    one, other = annealed(path, g=near), annealed(path, g=end)
    torch.testing.assert_close(one(X), other(X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("path", PATH_CLASSES)
def test_the_distance_to_the_late_function_falls(path: str) -> None:
    # The ladder's fits are of inputs with a deviation of 2.
    x = 2.0 * NORMAL if path == "ladder" else NORMAL
    module, late = annealed(path, LAYER), Activation(LAYER)(x)
    distances = []
    for i in range(41):
        module.set_g(i / 40)
        distances.append(float((module(x) - late).detach().square().mean().sqrt()))
    # A mean of two rungs has more knots than either, and may be a little better than the finer.
    assert all(b <= 1.1 * a for a, b in pairwise(distances))
    rungs = distances[::20]
    assert all(b < a for a, b in pairwise(rungs))
    assert distances[-1] == 0.0


@pytest.mark.parametrize("g", [2.0**-10, 0.01, 0.3, 0.99])
def test_sharpness(g: float) -> None:
    module = annealed("sharpness", LAYER, g=g)
    torch.testing.assert_close(module(X), g * nn.functional.silu(X / g))
    assert module.phase is Phase.BLEND


@pytest.mark.parametrize("g", [1e-45, 1e-30, 1e-12, 1e-4])
def test_what_is_too_sharp_to_compute_is_its_limit(g: float) -> None:
    x = 1000.0 * X
    assert torch.equal(annealed("sharpness", "x * tanh(softplus(x))", g=g)(x), x.relu())


@pytest.mark.parametrize("path", PATH_CLASSES)
def test_a_g_that_float32_cannot_hold_is_an_end(path: str) -> None:
    assert annealed(path, g=1e-50).phase is Phase.EARLY
    assert annealed(path, g=1.0 - 1e-9).phase is Phase.LATE


# What trains


CASES = [(path, late) for path in PATH_CLASSES for late in (LAYER, CHANNEL)] + [("blend", GATED)]


@pytest.mark.parametrize(("path", "late"), CASES)
def test_late_parameters_train_while_the_functions_blend(path: str, late: str) -> None:
    torch.manual_seed(0)
    channels = 4
    module = annealed(path, late, channels, g=0.98)
    network = nn.Sequential(nn.Linear(3, channels), module)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    beta, width = module.late.get_parameter("beta"), network(X).shape[1]
    first, losses = beta.detach().clone(), []
    for _ in range(20):
        optimiser.zero_grad()
        loss = (network(X) - X.sum(1, keepdim=True).tanh().expand(-1, width)).square().mean()
        loss.backward()
        assert beta.grad is not None
        assert beta.grad.shape == (() if late != CHANNEL else (channels,))
        assert (beta.grad != 0).all()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    assert (beta != first).all()


def test_auto_starts_from_the_values_that_were_trained() -> None:
    act = Activation(LAYER)
    with torch.no_grad():
        act.get_parameter("beta").fill_(20.0)
    for path in PATH_CLASSES:
        early = Annealed("auto", act, path=path)(NORMAL)
        assert float((early - NORMAL.relu()).abs().max()) < 0.03


# What cannot be


@pytest.mark.parametrize("path", ["ladder", "sharpness"])
def test_groupwise_functions_have_one_path_only(path: str) -> None:
    with pytest.raises(InputError, match=f"is groupwise; .*{path}.*use path blend"):
        annealed(path, GATED, 4)
    assert annealed("blend", GATED, 4)(torch.ones(2, 4)).shape == (2, 2)


def test_a_function_flat_at_both_ends_has_no_sharp_limit() -> None:
    with pytest.raises(InputError, match=r"'tanh.*use path blend or ladder"):
        annealed("sharpness", "tanh(x)")


@pytest.mark.parametrize("path", ["ladder", "sharpness"])
@pytest.mark.parametrize("early", ["relu(x)", nn.ReLU()])
def test_some_paths_start_from_their_own_function(path: str, early: str | nn.Module) -> None:
    with pytest.raises(
        InputError, match=f"early is .*(relu|ReLU).* but path '{path}' derives its o"
    ):
        Annealed(early, "silu(x)", path=path)


@pytest.mark.parametrize("path", PATH_CLASSES)
def test_nothing_is_derived_from_a_module(path: str) -> None:
    with pytest.raises(InputError, match="early is 'auto' and late is a module Tanh; wanted an e"):
        Annealed("auto", nn.Tanh(), path=path)


def test_unknown_paths() -> None:
    with pytest.raises(
        InputError, match=r"'lader'; did you mean 'ladder'\?; wanted one of blend, l"
    ):
        Annealed("auto", "silu(x)", path="lader")


def test_early_and_late_of_different_width_are_refused() -> None:
    with pytest.raises(InputError, match=r"early 'relu\(x\)' has width 1 .* has 1/2.*'auto'"):
        Annealed("relu(x)", "left(x) * sigmoid(right(x))", channels=8)


def test_auto_takes_the_channels_of_an_activation() -> None:
    module = Annealed("auto", Activation(GATED, 4, channel_dim=-1))
    assert module(torch.ones(2, 3, 4)).shape == (2, 3, 2)


# The table


@st.composite
def functions(draw: st.DrawFn) -> PiecewiseLinear:
    places = draw(st.lists(st.integers(-64, 64), unique=True, max_size=8))
    numbers = st.floats(-4.0, 4.0).map(lambda v: round(v, 3))
    slopes = draw(st.lists(numbers, min_size=len(places) + 1, max_size=len(places) + 1))
    knots = [place / 16 for place in sorted(places)]
    return PiecewiseLinear.through(0.0, draw(numbers), knots, slopes)


def inputs(function: PiecewiseLinear) -> np.ndarray:
    knots = np.asarray(function.knots)
    around = np.concatenate([np.nextafter(knots, s, dtype=np.float32) for s in (-9, 9)])
    far = [-1e8, -10.0, 0.0, -0.0, 1e-30, 10.0, 1e8, np.inf, -np.inf, np.nan]
    return np.concatenate([knots, around, far, np.linspace(-5, 5, 77)])


@PROPERTY
@given(functions(), st.sampled_from([torch.float32, torch.float64, torch.bfloat16]))
def test_the_table_is_the_function(function: PiecewiseLinear, dtype: torch.dtype) -> None:
    x = torch.from_numpy(inputs(function)).to(dtype)
    with np.errstate(invalid="ignore"):  # a slope of 0 times infinity
        wanted = torch.from_numpy(function(x.double().numpy()))
    # Against what is added up: an intercept is large where slopes turn much.
    scale = 1.0 + max(map(abs, function.intercepts))
    error = scale * (2.0**-8 if dtype is torch.bfloat16 else 2.0**-22)
    got = PiecewiseTable([function])(x)
    assert got.dtype == dtype
    torch.testing.assert_close(got.double(), wanted, rtol=error, atol=error, equal_nan=True)


RELU = PiecewiseLinear((0.0,), (0.0, 1.0), (0.0, 0.0))
SILU = fit_piecewise(parse("silu(x)"), 16)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (7,), (2, 3), (2, 3, 4, 5), (2, 2, 2, 2, 2)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert torch.equal(PiecewiseTable([RELU])(x), x.relu())


def test_what_is_not_contiguous() -> None:
    table, x = PiecewiseTable([SILU]), torch.randn(4, 6, 5, 3)
    plain = table(x)
    for order in ((0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 3, 2)):
        assert torch.equal(table(x.permute(order)), plain.permute(order))
    assert torch.equal(table(x[:, ::2, 1:]), plain[:, ::2, 1:])
    assert torch.equal(table(x[0, 0, 0].expand(4, 3)), plain[0, 0, 0].expand(4, 3))


def test_channels_last_stays() -> None:
    x = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert PiecewiseTable([SILU])(x).is_contiguous(memory_format=torch.channels_last)


def test_the_gradient_is_the_slope() -> None:
    x = torch.randn(500, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(PiecewiseTable([SILU])(x).sum(), x)
    piece = np.searchsorted(SILU.knots, x.detach().numpy())
    assert np.allclose(slope, np.asarray(SILU.slopes)[piece])
    assert PiecewiseTable([SILU])(torch.ones(2, requires_grad=True)).requires_grad


def test_the_table_is_set_between_functions() -> None:
    table, x = PiecewiseTable([RELU, SILU]), torch.randn(100)
    ends = []
    for position in (0.0, 1.0):
        table.set(position)
        ends.append(table(x))
    table.set(0.25)
    torch.testing.assert_close(table(x), 0.75 * ends[0] + 0.25 * ends[1])
    table.set(0.0)
    assert torch.equal(table(x), ends[0])


def test_a_line_has_no_knot() -> None:
    line = fit_piecewise(parse("2.0 * x + 1.0"), 8)
    assert line.knots == ()
    assert PiecewiseTable([line])(torch.tensor([-3.0, 0.0, 4.0])).tolist() == [-5.0, 1.0, 9.0]


def test_the_table_stays_fine_in_a_model_of_bfloat16() -> None:
    table, x = PiecewiseTable([SILU]), torch.randn(100).bfloat16()
    wanted = table(x)
    assert torch.equal(table.bfloat16()(x), wanted)
    assert torch.equal(table.double()(x), wanted)
