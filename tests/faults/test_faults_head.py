"""The head of a Ray cluster is lost: the search ends by itself, and says how to go on."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from processes import lines, start, wait_until
from services import free_port

from evoact import api
from evoact.errors import StudyError
from evoact.study import dump_space

MARK = "EVOACT_TEST_HEAD"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def watch():
    """A watch on a head, and the clock by which it waits."""
    from evoact.study.evaluators.head import HeadWatch

    clock = Clock()
    return lambda address: (HeadWatch(address, patience=20.0, clock=clock), clock)


def test_a_head_that_stops_answering_is_lost_after_a_while(watch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        head, clock = watch(f"127.0.0.1:{port}")
        clock.now = 1000.0
        head.check()
    clock.now += 19.0
    head.check()  # it may be started anew
    with socket.create_server(("127.0.0.1", port)):
        head.check()
    clock.now += 19.0
    head.check()
    clock.now += 2.0
    with pytest.raises(StudyError, match=rf"its head at 127\.0\.0\.1:{port} has stopped"):
        head.check()


def test_a_head_that_cannot_be_reached_from_here_is_not_watched(watch):
    head, clock = watch("127.0.0.1:1")
    clock.now = 1000.0
    head.check()


def of_the_head():
    """The processes of the cluster that the test started."""
    found = []
    for process in psutil.process_iter():
        try:
            if MARK in process.environ():
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def ray_head(monkeypatch):
    """The address of a cluster of its own."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    port = free_port()
    ray = [str(Path(sys.executable).with_name("ray")), "start", "--head", f"--port={port}"]
    ray += ["--node-ip-address=127.0.0.1", "--num-cpus=1", "--include-dashboard=false"]
    subprocess.run(ray, env={**os.environ, MARK: "1"}, check=True, capture_output=True)
    yield f"127.0.0.1:{port}"
    for process in of_the_head():
        process.kill()
    # What `ray start` leaves for the next one who says no address.
    Path("/tmp/ray/ray_current_cluster").unlink(missing_ok=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # machines may be busy
@pytest.mark.ray
@pytest.mark.parametrize("lost", ["gcs_server", ""])
def test_a_head_that_is_killed_ends_the_search(tiny, tmp_path, ray_head, lost):
    """Its server of the cluster's state alone, or all of it."""
    (tmp_path / "tiny.yaml").write_text(dump_space(tiny))
    folder = tmp_path / "runs" / "tiny"
    arguments = ["tiny.yaml", "--seed", "7", "--name", "tiny", "--set", "task.epochs=1500"]
    process = start(tmp_path, "search", *arguments, "--executor", "ray", "--address", ray_head)
    wait_until(lambda: lines(folder / "journal.jsonl") >= 3, process)
    for victim in of_the_head():
        if victim.name().startswith(lost):
            victim.kill()
    process.join(150)
    output = (tmp_path / "output.txt").read_text()
    assert process.exitcode == 1, output
    assert "the Ray cluster was lost" in output
    assert "resume runs/tiny" in output
    assert "Traceback" not in output
    before = (folder / "journal.jsonl").read_bytes()
    study = api.resume(folder, executor="inline")
    assert study.is_finished
    assert (folder / "journal.jsonl").read_bytes().startswith(before)
