"""`evoact export`, called in this process."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import evoact
from evoact.cli.app import app
from evoact.errors import InputError, StudyError
from evoact.language import resolve
from evoact.records import Candidate, Evaluation, GenerationAsked, SearchSpec
from evoact.study import Study

GATE = "left(x) * sigmoid(right(x))"


def exported(folder: Path, what: str, *arguments: str) -> dict[str, Any]:
    """Export as pt2; return what the program says of itself."""
    command = ["export", what, "--format", "pt2", "-o", str(folder / "out"), *arguments]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    about = {"evoact.json": ""}
    torch.export.load(result.output.strip(), extra_files=about)
    told: dict[str, Any] = json.loads(about["evoact.json"])
    return told


@pytest.mark.parametrize("text", [GATE, "a * x where a = 0.5 per channel"])
def test_programs_are_made_for_the_channels_asked_for(text: str, tmp_path: Path) -> None:
    assert exported(tmp_path, text)["channels"] == 64
    assert exported(tmp_path, text, "--channels", "10")["channels"] == 10


def test_what_takes_any_channels_is_made_for_any(tmp_path: Path) -> None:
    assert exported(tmp_path, "relu", "--channels", "7")["channels"] is None


def test_channels_of_a_study(tmp_path: Path) -> None:
    spec = SearchSpec(
        task={"epochs": 1},
        language={"primitives": ["left", "right", "mul", "sigmoid"], "widths": ["1/2"]},
        evolution={"population": 2, "generations": 1, "seeds": [GATE]},
        evaluate={"executor": "inline", "confirm": {"top": 0}},
        tracking={"mlflow": "off"},
    )
    study = evoact.search(spec, name="gates", runs_dir=tmp_path)
    assert exported(tmp_path, str(study.folder))["channels"] == 64
    assert exported(tmp_path, str(study.folder), "--channels", "8")["channels"] == 8


@pytest.mark.parametrize(
    ("channels", "cure"), [("7", "pass 6 or 8"), ("1", "pass 2"), ("1021", "pass 1020 or 1022")]
)
def test_channels_that_fill_no_groups_are_refused(channels: str, cure: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    command = ["export", GATE, "--channels", channels, "-o", str(folder)]
    error = CliRunner().invoke(app, command).exception
    assert isinstance(error, InputError)
    assert f"channels is {channels}, but {GATE!r} needs a multiple of 2; {cure}" in str(error)
    assert not folder.exists()


def test_a_package_from_the_command_line(tmp_path: Path) -> None:
    command = ["export", "x * sigmoid(x)", "--as-package", "my_swish", "-o", str(tmp_path)]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert f"{tmp_path}/my_swish/my_swish/activation.py" in result.output.split()
    error = CliRunner().invoke(app, [*command, "--format", "source"]).exception
    assert isinstance(error, InputError)
    assert "leave out --format and --name" in str(error)


def test_medians_are_for_studies() -> None:
    error = CliRunner().invoke(app, ["export", "relu(x)", "--params", "median"]).exception
    assert "--params median are for the folder of a study" in str(error)


def test_a_packed_journal_without_files_of_parameters(tmp_path: Path) -> None:
    one = Candidate(resolve("x * sigmoid(b * x) where b = 1.0"))
    study = Study.create(SearchSpec(), tmp_path, "kept", 0)
    study.open(())
    study.record(GenerationAsked(0, (one,), ()))
    trained = {"0": {one.late.names[0]: 1.5}}
    study.record_evaluations([replace(Evaluation.ok(one, val_accuracy=0.5), params=trained)])
    study.close()
    journal = study.folder / "journal.jsonl"
    journal.with_suffix(".jsonl.gz").write_bytes(gzip.compress(journal.read_bytes()))
    journal.unlink()
    shutil.rmtree(study.folder / "params")
    assert exported(tmp_path, str(study.folder))["channels"] is None
    error = CliRunner().invoke(app, ["export", str(study.folder), "--params", "trained"]).exception
    assert isinstance(error, StudyError)
    assert "trained parameters cannot be read" in str(error)


def test_medians_of_the_layers_of_a_study(tmp_path: Path) -> None:
    one = Candidate(resolve("x * sigmoid(b * x) where b = 1.0"))
    study = Study.create(SearchSpec(), tmp_path, "layers", 0)
    study.open(())
    study.record(GenerationAsked(0, (one,), ()))
    trained = {str(layer): {one.late.names[0]: value} for layer, value in enumerate((0.5, 1.5, 4))}
    study.record_evaluations([replace(Evaluation.ok(one, val_accuracy=0.5), params=trained)])
    study.close()
    command = ["export", str(study.folder), "--params", "median", "--as-package", "mine"]
    CliRunner().invoke(app, [*command, "-o", str(tmp_path)], catch_exceptions=False)
    assert "starts at 1.5" in (tmp_path / "mine" / "mine" / "activation.py").read_text()
