"""Expressions across channels: their sources, programs and states, and what parity sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.export import ExportError, check_parity, export, load_state, standalone_source
from evoact.nn import Activation

GATE = "a * left(x) * sigmoid(b * right(x)) + c where a = 1.0 per channel, b = 0.5, c = 0.1"
CRELU = "b * concat(a * relu(x), relu(-x)) where a = 0.8 per channel, b = 1.1 per channel"
SWISH_GLU = "left(x) * silu(beta * right(x)) where beta = 1.0"


def made(text: str) -> Any:
    scope: dict[str, Any] = {"__name__": "standalone"}
    exec(compile(text, "standalone.py", "exec"), scope)
    return scope["Activation"]


def test_the_class_says_its_width_and_checks_its_channels() -> None:
    text = standalone_source(GATE)
    assert "a: one per channel (channels // 2 of them), starts at 1.0\n" in text
    assert (
        "    It works across channels; the output has `channels // 2` of them.\n"
        "\n"
        "    Args:\n"
        "        channels: how many channels the input has, a multiple of 2.\n"
        "        channel_dim: which dimension of the input holds them.\n"
    ) in text
    assert text[text.index("    def __init__") : text.index("    def _broadcast")] == (
        "    def __init__(self, channels: int, channel_dim: int = 1, inplace: bool = False)"
        " -> None:\n"
        "        super().__init__()\n"
        "        if channels < 1 or channels % 2:\n"
        '            raise ValueError(f"channels is {channels}; wanted a multiple of 2")\n'
        "        self.channels = channels\n"
        "        self.channel_dim = channel_dim\n"
        "        self.a = nn.Parameter(torch.full((channels // 2,), 1.0))\n"
        "        self.b = nn.Parameter(torch.tensor(0.5))\n"
        "        self.c = nn.Parameter(torch.tensor(0.1))\n"
        "\n"
        "    def forward(self, x: torch.Tensor) -> torch.Tensor:\n"
        "        dim = self.channel_dim % x.dim()\n"
        "        if x.shape[dim] != self.channels:\n"
        '            raise ValueError(f"input has {x.shape[dim]} channels; '
        'wanted {self.channels}")\n'
        "        a = self._broadcast(self.a, x)\n"
        "        b = self.b.to(x.dtype)\n"
        "        c = self.c.to(x.dtype)\n"
        "        return a * x.chunk(2, dim)[0] * torch.sigmoid(b * x.chunk(2, dim)[1]) + c\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("group_max(x, 4)", "`channels // 4` of them"),
        ("softmax(x)", "as many as the input"),
        (CRELU, "`2 * channels` of them"),
    ],
)
def test_widths_in_words(text: str, told: str) -> None:
    assert f"across channels; the output has {told}." in standalone_source(text)


def test_wrong_channels_are_refused_where_evoact_is_not() -> None:
    cls = made(standalone_source("group_sort(x, 3)"))
    with pytest.raises(ValueError, match="channels is 8; wanted a multiple of 3"):
        cls(8)
    with pytest.raises(ValueError, match="channels is 0; wanted at least 1"):
        made(standalone_source("softmax(x)"))(0)
    with pytest.raises(ValueError, match="input has 6 channels; wanted 9"):
        cls(9)(torch.ones(2, 6))


@pytest.mark.parametrize("channel_dim", [1, -1, 2])
def test_any_dimension_may_hold_the_channels(channel_dim: int) -> None:
    x, arguments = torch.randn(3, 6, 6, 5), {"channels": 6, "channel_dim": channel_dim}
    if channel_dim == -1:
        x = x.transpose(1, -1)
    module, reference = made(standalone_source(GATE))(**arguments), Activation(GATE, **arguments)
    assert torch.equal(module(x), reference(x))


def test_a_program_takes_the_channels_that_it_was_made_for(tmp_path: Path) -> None:
    (file,) = export("group_sort(x, 3)", tmp_path, formats="pt2")
    module = torch.export.load(file).module()
    for batch in (1, 33):
        assert module(torch.ones(batch, 66)).shape == (batch, 66)  # 64, and full groups
    (file,) = export(SWISH_GLU, tmp_path, formats="pt2", channels=10)
    told = {"evoact.json": ""}
    module = torch.export.load(file, extra_files=told).module()
    assert module(torch.ones(2, 10)).shape == (2, 5)
    with pytest.raises(AssertionError, match=r"size|shape"):
        module(torch.ones(2, 12))
    about = json.loads(told["evoact.json"])
    assert (about["channels"], about["width"], about["channel_multiple"]) == (10, "1/2", 2)


@pytest.mark.parametrize(
    ("text", "channels", "message"),
    [
        (GATE, 7, "channels is 7, but .* needs a multiple of 2"),
        ("softmax(x)", 0, "channels is 0; wanted at least 1"),
        ("group_sort(group_sort(x, 1021), 1019)", None, "1040399, but .* at most 65536"),
    ],
)
def test_channels_that_fill_no_groups(
    text: str, channels: int | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        export(text, tmp_path, channels=channels)
    assert not list(tmp_path.iterdir())


def test_trained_values_tell_the_channels_of_the_input(tmp_path: Path) -> None:
    trained = {
        "act1": {"a": [1.0, 2.0, 3.0], "b": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]},
        "act2": {"a": [1.0, 2.0], "b": [0.1, 0.2, 0.3, 0.4]},
    }
    files = export(CRELU, tmp_path, params="trained", trained=trained)
    spec = next(file for file in files if file.suffix == ".json")
    told = json.loads(spec.read_text())
    assert told["widths"] == {"act1": 3, "act2": 2}
    assert [p["width"] for p in told["parameters"]] == ["2", "1"]
    assert told["width"] == "2"
    for layer, channels in (("act1", 3), ("act2", 2)):
        act = load_state(spec, layer)
        assert act.channels == channels
        assert act(torch.ones(1, channels)).shape == (1, 2 * channels)
    with pytest.raises(InputError, match="layer 'act1' has 3 channels; asked for 6"):
        load_state(spec, "act1", channels=6)


def test_values_per_layer_leave_the_channels_open(tmp_path: Path) -> None:
    trained = {"act1": {"beta": 2.0}, "act2": {"beta": 3.0}}
    files = export(SWISH_GLU, tmp_path, params="trained", trained=trained, channels=6)
    assert [file.name for file in files[-2:]] == ["activation.act1.pt2", "activation.act2.pt2"]
    assert json.loads(files[2].read_text())["widths"] == {"act1": None, "act2": None}
    with pytest.raises(InputError, match="channels is None, but the expression is groupwise"):
        load_state(files[2], "act2")
    x = torch.randn(2, 8)
    for act in (
        load_state(files[2], "act2", channels=8),
        made(files[0].read_text()).trained("act2", channels=8),
    ):
        assert torch.equal(act(x), x[:, :4] * nn.functional.silu(3.0 * x[:, 4:]))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], "'b' has 2 at width 2, 'a' has 2 at width 1"),
        ([1.0], [1.0, 2.0, 3.0], "'b' has 3 at width 2, 'a' has 1 at width 1; wanted channels"),
    ],
)
def test_lists_that_fit_no_channels(a: list[float], b: list[float], message: str) -> None:
    with pytest.raises(InputError, match=f"layer 'act': no number .*{message}"):
        standalone_source(CRELU, trained={"act": {"a": a, "b": b}})


def test_lists_that_fill_no_groups() -> None:
    text = "group_sort(a * x, 4) where a = 1.0 per channel"
    with pytest.raises(InputError, match=r"layer 'act': channels is 3, but .* a multiple of 4"):
        standalone_source(text, trained={"act": {"a": [1.0, 2.0, 3.0]}})


def test_tampered_lists_are_seen(tmp_path: Path) -> None:
    trained = {"act": {"a": [1.0, 2.0], "b": [0.1, 0.2, 0.3, 0.4]}}
    values, spec = export(CRELU, tmp_path, formats="state", params="trained", trained=trained)
    tensors = load_file(values)
    save_file({**tensors, "act.b": torch.ones(6)}, values)
    with pytest.raises(InputError, match="layer 'act': no number of input channels"):
        load_state(spec)


class Made(nn.Module):
    """A module of a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.function(x)
        return result


def hard_step(x: Tensor) -> Tensor:
    return (x > 0) + 0.0 * x


@pytest.mark.parametrize(
    ("text", "wrong", "message"),
    [
        ("concat(relu(x), -x)", lambda x: torch.cat((-x, x.relu()), 1), "result is"),
        ("left(x)", lambda x: x[:, ::2], "result is"),
        ("left(x)", lambda x: x[:, :2], r"result has shape \(32, 2\); .* has \(32, 4\)"),
        ("group_sort(x, 2)", lambda x: x.sort(dim=1).values, "result is"),
        ("group_max(x, 2)", lambda x: x.unflatten(1, (2, -1)).amax(1), "result is"),
        ("softmax(x)", lambda x: torch.softmax(x, 0), "result is"),
        ("full_sort(x)", lambda x: x.detach().sort(1).values + 0.0 * x, "gradient of x is"),
        ("step(x)", hard_step, "gradient of x is 0.0"),
        ("step(x)", lambda x: (x > 0) + x.tanh() - x.tanh().detach(), "gradient of x is"),
        ("step(x)", lambda x: (x >= 0) + x.sigmoid() - x.sigmoid().detach(), "result is 1.0"),
    ],
)
def test_parity_sees_what_is_wrong_across_channels(text: str, wrong: Any, message: str) -> None:
    with pytest.raises(ExportError, match=f"it: {message}"):
        check_parity(Made(wrong), Activation(text, 8), what="it")
