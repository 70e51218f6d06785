"""State: values in safetensors, the rest in JSON, and back to an Activation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from evoact.errors import InputError
from evoact.export import ExportError, check_parity, load_state, write_state
from evoact.language import ZOO, named
from evoact.nn import Activation

PER_CHANNEL = "max(x, 0.0) + a0 * min(x, 0.0) where a0 = 0.25 per channel"
OLD = Path(__file__).parents[1] / "fixtures" / "language_v1"
TRAINED = {"act1": {"a0": [0.1, 0.2, 0.3]}, "act2": {"a0": [-1.0, 1.0]}}


def trained_state(folder: Path) -> Path:
    return write_state(folder / "prelu", PER_CHANNEL, trained=TRAINED)[1]


def edit(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}), encoding="utf-8")
    return path


def test_trained_state_comes_back_layer_by_layer(tmp_path: Path) -> None:
    values, spec = write_state(tmp_path / "prelu", PER_CHANNEL, trained=TRAINED, about="<found>")
    assert (values.name, spec.name) == ("prelu.safetensors", "prelu.json")
    assert sorted(load_file(values)) == ["act1.a0", "act2.a0"]
    told = json.loads(spec.read_text())
    assert told["widths"] == {"act1": 3, "act2": 2}
    assert told["parameters"] == [{"name": "a0", "initial": 0.25, "scope": "channel", "width": "1"}]
    assert (told["params"], told["about"]) == ("trained", "<found>")
    act = load_state(spec, "act2")
    assert isinstance(act, Activation)
    assert act.channels == 2
    assert torch.equal(act.get_parameter("a0"), torch.tensor([-1.0, 1.0]))


def test_one_layer_needs_no_name(tmp_path: Path) -> None:
    text = "a * x where a = 1.0"
    spec = write_state(tmp_path / "one.two", text, trained={"": {"a": 3}})[1]
    assert spec.name == "one.two.json"
    assert str(load_state(spec).expression()) == "a * x where a = 3.0"


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (i % 12 > 0)) for i, name in enumerate(ZOO)],
)
def test_recipes_of_the_zoo_come_back(name: str, tmp_path: Path) -> None:
    expression = named(name)
    channels = 4 * expression.channel_multiple
    spec = write_state(tmp_path / name, expression)[1]
    act = load_state(spec, channels=channels)
    assert act.expression().root == expression.root
    started = [p.initial for p in act.expression().parameters]  # rounded to float32
    assert started == pytest.approx([p.initial for p in expression.parameters], rel=1e-6)
    check_parity(act, Activation(expression, channels), what=name)


def test_a_recipe_per_channel_takes_its_width_when_loaded(tmp_path: Path) -> None:
    spec = write_state(tmp_path / "prelu", PER_CHANNEL)[1]
    assert load_state(spec, channels=7).get_parameter("a0").shape == (7,)
    with pytest.raises(InputError, match="pass the number of channels"):
        load_state(spec)
    with pytest.raises(InputError, match="it is a recipe"):
        load_state(spec, "act1")


def test_layers_and_widths_are_checked(tmp_path: Path) -> None:
    spec = trained_state(tmp_path)
    with pytest.raises(InputError, match=r"which layer\? It has 'act1', 'act2'"):
        load_state(spec)
    with pytest.raises(InputError, match="no layer 'act3'; did you mean 'act"):
        load_state(spec, "act3")
    with pytest.raises(InputError, match="layer 'act1' has 3 channels; asked for 4"):
        load_state(spec, "act1", channels=4)
    edit(spec, widths={"act1": 5, "act2": 2})
    with pytest.raises(InputError, match="should have 5 channels, but its safetensors have 3"):
        load_state(spec, "act1")


@pytest.mark.parametrize("key", ["language_version", "state_version"])
def test_newer_versions_are_refused_with_the_cure(key: str, tmp_path: Path) -> None:
    spec = edit(trained_state(tmp_path), **{key: 99})
    with pytest.raises(InputError, match=f"{key} is 99.*upgrade evoact"):
        load_state(spec, "act1")
    edit(spec, **{key: "1"})
    with pytest.raises(InputError, match=f"{key} is '1'; wanted an integer"):
        load_state(spec, "act1")


def test_a_state_of_language_version_1_is_read() -> None:
    act = load_state(OLD / "trained.json")
    assert str(act.expression()) == "x * sigmoid(beta * x) where beta = 1.0 per channel"
    assert act.channels == 3
    stored = load_file(OLD / "trained.safetensors")
    assert torch.equal(act.get_parameter("beta"), stored["act1.beta"])


def test_a_parameter_of_version_1_whose_name_is_taken_now() -> None:
    act = load_state(OLD / "step.json")
    assert str(act.expression()) == "step_ * relu(x) where step_ = 0.5"


def test_a_renamed_parameter_keeps_its_trained_values(tmp_path: Path) -> None:
    for suffix in (".json", ".safetensors"):
        shutil.copyfile(OLD / f"step{suffix}", tmp_path / f"step{suffix}")
    spec = edit(tmp_path / "step.json", layers=["a"], widths={"a": None}, params="trained")
    save_file({"a.step": torch.tensor(0.75)}, tmp_path / "step.safetensors")
    assert str(load_state(spec).expression()) == "step_ * relu(x) where step_ = 0.75"


def test_files_that_are_not_a_state_are_refused(tmp_path: Path) -> None:
    spec = trained_state(tmp_path)
    with pytest.raises(InputError, match="not readable as JSON"):
        load_state(tmp_path / "none.json")
    with pytest.raises(InputError, match="'layers' is None; wanted a list"):
        load_state(edit(spec, layers=None))
    edit(spec, layers=["act1", "act2"], expression="__import__('os')")
    with pytest.raises(InputError, match="unexpected character"):
        load_state(spec, "act1")
    spec.with_suffix(".safetensors").write_bytes(b"not tensors")
    edit(spec, expression=PER_CHANNEL)
    with pytest.raises(InputError, match="not readable as safetensors"):
        load_state(spec, "act1")
    save_file({}, spec.with_suffix(".safetensors"))
    with pytest.raises(InputError, match=r"have no 'act1\.a0'"):
        load_state(spec, "act1")
    spec.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="not the description"):
        load_state(spec)


def test_tampered_values_are_seen(tmp_path: Path) -> None:
    spec = trained_state(tmp_path)
    reference = load_state(spec, "act1")
    tensors = load_file(spec.with_suffix(".safetensors"))
    tensors["act1.a0"][1] += 1e-3
    save_file(tensors, spec.with_suffix(".safetensors"))
    with pytest.raises(ExportError, match="'a0' holds other values"):
        check_parity(load_state(spec, "act1"), reference, what="state")
