"""Pointwise expressions as machine code: generated C, compiled and loaded."""

from evoact.nn.kernels.compiler import Backend, available, backend, library
from evoact.nn.kernels.kernel import Kernel, kernels_of

__all__ = ["Backend", "Kernel", "available", "backend", "kernels_of", "library"]
