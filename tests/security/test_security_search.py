"""A search on Ray and the pages of MLflow, from outside: sockets, process arguments, files."""

import os
import shutil
import socket
import tempfile
import time
import urllib.request
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest

TOKEN, PASSWORD = "t0ken" * 13, "pa55word" * 5
SPACE = """
name: seen
task: {name: digits, epochs: 1, batch_size: 256}
language: {primitives: [mul, tanh, relu], max_nodes: 5}
evolution: {population: 3, generations: 1, seeds: [relu, tanh]}
evaluate: {executor: ray, workers: 1, confirm: {top: 1, seeds: 2, baselines: [relu]}}
"""


class Watch:
    """What is seen of a process and its children while it runs."""

    def __init__(self) -> None:
        self.listening: set[tuple[str, str, int]] = set()
        self.arguments: set[str] = set()

    def look(self, pid: int) -> None:
        try:
            processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in processes:
            try:
                name = process.name()
                self.arguments.add(" ".join(process.cmdline()))
                for c in process.net_connections("inet"):
                    if c.status == psutil.CONN_LISTEN or c.type == socket.SOCK_DGRAM:
                        self.listening.add((name, c.laddr.ip, c.laddr.port))
            except psutil.Error:  # it ended meanwhile
                continue

    def outside_loopback(self) -> list[tuple[str, str, int]]:
        return [found for found in self.listening if not _is_loopback(found[1])]


def _is_loopback(address: str) -> bool:
    found = ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


@pytest.fixture(scope="module")
def searched(evoact_command, tmp_path_factory):
    """A search with secrets in its environment: the watch, what it printed, its files."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "space.yaml").write_text(SPACE)
    ray_folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # names of sockets are short
    secrets = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "MLFLOW_TRACKING_USERNAME": "me",
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
    }
    command = ["search", str(folder / "space.yaml"), "--runs-dir", str(folder / "runs")]
    watch, printed = Watch(), folder / "printed"
    with evoact_command.start(*command, RAY_TMPDIR=ray_folder, **secrets) as process:
        while process.poll() is None:
            watch.look(process.pid)
            time.sleep(0.1)
        out, err = process.communicate()
    printed.write_text(out + err)
    assert process.returncode == 0, out + err
    yield watch, folder, Path(ray_folder)
    shutil.rmtree(ray_folder, ignore_errors=True)


@pytest.mark.ray
def test_a_search_on_ray_listens_on_loopback_alone(searched):
    watch, *_ = searched
    names = {name for name, *_ in watch.listening}
    assert {"raylet", "gcs_server"} <= names
    assert not watch.outside_loopback()


@pytest.mark.ray
def test_no_secret_is_in_arguments_of_processes(searched):
    watch, *_ = searched
    assert any("raylet" in line for line in watch.arguments)
    assert not [line for line in watch.arguments if TOKEN in line or PASSWORD in line]


@pytest.mark.ray
def test_no_secret_is_in_files_of_the_study_its_store_or_logs(searched):
    _, folder, ray_folder = searched
    files = [p for root in (folder, ray_folder) for p in root.rglob("*") if p.is_file()]
    names = {path.name for path in files}
    assert {"journal.jsonl", "mlflow.db", "printed", "gcs_server.out"} <= names
    for path in files:
        data = path.read_bytes()
        assert TOKEN.encode() not in data, path
        assert PASSWORD.encode() not in data, path


def test_the_pages_of_mlflow_listen_on_loopback_alone(evoact_command, smoke_run):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    watch = Watch()
    process = evoact_command.start("ui", "--port", str(port))
    try:
        deadline = time.monotonic() + 90
        while not any(found[2] == port for found in watch.listening):
            watch.look(process.pid)
            assert time.monotonic() < deadline, "the server never listened"
            time.sleep(0.2)
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
        watch.look(process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert not watch.outside_loopback()


def test_what_listens_on_all_interfaces_would_be_seen():
    watch = Watch()
    with socket.create_server(("0.0.0.0", 0)):
        watch.look(os.getpid())
    assert watch.outside_loopback()


@pytest.mark.parametrize(
    "uri", [f"http://me:{PASSWORD}@127.0.0.1:1", f"postgresql://m:{PASSWORD}@x/y"]
)
def test_a_tracking_uri_with_a_password_goes_nowhere(evoact_command, tmp_path, uri):
    (tmp_path / "space.yaml").write_text(SPACE + f"tracking: {{mlflow: '{uri}'}}\n")
    for more in ([], ["--dry-run"]):
        command = ["search", str(tmp_path / "space.yaml"), "--runs-dir", str(tmp_path / "runs")]
        printed = evoact_command(*command, *more, code=2)
        assert "with a password" in printed
        assert PASSWORD not in printed
    assert [p.name for p in tmp_path.iterdir()] == ["space.yaml"]
