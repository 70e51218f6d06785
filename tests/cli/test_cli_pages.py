"""`evoact ui` and what opens its pages; `--quiet`; completion."""

import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

EVOACT = Path(sys.executable).with_name("evoact")


@pytest.fixture
def slow_server():
    """A server that is not well at first."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(503 if len(asked) < 3 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_a_page_is_opened_when_its_server_is_well(slow_server, tmp_path):
    url, asked = slow_server
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    page = f"{url}/#/experiments/1"
    subprocess.run(
        [sys.executable, "-m", "evoact.cli.opening", page, f"{url}/health"],
        env={**os.environ, "BROWSER": f"{browser} %s"}, check=True,
    )  # fmt: skip
    assert opened.read_text().strip() == page
    assert asked == ["/health"] * 3


def test_a_study_without_a_page_is_told_with_the_cure(evoact_command, smoke_run, tmp_path):
    alone = tmp_path / "runs" / "first"
    shutil.copytree(smoke_run, alone)
    said = evoact_command("ui", str(alone), code=2)
    assert f"there is no MLflow store beside {alone}" in said
    assert f"evoact sync {alone} --to embedded" in said
    assert sorted(path.name for path in alone.parent.iterdir()) == ["first"]
    # The store beside it is of another study: the folder was copied.
    shutil.copy(smoke_run.parent / "mlflow.db", alone.parent)
    assert f"MLflow has no page of {alone}" in evoact_command("ui", str(alone), code=2)


def test_quiet_says_only_what_was_found(evoact_command, smoke_run):
    quiet = evoact_command("resume", "runs/first", "--quiet")
    assert "generation" not in quiet
    assert "Hall of fame:" in quiet


@pytest.mark.skipif(not EVOACT.exists(), reason="evoact is not installed as a command")
@pytest.mark.parametrize(
    ("line", "offered"), [("evoact se", ["search"]), ("evoact search --qu", ["--quiet"])]
)
def test_a_shell_completes_commands_and_options(line, offered):
    words = line.split()
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [EVOACT], env={**os.environ, **asked, "_EVOACT_COMPLETE": "complete_bash"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == offered
