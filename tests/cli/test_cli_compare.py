"""`evoact compare`: what is printed and written, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evoact.cli.app import app
from evoact.errors import InputError

SHORT = ("--epochs", "1", "--seeds", "2", "--rates", "0.01", "--baseline", "relu")


def called(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["compare", "digits", *arguments, *SHORT])
    assert result.exit_code == 0, result.output
    return result.output


def test_all_three_files_in_a_folder(tmp_path: Path) -> None:
    text = called("2 * max(x, 0)", "-o", str(tmp_path / "new"))
    assert "2 * max(x, 0) is relu, rescaled: = 2 * relu(x)." in text
    assert "n too small to reach .05" in text
    data = json.loads((tmp_path / "new" / "comparison.json").read_text())
    assert [c["label"] for c in data["contestants"]] == ["2 * max(x, 0)", "relu", "relu"]
    assert data["task"]["epochs"] == 1
    assert "| 2 * max(x, 0) |" in (tmp_path / "new" / "comparison.md").read_text()
    assert (tmp_path / "new" / "comparison.svg").read_text().startswith("<?xml")


def test_single_files_and_annealing(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    text = called("tanh", "--path", "ladder", "--end", "0.4", "--controls", "--json", str(path))
    assert "auto -> late, ladder, linear 0-0.4" in text
    roles = [c["role"] for c in json.loads(path.read_text())["contestants"]]
    assert roles == ["contestant", "control", "control", "baseline"]
    assert [p.name for p in tmp_path.iterdir()] == ["found.json"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("digits", "silo"), "did you mean"),
        (("digis", "tanh"), "did you mean 'digits'?"),
        (("digits", "tanh", "--seeds", "1"), "seeds is 1"),
        (("digits", "tanh", "--rates", "fast"), "--rates is 'fast'"),
        (("digits", "tanh", "--rates", "-1"), "wanted positive"),
        (("digits", "tanh", "--network", "cov"), "did you mean 'conv'?"),
        (("digits", "tanh", "--controls"), "--early auto"),
        (("digits", "tanh", "--path", "stairs"), "path is 'stairs'"),
        (("digits", "tanh", "--early", "silo"), "did you mean"),
        (("digits", "relu", "--baseline", "relu"), "at least one baseline"),
        (("digits", "tanh", "--figure", "figure.pdf"), "--figure is figure.pdf"),
        (("digits", "tanh", "--json", "nowhere/f.json"), "no folder nowhere"),
        (("digits", "tanh", "--address", "127.0.0.1:1"), "the executor is inline"),
    ],
)
def test_bad_input_is_told_before_anything_is_trained(arguments, told: str) -> None:
    result = CliRunner().invoke(app, ["compare", *arguments])
    assert isinstance(result.exception, InputError), (result.exception, result.output)
    assert told in str(result.exception)
    assert "fresh seeds" not in result.output


def test_wrong_input_ends_with_code_2(evoact_command) -> None:
    assert "did you mean 'mish'?" in evoact_command("compare", "digits", "mihs", code=2)
