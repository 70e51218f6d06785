"""Training that gives the same bits wherever it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from evoact.errors import StudyError
from evoact.language import LANGUAGE_VERSION
from evoact.records import DTYPE, THREADS, Cohort
from evoact.training.kernels import kernels_here


@contextmanager
def reproducible(device: str) -> Iterator[None]:
    """Train with one thread and full float32; on CUDA with deterministic algorithms.

    What the calling process had set, its random generator too, is put back.
    """
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    precision = torch.get_float32_matmul_precision()
    torch.set_num_threads(THREADS)
    torch.set_default_dtype(torch.float32)
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.random.fork_rng(devices=[]),
            _deterministic() if device == "cuda" else nullcontext(),
        ):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.set_float32_matmul_precision(precision)


@contextmanager
def _deterministic() -> Iterator[None]:
    # Not on the CPU, whose algorithms are deterministic: the call alone imports
    # torch's compiler, which takes seconds.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
    deterministic = torch.are_deterministic_algorithms_enabled()
    tf32 = torch.backends.cudnn.allow_tf32
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.allow_tf32 = tf32


def limit_memory(share: float) -> None:
    """Let this process have no more of a GPU's memory than its share of the GPU.

    Who asks for more is out of memory, and leaves the others on the GPU alone.

    Args:
        share: of one GPU; at 1 or more there is no limit, at 0 there is no GPU.

    Raises:
        StudyError: torch finds no GPU.
    """
    if share == 0.0:
        return
    if not torch.cuda.is_available():
        raise StudyError("has a GPU by Ray's account, but torch finds none there")
    if share < 1.0:
        torch.cuda.set_per_process_memory_fraction(share)


def describe(cohort: Cohort) -> dict[str, Any]:
    """Return what an evaluation records of where and by what it was made.

    Raises:
        StudyError: what is to compute the activations is not there.
    """
    model = torch.cuda.get_device_name() if cohort.device == "cuda" else "cpu"
    return {
        "device": model,
        "dtype": DTYPE,
        "threads": torch.get_num_threads(),
        "kernels": kernels_here(cohort.kernels),
        "torch": str(torch.__version__),  # a plain text: its own type makes readers import torch
        "evoact": version("evoact"),
        "language": LANGUAGE_VERSION,
    }


def generator(seed: int, replicate: int, stream: int) -> torch.Generator:
    """Return a generator for one use of randomness in one replicate of a study.

    Of the study's seed and the replicate alone: candidates and baselines share
    initial weights and the order of data (common random numbers).
    """
    state = np.random.SeedSequence([seed, replicate, stream]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))
