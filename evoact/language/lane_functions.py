"""Functions of floats on which the templates of generated kernels stand.

Each is a line of assignments and a result, in what C and Python have in common
but for the types and the `f` of a literal: C and Triton are written from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.polynomial import chebyshev
from scipy import special


@dataclass(frozen=True)
class LaneFunction:
    """A function of floats without branches.

    Attributes:
        name: of the function, which ends in `_`.
        arguments: their names.
        steps: pairs of a name and what it is set to, in order.
        result: what is returned.
    """

    name: str
    arguments: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]
    result: str


# Of two numbers of which one is a NaN, `max_` and `min_` give NaN. The sigmoid is
# by e^-|a|, which does not overflow, and is the same for a and for -a; erfc by
# e^-a^2, which its derivative has too.
_TEXTS: Final = (
    "max_(a, b): select_((a > b) | (a != a), a, b)",
    "min_(a, b): select_((a < b) | (a != a), a, b)",
    "step_(a): select_(a > 0.0f, 1.0f, select_(a <= 0.0f, 0.0f, a))",
    "sinc_(a): b = 3.14159265f * a; select_(a == 0.0f, 1.0f, sinf(b) / b)",
    "sigmoid_(a): e = exp_(-fabs_(a)); r = 1.0f / (1.0f + e); select_(a > 0.0f, r, e * r)",
    "elu_(a, scale): e = scale * expm1f(min_(a, 0.0f)); select_(a > 0.0f, a, e)",
)


def lane_functions(text: str) -> Iterator[LaneFunction]:
    """Yield the functions that a text needs, each after those that it calls itself."""
    yield from map(read_function, _TEXTS)
    for name, make in (
        ("erfc_", _erfc),
        ("bessel_i0e_", _bessel_i0e),
        ("bessel_i1e_", _bessel_i1e),
    ):
        if f"{name}(" in text:
            yield read_function(make())


def read_function(text: str) -> LaneFunction:
    """Return the function that a line of assignments and a result stands for."""
    head, _, body = text.partition(": ")
    name, arguments = re.fullmatch(r"(\w+)\((.*)\)", head).groups()  # type: ignore[union-attr]  # our own texts
    *steps, result = body.split("; ")
    pairs = tuple((left, right) for left, right in (step.split(" = ", 1) for step in steps))
    return LaneFunction(name, tuple(arguments.split(", ")), pairs, result)


@cache
def _erfc() -> str:
    least = 1.0 / (1.0 + 0.5 * 10.5)  # beyond 10.5 it is zero

    def scaled(s: Any) -> Any:
        t = least + 0.5 * (1.0 - least) * (s + 1.0)
        return special.erfcx(2.0 / t - 2.0) / t

    series = chebyshev.cheb2poly(chebyshev.chebinterpolate(scaled, 8))
    slope, offset = 2.0 / (1.0 - least), -2.0 * least / (1.0 - least) - 1.0
    steps = [
        "t = 1.0f / fma_(0.5f, fabs_(a), 1.0f)",
        f"s = fma_(t, {_literal(slope)}, {_literal(offset)})",
        f"r = {_literal(series[-1])}",
        *(f"r = fma_(r, s, {_literal(value)})" for value in series[-2::-1]),
        "r = r * t * exp_(-(a * a))",
    ]
    return f"erfc_(a): {'; '.join(steps)}; select_(a < 0.0f, 2.0f - r, r)"


def _bessel_i0e() -> str:
    return _bessel("bessel_i0e_", special.i0e, special.i0e, "1.0f", "far")


def _bessel_i1e() -> str:
    def near(a: Any) -> Any:
        return np.where(a == 0, 0.5, special.i1e(a) / np.where(a == 0, 1, a))

    return _bessel("bessel_i1e_", near, special.i1e, "a", "copysign_(far, a)")


@cache
def _bessel(
    name: str, near: Callable[..., Any], function: Callable[..., Any], size: str, far: str
) -> str:
    """Return a Bessel function: `size` times a series up to 8, another series beyond."""

    def root(u: Any) -> Any:  # u = 8 / a; the limit at infinity is 1 / sqrt(2 pi)
        a = 8.0 / np.maximum(u, 1e-9)
        return np.sqrt(a) * function(a)

    small = chebyshev.chebinterpolate(lambda t: near(4.0 * (t + 1.0)), 21)
    large = chebyshev.chebinterpolate(lambda t: root(0.5 * (t + 1.0)), 8)
    steps = [
        "b = fabs_(a)",
        "t = select_(b > 8.0f, 16.0f / b, 0.25f * b) - 1.0f",
        "u = 2.0f * t",
        *_clenshaw(small, "c"),
        *_clenshaw(large, "f"),
        "far = (f0 - t * f1) / sqrt_(b)",
        f"near = {size} * (c0 - t * c1)",
    ]
    return f"{name}(a): {'; '.join(steps)}; select_(b > 8.0f, {far}, near)"


def _clenshaw(series: Any, name: str) -> Iterator[str]:
    """Yield the steps of a Chebyshev series in `t`, as `name0 - t * name1`; `u` is `2 t`."""
    a, b, c = f"{name}0", f"{name}1", f"{name}2"
    yield from (f"{a} = 0.0f", f"{b} = 0.0f")
    for value in series[::-1]:
        yield from (f"{c} = {b}", f"{b} = {a}", f"{a} = u * {b} - {c} + {_literal(value)}")


def _literal(value: Any) -> str:
    number = np.float32(value)
    return f"{number!s}f" if number >= 0 else f"({number!s}f)"
