"""`evoact show` and `evoact zoo`, in one process each or called in this one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evoact.cli.app import app
from evoact.errors import InputError
from evoact.language import ZOO


def called(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    return result.output


def row(output: str, fact: str) -> str:
    """The line of a fact in the table, spaces made single."""
    (line,) = re.findall(rf"^\s*{fact}  .*$", output, re.MULTILINE)
    return re.sub(r"\s+", " ", line).strip()


@pytest.fixture(scope="module")
def silu() -> str:
    return called("show", "x*sigmoid(x)")


def test_show_names_the_function_in_disguise(silu: str) -> None:
    assert "= silu" in silu
    assert "= swish where beta = 1.0" in silu
    assert "Ramachandran" in silu


def test_show_tells_certified_facts(silu: str) -> None:
    minimum = row(silu, "minimum")
    assert "-0.2784" in minimum
    assert "-1.278" in minimum
    assert minimum.endswith("certified")
    assert row(silu, "monotone").startswith("monotone no")
    assert row(silu, "monotone").endswith("certified")
    assert row(silu, "lipschitz").startswith("lipschitz 1.0998")
    assert row(silu, "one lipschitz").startswith("one lipschitz no")


def test_show_prints_every_form(silu: str) -> None:
    assert r"x \cdot \sigma\left(x\right)" in silu
    assert "return x * torch.sigmoid(x)" in silu
    assert "normal form" in silu
    assert "·· f'" in silu  # the legend of the plot


def test_show_names_what_is_near() -> None:
    assert "selu" in called("show", "1.0507*max(x,0)+1.7581*(exp(min(x,0))-1)")
    assert "near" in called("show", "tanh(x) + 0.1 * x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nosuch", "unknown function 'nosuch'; `evoact zoo` lists the names"),
        ("blah", "unknown function 'blah'; `evoact zoo` lists the names"),
        ("foo", "unknown function 'foo'; `evoact zoo` lists the names"),
        ("swihs", "unknown function 'swihs'; did you mean 'swish'?"),
        ("sigmoyd", "unknown function 'sigmoyd'; did you mean 'sigmoid'?"),
        ("LeakyReLU", "unknown function 'LeakyReLU'; did you mean 'leaky_relu'?"),
    ],
)
def test_only_names_that_are_near_are_suggested(text: str, told: str) -> None:
    result = CliRunner().invoke(app, ["show", text])
    assert isinstance(result.exception, InputError)
    assert str(result.exception).splitlines()[0] == told


def test_show_does_not_call_near_what_is_far() -> None:
    output = called("show", "square(x) * sin(5 * x)")
    assert re.search(r"not near any named function \(nearest gcu, distance 0\.6\)", output)
    assert " near gcu" not in output.replace("not near", "")
    assert "spder" not in output
    data = json.loads(called("show", "square(x) * sin(5 * x)", "--json"))
    assert data["nearest"][0]["told"] == "far from gcu (distance 0.6)"
    assert len(data["nearest"]) == 3


def test_show_leaves_out_what_is_far_beside_what_is_near() -> None:
    output = called("show", "left(x) * sigmoid(right(x))")
    assert "= glu" in output
    assert "near gtu" in output
    assert "not near" not in output
    assert "clamped_swiglu" not in output


@pytest.mark.parametrize("name", ["plots/f.png", "a/b/f.svg"])
def test_show_makes_no_folders_for_a_plot(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["show", "relu", "--plot", name])
    assert isinstance(result.exception, InputError)
    folder = Path(name).parent
    assert str(result.exception) == (
        f"--plot is {name}, but there is no folder {folder}; make it (mkdir -p {folder}), "
        "or choose another"
    )
    assert not list(tmp_path.iterdir())


def test_export_makes_the_folder_that_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    called("export", "relu", "--format", "source", "-o", "new/folder")
    assert (tmp_path / "new" / "folder" / "activation.py").is_file()


def test_plots_of_groupwise_expressions_say_their_slice() -> None:
    gate = " ".join(called("show", "left(x) * sigmoid(right(x))").split())
    assert "slice: output 1 of 2 against input 1 of 4; the others at -0.33, 0.33, 1" in gate
    many = " ".join(called("show", "group_sort(x, 8)").split())
    assert "output 1 of 16 against input 1 of 16; the others at -0.87, -0.73 ... 1" in many
    assert "slice:" not in called("show", "relu")


def test_show_of_a_groupwise_expression() -> None:
    output = called("show", "left(x) * sigmoid(right(x))")
    assert "= glu" in output
    assert "1/2 of the channels, in multiples of 2" in output


def test_show_json_is_whole_and_plain() -> None:
    data = json.loads(called("show", "swish", "--json"))
    assert data["nearest"][0]["distance"] < 1e-6
    assert data["facts"]["lipschitz"]["certified"] is True
    assert data["facts"]["lipschitz"]["value"] == pytest.approx(1.0998, abs=1e-4)
    assert data["parameters"] == {"beta": "1.0 per layer"}
    assert set(data) >= {"latex", "source", "canonical", "width", "cost_relative_to_relu"}


@pytest.mark.parametrize("text", ["1 / x", "log(x)", "step(x)", "2.0", "exp(exp(x))", "softmax(x)"])
def test_show_survives_strange_functions(text: str) -> None:
    assert "def activation" in called("show", text)


def test_zoo_lists_all_with_their_sources() -> None:
    rows = json.loads(called("zoo", "--json"))
    assert [r["name"] for r in rows] == list(ZOO)
    assert all(r["paper"] and r["year"] and r["expression"] for r in rows)
    assert f"{len(ZOO)} of {len(ZOO)} functions" in called("zoo")


def test_zoo_filters() -> None:
    swishes = json.loads(called("zoo", "swish", "--json"))
    assert {"swish", "silu"} <= {r["name"] for r in swishes}
    halves = json.loads(called("zoo", "--width", "1/2", "--json"))
    assert {r["width"] for r in halves} == {"1/2"}
    assert "glu" in {r["name"] for r in halves}
    recent = json.loads(called("zoo", "--years", "2020-", "--family", "gated", "--json"))
    assert {r["family"] for r in recent} == {"gated"}
    assert min(r["year"] for r in recent) >= 2020


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--family", "gatde"], ["--family is 'gatde'", "gated"]),
        (["--width", "wide"], ["--width is 'wide'", "1/2"]),
        (["--years", "last"], ["--years is 'last'", "2015-2019"]),
        (["--years", "2020-2010"], ["--years is '2020-2010'"]),
    ],
)
def test_zoo_refuses_wrong_filters(arguments: list[str], words: list[str]) -> None:
    result = CliRunner().invoke(app, ["zoo", *arguments])
    assert isinstance(result.exception, InputError)  # main() turns it into a message and code 2
    assert all(word in str(result.exception) for word in words)
