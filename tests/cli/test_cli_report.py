"""`evoact report`: where it writes to, and what it refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from evoact.cli.app import app
from evoact.errors import InputError

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "quickstart"


def test_a_study_on_the_disk_gets_its_report(smoke_run, evoact_command):
    said = evoact_command("report", "runs/first")
    path = smoke_run / "report.html"
    assert said.strip() == "runs/first/report.html"
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_figures_are_written_beside_it(tmp_path):
    arguments = ["report", str(KEPT), "-o", str(tmp_path / "r.html"), "--figures", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    names = {path.stem for path in tmp_path.glob("*.svg")}
    assert names == {path.stem for path in tmp_path.glob("*.png")}
    assert {"overview", "card", "film", "gallery", "front", "progress", "confirmation"} <= names


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
