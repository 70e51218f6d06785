"""Studies of older versions: looked at and exported from, but not gone on with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evoact.api import resume
from evoact.errors import StudyError
from evoact.export import export
from evoact.study import Study

FIXTURE = Path(__file__).parents[1] / "fixtures" / "language_v1" / "study"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FIXTURE, tmp_path / "v1")
    return tmp_path / "v1"


def test_a_study_of_language_version_1_is_read(folder: Path, tmp_path: Path) -> None:
    study = Study.load(folder)
    best = study.best()
    assert len(best) == 8
    # As they were written then: today's normal form of the first one is `x`.
    assert [found.candidate.text for found in best[:3]] == [
        "max(x, x)",
        "min(x, max(x, a0 * x)) where a0 = 0.25",
        "max(x, a0 * x) where a0 = 0.25",
    ]
    assert all((f.candidate.id, 0) in study.history.evaluations for f in best)
    seed = best[2].candidate
    trained = study.trained_params(seed)
    assert trained.keys() == {"act1", "act2"}
    files = export(seed.late, tmp_path / "out", params="trained", trained=trained)
    assert all(file.exists() for file in files)


def test_it_is_not_gone_on_with(folder: Path) -> None:
    lines = (folder / "journal.jsonl").read_text().splitlines(keepends=True)
    (folder / "journal.jsonl").write_text("".join(lines[:2]))
    with (
        pytest.warns(UserWarning, match="language 1 -> 2"),
        pytest.raises(StudyError, match=r"would be bred otherwise now.*'language': '1'"),
    ):
        resume(folder, executor="inline")
