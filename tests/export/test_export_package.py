"""A function as a package: built and installed offline, its tests run without evoact."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evoact.errors import InputError
from evoact.export import write_package

GATE = "a * left(x) * sigmoid(b * right(x)) where a = 1.0 per channel, b = 0.3"
ALONE = (
    "import sys, unittest\n"
    "sys.modules['evoact'] = None  # importing it raises\n"
    "sys.path.insert(0, sys.argv[1])\n"
    "suite = unittest.defaultTestLoader.discover(sys.argv[2])\n"
    "result = unittest.TextTestRunner().run(suite)\n"
    "import gate\n"
    "assert gate.__file__.startswith(sys.argv[1])\n"
    "raise SystemExit(not (result.wasSuccessful() and result.testsRun == 3))\n"
)


def outcome(installed: Path, package: Path) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-I", "-c", ALONE, str(installed), str(package / "tests")]
    return subprocess.run(call, capture_output=True, text=True, check=False, cwd=package)


def test_a_package_is_installed_and_tests_itself(tmp_path: Path) -> None:
    trained = {"act1": {"a": [0.5, 1.5], "b": 2.0}, "act2": {"a": [1.0, 2.0, 3.0], "b": -0.5}}
    files = write_package(GATE, tmp_path, "gate", params="trained", trained=trained, about="found")
    package, installed = tmp_path / "gate", tmp_path / "installed"
    assert [str(path.relative_to(package)) for path in files] == [
        "README.md", "gate/__init__.py", "gate/activation.py", "gate/py.typed", "pyproject.toml",
        "tests/test_gate.py",
    ]  # fmt: skip
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"]
    command += ["--no-index", "--quiet", "--target", str(installed), str(package)]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run(command, check=True, env=environment)
    assert (installed / "gate" / "py.typed").exists()
    done = outcome(installed, package)
    assert done.returncode == 0, done.stdout + done.stderr
    # And the tests can fail.
    source = installed / "gate" / "activation.py"
    source.write_text(source.read_text().replace("torch.sigmoid(", "1.01 * torch.sigmoid("))
    assert "where numpy gives" in outcome(installed, package).stderr


@pytest.mark.parametrize("name", ["", "A", "1a", "class", "torch", "a-b", "../a", "a_"])
def test_names_that_are_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the package's name is"):
        write_package("tanh(x)", tmp_path, name)


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    write_package("tanh(x)", tmp_path, "mine")
    with pytest.raises(InputError, match="is there already"):
        write_package("relu(x)", tmp_path, "mine")
    assert "tanh" in (tmp_path / "mine" / "mine" / "activation.py").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
