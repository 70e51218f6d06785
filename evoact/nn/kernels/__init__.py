"""Pointwise expressions as machine code: generated C, or Triton, compiled and loaded."""

from evoact.nn.kernels.compiler import Backend, available, backend, library
from evoact.nn.kernels.kernel import Kernel, kernels_of
from evoact.nn.kernels.triton_program import triton_backend

__all__ = [
    "Backend",
    "Kernel",
    "available",
    "backend",
    "kernels_of",
    "library",
    "triton_backend",
]
