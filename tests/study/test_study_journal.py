"""The journal on disk: torn, damaged, newer, locked, and a disk that is full."""

import json
import os
import resource
import shutil
import subprocess
import sys

import pytest

from evoact.errors import InputError, StudyError
from evoact.language import named
from evoact.records import Candidate, Evaluated, Evaluation, StudyFinished, decode
from evoact.study import Study, run
from evoact.study.journal import JournalWriter, read_journal
from evoact.tracking import HallOfFameCsv


def search(study, evaluator):
    study.open([HallOfFameCsv(study.folder / "hall_of_fame.csv")])
    try:
        run(study, evaluator)
    finally:
        study.close()
    return study


@pytest.fixture(scope="module")
def whole(tmp_path_factory, request):
    """A finished study, and what it is compared with; do not change it."""
    return tmp_path_factory.mktemp("whole")


@pytest.fixture
def finished(whole, tiny, counting):
    if not (whole / "tiny").exists():
        search(Study.create(tiny, whole, "tiny", 7), counting())
    return whole / "tiny"


def copied(folder, to):
    return shutil.copytree(folder, to / folder.name)


def lines_of(folder):
    return (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)


def damage(folder, kind, which=0):
    """Overwrite a part of a line, as a bad block would; return its number and records."""
    lines = lines_of(folder)
    of_kind = [i for i, line in enumerate(lines) if f'"type": "{kind}"'.encode() in line]
    number = of_kind[which]
    line = lines[number]
    lines[number] = line[:-4] + b"\xff\0" + line[-2:]
    (folder / "journal.jsonl").write_bytes(b"".join(lines))
    return number + 1, decode(line.decode())


def test_torn_last_line_is_dropped_with_a_warning_and_cut_off(tiny, tmp_path, counting):
    study = Study.create(tiny, tmp_path, "torn", 7)
    with pytest.raises(KeyboardInterrupt):
        search(study, counting(stop_after=4))
    journal = study.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"type": "evaluated", "eval')
    with pytest.warns(UserWarning, match="not written whole"):
        study = Study.load(study.folder)
    search(study, counting())
    assert isinstance(read_journal(study.folder)[-1], StudyFinished)


@pytest.mark.parametrize(
    ("kind", "which"),
    [
        ("study_started", 0),
        ("generation_asked", 0),
        ("generation_asked", 1),
        ("evaluated", 3),
        ("evaluated", -1),
        ("generation_told", 1),
        ("confirmation_asked", 0),
        ("study_finished", 0),
    ],
)
def test_a_damaged_line_is_kept_aside_and_what_it_said_is_done_again(
    finished, tmp_path, counting, kind, which
):
    folder = copied(finished, tmp_path)
    number, lost = damage(folder, kind, which)
    before = (folder / "journal.jsonl").read_bytes()
    with pytest.warns(UserWarning, match=rf"line {number} \({kind.replace('_', ' ')}\) is damaged"):
        study = Study.load(folder)
    assert study.best(1)  # usable as it is
    assert (folder / "journal.jsonl").read_bytes() == before
    evaluator = counting()
    with pytest.warns(UserWarning, match=r"kept in journal\.damaged-1\.jsonl"):
        search(study, evaluator)
    assert (folder / "journal.damaged-1.jsonl").read_bytes() == before
    assert set(evaluator.trained) == {
        (r.evaluation.candidate_id, r.evaluation.replicate)
        for r in lost
        if isinstance(r, Evaluated)
    }
    ours, theirs = Study.load(folder), Study.load(finished)
    assert ours.winner() == theirs.winner()
    assert ours.history.evaluations.keys() == theirs.history.evaluations.keys()
    assert (folder / "hall_of_fame.csv").read_bytes() == (
        finished / "hall_of_fame.csv"
    ).read_bytes()
    if kind == "study_started":
        assert lines_of(folder)[0] == lines_of(finished)[0]


def test_a_damaged_study_in_steady_state_can_be_looked_at(tiny, tmp_path, counting):
    evolution = tiny.evolution.model_copy(update={"mode": "steady_state"})
    spec = tiny.model_copy(update={"evolution": evolution})
    study = search(Study.create(spec, tmp_path, "steady", 7), counting())
    damage(study.folder, "evaluated", 1)
    with pytest.warns(UserWarning, match="is damaged"):
        again = Study.load(study.folder)
    with pytest.warns(UserWarning, match="can be looked at, exported and sent"):
        again.open([])
    again.close()
    assert again.is_finished
    assert again.winner() == study.winner()


def test_a_study_that_was_stopped_before_its_first_line_goes_on(finished, tiny, tmp_path, counting):
    study = Study.create(tiny, tmp_path, "tiny", 7)
    (study.folder / "journal.jsonl").unlink()
    search(Study.load(study.folder), counting())
    assert (study.folder / "hall_of_fame.csv").read_bytes() == (
        finished / "hall_of_fame.csv"
    ).read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"journal_version": 99}, "journal_version 99"),
        ({"spec": {"spec_version": 99}}, "spec_version 99"),
        ({"versions": {"language": "99"}}, "language_version 99"),
        ({"journal_version": 99, "versions": None, "spec": []}, "journal_version 99"),
    ],
)
def test_newer_studies_are_refused_and_left_alone(finished, tmp_path, changes, message):
    folder = copied(finished, tmp_path)
    first, *rest = lines_of(folder)
    data = json.loads(first)
    for key, value in changes.items():
        data[key] = {**data[key], **value} if isinstance(value, dict) else value
    (folder / "journal.jsonl").write_bytes(json.dumps(data).encode() + b"\n" + b"".join(rest))
    before = (folder / "journal.jsonl").read_bytes()
    with pytest.raises(InputError, match=f"{message}, but this evoact reads up to"):
        Study.load(folder)
    with pytest.raises(InputError, match="install a newer evoact"):
        JournalWriter(folder)
    assert (folder / "journal.jsonl").read_bytes() == before


def test_what_is_no_study_is_told(tmp_path):
    (tmp_path / "space.yaml").write_text("name: a\n")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="is no study"):
            Study.load(folder)


HOLD = """
import pathlib, sys
from evoact.study.lock import StudyLock
lock = StudyLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_writer_is_told_who_the_first_is(tiny, tmp_path):
    study = Study.create(tiny, tmp_path, "a", 0)
    with JournalWriter(study.folder), pytest.raises(StudyError, match=f"process {os.getpid()} on"):
        JournalWriter(study.folder)
    JournalWriter(study.folder).close()


def test_the_lock_of_a_killed_process_keeps_nobody_out(tiny, tmp_path):
    study = Study.create(tiny, tmp_path, "a", 0)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, str(study.folder)], **pipes) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StudyError, match=f"process {other.pid} on .* runs this study"):
            study.open([])
        other.kill()
    assert str(other.pid) in (study.folder / "lock").read_text()
    study.open([])
    study.close()


@pytest.fixture
def small_disk():
    """A disk that ends after so many bytes of a file, for this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_line_that_the_disk_has_no_room_for_leaves_nothing(tiny, tmp_path, small_disk):
    study = Study.create(tiny, tmp_path, "a", 0)
    records = [
        Evaluated(Evaluation.ok(Candidate(named(name)), val_accuracy=0.5))
        for name in ("relu", "silu", "tanh")
    ]
    with JournalWriter(study.folder) as writer:
        writer.append(records[0])
        before = (study.folder / "journal.jsonl").read_bytes()
        small_disk(len(before) + 20)
        with pytest.raises(StudyError, match=r"journal\.jsonl cannot be written: File too large"):
            writer.append(records[1])
        assert (study.folder / "journal.jsonl").read_bytes() == before
        small_disk(10**6)
        writer.append(records[2])
    assert read_journal(study.folder)[1:] == [records[0], records[2]]


def test_a_study_that_cannot_be_created_leaves_no_folder(tiny, tmp_path, small_disk):
    small_disk(100)
    with pytest.raises(StudyError, match="cannot be written"):
        Study.create(tiny, tmp_path, "a", 0)
    small_disk(10**6)
    assert Study.create(tiny, tmp_path, "a", 0).name == "a"
