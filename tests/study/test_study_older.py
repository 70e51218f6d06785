"""Studies that an older evoact began."""

from __future__ import annotations

import shutil
from pathlib import Path

from study_runs import gone_on

from evoact.records import GenerationAsked
from evoact.study import InlineEvaluator
from evoact.study.journal import read_journal

V3 = Path(__file__).parents[1] / "fixtures" / "spec_v3"
KEPT = 30  # of the journal's lines: some generations of ten


def test_a_study_of_version_3_goes_on_and_breeds_what_it_would_have(tmp_path: Path) -> None:
    folder = tmp_path / "v3"
    shutil.copytree(V3, folder)
    lines = (V3 / "journal.jsonl").read_text().splitlines(keepends=True)
    (folder / "journal.jsonl").write_text("".join(lines[:KEPT]))
    gone_on(folder, InlineEvaluator())
    bred = [[r for r in read_journal(f) if isinstance(r, GenerationAsked)] for f in (V3, folder)]
    assert [r.candidates for r in bred[0]] == [r.candidates for r in bred[1]]
    assert len(bred[1]) == 10
