"""Tests of generated Triton kernels: on a GPU, or in Triton's interpreter.

Triton decides when it is imported whether it interprets kernels. So tests marked by
`in_triton` run in its interpreter in a process of their own, which a test without the
mark starts by `run_interpreted`, or on a GPU by `pytest -m gpu`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from evoact.nn.kernels.triton_program import interpreted

DEVICE = "cpu" if interpreted() else "cuda"
has_triton = importlib.util.find_spec("triton") is not None
needs_triton = pytest.mark.skipif(not has_triton, reason="triton is not installed: no wheel here")


def in_triton(test: Callable[..., Any]) -> Any:
    """Mark a test of kernels, whose tensors are on `DEVICE`."""
    here = has_triton and (interpreted() or torch.cuda.is_available())
    test = pytest.mark.skipif(not here, reason="no GPU, and not in Triton's interpreter")(test)
    # The interpreter computes by numpy, which warns of a log(0).
    test = pytest.mark.filterwarnings("ignore::RuntimeWarning")(test)
    return test if interpreted() else pytest.mark.gpu(test)


def on_gpu(test: Callable[..., Any]) -> Any:
    """Mark a test of what no interpreter has."""
    return pytest.mark.gpu(needs_gpu(test))


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def run_interpreted(which: str, *files: str | Path) -> str:
    """Run tests of files in a process of their own, and return what pytest says in the end.

    The tests must pass.

    Args:
        which: of the tests, as pytest's `-k` takes it.
        files: where they are.
    """
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTEST_ADDOPTS": ""}
    call = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "-k", which]
    done = subprocess.run(
        [*call, *files], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout
