"""GradNet: exact ends, a phase known without reading g, at most three graphs."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

from evoact.errors import InputError
from evoact.export import ExportError, expression_of
from evoact.nn import (
    PATH_CLASSES,
    Activation,
    Annealed,
    AnnealScheduler,
    Phase,
    PiecewiseTable,
    Schedule,
    finish,
    initialise,
)

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


# Checkpoints and copies

SWISH = "x * sigmoid(beta * x) where beta = 1.0 per channel"
GS = [0.0, 0.3, 0.8, 0.9, 1.0]
INPUT = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def network(path: str, g: float = 0.0) -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), Annealed("auto", SWISH, 3, path=path))
    model[1].set_g(g)
    return model


def saved(value: Any, *, weights_only: bool) -> Any:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=weights_only)


WAYS: dict[str, Callable[[nn.Module, str], nn.Module]] = {
    "deepcopy": lambda model, _: copy.deepcopy(model),
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "torch.save": lambda model, _: saved(model, weights_only=False),
    "state": lambda model, path: loaded(network(path, 0.5), model.state_dict()),
    "saved state": lambda model, path: loaded(
        network(path, 1.0), saved(model.state_dict(), weights_only=True)
    ),
    "assigned to meta": lambda model, path: loaded(
        network(path).to("meta"), copy.deepcopy(model.state_dict()), assign=True
    ),
    "filled from meta": lambda model, path: loaded(
        network(path).to("meta").to_empty(device="cpu"), model.state_dict()
    ),
}


def loaded(model: nn.Module, state: dict[str, Tensor], *, assign: bool = False) -> nn.Module:
    model.load_state_dict(state, assign=assign)
    return model


@pytest.mark.parametrize("path", PATH_CLASSES)
@pytest.mark.parametrize("g", GS)
@pytest.mark.parametrize("way", WAYS)
def test_copies_compute_the_same_and_are_independent(path: str, g: float, way: str) -> None:
    model = network(path, g)
    wanted = model(INPUT)
    other = WAYS[way](model, path)
    assert torch.equal(other(INPUT), wanted)
    assert other[1].phase is model[1].phase
    assert torch.equal(other[1].g, model[1].g)
    other[1].set_g(0.6)
    assert torch.equal(model(INPUT), wanted)
    assert not torch.equal(other(INPUT), wanted)
    other[1].set_g(g)
    assert torch.equal(other(INPUT), wanted)


@pytest.mark.parametrize("path", PATH_CLASSES)
def test_only_g_is_in_checkpoints(path: str) -> None:
    assert set(network(path)[1].state_dict()) == {"g", "late.beta"}


def train(model: nn.Module, tools: tuple[Any, ...], steps: range) -> None:
    optimiser, scheduler = tools
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(8, 3, generator=generator)
        optimiser.zero_grad()
        loss = (model(x) - x.sin()).square().mean()
        loss.backward()
        optimiser.step()
        scheduler.step(loss)


@pytest.mark.parametrize("path", PATH_CLASSES)
@pytest.mark.parametrize("schedule", ["linear", "loss"])
@pytest.mark.parametrize("stop", [3, 24, 47, 60])
def test_a_resumed_training_is_the_uninterrupted_one(path: str, schedule: str, stop: int) -> None:
    def fresh() -> tuple[nn.Module, tuple[Any, ...]]:
        model = network(path)
        scheduler = AnnealScheduler(model, Schedule(schedule, end=0.8), total_steps=65)
        return model, (torch.optim.Adam(model.parameters(), 0.02), scheduler)

    whole, tools = fresh()
    train(whole, tools, range(65))
    first, tools = fresh()
    train(first, tools, range(stop))
    checkpoint = saved([first.state_dict(), *(t.state_dict() for t in tools)], weights_only=True)
    second, tools = fresh()
    for part, state in zip((*tools, second), (*checkpoint[1:], checkpoint[0]), strict=True):
        part.load_state_dict(state)  # in any order: the model last
    train(second, tools, range(stop, 65))
    for name, value in whole.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name


@pytest.mark.parametrize("path", PATH_CLASSES)
def test_a_model_made_bfloat16_keeps_g(path: str) -> None:
    model = network(path, 0.999).bfloat16()
    assert (model[1].g.dtype, model[0].weight.dtype) == (torch.float32, torch.bfloat16)
    assert float(model[1].g) == pytest.approx(0.999)
    other = loaded(network(path).bfloat16(), model.state_dict())
    assert other[1].phase is Phase.BLEND
    assert torch.equal(other(INPUT.bfloat16()), model(INPUT.bfloat16()))


def test_what_was_on_meta_has_its_g_again() -> None:
    for path in PATH_CLASSES:
        model = network(path, 0.9).to("meta").to_empty(device="cpu")
        assert torch.equal(model[1].g, torch.tensor(0.9))
        state = network(path).state_dict()
        del state["1.g"]
        model.load_state_dict(state, strict=False)
        assert torch.equal(model(INPUT), network(path, 0.9)(INPUT))


# Finishing


class Twice(nn.Module):
    """One activation under two names, and one in a list in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.one = self.other = Annealed("relu(x)", "tanh(x)")
        self.more = nn.ModuleDict({"a": nn.ModuleList([Annealed("relu(x)", "silu(x)"), self.one])})

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.more["a"]
        return self.one(x) + 2 * self.other(x) + first(x) * second(x)


def test_finish_replaces_every_module_and_keeps_what_is_shared() -> None:
    model = Twice()
    AnnealScheduler(model, total_steps=1).step()
    wanted = model(X)
    late = model.one.late
    assert finish(model) is model
    assert model.one is model.other is model.more["a"][1] is late
    assert not any(isinstance(m, Annealed | PiecewiseTable) for m in model.modules())
    assert torch.equal(model(X), wanted)


@pytest.mark.parametrize("g", [0.0, 0.5, 1.0])
def test_finish_takes_the_late_function_wherever_g_is(g: float) -> None:
    for path in PATH_CLASSES:
        model = network(path, g)
        late = model[1].late
        assert finish(model)[1] is late
        assert set(model.state_dict()) == {"0.weight", "0.bias", "1.beta"}


def test_finish_of_one_module_and_of_what_is_inside() -> None:
    inner = Annealed("relu(x)", "tanh(x)")
    outer = Annealed("relu(x)", nn.Sequential(inner, Annealed(nn.ReLU(), inner)))
    late = outer.late
    assert finish(outer) is late
    assert [type(m) for m in late] == [Activation, Activation]
    assert finish(late[0]) is late[0]


@pytest.mark.parametrize("training", [True, False])
def test_finish_keeps_the_mode(training: bool) -> None:
    model = nn.Sequential(Annealed("relu(x)", nn.Sequential(nn.Dropout(), nn.Tanh())))
    finish(model.train(training))
    assert {m.training for m in model.modules()} == {training}
    frozen = nn.Dropout().eval()
    assert finish(Annealed("relu(x)", frozen)) is frozen
    assert not frozen.training


def test_a_finished_model_compiles_anew() -> None:
    torch._dynamo.reset()
    model = network("ladder", 0.4)
    compiled = torch.compile(model, backend="eager")
    compiled(INPUT)
    late = network("ladder", 1.0)(INPUT)
    finish(compiled)
    assert torch.equal(compiled(INPUT), late)
    torch._dynamo.reset()


@pytest.mark.parametrize("path", PATH_CLASSES)
def test_what_is_finished_is_exported_and_what_is_not_refused(path: str) -> None:
    model = network(path, 0.9)
    with pytest.raises(ExportError, match=r"g is 0.9: .*AnnealScheduler.*finish\(model\)"):
        expression_of(model[1])
    assert str(expression_of(finish(model)[1])) == SWISH
