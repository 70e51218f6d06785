"""What searches lose: servers, processes, disks. All of them are real."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from services import free_port, postgres_server

from evoact import api
from evoact.records import SearchSpec
from evoact.study import dump_space


@pytest.fixture(scope="session")
def tiny() -> SearchSpec:
    return SearchSpec(
        name="tiny",
        task={"name": "digits", "epochs": 1, "batch_size": 256},
        language={"primitives": ["add", "mul", "tanh", "relu", "log", "max"], "max_nodes": 7},
        evolution={"population": 3, "generations": 3, "cohort": 2},
        evaluate={"executor": "inline", "confirm": {"top": 1, "seeds": 2, "baselines": ["relu"]}},
        tracking={"mlflow": "off"},
    )


@pytest.fixture
def workshop(tiny, tmp_path) -> Path:
    """A folder with the space, to start searches in."""
    (tmp_path / "tiny.yaml").write_text(dump_space(tiny))
    return tmp_path


@pytest.fixture(scope="session")
def whole(tiny, tmp_path_factory) -> Path:
    """The folder of the search with seed 7, never disturbed; do not change it."""
    return api.search(tiny, tmp_path_factory.mktemp("undisturbed"), "tiny", 7).folder


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
                # Jobs are for evaluations of language models: eight processes more.
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
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


@pytest.fixture
def postgres(tmp_path_factory):
    """The URI of an empty database of a PostgreSQL server that is started for it."""
    password = "of-a-test"
    folder = tmp_path_factory.mktemp("postgres")
    with postgres_server(folder, password) as port, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", password)
        yield f"postgresql+psycopg://mlflow@127.0.0.1:{port}/mlflow"


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
