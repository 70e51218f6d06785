"""Files where evoact cannot be imported: they compute what the `Activation` does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evoact.export import export, load_state
from evoact.language import PRIMITIVES, ZOO, Call, Expression, named, parse, walk
from evoact.nn import Activation

CASES = {
    "layer": "x * sigmoid(a0 * x) + a1 * tanh(x) where a0 = 1.0, a1 = 0.5",
    "channel": "max(x, 0.0) + a0 * min(x, 0.0) where a0 = 0.25 per channel",
    "maxout2": "group_max(x, 2)",
    "maxout4": "a * group_max(x, 4) where a = 1.0 per channel",
    "maxout_both": "a * group_max(b * x + c, 2) "
    "where a = 1.5 per channel, b = 0.9 per channel, c = 0.1",
    "maxmin": "group_sort(x, 2)",
    "sort3": "group_sort(tanh(a * x), 3) where a = 0.5 per channel",
    "full_sort": "full_sort(x)",
    "crelu": "concat(relu(x), relu(-x))",
    "ncrelu": "concat(relu(x), -relu(-x))",
    "crelu_both": "b * concat(a * relu(x), relu(-x)) "
    "where a = 0.8 per channel, b = 1.1 per channel",
    "glu": "left(x) * sigmoid(right(x))",
    "swiglu": "a * left(x) * silu(beta * right(x)) where a = 1.0 per channel, beta = 1.0",
    "gate_of_layer": "left(x) * tanh(beta * right(x)) where beta = 1.0",
    "partial": "partial(relu(x), 0.3)",
    "partial_channel": "partial(a * elu(x), 0.5) where a = 1.0 per channel",
    "softmax": "x * softmax(a * x) where a = 1.0 per channel",
    "log_softmax": "log_softmax(x)",
    "step": "a * step(x) + b * x where a = 1.0 per channel, b = 0.1",
    "sign": "sign(x)",
    "multistep": "multistep(x, 3)",
    "window": "window(0.7 * x)",
    "gated_step": "left(x) * step(right(x))",
    "sorted_sign": "group_sort(x * sign(x), 2)",
}
PROGRAMS = {"layer", "channel", "maxout_both", "crelu_both", "gated_step"}
CHANNELS = {"act1": 12, "act2": 24}


def test_every_row_that_works_across_channels_or_jumps_is_a_case() -> None:
    nodes = [node for text in CASES.values() for node in walk(parse(text).root)]
    tried = {node.primitive.name for node in nodes if isinstance(node, Call)}
    assert tried >= {name for name, r in PRIMITIVES.items() if r.is_groupwise or r.surrogate}


# Run where importing evoact is an error: what a user without it would see.
ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "evoact":
            raise ImportError("evoact is not here")

sys.meta_path.insert(0, Blocked())
import importlib.util, json, torch

sys.dont_write_bytecode = True

def made(task):
    if "program" in task:
        return torch.export.load(task["program"]).module()
    spec = importlib.util.spec_from_file_location("standalone", task["source"])
    standalone = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(standalone)
    cls = standalone.Work
    make = cls.trained if "layer" in task["arguments"] else cls
    return make(**task["arguments"])

told = []
for task in json.load(sys.stdin):
    module, x = made(task), torch.tensor(task["x"], requires_grad=True)
    y = module(x)
    y.square().sum().backward()
    found = {"y": y, "x": x.grad} | {name: p.grad for name, p in module.named_parameters()}
    told.append({name: tensor.tolist() for name, tensor in found.items()})
assert not [name for name in sys.modules if name.partition(".")[0] == "evoact"]
print(json.dumps(told))
"""


@dataclass
class Work:
    """Files to be run alone, and what they should give."""

    tasks: list[dict[str, Any]] = field(default_factory=list)
    expected: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def add(self, what: str, act: nn.Module, x: Tensor, **task: Any) -> None:
        self.tasks.append({**task, "x": x.tolist()})
        self.expected.append((f"{what} {task} {tuple(x.shape)}", derivatives(act, x)))

    def check(self) -> None:
        done = subprocess.run(
            [sys.executable, "-I", "-c", ALONE],
            input=json.dumps(self.tasks),
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        for got, (what, wanted) in zip(told, self.expected, strict=True):
            agree(got, wanted, what)


def agree(got: dict[str, Any], wanted: dict[str, Any], what: str) -> None:
    assert set(got) == set(wanted), what
    for name, tensor in wanted.items():
        message = f"{name} of {what}"
        np.testing.assert_allclose(got[name], tensor, rtol=1e-6, atol=1e-6, err_msg=message)


def derivatives(act: nn.Module, x: Tensor) -> dict[str, Any]:
    leaf = x.clone().requires_grad_()
    y = act(leaf)
    y.square().sum().backward()
    gradients = {name: p.grad for name, p in act.named_parameters()}
    act.zero_grad()
    return {"y": y.detach(), "x": leaf.grad, **gradients}


def trained(text: str) -> dict[str, Activation]:
    """An activation for each layer, moved away from where its parameters start."""
    layers = {layer: Activation(text, channels) for layer, channels in CHANNELS.items()}
    with torch.no_grad():
        for act in layers.values():
            for parameter in act.parameters():
                parameter.add_(0.3 * torch.randn(parameter.shape))
    return layers


def values_of(layers: dict[str, Activation]) -> dict[str, dict[str, Any]]:
    found = {k: {n: p.tolist() for n, p in act.named_parameters()} for k, act in layers.items()}
    return found if any(found.values()) else {}


def arguments(expression: Expression, layer: str) -> dict[str, Any]:
    """What the class, or its `trained`, is called with."""
    told = {"layer": layer} if expression.parameters else {}
    if any(p.scope.value == "channel" for p in expression.parameters):
        return told
    return told | ({"channels": CHANNELS[layer]} if expression.is_groupwise else {})


def add_case(work: Work, name: str, folder: Path, formats: tuple[str, ...]) -> None:
    expression, layers = parse(CASES[name]), trained(CASES[name])
    values = values_of(layers)
    files = export(
        expression, folder, formats=formats, params="trained", trained=values, stem="work",
        channels=CHANNELS["act1"],
    )  # fmt: skip
    programs = [str(file) for file in files if file.suffix == ".pt2"]
    for layer, act in layers.items():
        channels, given = CHANNELS[layer], arguments(expression, layer)
        flat, long = 2.0 * torch.randn(4, channels), 2.0 * torch.randn(2, channels, 3)
        last = 2.0 * torch.randn(2, 3, channels)
        turned = Activation(expression, channels, channel_dim=-1)
        turned.load_state_dict(act.state_dict())
        source = str(files[0])
        work.add(name, act, flat, source=source, arguments=given)
        work.add(name, act, long, source=source, arguments=given)
        wide = expression.is_groupwise or "channel" in str(expression)
        ending = {"channel_dim": -1} if wide else {}
        work.add(name, turned, last, source=source, arguments=given | ending)
        stored = load_state(folder / "work.json", layer if values else None, channels=channels)
        agree(derivatives(stored, long), derivatives(act, long), f"state of {name}")
    for (layer, act), program in zip(layers.items(), programs, strict=False):
        # Values per layer do not tell the channels: programs have those that were asked for.
        channels = CHANNELS[layer if any(p.dim() for p in act.parameters()) else "act1"]
        same = Activation(expression, channels)
        same.load_state_dict(act.state_dict())
        work.add(name, same, 2.0 * torch.randn(7, channels), program=program)


def test_files_run_without_evoact_and_agree_with_the_trained_activation(tmp_path: Path) -> None:
    torch.manual_seed(0)
    work = Work()
    for name in CASES:
        formats = ("source", "state", "pt2") if name in PROGRAMS else ("source", "state")
        add_case(work, name, tmp_path / name, formats)
    assert len([task for task in work.tasks if "program" in task]) == 9
    work.check()


@pytest.mark.slow
def test_all_programs_run_without_evoact(tmp_path: Path) -> None:
    torch.manual_seed(0)
    work = Work()
    for name in CASES.keys() - PROGRAMS:
        add_case(work, name, tmp_path / name, ("source", "state", "pt2"))
    work.check()


@pytest.mark.slow
def test_the_zoo_runs_without_evoact(tmp_path: Path) -> None:
    torch.manual_seed(0)
    work = Work()
    for name in ZOO:
        expression = named(name)
        channels = 4 * expression.channel_multiple
        (file,) = export(expression, tmp_path / name, formats="source", stem="work")
        act = Activation(expression, channels)
        wide = expression.is_groupwise or "channel" in str(expression)
        given = {"channels": channels} if wide else {}
        work.add(name, act, torch.randn(3, channels), source=str(file), arguments=given)
    work.check()
