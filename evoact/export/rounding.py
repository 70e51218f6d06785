"""How far rounding can move the values of an expression: the tolerance of other back ends.

Two back ends that are both right differ by their roundings. Here a tree is
evaluated many times in numpy, with noise of the size of a type's rounding on
each step. Where the values scatter, the function is badly conditioned and
nothing can be asked of a back end; where they do not, it must be exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from evoact.language import Call, Const, Expression, FloatArray, Node, Param, X
from evoact.language.widths import argument_width

DRAWS = 32
AMPLITUDE = 4.0  # of the noise, in units of the rounding: a few operations a row
FACTOR = 4.0  # on the largest deviation that was drawn
WILD = 3.0  # largest deviation by the median one: about as much where a function is smooth
COARSE = 1e-3  # the rounding of bfloat16, not of longer types

# Selecting a value, or a sign, rounds nothing.
_SELECTING = frozenset({
    "neg", "abs", "max", "min", "relu", "identity", "zero", "one", "step", "sign", "window",
    "if_positive", "group_max", "group_sort", "full_sort", "concat", "left", "right", "partial",
})  # fmt: skip
# Correctly rounded by IEEE arithmetic: the arguments count as they are.
_EXACT = _SELECTING | {"add", "sub", "mul", "div", "reciprocal", "sqrt", "square", "clamp"}

# Errors that are large beside the result, for it is a difference of larger numbers.
_CANCELLING: dict[str, Callable[..., Any]] = {
    "erf": lambda _a, eps: 1e-7 if eps > 1e-10 else 0.0,  # torch's formula for float32
    "gelu": lambda a, eps: eps * np.abs(a),  # x (1 + erf(x / sqrt(2))) / 2
    "hard_sigmoid": lambda _a, eps: eps,  # x / 6 + 1 / 2
    "log_softmax": lambda _a, eps: eps,  # x - log(sum(exp(x)))
    "softplus": lambda a, _eps: np.where(a > 20.0, 2.1e-9, 0.0),  # torch leaves e^-x out
    "signed_pow": lambda a, p, eps: (
        eps * np.abs(np.log(a * a + 1e-12) * (p - 1.0) * a * (a * a + 1e-12) ** ((p - 1.0) / 2.0))
    ),  # the rounding of the exponent
}


@dataclass(frozen=True)
class Arithmetic:
    """The rounding of a type: its unit, and the range where it is relative."""

    eps: float
    smallest: float
    largest: float

    @classmethod
    def of(cls, dtype: torch.dtype, largest: float) -> Arithmetic:
        """Return that of a type, with values up to `largest` at most."""
        info = torch.finfo(dtype)
        # Templates take squares of their arguments: those must stay in range too.
        return cls(info.eps, info.tiny, min(largest, info.max**0.45))


@dataclass(frozen=True)
class Rounded:
    """Values in float64, how far a type may be from them, and where that is known.

    `known` is per point: outside of the type's range nothing is.
    """

    values: FloatArray
    tolerance: FloatArray
    known: npt.NDArray[np.bool_]

    def differs(self, result: FloatArray) -> npt.NDArray[np.bool_]:
        """Return where a result is not what it must be."""
        with np.errstate(invalid="ignore"):
            near = np.abs(result - self.values) <= self.tolerance
            # Its neighbour may be a pole: all of 1 / 0.01 comes from rounding.
            near |= ~np.isfinite(result) & (self.tolerance > np.abs(self.values))
        return ~near & self.known[:, None]


def rounded(
    expression: Expression,
    x: FloatArray,
    parameters: Sequence[FloatArray],
    dtype: torch.dtype,
    largest: float = math.inf,
    tails: float = 0.0,
) -> Rounded:
    """Return what back ends that compute in `dtype` may give.

    Args:
        expression: what is evaluated.
        x: points by channels; exact in `dtype`, as are the parameters.
        parameters: a number, or one a channel.
        dtype: a floating type of torch.
        largest: points where a step gives larger numbers count as unknown.
        tails: the absolute error of functions such as sigmoid, whose tails some
            libraries round to zero; a share of `1 + |argument|`.
    """
    arithmetic = Arithmetic.of(dtype, largest)
    evaluation = _Noisy(x, parameters, arithmetic, tails)
    with np.errstate(all="ignore"):
        result = np.array(evaluation.full(expression.root, expression.width))
        values, deviations = result[0], np.abs(result[1:] - result[0])
        spread = deviations.max(axis=0)
        tolerance = FACTOR * spread + AMPLITUDE * arithmetic.eps * np.abs(values)
        # Around poles, as in 1 / sinc(200), draws say nothing of how large a value may be.
        wild = (tolerance > np.abs(values)) & (spread > WILD * np.median(deviations, axis=0))
        # In bfloat16 an error of the size of the value may be of a phase that is lost, as in
        # 1 / sinc(60000): how far that goes no number of draws says.
        wild |= (arithmetic.eps > COARSE) & (tolerance > np.abs(values))
        tolerance[wild] = math.inf
    known = evaluation.in_range & np.isfinite(result).all(axis=(0, 2))
    return Rounded(values, tolerance + arithmetic.smallest, known)


class _Noisy:
    """Evaluates `DRAWS + 1` times at once; the first time is without noise."""

    def __init__(
        self,
        x: FloatArray,
        parameters: Sequence[FloatArray],
        arithmetic: Arithmetic,
        tails: float,
    ) -> None:
        self.x, self.parameters = np.broadcast_to(x, (DRAWS + 1, *x.shape)), parameters
        self.rng, self.arithmetic = np.random.default_rng(0), arithmetic
        self.tails = tails
        self.eps = arithmetic.eps
        self.in_range = np.ones(len(x), dtype=bool)
        self.done: dict[tuple[Node, Fraction], FloatArray] = {}

    def of(self, node: Node, width: Fraction) -> FloatArray:
        match node:
            case X():
                return self.x
            case Param(index):
                return np.asarray(self.parameters[index])
            case Const(value):
                whole = value * 64.0 % 1.0 == 0.0 and abs(value) < 64.0  # so in every type
                return np.asarray(value) if whole else self.noisy(np.asarray(value))
        if (node, width) not in self.done:
            self.done[node, width] = self.call(node, width)
        return self.done[node, width]

    def full(self, node: Node, width: Fraction) -> FloatArray:
        shape = (*self.x.shape[:-1], int(self.x.shape[-1] * width))
        return np.broadcast_to(self.of(node, width), shape)

    def call(self, node: Call, width: Fraction) -> FloatArray:
        row, inner = node.primitive, argument_width(node, width)
        take = self.full if row.is_groupwise else self.of
        args: list[Any] = []
        for arg, kind in zip(node.args, row.signature, strict=True):
            if kind.is_literal:
                args.append(arg.value)  # type: ignore[union-attr]
            else:
                value = take(arg, inner)
                args.append(value if row.name in _EXACT else self.noisy(value))
                if row.name == "multistep":  # takes the ceiling of (k x + k - 1) / 2
                    args[-1] = self.moved(args[-1], AMPLITUDE * self.eps)
        result = np.asarray(row.numpy(*args, *[self.x] * row.adds_x))
        if row.name in _CANCELLING:
            result = self.moved(result, AMPLITUDE * _CANCELLING[row.name](*args, self.eps))
        if self.tails and row.name not in _EXACT:
            result = self.moved(result, self.tails * (1.0 + np.abs(args[0])))
        if row.name not in _SELECTING:
            result = self.noisy(result)
            if row.name not in {"add", "sub"}:  # these do not underflow
                result = self.moved(result, self.arithmetic.smallest)
        self.check(result)
        return result

    def noise(self, value: FloatArray) -> FloatArray:
        shape = np.broadcast_shapes(value.shape, (DRAWS + 1, 1, 1))
        noise = self.rng.uniform(-1.0, 1.0, shape)
        noise[0] = 0.0
        return noise

    def noisy(self, value: FloatArray) -> FloatArray:
        noisy: FloatArray = value * (1.0 + AMPLITUDE * self.eps * self.noise(value))
        return noisy

    def moved(self, value: FloatArray, error: Any) -> FloatArray:
        """Return values within an error; once, those that may be zero are."""
        moved: FloatArray = value + error * self.noise(value)
        moved[1] = np.where(np.abs(value) <= error, 0.0, moved)[1]
        return moved

    def check(self, value: FloatArray) -> None:
        fits = np.abs(value) <= self.arithmetic.largest  # not so for NaN
        shape = np.broadcast_shapes(value.shape, (*self.x.shape[:-1], 1))
        self.in_range &= np.broadcast_to(fits, shape).all(axis=(0, 2))
