"""New activations in models that exist: places, channels, errors that change nothing, undo."""

from __future__ import annotations

import copy
import functools
import inspect
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import evoact
from evoact.errors import InputError
from evoact.nn import Activation, Annealed, Schedule, SwapWarning, finish, swap

PER_CHANNEL = "max(x, a * x) where a = 0.25 per channel"
MAXOUT = "group_max(x, 2)"


class Residual(nn.Module):
    """One ReLU, shared and called twice, and an order of calls that differs from registration."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.act = act
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.first = nn.Conv2d(6, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.act(self.norm(self.second(self.act(self.first(x)))))


class Network(nn.Module):
    """Convolutions, then tokens, then a head; all with one shared ReLU but the head."""

    def __init__(self) -> None:
        super().__init__()
        act = nn.ReLU()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), act)
        self.block = Residual(act)
        self.mix = nn.ModuleDict({"enter": nn.Linear(6, 10), "act": act, "norm": nn.LayerNorm(10)})
        self.head = nn.Sequential(nn.Linear(10, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.block(self.stem(x)).flatten(2).transpose(1, 2)
        x = self.mix["norm"](self.mix["act"](self.mix["enter"](x)))
        return self.head(x.mean(1))


X = torch.linspace(-2, 2, 2 * 3 * 8 * 8).view(2, 3, 8, 8)
PLACES = ["stem.2", "block.act", "mix.act", "head.1"]


def network() -> Network:
    torch.manual_seed(0)
    return Network()


def fingerprint(model: nn.Module) -> list[object]:
    """Everything that an error must leave as it was."""
    found: list[object] = []
    for name, module in model.named_modules(remove_duplicate=False):
        found += [name, id(module), module.training, sorted(vars(module))]
        found += [len(module._forward_hooks), len(module._forward_pre_hooks)]
    found += [(name, id(value)) for name, value in model.state_dict(keep_vars=True).items()]
    return found + [value.tolist() for value in model.state_dict().values()]


def eager(model: nn.Module, x: Tensor = X) -> Tensor:
    with torch.no_grad():
        result: Tensor = model.eval()(x)
    return result


# Places and what is put there


def test_it_is_public() -> None:
    assert evoact.swap is swap


def test_every_name_of_a_shared_module_gets_its_own() -> None:
    model = network()
    report = swap(model, nn.ReLU, "x * sigmoid(b * x) where b = 1.0")
    assert list(report.replaced) == PLACES
    new = [model.get_submodule(name) for name in PLACES]
    assert all(isinstance(module, Activation) for module in new)
    assert len({id(module) for module in new}) == 4
    assert model.block.act.b.grad is None
    model(X).sum().backward()
    assert all(module.b.grad is not None for module in new)
    assert not any(isinstance(module, nn.ReLU) for module in model.modules())


def test_one_for_all() -> None:
    model = network()
    module = Activation("x * sigmoid(b * x) where b = 1.0")
    swap(model, nn.ReLU, module, per_layer=False, where=["block.*", "mix.*"])
    assert model.block.act is model.mix["act"]
    assert isinstance(model.stem[2], nn.ReLU)


def test_the_values_are_those_of_a_model_built_with_the_function() -> None:
    model, wanted = network(), network()
    swap(model, nn.ReLU, "silu(x)")
    for holder, key in ((wanted.stem, "2"), (wanted.block, "act"), (wanted.mix, "act")):
        holder._modules[key] = nn.SiLU()
    wanted.head[1] = nn.SiLU()
    torch.testing.assert_close(eager(model), eager(wanted))


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("head.*", ["head.1"]),
        (["stem.?", "mix.act"], ["stem.2", "mix.act"]),
        (lambda name, module: "b" in name and isinstance(module, nn.ReLU), ["block.act"]),
    ],
)
def test_where(where: object, names: list[str]) -> None:
    report = swap(network(), nn.ReLU, "silu(x)", where=where)  # type: ignore[arg-type]
    assert list(report.replaced) == names
    assert set(report.skipped) == set(PLACES) - set(names)
    assert set(report.skipped.values()) == {"left out by where"}


def test_a_tuple_of_classes_and_subclasses() -> None:
    class Mine(nn.GELU):
        pass

    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), Mine(), nn.Tanh())
    report = swap(model, (nn.ReLU, nn.GELU), "silu(x)")
    assert list(report.replaced) == ["1", "2"]


def test_roles() -> None:
    def build() -> nn.Sequential:
        layers = (nn.ReLU(), nn.Sigmoid(), nn.Softmax(1), nn.GLU(), nn.Hardsigmoid(), nn.PReLU())
        annealed = Annealed(nn.ReLU(), nn.SiLU())
        return nn.Sequential(nn.Linear(2, 4), *layers, Activation("silu(x)"), annealed)

    report = swap(build(), "activation", "tanh(x)")
    assert list(report.replaced) == ["1", "6", "7"]
    assert list(report.skipped) == ["8.early", "8.late"]
    assert list(swap(build(), "gate", "tanh(x)").replaced) == ["2", "5"]
    calls = swap(Functional(), "activation", "silu(x)").functional
    assert "torch.sigmoid" not in [call.call for call in calls]
    with pytest.warns(SwapWarning, match="no gate in the model"):
        (call,) = swap(Functional(), "gate", "silu(x)").functional
    assert call.call == "torch.sigmoid"


def test_layers_of_unknown_classes_end_what_those_before_tell() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 12))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight

    # As many tokens as the layer before had channels.
    model = nn.Sequential(nn.LayerNorm(4), Own(), nn.ReLU())
    swap(model, nn.ReLU, PER_CHANNEL, example_inputs=torch.ones(2, 4, 4))
    assert (model[2].channels, model[2].channel_dim) == (12, -1)


def test_what_stands_within_a_replaced_module_goes_with_it() -> None:
    class Block(nn.Sequential):
        pass

    model = nn.Sequential(Block(nn.ReLU(), nn.ReLU()), nn.ReLU())
    report = swap(model, (Block, nn.ReLU), "silu(x)")
    assert list(report.replaced) == ["0", "1"]
    assert report.skipped == {
        "0.0": "within '0', which is replaced",
        "0.1": "within '0', which is replaced",
    }


def test_a_shared_block_has_its_places_once() -> None:
    block = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    model = nn.Sequential(block, block)
    assert list(swap(model, nn.ReLU, PER_CHANNEL).replaced) == ["0.1"]
    assert model[0] is model[1]


# Factories


@pytest.mark.parametrize(
    "factory",
    [
        PER_CHANNEL,
        evoact.parse(PER_CHANNEL),
        lambda channels: nn.PReLU(num_parameters=channels),
        lambda n: Activation(PER_CHANNEL, n),
        functools.partial(Activation, PER_CHANNEL),
        lambda *, channels, channel_dim: Activation(PER_CHANNEL, channels, channel_dim),
    ],
)
def test_factories_with_channels(factory: object) -> None:
    model = nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU())
    swap(model, nn.ReLU, factory)  # type: ignore[arg-type]
    assert [p.shape for p in model[1].parameters()] == [(5,)]
    assert model(X).shape == (2, 5, 8, 8)


@pytest.mark.parametrize(
    "factory", [nn.PReLU, nn.PReLU(), lambda: nn.PReLU(1), functools.partial(nn.PReLU, 1)]
)
def test_factories_without(factory: object) -> None:
    model = network()
    swap(model, nn.ReLU, factory)  # type: ignore[arg-type]
    weights = [model.get_submodule(name).weight for name in PLACES]
    assert len({id(weight) for weight in weights}) == 4
    assert model(X).shape == (2, 2)


# Channels


def test_channels_of_a_run() -> None:
    model = network()
    before = fingerprint(model.train())
    report = swap(model, nn.ReLU, PER_CHANNEL, example_inputs=X)
    found = {n: (m.channels, m.channel_dim) for n in PLACES if (m := model.get_submodule(n))}
    assert found == {
        "stem.2": (6, 1),
        "block.act": (6, 1),
        "mix.act": (10, -1),
        "head.1": (4, -1),
    }
    report.undo()
    assert fingerprint(model) == before


@pytest.mark.parametrize(
    ("layer", "shape", "wanted"),
    [
        (nn.Linear(4, 7), (2, 4), (7, -1)),
        (nn.Linear(4, 7), (2, 9, 4), (7, -1)),
        (nn.Linear(4, 7), (2, 7, 4), (7, -1)),  # as many tokens as channels
        (nn.Linear(4, 7), (2, 7, 7, 4), (7, -1)),  # channels last, as in ConvNeXt
        (nn.Conv1d(4, 7, 1), (2, 4, 9), (7, 1)),
        (nn.Conv1d(4, 7, 1), (2, 4, 7), (7, 1)),
        (nn.Conv2d(4, 7, 1), (2, 4, 7, 7), (7, 1)),
        (nn.Conv2d(4, 7, 1), (4, 5, 7), (7, 0)),  # one image, without a batch
        (nn.ConvTranspose3d(4, 7, 1), (2, 4, 3, 3, 3), (7, 1)),
        (nn.Sequential(nn.Conv2d(4, 7, 1), nn.Flatten()), (2, 4, 3, 3), (63, -1)),
        (nn.Sequential(nn.Linear(4, 12), nn.Unflatten(-1, (3, 2, 2))), (2, 4), (3, 1)),
        (nn.Sequential(nn.Linear(4, 7), nn.BatchNorm1d(7)), (2, 4), (7, 1)),
        (nn.Identity(), (2, 3, 8, 8), (3, 1)),
        (nn.Identity(), (2, 9, 5), (5, -1)),
        (nn.Identity(), (5,), (5, -1)),
    ],
)
def test_which_dimension(layer: nn.Module, shape: tuple[int, ...], wanted: object) -> None:
    model = nn.Sequential(layer, nn.ReLU())
    x = torch.randn(shape)
    gives = model(x).shape
    swap(model, nn.ReLU, PER_CHANNEL, example_inputs=x)
    assert (model[1].channels, model[1].channel_dim) == wanted
    assert model(x).shape == gives


def test_the_layer_that_gave_the_input_counts_not_the_last_that_ran() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.gate, self.act = nn.Conv1d(3, 4, 1), nn.Linear(5, 4), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            h = self.conv(x)
            gate = self.gate(x)
            return self.act(h) * gate.mean()

    model = Gated()
    swap(model, nn.ReLU, PER_CHANNEL, example_inputs=torch.randn(4, 3, 5))
    assert (model.act.channels, model.act.channel_dim) == (4, 1)


@pytest.mark.parametrize(
    ("layers", "wanted"),
    [
        ([nn.Linear(2, 6)], (6, -1)),
        ([nn.Linear(2, 6), nn.LayerNorm(6), nn.Dropout()], (6, -1)),
        ([nn.Conv2d(2, 6, 1), nn.BatchNorm2d(6), nn.MaxPool2d(2), nn.Tanh()], (6, 1)),
        ([nn.Conv2d(2, 6, 1), nn.Identity(), nn.ZeroPad2d(1)], (6, 1)),
        ([nn.Sequential(nn.Linear(2, 6), nn.Dropout())], (6, -1)),
        ([nn.Linear(2, 6), Activation("silu(x)")], (6, -1)),
        ([nn.GroupNorm(3, 6)], (6, 1)),
    ],
)
def test_channels_of_the_layers_before(layers: list[nn.Module], wanted: object) -> None:
    model = nn.Sequential(*layers, nn.Sequential(nn.ReLU()))
    swap(model, nn.ReLU, PER_CHANNEL)
    new = model[-1][0]
    assert (new.channels, new.channel_dim) == wanted


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [nn.Linear(2, 6), nn.GLU()],
        [nn.Conv2d(2, 6, 1), nn.Flatten()],
        [Residual(nn.Tanh()), nn.Identity()],
    ],
)
def test_unknown_channels_are_an_error(layers: list[nn.Module]) -> None:
    model = nn.Sequential(*layers, nn.ReLU())
    before = fingerprint(model)
    with pytest.raises(
        InputError, match=rf"'{len(layers)}' \(ReLU\).*per channel; pass example_inputs"
    ):
        swap(model, nn.ReLU, PER_CHANNEL)
    assert fingerprint(model) == before


def test_an_order_that_is_not_certain_is_not_guessed() -> None:
    with pytest.raises(InputError, match=r"'block\.act'"):
        swap(network(), nn.ReLU, PER_CHANNEL, where="block.*")


def test_old_modules_tell_their_channels() -> None:
    model = nn.ModuleDict({"a": nn.PReLU(5), "b": Activation(PER_CHANNEL, 7, -1)})
    swap(model, (nn.PReLU, Activation), PER_CHANNEL)
    assert [(m.channels, m.channel_dim) for m in model.values()] == [(5, 1), (7, -1)]


def test_several_numbers_of_channels_at_one_place() -> None:
    class Bottleneck(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.narrow, self.wide, self.act = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 8, 1), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.wide(self.act(self.narrow(x))))

    model = Bottleneck()
    with pytest.raises(InputError, match=r"'act' .* 2 \(dimension 1\) and 8 \(dimension 1\)"):
        swap(model, nn.ReLU, PER_CHANNEL, example_inputs=X)
    assert isinstance(model.act, nn.ReLU)
    swap(model, nn.ReLU, "silu(x)", example_inputs=X)
    assert isinstance(model.act, Activation)


@pytest.mark.parametrize("example", [X, (X,), {"x": X}])
def test_forms_of_the_example(example: object) -> None:
    assert len(swap(network(), nn.ReLU, PER_CHANNEL, example_inputs=example).replaced) == 4


def test_a_run_leaves_no_trace() -> None:
    class Counting(Network):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))
            self.last: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            self.seen = True
            self.last = super().forward(x)
            return self.last

    model = Counting()
    model.stem.eval()
    before = fingerprint(model)
    swap(model, nn.ReLU, "silu(x)", example_inputs=X, where="head.1").undo()
    assert fingerprint(model) == before
    assert model.last is None
    assert not hasattr(model, "seen")


# Device, dtype, mode


def test_dtype_and_mode_of_the_place() -> None:
    model = network().to(torch.bfloat16)
    model.head.to(torch.float64)
    model.block.eval()
    swap(model, nn.ReLU, PER_CHANNEL, where=["stem.2", "head.1"])
    swap(model, nn.ReLU, "b * silu(x) where b = 1")
    assert model.stem[2].a.dtype == torch.bfloat16
    assert model.block.act.b.dtype == torch.bfloat16
    assert model.head[1].a.dtype == torch.float64
    assert not model.block.act.training
    assert model.head[1].training


def test_device_of_the_place() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3, device="meta"), nn.ReLU())
    swap(model, nn.ReLU, PER_CHANNEL, anneal=True)
    assert [model[i].late.a.device.type for i in (1, 3)] == ["cpu", "meta"]
    assert [model[i].g.device.type for i in (1, 3)] == ["cpu", "meta"]


# Errors


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"target": "ReLU"}, "target is 'ReLU'; wanted a module class"),
        ({"target": [nn.ReLU]}, "target is .*a tuple of them, .*or a role, 'activation' or 'gate'"),
        ({"target": ()}, "target is"),
        ({"target": nn.ReLU()}, "target is ReLU"),
        ({"target": Network}, "model is itself a Network"),
        ({"where": 3}, "where is 3; wanted a function"),
        ({"factory": 3}, "factory is 3; wanted an expression"),
        ({"factory": "silu("}, "silu"),
        ({"factory": lambda: F.relu}, "factory gave .*'stem.2'"),
        ({"factory": MAXOUT}, r"'stem.2' .*width 1/2.*wanted equal widths"),
        ({"factory": "concat(relu(x), relu(-x))"}, "width 2"),
        ({"factory": "group_sort(x, 4)", "example_inputs": X}, "'stem.2'.*6"),
        ({"factory": lambda: nn.Linear(7, 7), "example_inputs": X}, "fails on an input of shape"),
        ({"factory": nn.Flatten, "example_inputs": X}, "gives shape"),
        ({"example_inputs": [X]}, "example_inputs is a list"),
        ({"example_inputs": X[:, :1]}, "example_inputs: the model fails on them: RuntimeError"),
        ({"anneal": 3}, "anneal is 3"),
        ({"anneal": "liner"}, "did you mean 'linear'"),
        ({"factory": PER_CHANNEL, "example_inputs": X, "per_layer": False}, "per_layer is False"),
    ],
)
def test_errors_change_nothing(arguments: dict[str, object], match: str) -> None:
    model = network()
    before = fingerprint(model)
    given = {"target": nn.ReLU, "factory": "silu(x)", "where": None, **arguments}
    if arguments.get("factory") == MAXOUT or "concat" in str(arguments.get("factory")):
        given["where"] = "stem.*"
    with pytest.raises(InputError, match=match):
        swap(model, **given)  # type: ignore[arg-type]
    assert fingerprint(model) == before


def test_an_error_of_a_factory_changes_nothing() -> None:
    made = []

    def factory() -> nn.Module:
        if len(made) == 3:
            raise KeyError("mine")
        made.append(nn.SiLU())
        return made[-1]

    model = network()
    before = fingerprint(model)
    with pytest.raises(KeyError, match="mine"):
        swap(model, nn.ReLU, factory)
    assert fingerprint(model) == before


def test_lazy_models_run_first() -> None:
    model = nn.Sequential(nn.LazyLinear(3), nn.ReLU())
    with pytest.raises(InputError, match=r"'0.weight' of model has no shape yet"):
        swap(model, nn.ReLU, PER_CHANNEL, example_inputs=torch.ones(2, 2))


def test_equal_widths_may_differ_from_one() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.GLU(), nn.Linear(4, 2))
    swap(model, nn.GLU, "left(x) * silu(right(x))", example_inputs=torch.ones(2, 3))
    assert model(torch.ones(2, 3)).shape == (2, 2)


# Annealing from what a model has


def test_annealed_starts_bit_equal_and_ends_at_the_new() -> None:
    model, old, new = network(), network(), network()
    swap(new, nn.ReLU, "silu(x)")
    report = swap(model, nn.ReLU, "silu(x)", anneal=Schedule("cosine", end=1.0))
    assert torch.equal(eager(model), eager(old))
    scheduler = report.scheduler(4)
    assert torch.equal(eager(model), eager(old))
    for _ in range(4):
        scheduler.step()
    assert scheduler.schedule.name == "cosine"
    assert torch.equal(eager(model), eager(new))
    assert not any(isinstance(module, Annealed) for module in finish(model).modules())
    assert torch.equal(eager(model), eager(new))


def test_annealed_trains_with_in_place_functions() -> None:
    def build() -> nn.Sequential:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 1))

    model, x = build(), torch.randn(5, 3)
    relu = model[1]
    report = swap(model, nn.ReLU, nn.SiLU(inplace=True), anneal="linear")
    assert torch.equal(model(x), build()(x))
    scheduler = report.scheduler(4)
    scheduler.step()
    before = model[0](x)
    torch.testing.assert_close(model(x), model[2](0.5 * F.relu(before) + 0.5 * F.silu(before)))
    model(x).sum().backward()
    scheduler.step()
    torch.testing.assert_close(model(x), model[2](F.silu(before)))
    state = copy.deepcopy(model)
    assert torch.equal(state(x), model(x))
    report.undo()
    assert model[1] is relu
    assert relu.inplace
    assert torch.equal(model(x), build()(x))


def test_a_model_that_reads_what_was_overwritten_starts_bit_equal() -> None:
    class Overwriting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU(inplace=True)

        def forward(self, x: Tensor) -> Tensor:
            h = 2 * x
            return self.act(h) + h

    model = Overwriting()
    wanted = model(X)
    swap(model, nn.ReLU, "silu(x)", anneal=True)
    assert torch.equal(model(X), wanted)


def test_annealed_keeps_trained_parameters_of_the_old() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.PReLU(3))
    prelu = model[1]
    swap(model, nn.PReLU, PER_CHANNEL, anneal=True)
    assert model[1].early is prelu
    assert prelu.weight is dict(model.named_parameters())["1.early.weight"]


def test_no_schedule_without_annealing() -> None:
    with pytest.raises(InputError, match="anneal was None"):
        swap(network(), nn.ReLU, "silu(x)").scheduler(10)


def test_what_is_annealed_is_left_alone() -> None:
    model = nn.Sequential(nn.Linear(2, 2), Annealed(nn.ReLU(), nn.SiLU()))
    with pytest.warns(SwapWarning, match=r"'1.early': within an Annealed module"):
        report = swap(model, nn.ReLU, "tanh(x)")
    assert list(report.skipped) == ["1.early"]
    swap(model, Annealed, "tanh(x)")
    assert isinstance(model[1], Activation)


# The report


@pytest.mark.parametrize("anneal", [None, "linear"])
def test_undo(anneal: str | None) -> None:
    model = network()
    before = fingerprint(model)
    wanted = eager(network())
    report = swap(model, nn.ReLU, "silu(x)", anneal=anneal)
    model(X)
    report.undo()
    model.load_state_dict(network().state_dict())
    assert fingerprint(model) == before
    report.undo()
    assert torch.equal(eager(model), wanted)
    report.undo()
    assert not model.head[1].training


def test_the_report_reads() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU())
    assert str(swap(model, nn.ReLU, "silu(x)", where="1", anneal=True)) == (
        "replaced 1\n"
        "  1: ReLU() -> Activation(silu(x)), annealed (linear)\n"
        "skipped 1\n"
        "  3: left out by where"
    )
    assert "_model" not in repr(swap(model, nn.ReLU, "silu(x)"))


def test_nothing_replaced_is_warned_of() -> None:
    with pytest.warns(
        SwapWarning, match="no GELU or ELU in the model; it holds the activations R"
    ) as w:
        report = swap(network(), (nn.GELU, nn.ELU), "silu(x)")
    assert not report.replaced
    assert w[0].filename == __file__
    with pytest.warns(SwapWarning, match=r"'head.1': left out by where"):
        swap(network(), nn.ReLU, "silu(x)", where="nosuch")


# Functional calls


class Inner(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.relu_()


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()
        self.act = nn.ReLU()
        self.linear = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.linear(x))
        x = torch.relu(self.act(x)) + torch.sigmoid(x)
        return self.inner(x)


FIRST_LINE = inspect.getsourcelines(Functional.forward)[1]


@pytest.mark.parametrize("example", [None, torch.randn(2, 3)])
def test_functional_calls_are_found(example: Tensor | None) -> None:
    report = swap(Functional(), nn.ReLU, "silu(x)", example_inputs=example)
    assert list(report.replaced) == ["act"]
    assert not report.untraced
    found = [(call.module, call.call) for call in report.functional]
    assert sorted(found) == [("", "F.relu"), ("", "torch.relu"), ("inner", "x.relu_()")]
    first = next(call for call in report.functional if call.call == "F.relu")
    assert first.at == f"{__file__}:{FIRST_LINE + 1}"
    assert "self.act = nn.ReLU() in __init__" in first.cure
    assert f"F.relu in the model at {first.at}" in str(report)


def test_modules_are_not_functional_calls() -> None:
    model = nn.Sequential(nn.ReLU(), Activation("relu(x)"), nn.Linear(3, 3))
    for example in (None, torch.ones(2, 3)):
        assert not swap(copy.deepcopy(model), nn.ReLU, "silu(x)", example_inputs=example).functional


def test_a_class_without_a_twin_looks_for_all() -> None:
    class Own(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    model = Functional()
    model.act = Own()  # type: ignore[assignment]
    report = swap(model, Own, "silu(x)")
    assert "torch.sigmoid" in [call.call for call in report.functional]


def test_a_model_that_cannot_be_traced_says_so() -> None:
    class Branching(Functional):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.sum() > 0 else x

    model = Branching()
    before = fingerprint(model)
    report = swap(model, nn.ReLU, "silu(x)")
    report.undo()
    assert fingerprint(model) == before
    assert "TraceError" in report.untraced
    assert "pass example_inputs" in str(report)
    assert swap(model, nn.ReLU, "silu(x)", example_inputs=torch.ones(2, 3)).functional


def test_tracing_leaves_no_trace() -> None:
    class Remembering(Functional):
        def forward(self, x: Tensor) -> Tensor:
            self.last = x
            return super().forward(x)

    model = Remembering()
    before = fingerprint(model)
    swap(model, nn.ReLU, "silu(x)").undo()
    assert fingerprint(model) == before


def test_functions_kept_as_attributes() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, activation=F.gelu, batch_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    with pytest.warns(SwapWarning, match="set model.layers.0.activation = nn.GELU"):
        report = swap(model, nn.GELU, "silu(x)", example_inputs=torch.randn(2, 3, 8))
    assert [call.module for call in report.functional] == ["layers.0", "layers.1"]


def test_torchs_fused_transformer_does_not_bypass_the_new_function() -> None:
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, activation=nn.ReLU(), batch_first=True, dropout=0.0
    )
    model = nn.TransformerEncoder(layer, 2).eval()
    x, mask = torch.randn(2, 3, 8), torch.tensor([[False, False, True], [False, False, False]])
    wanted = model(x)
    fused = eager(model, x)
    report = swap(model, nn.ReLU, "0 * x")
    trained = model(x)
    torch.testing.assert_close(eager(model, x), trained)
    assert not torch.allclose(trained, wanted)
    with torch.no_grad():
        assert model(x, src_key_padding_mask=mask).isfinite().all()
    report.undo()
    assert torch.equal(eager(model, x), fused)


def test_no_warnings_in_ordinary_use() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        swap(network(), nn.ReLU, "silu(x)", example_inputs=X)
