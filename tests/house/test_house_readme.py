"""The README is true: its commands and its Python run as they stand there."""

import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from evoact.language import PRIMITIVES
from evoact.records import OBJECTIVES, is_measured
from evoact.study import space_from_text

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)


def lines(prefix: str) -> list[str]:
    found = [line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines()]
    return [line for line in found if line.startswith(prefix)]


def test_every_shell_line_is_run_by_a_test():
    known = lines("evoact ") + lines("make ")
    every = [line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines()]
    assert [line for line in every if line not in known] == []


COMMANDS = [line for line in lines("evoact ") if not line.startswith("evoact ui ")][1:]


@pytest.mark.parametrize("line", COMMANDS)
def test_command(evoact_command, smoke_run, line):
    before = (smoke_run / "journal.jsonl").read_bytes()
    assert evoact_command(*shlex.split(line)[1:]).strip()
    # The study is finished: looking at it, and even resuming it, trains nothing.
    assert (smoke_run / "journal.jsonl").read_bytes() == before


def test_first_search_exports_a_module_that_runs_with_torch_alone(smoke_run):
    code = (
        "import sys\n"
        "sys.modules['evoact'] = None  # importing it raises\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import torch, winner\n"
        "assert torch.isfinite(winner.Winner()(torch.randn(4, 3))).all()\n"
        "assert not any(name.startswith('evoact.') for name in sys.modules)\n"
    )
    folder = smoke_run / "winners"
    subprocess.run([sys.executable, "-I", "-c", code, str(folder)], check=True, cwd=folder)


def test_ui_serves_the_study(evoact_command, smoke_run):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (line,) = lines("evoact ui ")
    process = evoact_command.start(*shlex.split(line)[1:], "--port", str(port))
    try:
        assert f"http://127.0.0.1:{port}" in process.stdout.readline()
        deadline = time.monotonic() + 90
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                    assert answer.status == 200
                    return
            except OSError:
                assert time.monotonic() < deadline, "the server never answered"
                time.sleep(0.5)
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("code", [text for kind, text in BLOCKS if kind == "python"])
def test_python(workshop, code):
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=workshop)


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "yaml"])
def test_yaml_is_a_space(text):
    objectives = space_from_text(text, "README.md").objectives
    assert all(name in OBJECTIVES or is_measured(name) for name in objectives)


def test_table_of_primitives_is_complete():
    table = README[README.index("| kind | primitives |") :].partition("\n\n")[0]
    named = {name for row in re.findall(r"`([^`]*)`", table) for name in row.split()}
    assert named == set(PRIMITIVES)


@pytest.mark.parametrize("target", ["install", "quickstart", "test", "test-all", "lint"])
def test_make_targets_exist(target):
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, check=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_quickstart_search(evoact_command, workshop):
    """What `make quickstart` runs, in full."""
    (line,) = re.findall(r"\$\(BIN\)/evoact (search .*)", (ROOT / "Makefile").read_text())
    output = evoact_command(*shlex.split(line), "--name", "quickstart-full", within=1500)
    assert "Confirmed with fresh seeds" in output
    assert "about" in output.splitlines()[0]
    for baseline in ("relu", "silu", "gelu"):
        assert f"baseline {baseline}" in output
    assert (workshop / "runs" / "quickstart-full" / "winners" / "winner.py").exists()
