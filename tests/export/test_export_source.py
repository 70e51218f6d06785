"""The standalone source: readable, self-contained, closed to injected text."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evoact.errors import InputError
from evoact.export import export, standalone_source
from evoact.language import LANGUAGE_VERSION, PRIMITIVES, ZOO, Kind, named, parse
from evoact.nn import Activation

PER_LAYER = "x * sigmoid(a0 * x) + a1 * tanh(x) where a0 = 1.0, a1 = 0.5"
PER_CHANNEL = "max(x, 0.0) + a0 * min(x, 0.0) where a0 = 0.25 per channel"


def run(text: str) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "standalone"}
    exec(compile(text, "standalone.py", "exec"), scope)
    return scope


LITERALS = {Kind.NUMBER: ("-1.5", "2.5"), Kind.INTEGER: ("2",), Kind.FRACTION: ("0.4",)}


def application(name: str) -> str:
    """A call of a primitive on other values in each place."""
    row = PRIMITIVES[name]
    places = {kind: iter(texts) for kind, texts in LITERALS.items()}
    places[Kind.VALUE] = iter(("(0.9 * x)", "tanh(a * x)", "sin(x)"))
    args = [next(places[kind]) for kind in row.signature]
    bound = " where a = 0.7" if row.signature.count(Kind.VALUE) > 1 else ""
    if row.infix and row.arity == 2:
        return f"{args[0]} {row.infix} {args[1]}{bound}"
    return (f"-{args[0]}" if row.infix else f"{name}({', '.join(args)})") + bound


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive_is_exported(name: str, tmp_path: Path) -> None:
    files = export(application(name), tmp_path, formats=("source", "state", "onnx"))
    assert [file.suffix for file in files] == [".py", ".safetensors", ".json", ".onnx"]


def test_source_is_what_a_person_would_write() -> None:
    text = standalone_source("x * sigmoid(beta * x) where beta = 1.0", class_name="Swish")
    assert text == (
        '"""Swish: an activation function for torch.\n'
        "\n"
        "    x * sigmoid(beta * x) where beta = 1.0\n"
        "\n"
        "Learnable parameters:\n"
        "    beta: one per layer, starts at 1.0\n"
        "\n"
        f"Written by evoact (language version {LANGUAGE_VERSION}).\n"
        '"""\n'
        "\n"
        "import torch\n"
        "from torch import nn\n"
        "\n"
        "\n"
        "class Swish(nn.Module):\n"
        '    """Swish(x) = x * sigmoid(beta * x).\n'
        "\n"
        "    Args:\n"
        "        inplace: ignored; there so that the class fits where nn.ReLU does.\n"
        '    """\n'
        "\n"
        "    def __init__(self, inplace: bool = False) -> None:\n"
        "        super().__init__()\n"
        "        self.beta = nn.Parameter(torch.tensor(1.0))\n"
        "\n"
        "    def forward(self, x: torch.Tensor) -> torch.Tensor:\n"
        "        beta = self.beta.to(x.dtype)\n"
        "        return x * torch.sigmoid(beta * x)\n"
    )


def test_sources_pass_a_linter(tmp_path: Path) -> None:
    for name in ZOO:
        (tmp_path / f"{name}.py").write_text(standalone_source(named(name)), encoding="utf-8")
    trained = {"act1": {"a0": [0.5] * 40}, "act2": {"a0": [0.25]}}
    text = standalone_source(PER_CHANNEL, trained=trained, about="found\n\nby a search")
    (tmp_path / "trained.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache"]
    command += ["--select=E,F,I,W,N,B,UP,D2,D3,D4"]
    command += ["--ignore=UP037,N812,D203,D213,D413,D407,E741"]  # parameters keep their names: l
    command += ["--line-length=200", "--target-version=py311", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_functional_is_imported_only_when_used() -> None:
    assert "import torch.nn.functional as F\n" in standalone_source("relu(x)")
    assert "functional" not in standalone_source("tanh(x)")
    # A parameter may end in F.
    assert "functional" not in standalone_source("aF * x where aF = 1.0")


def test_constants_and_unused_inputs() -> None:
    for text, value in (("0.5", 0.5), ("a where a = 2.0", 2.0)):
        module = run(standalone_source(text))["Activation"]()
        assert torch.equal(module(torch.zeros(3, 2)), torch.full((3, 2), value))


def test_modules_fit_where_relu_does() -> None:
    assert run(standalone_source("tanh(x)"))["Activation"](inplace=True)
    cls = run(standalone_source(PER_CHANNEL))["Activation"]
    module = cls(3, channel_dim=-1, inplace=True)
    x = torch.randn(2, 5, 3)
    wanted = Activation(PER_CHANNEL, 3, channel_dim=-1)(x)
    assert torch.equal(module(x), wanted)
    assert module(x.half()).dtype is torch.half


def test_trained_values_are_made_by_layer() -> None:
    trained = {"a": {"a0": [0.1, 0.2]}, 'odd"\n\\é': {"a0": np.array([0.5, 0.25, 1.0])}}
    scope = run(standalone_source(PER_CHANNEL, trained=trained))
    assert list(scope["TRAINED"]) == list(trained)
    assert scope["TRAINED"]['odd"\n\\é'] == {"a0": [0.5, 0.25, 1.0]}
    module = scope["Activation"].trained("a")
    assert torch.equal(module.a0, torch.tensor([0.1, 0.2]))
    assert module.a0.requires_grad
    assert torch.equal(scope["Activation"](2).a0, torch.tensor([0.25, 0.25]))
    with pytest.raises(KeyError, match="nowhere"):
        scope["Activation"].trained("nowhere")


def check_closed(about: str) -> None:
    """The file has the statements of one without `about`, and the text in its docstring."""
    tree = ast.parse(standalone_source("tanh(x)", about=about))
    plain = ast.parse(standalone_source("tanh(x)"))
    assert [ast.dump(node) for node in tree.body[1:]] == [ast.dump(n) for n in plain.body[1:]]
    documentation = ast.get_docstring(tree, clean=False) or ""
    assert "".join(about.split()) in "".join(documentation.split()) or not about.isprintable()


@pytest.mark.parametrize(
    "about",
    [
        '"""\nimport os\nos.system("true")\n"""',
        '\\"""\nraise SystemExit\n',
        '""""""""',
        'ends with a quote """\'',
        "back\\slash\\",
        "\x00\r\x0c\x1b[31m\u2028\u202e",
        "\ud800",
        "é ü 漢字 " * 40,
    ],
)
def test_about_cannot_leave_the_docstring(about: str, tmp_path: Path) -> None:
    check_closed(about)
    export("tanh(x)", tmp_path, formats=("source", "state"), about=about)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("\"'\\\n\r ux0N{}#a\t\x00é"), max_size=30))
def test_about_cannot_leave_the_docstring_whatever_it_is(about: str) -> None:
    check_closed(about)


@pytest.mark.parametrize("name", ["", "1a", "class", "torch", "F", "super", "a b", "ﬁ", "é"])
def test_class_names_that_python_or_the_file_needs_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="class_name is"):
        standalone_source("tanh(x)", class_name=name)


@pytest.mark.parametrize("name", ["forward", "channels", "trained", "training", "__a"])
def test_parameter_names_that_the_class_needs_are_refused(name: str) -> None:
    expression = parse(f"{name} * x where {name} = 1.0")
    with pytest.raises(InputError, match=r"use expression\.canonical"):
        standalone_source(expression)
    assert standalone_source(expression.canonical())


@pytest.mark.parametrize(
    ("text", "trained", "message"),
    [
        (PER_LAYER, {}, "has parameters a0, a1; pass"),
        (PER_LAYER, {"act": {"a0": 1.0}}, "layer 'act' has no value for parameter 'a1'"),
        (PER_LAYER, {"act": {"a0": 1.0, "a2": 1.0}}, "parameter 'a2'; the expression has a0, a1"),
        (PER_LAYER, {"act": {"a0": 1.0, "a1": [1.0]}}, "wanted one number"),
        (PER_LAYER, {"act": {"a0": 1.0, "a1": float("nan")}}, "is nan; wanted a number"),
        (PER_LAYER, {"act": {"a0": 1.0, "a1": 1e300}}, "finite in float32"),
        (PER_CHANNEL, {"act": {"a0": 1.0}}, "one number a channel"),
        (PER_CHANNEL, {"act": {"a0": []}}, "one number a channel"),
        (PER_CHANNEL, {"act": {"a0": ["1.0"]}}, "is '1.0'; wanted a number"),
    ],
)
def test_trained_values_that_do_not_fit_are_refused(
    text: str, trained: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        standalone_source(text, trained=trained)


def test_channels_of_one_layer_must_agree() -> None:
    text = "a * x + b where a = 1.0 per channel, b = 0.0 per channel"
    with pytest.raises(InputError, match="'a' has 1 at width 1, 'b' has 2 at width 1"):
        standalone_source(text, trained={"act": {"a": [1.0], "b": [1.0, 2.0]}})
