"""Services that tests start: where programs are, ports that are free, PostgreSQL."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

# Programs of the environment that the tests run in, as in the image.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command: list, **more) -> Iterator[subprocess.Popen]:
    """A process that is there meanwhile; its children, groups of their own or not, end with it."""
    with subprocess.Popen(command, **more) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                found = psutil.Process(process.pid)
                for each in [*found.children(recursive=True), found]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()


@contextlib.contextmanager
def postgres_server(folder: Path, password: str) -> Iterator[int]:
    """The port of a server on loopback that has a database and a user `mlflow`.

    The test is skipped where PostgreSQL is not installed, or cannot run.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    port, binaries, more = free_port(), Path(initdb).resolve().parent, _as_its_user(folder)
    (folder / "password").write_text(password)
    (folder / "password").chmod(0o444)
    data = folder / "data"
    options = ["-U", "mlflow", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "-N"]
    subprocess.run(
        [binaries / "initdb", "-D", data, *options], check=True, stdout=subprocess.DEVNULL, **more
    )
    server = [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
    environment = {**os.environ, "PGPASSWORD": password}
    create = [binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow"]
    deadline = time.monotonic() + 60
    with running(server, stderr=subprocess.DEVNULL, **more):
        while subprocess.run(
            create, env=environment, stderr=subprocess.DEVNULL, check=False
        ).returncode:
            assert time.monotonic() < deadline, "PostgreSQL never answered"
            time.sleep(0.2)
        yield port


def _as_its_user(folder: Path) -> dict:
    """How to start PostgreSQL in a folder: root gives up its rights, as it must."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    for parent in [folder, *folder.parents][:-2]:
        parent.chmod(parent.stat().st_mode | 0o011)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
