"""A study whose journal is packed: read as it is, written by nobody."""

import gzip
import shutil
from pathlib import Path

import pytest

from evoact.errors import StudyError
from evoact.study import Study

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "quickstart"


def test_it_is_read_as_if_it_were_unpacked(tmp_path):
    (tmp_path / "journal.jsonl").write_bytes(
        gzip.decompress((KEPT / "journal.jsonl.gz").read_bytes())
    )
    packed, unpacked = Study.load(KEPT), Study.load(tmp_path)
    assert packed.winner() == unpacked.winner()
    assert packed.winner().text == "1.58024 * x * signed_sqrt(abs(x))"
    assert packed.history == unpacked.history


def test_nobody_goes_on_with_it(tmp_path):
    shutil.copy(KEPT / "journal.jsonl.gz", tmp_path)
    study = Study.load(tmp_path)
    with pytest.raises(StudyError, match="gunzip"):
        study.open([])
    assert [file.name for file in tmp_path.iterdir()] == ["journal.jsonl.gz"]


def test_damage_is_told(tmp_path):
    (tmp_path / "journal.jsonl.gz").write_bytes((KEPT / "journal.jsonl.gz").read_bytes()[:5000])
    with pytest.raises(StudyError, match=r"journal\.jsonl\.gz cannot be unpacked"):
        Study.load(tmp_path)
