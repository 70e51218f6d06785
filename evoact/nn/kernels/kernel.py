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

from evoact.language import VALUES_AND_SLOPES, Expression, Scope, c_kernel, c_source
from evoact.language.c_prelude import LANES
from evoact.nn.kernels.compiler import library

FloatArray = npt.NDArray[np.float32]
_POINTER: Final = ctypes.c_void_p
_LONG: Final = ctypes.c_long
_RUN: Final = (_POINTER, _POINTER, _LONG, _LONG, _POINTER, _POINTER, _LONG)
_PULL: Final = (_POINTER, _POINTER, _LONG, _LONG, _POINTER, _POINTER, _POINTER)
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
    pull: Any = None
    """Its backward pass, if it was asked for."""

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
        given = self._parameters(parameters, channels)
        self.run(x.ctypes.data, _pointers(given), x.size // max(channels, 1), channels,
                 y.ctypes.data, d.ctypes.data if slopes else None, x.size)  # fmt: skip
        return y, d if slopes else None

    def backward(
        self, x: FloatArray, parameters: Sequence[npt.ArrayLike], gradient: FloatArray
    ) -> tuple[FloatArray, list[Any]]:
        """Return the gradients of `x` and of each parameter, given that of the values.

        >>> from evoact.language import parse
        >>> parts = frozenset({"values", "pull"})
        >>> (kernel,) = kernels_of([parse("a * x * x where a = 1.0")], parts)
        >>> gx, (ga,) = kernel.backward(np.array([3.0, 1.0], np.float32), [2.0], np.ones(2))
        >>> gx.tolist(), float(ga)
        ([12.0, 4.0], 10.0)
        """
        x, gradient = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(gradient, "f4")
        channels = x.shape[-1] if x.ndim else 1
        given = self._parameters(parameters, channels)
        gx = np.empty_like(x)
        sums = [np.zeros(value.shape or LANES) for value in given]
        self.pull(x.ctypes.data, _pointers(given), x.size // max(channels, 1), channels,
                  gradient.ctypes.data, gx.ctypes.data, _pointers(sums))  # fmt: skip
        return gx, [
            total if value.shape else total.sum() for total, value in zip(sums, given, strict=True)
        ]

    def _parameters(self, values: Sequence[npt.ArrayLike], channels: int) -> list[FloatArray]:
        shapes = [(channels,) * (p.scope is Scope.CHANNEL) for p in self.expression.parameters]
        return [
            np.array(np.broadcast_to(np.asarray(value, np.float32), shape))
            for value, shape in zip(values, shapes, strict=True)
        ]


def _pointers(arrays: Sequence[npt.NDArray[Any]]) -> Any:
    return (_POINTER * (len(arrays) + 1))(*(array.ctypes.data for array in arrays))


def kernels_of(
    expressions: Sequence[Expression], parts: frozenset[str] = VALUES_AND_SLOPES
) -> list[Kernel]:
    """Return compiled functions of pointwise expressions, in their order.

    What this process has not loaded yet is compiled together, or read from the
    cache if an earlier process compiled the same.

    Args:
        expressions: pointwise ones.
        parts: what the kernels are used for, see `c_kernel`.

    Raises:
        InputError: an expression is groupwise.
        EvoactError: there is no compiler (see `backend`), or it failed.
    """
    names = [_name(expression, parts) for expression in expressions]
    found = sorted(zip(names, expressions, strict=True), key=lambda pair: pair[0])
    missing = {name: expression for name, expression in found if name not in _LOADED}
    if missing:
        loaded = library(c_source(missing, parts))
        for name in missing:
            _LOADED[name] = _typed(loaded[name], _RUN)
            if "pull" in parts:
                _LOADED[f"{name}_pull"] = _typed(loaded[f"{name}_pull"], _PULL)
    return [
        Kernel(
            expression,
            ctypes.cast(_LOADED[name], _POINTER).value or 0,
            _LOADED[name],
            _LOADED.get(f"{name}_pull"),
        )
        for name, expression in zip(names, expressions, strict=True)
    ]


def _typed(function: Any, arguments: Sequence[type]) -> Any:
    function.restype, function.argtypes = None, [*arguments]
    return function


@lru_cache(maxsize=4096)
def _name(expression: Expression, parts: frozenset[str]) -> str:
    """Return a name that says all that the function's text does."""
    text = c_kernel(expression, "f", parts)
    return f"kernel_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
