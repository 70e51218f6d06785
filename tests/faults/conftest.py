"""What searches lose: servers, processes, disks. All of them are real."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from processes import free_port

from evoact.records import SearchSpec

POSTGRES = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def tiny() -> SearchSpec:
    return SearchSpec(
        name="tiny",
        task={"name": "digits", "epochs": 1, "batch_size": 256},
        language={"primitives": ["add", "mul", "tanh", "relu", "log", "max"], "max_nodes": 7},
        evolution={"population": 3, "generations": 3, "cohort": 2},
        evaluate={"executor": "inline", "confirm": {"top": 1, "seeds": 2, "baselines": ["relu"]}},
        tracking={"mlflow": "off"},
    )


class MlflowServer:
    """`mlflow server` on a port of its own, which can be killed and started again."""

    def __init__(self, store: str, folder: Path) -> None:
        self.port, self.folder = free_port(), folder
        self.uri = f"http://127.0.0.1:{self.port}"
        self.arguments = ["--backend-store-uri", store, "--host", "127.0.0.1", "--workers", "1"]
        self.arguments += ["--artifacts-destination", str(folder / "artifacts")]
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "mlflow",
                    "server",
                    *self.arguments,
                    "--port",
                    f"{self.port}",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,  # its own workers are killed with it
            )
        deadline = time.monotonic() + 400
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=5).close()
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert self.process.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.2)
        pytest.fail("the MLflow server does not start")

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def postgres():
    """The URI of a database of a PostgreSQL server that is started for it."""
    if not (POSTGRES / "initdb").exists():
        pytest.skip(f"no PostgreSQL at {POSTGRES}")
    if find_spec("psycopg2") is None:
        pytest.skip("psycopg2, by which MLflow speaks to PostgreSQL, is not installed")
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no setpriv")
    folder, port = Path(tempfile.mkdtemp(prefix="evoact-postgres-")), free_port()
    as_other: list[str] = []
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
        as_other = ["setpriv", "--reuid=nobody", "--clear-groups"]
    make = [*as_other, POSTGRES / "initdb", "-D", folder / "data", "-U", "evoact", "--no-sync"]
    subprocess.run(make, check=True, capture_output=True, cwd=folder)
    serve = [POSTGRES / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder, "-h"]
    log = (folder / "log").open("wb")
    process = subprocess.Popen([*as_other, *serve, "127.0.0.1"], cwd=folder, stdout=log, stderr=log)
    ready = [POSTGRES / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + 60
    while subprocess.run(ready, capture_output=True, check=False).returncode:
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.2)
    yield f"postgresql+psycopg2://evoact@127.0.0.1:{port}/postgres"
    process.send_signal(signal.SIGINT)
    process.wait()
    log.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mlflow_server(request, fresh_store, tmp_path):
    """A server on the store that `request.param` names; not started yet."""
    if request.param == "postgresql":
        store = request.getfixturevalue("postgres")
    else:
        store = request.getfixturevalue("store")
    server = MlflowServer(store, tmp_path)
    yield server
    server.kill()
