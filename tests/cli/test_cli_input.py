"""Bad input: one clear message, exit code 2, no traceback, nothing changed."""

import socket
import subprocess
import sys
import threading
import warnings

import pytest

from evoact.cli import main
from evoact.errors import InputError


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Call the command line in this process; return exit code and output."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["evoact", *arguments])
        with warnings.catch_warnings(), pytest.raises(SystemExit) as caught:
            main()
        captured = capsys.readouterr()
        return caught.value.code or 0, captured.out + captured.err

    return run


EXPRESSIONS = [
    "__import__('os')",
    "x.real",
    "(lambda: x)()",
    "(" * 10_000 + "x" + ")" * 10_000,
    "1e400",
    "9**9**9",
    "x + bet",
    "sigmoyd(x)",
    "",
]


@pytest.mark.parametrize("text", EXPRESSIONS, ids=lambda t: t[:15])
@pytest.mark.parametrize("command", ["show", "export"])
def test_bad_expressions(call, command, text):
    code, output = call(command, text)
    assert code == 2
    assert output.startswith("error: ")
    assert "Traceback" not in output
    assert len(output) < 1000


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("evolution: {populaton: 4}", ["bad.yaml:1", "did you mean 'population'"]),
        ("evolution:\n  population: -4", ["bad.yaml:2", "-4"]),
        ("language: {primitives: []}", ["bad.yaml:1", "primitives"]),
        ("language: {primitives: [sigmoyd]}", ["did you mean 'sigmoid'"]),
        ("a: [", ["bad.yaml:1", "not valid YAML"]),
    ],
)
def test_bad_spaces(call, tmp_path, text, fragments):
    (tmp_path / "bad.yaml").write_text(text)
    code, output = call("search", "bad.yaml")
    assert code == 2
    assert all(fragment in output for fragment in fragments)
    assert not (tmp_path / "runs").exists()


SPACE = "name: a\ntracking: {mlflow: off}\nevaluate: {executor: ray}\n"


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["search", "none.yaml"], ["none.yaml", "No such file"]),
        (["search", "a.yaml", "--set", "task.epochs"], ["--set", "KEY=VALUE"]),
        (["search", "a.yaml", "--name", "../up"], ["--name", "'../up'"]),
        (["search", "a.yaml", "--name", "taken"], ["taken exists", "evoact resume"]),
        (["search", "a.yaml", "--address", "127.0.0.1:1"], ["no Ray head answers"]),
        (["search", "a.yaml", "--address", "nowhere"], ["HOST:PORT"]),
        (["search", "a.yaml", "--address", "x:1", "--executor", "inline"], ["inline"]),
        (["sync", "runs/taken", "--to", "http://me:secret@x"], ["--to is", "with a password"]),
        (["sync", "runs/taken", "--to", "off"], ["--to is 'off'; wanted"]),
        (["sync", "nowhere", "--to", "embedded"], ["nowhere is no study"]),
        (["search", "a.yaml", "--set", "tracking.mlflow=ftp://x"], ["tracking.mlflow"]),
        (["search", "a.yaml", "--control", "static"], ["--control", "static-late"]),
        (
            ["search", "a.yaml", "--control", "static-early", "--set", "anneal.early=none"],
            ["--control is static-early", "anneal.early", "list one, such as relu or auto"],
        ),
        (["search", "a.yaml", "--set", "anneal.end=0.95"], ["anneal.end: is 0.95", "at most 0.8"]),
        (["resume", "nowhere"], ["nowhere is no study"]),
        (["top", "nowhere"], ["nowhere is no study"]),
        (["show", "silu", "--plot", "f.bmp"], ["--plot", ".png or .svg"]),
        (["export", "./nowhere"], ["./nowhere is no study"]),
        (["export", "silu", "--format", "sorce"], ["sorce", "did you mean 'source'"]),
        (["export", "silu", "--params", "trained"], ["folder of a study"]),
        (["export", "glu", "--channels", "7"], ["channels is 7", "multiple of 2; pass 6 or 8"]),
        (["export", "glu", "--channels", "1"], ["channels is 1", "multiple of 2; pass 2"]),
        (["export", "glu", "--channels", "0"], ["--channels"]),
        (["export", "glu", "--channels", "eight"], ["--channels", "valid integer"]),
        (["show", "silu", "--plot", "none/f.png"], ["--plot is none/f.png", "no folder none"]),
        (["ui", "--runs-dir", "nowhere"], ["no MLflow store"]),
        (["searhc"], ["No such command"]),
        (["search"], ["Missing argument"]),
        (["search", "a.yaml", "--workers", "0"], ["--workers"]),
        (["search", "a.yaml", "--seed", "-1"], ["--seed"]),
    ],
)
def test_bad_arguments(call, tmp_path, arguments, fragments):
    (tmp_path / "a.yaml").write_text(SPACE)
    (tmp_path / "runs" / "taken").mkdir(parents=True)
    code, output = call(*arguments)
    assert code == 2, output
    assert all(fragment in output for fragment in fragments), output
    assert "Traceback" not in output
    assert [p.name for p in (tmp_path / "runs").iterdir() if p.is_dir()] == ["taken"]
    assert not list((tmp_path / "runs" / "taken").iterdir())


@pytest.mark.parametrize("reply", [None, b"HTTP/1.0 400 Bad Request\r\n\r\n"])
def test_a_port_where_something_else_listens_is_told_soon(reply):
    from evoact.study.evaluators.cluster import check_answers

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve_once, args=(server, reply), daemon=True).start()
        with pytest.raises(InputError, match="no Ray head answers"):
            check_answers(f"127.0.0.1:{server.getsockname()[1]}")


def _serve_once(server: socket.socket, reply: bytes | None) -> None:
    connection, _ = server.accept()
    if reply is None:  # never says a word; the peer gives up first
        connection.recv(1000)
        connection.recv(1000)
    else:
        connection.sendall(reply)
    connection.close()


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['evoact', '--help']\n"
        "from evoact.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'ray', 'mlflow', 'numpy', 'scipy', 'pydantic', 'yaml', 'deap'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "search" in result.stdout
    assert "HEAVY []" in result.stdout


def test_dry_run_shows_the_resolved_space_and_trains_nothing(call, tmp_path):
    (tmp_path / "a.yaml").write_text(SPACE)
    code, output = call("search", "a.yaml", "--dry-run", "--set", "task.epochs=3")
    assert code == 0
    assert "epochs: 3" in output
    assert "learning_rate:" in output
    assert not (tmp_path / "runs").exists()


def test_the_control_without_annealing_is_one_flag_away(call, tmp_path):
    (tmp_path / "a.yaml").write_text(SPACE + "anneal: {early: [silu, auto]}\n")
    code, output = call("search", "a.yaml", "--dry-run")
    assert code == 0
    assert "- silu\n  - auto" in output
    assert output.count("anneal.early 'silu' is not piecewise linear") == 1
    code, output = call("search", "a.yaml", "--dry-run", "--control", "static-late")
    assert code == 0
    assert "name: a-static-late" in output
    assert "early:\n  - none\n" in output
    assert "piecewise" not in output
    code, output = call("search", "a.yaml", "--dry-run", "--control", "static-early")
    assert code == 0
    assert "name: a-static-early" in output
