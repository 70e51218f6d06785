"""GradNet: exact ends, a phase known without reading g, at most three graphs."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

from evoact.errors import InputError
from evoact.nn import SHAPES, Activation, Annealed, AnnealScheduler, Phase, Schedule, initialise

X = torch.linspace(-3, 3, 25)


class Forbidden(nn.Module):
    """A function that must not be evaluated."""

    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("this function has no weight")


def test_ends_are_exact() -> None:
    module = Annealed("silu(x)", "x * tanh(x)")
    assert torch.equal(module(X), Activation("silu(x)")(X))
    module.set_g(1.0)
    assert torch.equal(module(X), Activation("x * tanh(x)")(X))
    module.set_g(0.0)
    assert torch.equal(module(X), Activation("silu(x)")(X))


@pytest.mark.parametrize("g", [1e-6, 0.25, 0.5, 0.999])
def test_blend(g: float) -> None:
    module = Annealed("silu(x)", "x * tanh(x)")
    module.set_g(g)
    wanted = (1 - g) * nn.functional.silu(X) + g * X * X.tanh()
    torch.testing.assert_close(module(X), wanted)
    assert module.phase is Phase.BLEND


def test_what_has_no_weight_is_not_evaluated() -> None:
    late = Annealed("relu(x)", Forbidden())
    assert torch.equal(late(X), X.relu())
    late.set_g(0.5)
    with pytest.raises(AssertionError, match="no weight"):
        late(X)
    early = Annealed(Forbidden(), "relu(x)")
    early.set_g(1.0)
    assert torch.equal(early(X), X.relu())
    with pytest.raises(AssertionError, match="no weight"):
        Annealed(Forbidden(), "relu(x)")(X)


@pytest.mark.parametrize(("early", "late", "g"), [("x", "1 / x", 0.0), ("1 / x", "x", 1.0)])
def test_zero_times_infinity_is_not_formed(early: str, late: str, g: float) -> None:
    module = Annealed(early, late)
    module.set_g(g)
    x = torch.zeros(3, requires_grad=True)
    y = module(x)
    y.sum().backward()
    assert (y == 0).all()
    assert x.grad is not None
    assert (x.grad == 1).all()


@pytest.mark.parametrize("g", [-0.1, 1.1, math.nan, math.inf])
def test_g_is_a_share(g: float) -> None:
    module = Annealed("x", "tanh(x)")
    with pytest.raises(InputError, match=r"wanted a number within \[0, 1\]"):
        module.set_g(g)
    assert module.phase is Phase.EARLY
    assert module.g == 0


def test_gradient_flows_to_both() -> None:
    module = Annealed("a * x where a = 1", "b * tanh(x) where b = 1")
    x = X.clone().requires_grad_()
    grads = {}
    for g in (0.0, 0.25, 1.0):
        module.zero_grad()
        module.set_g(g)
        module(x).square().sum().backward()
        grads[g] = {name: p.grad is not None for name, p in module.named_parameters()}
    assert grads[0.0] == {"early.a": True, "late.b": False}
    assert grads[0.25] == {"early.a": True, "late.b": True}
    assert grads[1.0] == {"early.a": False, "late.b": True}
    module.set_g(0.25)
    (slope,) = torch.autograd.grad(module(x).sum(), x)
    torch.testing.assert_close(slope, 0.75 + 0.25 * (1 - X.tanh() ** 2))
    assert not module.g.requires_grad


@pytest.mark.parametrize(
    ("g", "phase"), [(0.0, Phase.EARLY), (0.3, Phase.BLEND), (1.0, Phase.LATE)]
)
def test_g_is_saved_and_the_phase_derived(g: float, phase: Phase) -> None:
    model = nn.Sequential(nn.Linear(2, 2), Annealed("relu(x)", "tanh(x)"))
    model[1].set_g(g)
    assert "1.g" in model.state_dict()
    other = nn.Sequential(nn.Linear(2, 2), Annealed("relu(x)", "tanh(x)"))
    other[1].set_g(0.9)
    other.load_state_dict(model.state_dict())
    assert other[1].phase is phase
    assert float(other[1].g) == pytest.approx(g)
    x = torch.randn(5, 2)
    assert torch.equal(other(x), model(x))
    assert f"phase={phase.value}" in repr(other)


def test_deepcopy_is_independent_and_still_derives_its_phase() -> None:
    module = Annealed("relu(x)", "tanh(x)")
    copied = copy.deepcopy(module)
    copied.set_g(0.5)
    assert module.phase is Phase.EARLY
    assert torch.equal(module(X), X.relu())
    copied.load_state_dict(module.state_dict())
    assert copied.phase is Phase.EARLY


def test_channels_go_to_both_functions() -> None:
    module = Annealed(
        "max(x, a * x) where a = 0 per channel", "b * x where b = 2 per channel", 3, -1
    )
    module.set_g(0.5)
    assert module(torch.ones(2, 5, 3)).tolist() == [[[1.5] * 3] * 5] * 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_blend_has_the_dtype_of_the_input(dtype: torch.dtype) -> None:
    module = Annealed("relu(x)", "tanh(x)")
    module.set_g(0.5)
    assert module(X.to(dtype)).dtype == dtype


def test_a_whole_training_compiles_three_graphs() -> None:
    torch._dynamo.reset()
    counter = CompileCounter()
    model = nn.Sequential(
        nn.Linear(3, 3), Annealed("max(x, a * x) where a = 0.1 per channel", "silu(x)", 3)
    )
    compiled = torch.compile(model, backend=counter, fullgraph=True)
    scheduler = AnnealScheduler(model, Schedule("cosine", 0.2, 0.8), total_steps=20)
    x, seen = torch.randn(4, 3), []
    for _ in range(20):
        assert torch.equal(compiled(x), model(x))
        seen.append(scheduler.get_last_g())
        scheduler.step()
    assert torch.equal(compiled(x), model(x))
    assert len(set(seen)) > 10
    assert counter.frame_count == 3
    torch._dynamo.reset()


# Schedules: name, start, end, and g at some progress
SCHEDULES = [
    ("linear", 0.0, 1.0, {0.0: 0.0, 0.25: 0.25, 0.5: 0.5, 1.0: 1.0}),
    ("linear", 0.0, 0.5, {0.0: 0.0, 0.25: 0.5, 0.5: 1.0, 0.75: 1.0}),
    ("linear", 0.25, 0.75, {0.0: 0.0, 0.25: 0.0, 0.5: 0.5, 0.75: 1.0, 1.0: 1.0}),
    ("cosine", 0.0, 1.0, {0.0: 0.0, 0.25: 0.5 - math.sqrt(0.125), 0.5: 0.5, 1.0: 1.0}),
    ("cosine", 0.25, 0.75, {0.25: 0.0, 0.5: 0.5, 0.75: 1.0}),
    ("linear", 0.0, 0.0, {0.0: 1.0, 0.5: 1.0}),
    ("cosine", 0.5, 0.5, {0.0: 0.0, 0.49: 0.0, 0.5: 1.0}),
]


@pytest.mark.parametrize(("name", "start", "end", "table"), SCHEDULES)
def test_schedule(name: str, start: float, end: float, table: dict[float, float]) -> None:
    schedule = Schedule(name, start, end)
    assert {p: schedule(p) for p in table} == pytest.approx(table, abs=1e-12)


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_rise_from_zero_to_one(name: str) -> None:
    schedule = Schedule(name, 0.1, 0.9)
    values = [schedule(i / 100) for i in range(101)]
    assert values == sorted(values)
    assert (values[0], values[10], values[90], values[100]) == (0.0, 0.0, 1.0, 1.0)
    assert all(0 < v < 1 for v in values[11:90])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("linaer",), "schedule is 'linaer'; did you mean 'linear'?"),
        (("linear", 0.5, 0.2), "start is 0.5 and end is 0.2; wanted 0 <= start <= end <= 1"),
        (("linear", -0.1, 0.2), "start is -0.1"),
        (("linear", 0.0, 1.5), "end is 1.5"),
        (("linear", math.nan, 1.0), "start is nan"),
    ],
)
def test_bad_schedules(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Schedule(*arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)


def model() -> nn.Sequential:
    return nn.Sequential(
        Annealed("relu(x)", "tanh(x)"), nn.Sequential(Annealed("relu(x)", "silu(x)")), nn.ReLU()
    )


def test_scheduler_sets_every_module() -> None:
    network = model()
    scheduler = AnnealScheduler(network, Schedule("linear", 0.0, 0.5), total_steps=8)
    seen = []
    for _ in range(9):
        assert float(network[0].g) == float(network[1][0].g) == scheduler.get_last_g()
        seen.append(scheduler.get_last_g())
        scheduler.step()
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert network[1][0].phase is Phase.LATE


def test_scheduler_takes_the_name_of_a_schedule() -> None:
    scheduler = AnnealScheduler(model(), "cosine", total_steps=4)
    assert scheduler.schedule == Schedule("cosine")
    with pytest.raises(InputError, match="schedule is 'cubic'; wanted one of"):
        AnnealScheduler(model(), "cubic", total_steps=4)
    with pytest.raises(InputError, match="total_steps is 0; wanted at least 1"):
        AnnealScheduler(model(), "linear", total_steps=0)


@pytest.mark.parametrize("stop", [0, 1, 3, 5, 8])
def test_scheduler_resumes(stop: int) -> None:
    first = AnnealScheduler(model(), Schedule("cosine", 0.1, 0.9), total_steps=8)
    whole = []
    saved = None
    for step in range(9):
        if step == stop:
            saved = first.state_dict()
        whole.append(first.get_last_g())
        first.step()
    network = model()
    second = AnnealScheduler(network, Schedule("cosine", 0.1, 0.9), total_steps=3)
    assert saved is not None
    second.load_state_dict(saved)
    resumed = []
    for _ in range(stop, 9):
        resumed.append(float(network[0].g))
        second.step()
    assert resumed == pytest.approx(whole[stop:])


def test_initial_draws_do_not_depend_on_the_gain() -> None:
    def drawn(gain: float, seed: int = 3) -> list[nn.Module]:
        layers = [nn.Linear(50, 40), nn.Conv1d(4, 30, 5), nn.Conv2d(3, 20, 3)]
        initialise([(layer, gain) for layer in layers], torch.Generator().manual_seed(seed))
        return layers

    for one, other, fresh in zip(drawn(1.0), drawn(2.0), drawn(1.0, 4), strict=True):
        assert torch.equal(2.0 * one.weight, other.weight)  # a power of two keeps the bits
        assert not torch.equal(one.weight, fresh.weight)
        assert not one.bias.any()
        fan_in = one.weight[0].numel()
        assert float(one.weight.detach().std()) == pytest.approx(fan_in**-0.5, rel=0.1)


def test_initialisation_keeps_the_signal() -> None:
    """He et al. 2015: with gain sqrt(2), ReLU layers keep the second moment."""
    layers = [nn.Linear(500, 500) for _ in range(6)]
    gains = [1.0, *[math.sqrt(2)] * 5]
    initialise(zip(layers, gains, strict=True), torch.Generator().manual_seed(0))
    x = torch.randn(200, 500, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for layer in layers[:-1]:
            x = layer(x).relu()
        assert float(layers[-1](x).square().mean()) == pytest.approx(1.0, abs=0.25)


def test_early_and_late_of_different_width_are_refused() -> None:
    with pytest.raises(InputError, match=r"early 'relu\(x\)' has width 1 .* has 1/2"):
        Annealed("relu(x)", "left(x) * sigmoid(right(x))", channels=8)
