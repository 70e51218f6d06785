"""Ctrl-C, SIGTERM and a full disk, as whoever started a search sees them."""

import os
import signal
import subprocess

import pytest
from processes import lines, start, wait_until

from evoact import api
from evoact.records import Evaluated
from evoact.study import Study
from evoact.study.journal import read_journal

SEARCH = ("search", "tiny.yaml", "--seed", "7", "--name", "tiny")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        # Ctrl-C in the default tier: tests/cli/test_cli_search.py.
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_a_search_that_says_how_to_go_on(workshop, number, code):
    process = start(workshop, *SEARCH)
    folder = workshop / "runs" / "tiny"
    wait_until(lambda: lines(folder / "journal.jsonl") >= 3, process)
    os.kill(process.pid, number)
    process.join()
    output = (workshop / "output.txt").read_text()
    assert process.exitcode == code, output
    assert "Go on with:" in output
    assert "resume runs/tiny" in output
    assert "Traceback" not in output
    assert (folder / "journal.jsonl").read_bytes().endswith(b"\n")
    assert not (folder / "lock").read_text()
    assert api.resume(folder).is_finished


@pytest.mark.slow
@pytest.mark.ray
def test_sigterm_ends_a_search_on_ray(workshop):
    """Ray has a handler of its own, which would end the process with code 15."""
    process = start(workshop, *SEARCH, "--executor", "ray", "--workers", "1")
    folder = workshop / "runs" / "tiny"
    wait_until(lambda: lines(folder / "journal.jsonl") >= 3, process)
    process.terminate()
    process.join()
    output = (workshop / "output.txt").read_text()
    assert process.exitcode == 143, output
    assert "resume runs/tiny" in output


@pytest.fixture
def small_disk(workshop):
    """A file system of 20 KiB at `runs`, which can be made larger."""
    runs = workshop / "runs"
    runs.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20k", "evoact-test", str(runs)]
    if os.getuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system; see test_study_journal.py")
    yield lambda size: subprocess.run(
        ["mount", "-o", f"remount,size={size}", str(runs)], check=True
    )
    subprocess.run(["umount", "-l", str(runs)], check=True)


def test_a_full_disk_ends_a_search_that_goes_on_when_there_is_room(workshop, whole, small_disk):
    process = start(workshop, *SEARCH)
    process.join()
    output = (workshop / "output.txt").read_text()
    folder = workshop / "runs" / "tiny"
    assert process.exitcode == 1, output
    assert "cannot be written: No space left on device" in output
    assert "make room" in output
    assert "resume runs/tiny" in output
    assert "Traceback" not in output
    before = (folder / "journal.jsonl").read_bytes()
    assert before.endswith(b"\n")
    assert any(isinstance(record, Evaluated) for record in read_journal(folder))

    process = start(workshop, "resume", "runs/tiny")  # still full: as before
    process.join()
    assert process.exitcode == 1
    assert (folder / "journal.jsonl").read_bytes() == before

    small_disk("8m")
    study = api.resume(folder)
    assert (folder / "journal.jsonl").read_bytes().startswith(before)
    undisturbed = Study.load(whole)
    assert study.winner() == undisturbed.winner()
    ours, theirs = folder / "hall_of_fame.csv", whole / "hall_of_fame.csv"
    assert ours.read_bytes() == theirs.read_bytes()
    assert study.history.evaluations.keys() == undisturbed.history.evaluations.keys()
