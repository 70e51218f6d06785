"""`evoact report`: where it writes to, and what it refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from evoact.cli.app import app
from evoact.errors import InputError

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "quickstart"


def test_a_study_gets_its_report_and_its_figures(smoke_run, tmp_path):
    figures = tmp_path / "figures"
    result = CliRunner().invoke(app, ["report", str(smoke_run), "--figures", str(figures)])
    assert result.exit_code == 0, result.output
    path = smoke_run / "report.html"
    assert result.output.splitlines()[0] == str(path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    names = {file.stem for file in figures.glob("*.svg")}
    assert names == {file.stem for file in figures.glob("*.png")}
    assert {"overview", "card", "gallery", "front", "progress", "confirmation"} <= names


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "is no study"),
        ([str(KEPT), "-o", "nowhere/report.html"], "there is no folder"),
        ([str(KEPT), "-o", str(KEPT)], "wanted a file"),
    ],
)
def test_bad_input_is_told(arguments, told):
    result = CliRunner().invoke(app, ["report", *arguments])
    assert isinstance(result.exception, InputError), result.exception
    assert told in str(result.exception)
