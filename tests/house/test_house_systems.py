"""The record of the ideas that evoact grows from: `benchmarks/systems.py`."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
# Those that train nothing: two seconds, and as many to start.
CHEAP = ("rectifiers", "space folding", "linear regions", "preservation", "census", "regression")


def run(*arguments: str, within: float) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "benchmarks/systems.py", "--quick", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        call,
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=within,
    )


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("systems")


def test_claims_that_need_no_training_are_met(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    result = run("--only", *CHEAP, "--workers", "1", "--json", str(file), within=120)
    assert result.returncode == 0, result.stdout + result.stderr
    data = json.loads(file.read_text())
    assert len(data["rows"]) == len(CHEAP)
    assert all(row["met"] for row in data["rows"])
    lines = [line for line in result.stdout.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[3] for line in lines] == ["met"] + len(CHEAP) * ["yes"]
    (folds,) = (row["values"] for row in data["rows"] if "folding" in row["system"])
    assert folds == {"deep": 256, "shallow": 17}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_claims_are_met() -> None:
    result = run(within=800)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_row_that_fails_is_told_as_one(
    systems: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: object) -> None:
        raise ValueError("|a| is\nnot b")

    row = systems.Row("s", "c", fails)
    monkeypatch.setattr(systems, "ROWS", (row,))
    measured, seconds = systems._measure(0, systems.Effort())
    told = [systems.Told(row, measured, seconds)]
    monkeypatch.setattr(systems, "measured", lambda *_: told)
    monkeypatch.setattr(sys, "argv", ["systems.py", "--quick"])
    with pytest.raises(SystemExit) as ended:
        systems.main()
    assert ended.value.code == 1
    assert r"| S | c | failed: ValueError: \|a\| is not b | **no** |" in capsys.readouterr().out


def test_every_file_of_rows_is_in_the_table(systems: ModuleType) -> None:
    files = (ROOT / "benchmarks").glob("systems_*.py")
    with_rows = {path.stem for path in files if "\nROWS" in path.read_text()}
    assert {module.__name__ for module in systems.MODULES} == with_rows
    names = [(row.system, row.claim) for row in systems.ROWS]
    assert len(names) == len(set(names))
