"""PostgreSQL and MLflow as docker/compose.yaml runs them, on loopback."""

import os
import pwd
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from docker_services import PATH, free_port, running

DOCKER = Path(__file__).parents[2] / "docker"


@pytest.fixture(scope="session")
def secrets(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run([DOCKER / "make-secrets.sh", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory, secrets):
    """The port of a server with the user, the password and the database of the compose file."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder, port = tmp_path_factory.mktemp("postgres"), free_port()
    binaries, more = Path(initdb).resolve().parent, {}
    if os.geteuid() == 0:  # which PostgreSQL refuses
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        for parent in [folder, *folder.parents][:-2]:
            parent.chmod(parent.stat().st_mode | 0o011)
        more = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
    password = folder / "password"
    shutil.copy(secrets / "postgres_password", password)
    password.chmod(0o444)
    data = folder / "data"
    options = ["-U", "mlflow", "-A", "scram-sha-256", f"--pwfile={password}", "-N"]
    subprocess.run(
        [binaries / "initdb", "-D", data, *options], check=True, stdout=subprocess.DEVNULL, **more
    )
    server = [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
    environment = {**os.environ, "PGPASSWORD": password.read_text()}
    create = [binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow"]
    deadline = time.monotonic() + 60
    with running(server, stderr=subprocess.DEVNULL, **more):
        while subprocess.run(
            create, env=environment, stderr=subprocess.DEVNULL, check=False
        ).returncode:
            assert time.monotonic() < deadline, "PostgreSQL never answered"
            time.sleep(0.2)
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
