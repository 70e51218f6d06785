"""`evoact compare`: what is printed and written, and what is refused."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evoact.cli.app import app
from evoact.errors import InputError

SHORT = ("--epochs", "1", "--seeds", "2", "--rates", "0.01", "--baseline", "relu")
JOURNALS = "compare-digits-*/journal.jsonl"


def called(runs: Path, *arguments: str) -> str:
    command = ["compare", "digits", *arguments, *SHORT, "--runs-dir", str(runs)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return result.output


def test_all_three_files_in_a_folder(tmp_path: Path) -> None:
    text = called(tmp_path, "2 * max(x, 0)", "-o", str(tmp_path / "new"))
    assert "2 * max(x, 0) is relu, rescaled: = 2 * relu(x)." in text
    assert "n too small to reach .05" in text
    data = json.loads((tmp_path / "new" / "comparison.json").read_text())
    assert [c["label"] for c in data["contestants"]] == ["2 * max(x, 0)", "relu", "relu"]
    assert data["task"]["epochs"] == 1
    assert "| 2 * max(x, 0) |" in (tmp_path / "new" / "comparison.md").read_text()
    assert (tmp_path / "new" / "comparison.svg").read_text().startswith("<?xml")


def test_single_files_and_annealing(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    text = called(
        tmp_path / "runs",
        "tanh",
        "--path",
        "ladder",
        "--end",
        "0.4",
        "--controls",
        "--json",
        str(path),
    )
    assert "auto -> late, ladder, linear 0-0.4" in text
    roles = [c["role"] for c in json.loads(path.read_text())["contestants"]]
    assert roles == ["contestant", "control", "control", "baseline"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["found.json", "runs"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("digits", "silo"), "did you mean"),
        (("digis", "tanh"), "did you mean 'digits'?"),
        (("digits", "tanh", "--seeds", "1"), "seeds is 1"),
        (("digits", "tanh", "--rates", "fast"), "--rates is 'fast'"),
        (("digits", "tanh", "--rates", "-1"), "wanted positive"),
        (("digits", "tanh", "--network", "cov"), "did you mean 'conv'?"),
        (("digits", "tanh", "--controls"), "--early auto"),
        (("digits", "tanh", "--path", "stairs"), "path is 'stairs'"),
        (("digits", "tanh", "--early", "silo"), "did you mean"),
        (("digits", "relu", "--baseline", "relu"), "at least one baseline"),
        (("digits", "tanh", "--figure", "figure.pdf"), "--figure is figure.pdf"),
        (("digits", "tanh", "--json", "nowhere/f.json"), "no folder nowhere"),
        (("digits", "tanh", "--address", "127.0.0.1:1"), "the executor is inline"),
        (("digits", "tanh", "--name", "a/b"), "--name is 'a/b'"),
    ],
)
def test_bad_input_is_told_before_anything_is_trained(arguments, told: str) -> None:
    result = CliRunner().invoke(app, ["compare", *arguments])
    assert isinstance(result.exception, InputError), (result.exception, result.output)
    assert told in str(result.exception)
    assert "fresh seeds" not in result.output


def test_kernels_are_as_asked(tmp_path: Path) -> None:
    text = called(tmp_path / "runs", "tanh", "--kernels", "torch", "-o", str(tmp_path))
    assert json.loads((tmp_path / "comparison.json").read_text())["kernels"] == "torch"
    assert "kernels torch" in (tmp_path / "comparison.md").read_text()
    assert "time, C" not in text


def test_another_comparison_of_the_same_name_is_refused(tmp_path: Path) -> None:
    called(tmp_path, "tanh", "--name", "mine")
    again = called(tmp_path, "tanh", "--name", "mine")
    assert "2 fresh seeds: 4 trainings, 4 of them kept" in again
    command = ["compare", "digits", "mish", *SHORT, "--name", "mine", "--runs-dir", str(tmp_path)]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, InputError)
    assert "entrants tanh, relu there, mish, relu here" in str(result.exception)


def test_after_ctrl_c_the_same_command_goes_on(evoact_command, workshop) -> None:
    command = ("compare", "digits", "tanh", "--epochs", "8", "--seeds", "2", "--baseline", "relu")
    others = set((workshop / "runs").glob(JOURNALS))
    with evoact_command.start(*command) as process:
        journal = wait_for_trainings(workshop / "runs", others, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in out + err) == (130, False)
    assert "what was trained is kept. The same command goes on:" in err
    hint = shlex.split(err.strip().splitlines()[-1])
    assert tuple(hint[hint.index("compare") :]) == command
    before = journal.read_bytes()
    text = evoact_command(*hint[hint.index("compare") :])
    assert re.search(r"tuning: learning rate 0\.001: 6 trainings, [246] of them kept", text)
    assert journal.read_bytes().startswith(before)


def wait_for_trainings(runs: Path, others: set[Path], process: subprocess.Popen) -> Path:
    """Return the journal, which is none of the others, as soon as there are trainings in it."""
    for _ in range(4000):
        for path in set(runs.glob(JOURNALS)) - others:
            if '"evaluated"' in path.read_text():
                return path
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("nothing was trained within minutes")


def test_wrong_input_ends_with_code_2(evoact_command) -> None:
    assert "did you mean 'mish'?" in evoact_command("compare", "digits", "mihs", code=2)
