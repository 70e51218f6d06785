"""PostgreSQL and MLflow as docker/compose.yaml runs them, on loopback."""

import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from services import PATH, free_port, postgres_server, running

DOCKER = Path(__file__).parents[2] / "docker"


@pytest.fixture(scope="session")
def secrets(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run([DOCKER / "make-secrets.sh", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory, secrets):
    """The port of a server with the user, the password and the database of the compose file."""
    password = (secrets / "postgres_password").read_text()
    with postgres_server(tmp_path_factory.mktemp("postgres"), password) as port:
        yield port


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory, postgres, secrets):
    """The address of the server that the compose file starts, and its process."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    environment = {
        "PATH": PATH,
        "HOME": str(folder),
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres),
        "PGUSER": "mlflow",
        "ARTIFACTS": str(folder / "artifacts"),
        "POSTGRES_PASSWORD_FILE": str(secrets / "postgres_password"),
        "MLFLOW_PASSWORD_FILE": str(secrets / "mlflow_password"),
        "MLFLOW_SECRET_KEY_FILE": str(secrets / "mlflow_secret_key"),
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"127.0.0.1:{port}",
    }
    log = folder / "log"
    command = [DOCKER / "mlflow-server.sh", "--host", "127.0.0.1", "--port", str(port)]
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 200
    with (
        log.open("w") as output,
        running(command, env=environment, cwd=folder, stdout=output, stderr=output) as server,
    ):
        while True:
            try:
                urllib.request.urlopen(f"{address}/health").close()
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.3)
        yield address, server, log
