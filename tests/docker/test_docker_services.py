"""What the image starts, started here: MLflow on PostgreSQL, Ray with a token, a search on both."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
BIN = Path(sys.executable).parent
API = "/api/2.0/mlflow/experiments/search?max_results=1"


def health(url: str) -> subprocess.CompletedProcess:
    command = [sys.executable, DOCKER / "healthcheck.py", url]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
class TestMlflow:
    def test_is_healthy(self, mlflow_server):
        address, *_ = mlflow_server
        assert health(f"{address}/health").returncode == 0

    def test_refuses_the_anonymous_and_other_names(self, mlflow_server):
        address, *_ = mlflow_server
        assert status(address + API) == 401
        assert status(address + API, Host="evil.example") == 403

    def test_takes_the_credentials_that_were_made(self, mlflow_server, secrets, tmp_path):
        address, *_ = mlflow_server
        (tmp_path / ".mlflow").mkdir()
        (tmp_path / ".mlflow" / "credentials").symlink_to(secrets / "mlflow_credentials")
        code = (
            "import sys; from mlflow import MlflowClient\n"
            "client = MlflowClient(sys.argv[1])\n"
            "run = client.create_run(client.create_experiment('first'))\n"
            "client.log_text(run.info.run_id, 'kept', 'a.txt')\n"
            "print(client.list_artifacts(run.info.run_id)[0].path)"
        )
        environment = {**os.environ, "HOME": str(tmp_path)}
        command = [sys.executable, "-c", code, address]
        found = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert found.stdout.strip() == "a.txt", found.stderr

    def test_shows_no_secret_to_other_processes(self, mlflow_server, secrets):
        _, server, log = mlflow_server
        processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(True)]
        seen = "\n".join(" ".join(p.cmdline()) for p in processes) + log.read_text()
        assert "mlflow" in seen
        for name in ("postgres_password", "mlflow_password", "mlflow_secret_key"):
            assert (secrets / name).read_text() not in seen
