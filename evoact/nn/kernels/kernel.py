"""Expressions as functions in memory that C and Python can call."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evoact.language import Expression, Scope, c_kernel, c_source
from evoact.nn.kernels.compiler import library

FloatArray = npt.NDArray[np.float32]
_POINTER: Final = ctypes.c_void_p
_LOADED: Final[dict[str, Any]] = {}
"""Functions of this process by their names, which are hashes of their text."""


@dataclass(frozen=True)
class Kernel:
    """A pointwise expression as a compiled function, see `c_kernel` for its arguments.

    Attributes:
        expression: what it computes; the parameters' values are arguments.
        address: of the function, for calls from C.
    """

    expression: Expression
    address: int
    run: Any
    """The function itself: called with addresses and integers, without Python's lock."""

    @property
    def parameters(self) -> int:
        """How many parameters it takes."""
        return len(self.expression.parameters)

    def __call__(
        self, x: FloatArray, parameters: Sequence[npt.ArrayLike] = (), *, slopes: bool = True
    ) -> tuple[FloatArray, FloatArray | None]:
        """Return the values, and the derivatives by `x` and by each parameter.

        Args:
            x: float32, the channels last.
            parameters: one value for each parameter, or one a channel.
            slopes: False computes the values only.

        >>> from evoact.language import parse
        >>> (kernel,) = kernels_of([parse("a * x * x where a = 1.0")])
        >>> y, d = kernel(np.array([3.0], np.float32), [2.0])
        >>> y.tolist(), d.tolist()
        ([18.0], [[12.0], [9.0]])
        """
        x = np.ascontiguousarray(x, np.float32)
        channels = x.shape[-1] if x.ndim else 1
        y, d = np.empty_like(x), np.empty((1 + self.parameters, *x.shape), np.float32)
        given = [self._parameter(index, value, channels) for index, value in enumerate(parameters)]
        pointers = (_POINTER * (len(given) + 1))(*(array.ctypes.data for array in given))
        self.run(x.ctypes.data, pointers, x.size // max(channels, 1), channels, y.ctypes.data,
                 d.ctypes.data if slopes else None, x.size)  # fmt: skip
        return y, d if slopes else None

    def _parameter(self, index: int, value: npt.ArrayLike, channels: int) -> FloatArray:
        per_channel = self.expression.parameters[index].scope is Scope.CHANNEL
        shape = (channels,) if per_channel else ()
        return np.ascontiguousarray(np.broadcast_to(np.asarray(value, np.float32), shape))


def kernels_of(expressions: Sequence[Expression]) -> list[Kernel]:
    """Return compiled functions of pointwise expressions, in their order.

    What this process has not loaded yet is compiled together, or read from the
    cache if an earlier process compiled the same.

    Raises:
        InputError: an expression is groupwise.
        EvoactError: there is no compiler (see `backend`), or it failed.
    """
    names = [_name(expression) for expression in expressions]
    missing = {n: e for n, e in sorted(zip(names, expressions, strict=True), key=lambda i: i[0])
               if n not in _LOADED}  # fmt: skip
    if missing:
        loaded = library(c_source(missing))
        for name in missing:
            function = loaded[name]
            function.restype = None
            function.argtypes = [_POINTER, _POINTER, ctypes.c_long, ctypes.c_long, _POINTER,
                                 _POINTER, ctypes.c_long]  # fmt: skip
            _LOADED[name] = function
    return [
        Kernel(expression, ctypes.cast(_LOADED[name], _POINTER).value or 0, _LOADED[name])
        for name, expression in zip(names, expressions, strict=True)
    ]


@lru_cache(maxsize=4096)
def _name(expression: Expression) -> str:
    """Return a name that says all that the function's text does."""
    text = c_kernel(expression, "f")
    return f"kernel_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
