"""Tests run again where Triton interprets kernels, which it decides when it is imported."""

from __future__ import annotations

import os
import subprocess
import sys


def run_interpreted(file: str, which: str) -> str:
    """Run tests of a file in a process of their own, and return what pytest says in the end.

    The tests must pass.

    Args:
        file: the file of tests.
        which: of them, as pytest's `-k` takes it.
    """
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTEST_ADDOPTS": ""}
    call = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "-k", which]
    done = subprocess.run(
        [*call, file], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout
