"""`export` as a whole: formats, programs, parity, refusals, atomic files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.export import (
    DEFAULT,
    FORMATS,
    ExportError,
    check_parity,
    export,
    expression_of,
    standalone_source,
    write_state,
)
from evoact.language import ZOO, named, parse
from evoact.nn import Activation, Annealed

SWISH = "x * sigmoid(beta * x) where beta = 1.0"
PER_CHANNEL = "a * x where a = 0.25 per channel"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (i % 12 > 0)) for i, name in enumerate(ZOO)],
)
def test_the_zoo_in_source_and_state(name: str, tmp_path: Path) -> None:
    export(named(name), tmp_path / "new" / "folder", formats=["source", "state"], stem=name)
    assert names(tmp_path / "new" / "folder") == sorted(
        [f"{name}.json", f"{name}.py", f"{name}.safetensors"]
    )


@pytest.mark.parametrize("name", ["relu", "silu", "swish", "gelu_tanh", "snake", "selu"])
def test_programs_take_any_batch_and_any_features(name: str, tmp_path: Path) -> None:
    (file,) = export(named(name), tmp_path, formats=["pt2"])
    module, reference = torch.export.load(file).module(), Activation(named(name))
    for shape in ((1, 1), (1, 7), (33, 2)):
        x = torch.randn(shape)
        torch.testing.assert_close(module(x), reference(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("text", ["0.5", "a where a = 2.0"])
def test_constants_in_every_format(text: str, tmp_path: Path) -> None:
    files = export(text, tmp_path)
    assert len(files) == 4
    module = torch.export.load(files[-1]).module()
    assert torch.equal(module(torch.randn(3, 4)), Activation(text)(torch.zeros(3, 4)))


def test_programs_per_channel_have_their_width(tmp_path: Path) -> None:
    trained = {"act1": {"a": [1.0, 2.0]}, "../odd": {"a": [1.0, 2.0, 3.0]}}
    files = export(PER_CHANNEL, tmp_path, formats=["pt2"], params="trained", trained=trained)
    assert [f.name for f in files] == ["activation.act1.pt2", "activation...%2Fodd.pt2"]
    assert names(tmp_path) == sorted(f.name for f in files)
    for file, width in zip(files, (2, 3), strict=True):
        told = {"evoact.json": ""}
        module = torch.export.load(file, extra_files=told).module()
        assert module(torch.ones(9, width))[0].tolist() == [1.0, 2.0, 3.0][:width]
        assert json.loads(told["evoact.json"])["channels"] == width
        with pytest.raises(AssertionError, match=r"size|shape"):
            module(torch.ones(9, width + 1))


def test_width_of_a_recipe_per_channel(tmp_path: Path) -> None:
    (file,) = export(PER_CHANNEL, tmp_path, formats="pt2")
    assert torch.export.load(file).module()(torch.ones(2, 64)).shape == (2, 64)
    (file,) = export(PER_CHANNEL, tmp_path, formats="pt2", channels=5)
    assert torch.export.load(file).module()(torch.ones(2, 5)).shape == (2, 5)
    with pytest.raises(InputError, match="channels is 0"):
        export(PER_CHANNEL, tmp_path, channels=0)


def test_equal_exports_are_equal_files(tmp_path: Path) -> None:
    first, second = (export(SWISH, tmp_path / folder) for folder in ("one", "two"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    for path in first:
        assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()


def test_expressions_without_parameters_train_nothing(tmp_path: Path) -> None:
    for trained in (None, {}, {"act1": {}}):
        files = export("tanh(x)", tmp_path, params="trained", trained=trained)
        assert [f.name for f in files][-1] == "activation.pt2"
        assert "TRAINED" not in files[0].read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"formats": ["sorce"]}, "format is 'sorce'; did you mean 'source'.*source, state, pt2"),
        ({"formats": []}, "formats is empty"),
        ({"params": "train"}, "params is 'train'; did you mean 'trained'.*recipe, trained"),
        ({"params": "trained"}, "has parameters beta; pass"),
        ({"stem": "../out"}, "stem is '../out'"),
        ({"stem": ""}, "stem is ''"),
        ({"class_name": "not it"}, "class_name is 'not it'"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        export(SWISH, tmp_path, **arguments)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "(1e9 + x) - 1e9",
        "exp(exp(exp(x)))",
        "sin(1e10 * exp(x))",
        "sin(exp(exp(x)))",
        "1e30 * (x * 1e30) / 1e30",
        "1.0 / x",
        "log(x)",
        "x ** (2.0 * x)",
        "sqrt(x) - sqrt(x)",
        "reciprocal(gelu(x - 10.0))",
    ],
)
def test_what_float32_cannot_hold_is_exported_all_the_same(text: str, tmp_path: Path) -> None:
    assert len(export(text, tmp_path)) == 4


def test_failure_leaves_older_files_alone(tmp_path: Path) -> None:
    before = {p: p.read_bytes() for p in export("tanh(x)", tmp_path)}
    with pytest.raises(ExportError, match="does not run in float32"):
        export("max(x, 1e300)", tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_default_device_does_not_decide(tmp_path: Path) -> None:
    with torch.device("meta"):
        assert len(export(SWISH, tmp_path)) == 4


class Wrong(nn.Module):
    """A swish that is wrong in one way."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.beta = nn.Parameter(torch.tensor(1.0 + 1e-3 * (how == "value")))
        if how == "more":
            self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        beta = self.beta.detach() if self.how == "parameter" else self.beta
        y = x * torch.sigmoid(beta * x)
        if self.how == "gradient":
            return y.detach() + x - x.detach()
        if self.how == "far":
            return torch.clamp(y, max=20.0)
        return y + {"result": 1e-4, "shape": torch.zeros(1, 1, 1)}.get(self.how, 0.0)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("result", "it: result is"),
        ("far", "it: result is 20.0 where the Activation gives 30.0"),
        ("shape", "it: result has shape"),
        ("gradient", "it: gradient of x"),
        ("parameter", "it: gradient of beta"),
        ("value", "it: parameter 'beta' holds other values"),
        ("more", "it: parameters are beta, gamma; wanted beta"),
    ],
)
def test_parity_sees_what_is_wrong(how: str, message: str) -> None:
    reference = Activation(SWISH)
    check_parity(Wrong("in nothing"), reference, what="it")
    with torch.no_grad(), pytest.raises(ExportError, match=message):
        check_parity(Wrong(how), reference, what="it")


class Shifted(Activation):
    """An activation that is not its expression: torch and numpy would disagree."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 1e-4


def test_parity_holds_the_activation_itself_to_numpy() -> None:
    with pytest.raises(ExportError, match=r"it: Activation is .* where numpy gives"):
        check_parity(Shifted(SWISH), Shifted(SWISH), what="it")


def test_expression_of_what_was_trained() -> None:
    act = Activation(SWISH)
    with torch.no_grad():
        act.get_parameter("beta").fill_(1.5)
    assert expression_of(act) == parse(SWISH).with_values((1.5,))
    annealed = Annealed("relu(x)", act)
    for g in (0.0, 0.5):
        annealed.set_g(g)
        with pytest.raises(
            ExportError, match=rf"g is {g:g}: .* AnnealScheduler .* finish\(model\)"
        ):
            expression_of(annealed)
    annealed.set_g(1.0)
    assert str(expression_of(annealed)) == "x * sigmoid(beta * x) where beta = 1.5"


@pytest.mark.parametrize(
    "export_it",
    [export, lambda act, path: write_state(path, act), lambda act, _: standalone_source(act)],
)
def test_a_module_is_no_expression(tmp_path: Path, export_it: Callable[..., Any]) -> None:
    annealed = Annealed("relu(x)", "silu(x)")
    annealed.set_g(0.5)
    with pytest.raises(ExportError, match=r"g is 0.5: .* finish\(model\)"):
        export_it(annealed, tmp_path / "it")
    annealed.set_g(1.0)
    for module in (annealed, annealed.late):
        with pytest.raises(InputError, match=r"expression_of\(module\), here 'silu\(x\)'"):
            export_it(module, tmp_path / "it")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["blend", "ladder", "sharpness"])
def test_torch_exports_no_blend(path: str) -> None:
    """A program made by torch itself would keep g as it is, and nobody would see it."""
    model = nn.Sequential(nn.Linear(4, 3), Annealed("auto", "silu(x)", path=path))
    x = (torch.randn(2, 4),)
    for g in (0.0, 0.97):
        model[1].set_g(g)
        with pytest.raises(InputError, match=rf"g is {g:g}: .* finish\(model\)"):
            torch.export.export(model, x)
    model[1].set_g(1.0)
    torch.testing.assert_close(torch.export.export(model, x).module()(*x), model(*x))


def test_expression_of_other_modules_is_refused() -> None:
    with pytest.raises(InputError, match="module is a ReLU"):
        expression_of(nn.ReLU())
    annealed = Annealed("relu(x)", nn.Tanh())
    annealed.set_g(1.0)
    with pytest.raises(ExportError, match="late function is a Tanh"):
        expression_of(annealed)


def test_the_table_of_formats_is_what_export_writes(tmp_path: Path) -> None:
    assert tuple(FORMATS) == (*DEFAULT, "onnx", "jax", "keras", "triton")
    files = export(SWISH, tmp_path, stem="my_swish")
    assert [f.suffix for f in files] == [".py", ".safetensors", ".json", ".pt2"]
    assert "class MySwish(nn.Module)" in files[0].read_text()


def test_medians_over_layers_start_a_new_model(tmp_path: Path) -> None:
    text = "a * x + b * tanh(x) where a = 1.0 per channel, b = 0.0"
    trained = {"one": {"a": [1.0, 5.0], "b": 1.0}, "two": {"a": [3.0], "b": 4.0}}
    files = export(text, tmp_path, formats=["source", "state"], params="median", trained=trained)
    assert "starts at 3.0" in files[0].read_text()
    told = json.loads(files[2].read_text())
    assert [p["initial"] for p in told["parameters"]] == [3.0, 2.5]
    assert "medians over the layers" in told["about"]
    with pytest.raises(InputError, match="has parameters a, b; pass"):
        export(text, tmp_path, params="median")
    assert export("tanh(x)", tmp_path, formats="source", params="median")
