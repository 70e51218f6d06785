"""What the image starts, started here: MLflow on PostgreSQL, Ray with a token, a search on both."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from services import PATH, free_port, running

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
SPACE = """
task: {name: digits, epochs: 1, batch_size: 256}
language: {primitives: [mul, tanh, relu], max_nodes: 5}
evolution: {population: 3, generations: 1, seeds: [relu, tanh]}
evaluate: {executor: ray, workers: 1, confirm: {top: 1, seeds: 2, baselines: [relu]}}
"""
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


@pytest.fixture(scope="module")
def head(secrets):
    """A Ray head as the compose file starts it: environment, address, pages, process."""
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # names of sockets are short
    port, dashboard, agent = free_port(), free_port(), free_port()
    environment = {
        **os.environ,
        "PATH": PATH,
        "HOME": folder,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(secrets / "ray_token"),
        "RAY_TMPDIR": folder,
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listen on loopback
    }
    options = f"--port={port} --num-cpus=1 --num-gpus=0 --temp-dir={folder} --block "
    options += f"--dashboard-port={dashboard} --dashboard-agent-listen-port={agent} "
    options += "--dashboard-host=127.0.0.1 --include-dashboard=true "
    options += f"--ray-client-server-port={free_port()} --min-worker-port=0 --max-worker-port=0"
    log = Path(folder) / "printed"
    raylet = f"http://127.0.0.1:{agent}/api/local_raylet_healthz"
    pages = f"http://127.0.0.1:{dashboard}"
    deadline = time.monotonic() + 120
    with (
        log.open("w") as output,
        running(
            ["ray", "start", "--head", *options.split()],
            env=environment,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        while health(raylet).returncode or health(pages).returncode:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        yield environment, f"127.0.0.1:{port}", raylet, pages
    assert health(raylet).returncode == 1
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(900)
class TestRay:
    def test_pages_want_the_token(self, head, secrets):
        *_, dashboard = head
        assert status(f"{dashboard}/api/jobs/") == 401
        token = (secrets / "ray_token").read_text()
        assert status(f"{dashboard}/api/jobs/", Authorization=f"Bearer {token}") == 200

    @pytest.mark.parametrize(
        "more",
        [{"RAY_AUTH_TOKEN": "0" * 64}, {"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_TOKEN_PATH": ""}],
    )
    def test_searches_want_the_token(self, head, tmp_path, more):
        environment, address, *_ = head
        options = ["--runs-dir", str(tmp_path), "--executor", "ray", "--address", address]
        run = subprocess.run(
            [sys.executable, "-m", "evoact", "search", "search_spaces/smoke.yaml", *options],
            env={**environment, "HOME": str(tmp_path), **more},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 2, run.stdout + run.stderr
        assert "error: --address" in run.stderr
        assert "Traceback" not in run.stderr
        assert not list(tmp_path.glob("*/journal.jsonl"))

    def test_a_search_is_started_once_and_then_resumed(
        self, head, mlflow_server, secrets, tmp_path
    ):
        environment, address, *_ = head
        tracking, *_ = mlflow_server
        (tmp_path / ".mlflow").mkdir()
        (tmp_path / ".mlflow" / "credentials").symlink_to(secrets / "mlflow_credentials")
        environment |= {
            "HOME": str(tmp_path),
            "RUNS_DIR": str(tmp_path / "runs"),
            "RAY_ADDRESS": address,
            "EVOACT_TRACKING": tracking,
        }
        (tmp_path / "space.yaml").write_text(SPACE)
        for _ in range(2):
            run = subprocess.run(
                [DOCKER / "search-or-resume.sh", "once", tmp_path / "space.yaml"],
                env=environment,
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert run.returncode == 0, run.stdout + run.stderr
            assert f"Inspect it in MLflow at: {tracking}" in run.stdout
            journal = (tmp_path / "runs" / "once" / "journal.jsonl").read_bytes()
            first = locals().get("first", journal)
        assert journal == first
        for name in ("ray_token", "mlflow_password", "postgres_password"):
            assert (secrets / name).read_bytes() not in journal


def test_a_page_that_does_not_answer_is_unhealthy():
    found = health(f"http://127.0.0.1:{free_port()}/")
    assert found.returncode == 1
    assert "refused" in found.stderr


def test_the_slurm_job_starts_what_ray_understands(tmp_path):
    """The script runs, Slurm's two commands told apart: what they are given is looked at."""
    from ray.scripts.symmetric_run import curate_and_validate_ray_start_args

    for name, text in {
        "scontrol": "echo node7; echo node8",
        "srun": "printf '%s\\0' \"$@\"",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    job = {
        "SLURM_JOB_NODELIST": "node[7-8]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_ID": "123456",
        "SLURM_CPUS_PER_TASK": "16",
        "SLURM_SUBMIT_DIR": str(ROOT),
    }
    environment = {"PATH": f"{tmp_path}:{PATH}", "HOME": str(tmp_path), **job}
    command = ["bash", DOCKER / "slurm.sbatch", "mine", "a.yaml", "--seed", "7"]
    printed = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    *options, script, name, space, flag, seed = printed.decode().split("\0")[:-1]
    assert (name, space, flag, seed) == ("mine", "a.yaml", "--seed", "7")
    assert Path(script) == DOCKER / "search-or-resume.sh"
    assert options[:4] == ["--nodes=2", "--ntasks=2", "ray", "symmetric-run"]
    assert options[-1] == "--"
    assert "node7:23456" in options
    assert curate_and_validate_ray_start_args(options[4:-1]) == ["--num-cpus", "16"]
    token = tmp_path / ".ray" / "auth_token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.read_bytes() not in printed
