"""`evoact show --anneal`: g and the function on its way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evoact.cli.app import app
from evoact.errors import InputError
from evoact.language import parse


def called(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["show", *arguments, "--anneal"])
    assert result.exit_code == 0, result.output
    return result.output


def test_g_and_the_functions_are_shown() -> None:
    text = called("silu", "--early", "relu", "--schedule", "cosine", "--end", "0.5")
    assert "relu(x) -> silu(x) (blend, cosine 0-0.5)" in text
    rows = {line.split()[0]: line.split()[1] for line in text.splitlines() if "%" in line}
    assert rows["0%"] == "0.000"
    assert rows["20%"] == "0.345"
    assert rows["50%"] == rows["100%"] == "1.000"
    assert "g = 1" in text


def test_json_tells_the_early_function() -> None:
    data = json.loads(called("mish", "--path", "sharpness", "--json"))
    assert data["early"] == "relu(x)"
    assert data["cost_relative_to_relu"]["early"] < data["cost_relative_to_relu"]["late"]
    assert [row["g"] for row in data["g"]][:5] == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    "text", ["silu", "max(x, a * x) where a = 0.2 per channel", "left(x) * sigmoid(right(x))"]
)
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_figure_is_written(text: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"annealing{suffix}"
    called(text, "--plot", str(path))
    assert path.stat().st_size > 5_000


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("silu", "--path", "stairs"), "path is 'stairs'"),
        (("tanh", "--path", "sharpness"), "tanh"),
        (("glu", "--path", "ladder"), "blend"),
        (("glu", "--early", "relu"), "width"),
        (("silu", "--schedule", "cosin"), "did you mean 'cosine'?"),
        (("silu", "--start", "0.5", "--end", "0.3"), "start"),
        (("silu", "--early", "relu", "--path", "ladder"), "early"),
        (("silu", "--plot", "figure.pdf"), "--plot"),
    ],
)
def test_bad_input_is_told(arguments: tuple[str, ...], told: str) -> None:
    result = CliRunner().invoke(app, ["show", *arguments, "--anneal"])
    assert isinstance(result.exception, InputError), result.exception
    assert told in str(result.exception)


def test_the_command_line_takes_expressions() -> None:
    assert "asinh" in called(str(parse("asinh(x) + 0.5 * x")))
