"""Trainings that were interrupted go on from a checkpoint, to the same bits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_training_invariance import CANDIDATES, DIVERGES, GROUPWISE, TEXTS

from evoact.language import parse, resolve
from evoact.records import Anneal, Candidate, Checkpoint, Cohort, Evaluation, Halving, TaskSpec
from evoact.training import forming, train_cohort
from evoact.training.checkpoint import CohortFile
from evoact.training.prefix import Prefixes

EPOCHS = 5
TASK = TaskSpec(name="digits", network="mlp", epochs=EPOCHS, batch_size=359)
SHARED = [
    Candidate(resolve(text), Anneal(parse("relu(x)"), "linear", start, 0.8))
    for text, start in zip(TEXTS[3:7], (0.2, 0.4, 0.4, 0.6), strict=True)
]


EARLY_DONE = [
    *(Candidate(resolve(text)) for text in TEXTS[:3]),
    Candidate(resolve(TEXTS[3]), Anneal(parse("relu(x)"), "linear", 0.0, 0.2)),
]


def own(name: str, **more: Any) -> TaskSpec:
    return TaskSpec(use=f"own_tasks:{name}", epochs=EPOCHS, batch_size=32, **more)


def halving(**more: Any) -> Halving:
    return Halving((1, 3), 2, "val_accuracy", True, **more)


COHORTS = {
    "annealed": Cohort((*CANDIDATES[:5], DIVERGES, GROUPWISE), TASK, 3),
    "prefixes": Cohort((*SHARED, CANDIDATES[1]), TASK, 3, share_prefix=True),
    "rungs": Cohort((*EARLY_DONE, GROUPWISE, DIVERGES), TASK, 3, halving=halving()),
    "own stack": Cohort(tuple(CANDIDATES[:2]), own("Curve"), 3),
    "own network": Cohort((CANDIDATES[1], CANDIDATES[2]), own("Noisy"), 3, test=True),
    "several": Cohort((CANDIDATES[1], DIVERGES), TASK, 3, tasks=(TASK, own("Noisy"))),
}


class Interrupted(BaseException):
    """As Ctrl-C: no fault of a candidate."""


def results(evaluations: list[Evaluation]) -> list[str]:
    return [json.dumps({**one.to_dict(), "seconds": 0.0}) for one in evaluations]


def kept(cohort: Cohort, folder: Path, every: float = 1e-9) -> Cohort:
    return replace(cohort, checkpoint=Checkpoint(str(folder / "checkpoints"), every))


def interrupted(cohort: Cohort, saves: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Train until so many checkpoints are written; return whether that many are."""
    left = iter(range(saves))

    def save(self: CohortFile, state: Any) -> None:
        original(self, state)
        if next(left, None) == saves - 1:
            raise Interrupted

    original = CohortFile.save
    with monkeypatch.context() as patched:
        patched.setattr(CohortFile, "save", save)
        try:
            train_cohort(cohort)
        except Interrupted:
            return True
    return False


@pytest.fixture(autouse=True)
def _fresh_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in another process, which keeps no prefixes of this one."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setattr(forming, "_PREFIXES", Prefixes())
    return


@pytest.mark.parametrize("name", COHORTS)
def test_interrupted_at_any_epoch_it_gives_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = results(train_cohort(COHORTS[name]))
    for saves in (1, 4, 8):
        monkeypatch.setattr(forming, "_PREFIXES", Prefixes())
        cohort = kept(COHORTS[name], tmp_path)
        again = interrupted(cohort, saves, monkeypatch)
        assert list((tmp_path / "checkpoints").iterdir()) or not again
        monkeypatch.setattr(forming, "_PREFIXES", Prefixes())
        assert results(train_cohort(cohort)) == whole
        assert not list((tmp_path / "checkpoints").iterdir())


def test_it_goes_on_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is interrupted again; no epoch is trained twice."""
    cohort, written = kept(COHORTS["annealed"], tmp_path), []
    for _ in range(2 * EPOCHS):  # of two stacks
        assert interrupted(cohort, 1, monkeypatch)
        written.append(len(list((tmp_path / "checkpoints").iterdir())))
    assert not interrupted(cohort, 1, monkeypatch)
    assert set(written) == {1}


def test_resumed_in_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = kept(COHORTS["prefixes"], tmp_path)
    whole = results(train_cohort(replace(cohort, checkpoint=None)))
    monkeypatch.setattr(forming, "_PREFIXES", Prefixes())
    assert interrupted(cohort, 3, monkeypatch)
    script = (
        "import json, sys; from evoact.records import Cohort; from evoact.training import *; "
        "found = train_cohort(Cohort.from_dict(json.load(sys.stdin))); "
        "json.dump([one.to_dict() for one in found], sys.stdout)"
    )
    given = json.dumps(cohort.to_dict())
    done = subprocess.run(
        [sys.executable, "-c", script], input=given, capture_output=True, text=True, check=True
    )
    assert results([Evaluation.from_dict(one) for one in json.loads(done.stdout)]) == whole


def test_files_that_are_of_no_use_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = kept(COHORTS["own stack"], tmp_path)
    whole = results(train_cohort(COHORTS["own stack"]))
    assert interrupted(cohort, 2, monkeypatch)
    (path,) = (tmp_path / "checkpoints").iterdir()
    good = path.read_bytes()
    assert interrupted(kept(replace(cohort, seed=4), tmp_path), 2, monkeypatch)
    (other,) = {*(tmp_path / "checkpoints").iterdir()} - {path}
    for bad in (b"", good[: len(good) // 2], b"x" * 200, other.read_bytes(), good[:-8]):
        path.write_bytes(bad)
        with pytest.warns(UserWarning, match="is ignored, and the training begins anew: "):
            assert results(train_cohort(cohort)) == whole
        assert not path.exists()
    assert other.exists()


def test_where_the_study_is_not_seen_nothing_is_kept(tmp_path: Path) -> None:
    cohort = kept(COHORTS["own stack"], tmp_path / "elsewhere")
    assert results(train_cohort(cohort)) == results(train_cohort(COHORTS["own stack"]))
    assert not (tmp_path / "elsewhere").exists()


def test_only_so_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = kept(COHORTS["own stack"], tmp_path, every=3600.0)
    assert not interrupted(cohort, 2, monkeypatch)


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file")
    with pytest.warns(UserWarning, match="no checkpoint of a training is kept"):
        found = train_cohort(kept(COHORTS["own stack"], tmp_path))
    assert results(found) == results(train_cohort(COHORTS["own stack"]))
