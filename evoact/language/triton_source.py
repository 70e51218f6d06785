"""Pointwise expressions as Triton kernels: for GPUs, from the templates of C.

What C and Python have in common is all that the templates use, so a kernel has
the same steps in both. Of Triton's own functions only those are called that its
interpreter knows, so that kernels can be checked where there is no GPU; on one, CUDA's
library stands in for some steps.

One kernel computes all slices of a stack: which function a slice has, how much
of it counts and where its parameters are is data. So a kernel is compiled once
for a set of functions, whatever the sizes, however far annealing is, and
whoever leaves the stack; and it is one launch where a stack of 256 would ask
for as many.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from evoact.errors import InputError
from evoact.language.c_source import node_texts, operand
from evoact.language.expression import Expression
from evoact.language.facts.training import Lowered, lowered
from evoact.language.lane_functions import LaneFunction, lane_functions, read_function
from evoact.language.tree import Scope

_OWN: Final = (
    "fabs_(a): tl.abs(a)",
    "sqrt_(a): tl.sqrt(a)",
    "ceil_(a): tl.ceil(a)",
    "select_(c, a, b): tl.where(c, a, b)",
    "copysign_(a, b): tl.where(b < 0.0, -tl.abs(a), tl.abs(a))",
    "fma_(a, b, c): a * b + c",
    "exp_(a): tl.exp(a)",
    "logf(a): tl.log(a)",
    "sinf(a): tl.sin(a)",
    "cosf(a): tl.cos(a)",
    "erff(a): tl.erf(a)",
    # Kahan: the errors of `u` in both factors cancel.
    "expm1f(a): u = tl.exp(a); v = u - 1.0; w = tl.where(u == 1.0, 2.0, u); "
    "r = tl.where(u == 1.0, a, v * a / tl.log(w)); "
    "tl.where(v == -1.0, v, tl.where(u > 1e30, u, r))",
    "log1pf(a): u = 1.0 + a; w = tl.where(u == 1.0, 2.0, u); "
    "r = tl.where(u == 1.0, a, tl.log(w) * a / (w - 1.0)); "
    "tl.where((u > 1e30) | (u == 0.0), tl.log(u), r)",
    "tanhf(a): e = expm1f(-2.0 * tl.abs(a)); copysign_(-e / (e + 2.0), a)",
    "sinhf(a): e = expm1f(tl.abs(a)); copysign_(0.5 * tl.where(e > 1e30, e, e + e / (e + 1.0)), a)",
    "coshf(a): e = tl.exp(tl.abs(a)); 0.5 * e + 0.5 / e",
    "asinhf(a): b = tl.abs(a); c = tl.where(b > 1e4, 1.0, b); "
    "r = log1pf(c + c * c / (1.0 + tl.sqrt(1.0 + c * c))); "
    "copysign_(tl.where(b > 1e4, tl.log(b) + 0.6931471805599453, r), a)",
    # Cephes: near 0 by a polynomial, else by the angle to pi / 4 or pi / 2.
    "atanf(a): b = tl.abs(a); far = b > 2.414213562373095; mid = b > 0.4142135623730950; "
    "c = tl.where(far, b, 1.0); "
    "r = tl.where(far, -1.0 / c, tl.where(mid, (b - 1.0) / (b + 1.0), b)); z = r * r; "
    "q = ((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z "
    "- 3.33329491539e-1; "
    "base = tl.where(far, 1.5707963267948966, tl.where(mid, 0.7853981633974483, 0.0)); "
    "copysign_(base + (q * z * r + r), a)",
    "powf(a, b): m = tl.exp(b * tl.log(tl.abs(a))); "
    "odd = b - 2.0 * tl.floor(0.5 * b); s = tl.where(odd == 1.0, -m, m); "
    "w = tl.where(tl.floor(b) == b, s, float('nan')); "
    "tl.where(b == 0.0, 1.0, tl.where(a < 0.0, w, m))",
)

_CUDA: Final = MappingProxyType(
    {"expm1f": "expm1", "log1pf": "log1p", "tanhf": "tanh"}  # in half as many instructions
)

ENTRIES: Final = 3
"""Integers for each parameter of a term: where it is, and where its gradients go."""

# Integers are not specialised: a kernel is compiled once for all sizes and places.
_HEAD: Final = """\
import triton
import triton.language as tl
"""
_CUDA_HEAD: Final = "from triton.language.extra import libdevice\n"

_TABLE: Final = """\
@triton.jit
def table_cell(row_at, v):
    # A piecewise linear function of evenly spaced cells; a NaN falls into the first.
    cell = tl.load(row_at) + tl.load(row_at + 1) * v
    cell = tl.where(cell > 0.0, cell, 0.0)
    last = tl.load(row_at + 2)
    return tl.where(cell < last, cell, last).to(tl.int32)


@triton.jit
def table_slope(row_at, v):
    return tl.load(row_at + 4 + 2 * table_cell(row_at, v))


@triton.jit
def table_value(row_at, v):
    at = row_at + 3 + 2 * table_cell(row_at, v)
    return tl.load(at) + tl.load(at + 1) * v

"""

# What a program reads once for its blocks: a chain of loads, each of which waits for the last.
_START: Final = """\
    k = tl.load(slices_at + tl.program_id(1))
    blocks = ((total + BLOCK - 1) // BLOCK).to(tl.int64)
    first = tl.program_id(0) * per
    last = tl.minimum(first + per, (total + BLOCK - 1) // BLOCK)
    which_0, which_1 = tl.load(which_at + 2 * k), tl.load(which_at + 2 * k + 1)
    weight_0, sharp_0 = tl.load(shares_at + 4 * k), tl.load(shares_at + 4 * k + 1)
    weight_1, sharp_1 = tl.load(shares_at + 4 * k + 2), tl.load(shares_at + 4 * k + 3)"""

# One division for a block: by each element it would cost as much as a function.
_TERM: Final = """\
            which = tl.where(role == 0, which_0, which_1)
            weight = tl.where(role == 0, weight_0, weight_1)
            sharp = tl.where(role == 0, sharp_0, sharp_1)
            entry_at = entries_at + (2 * k + role) * width
            v = x * (1.0 / sharp)"""

_VALUES: Final = """\
@triton.jit(do_not_specialize=["total", "n", "width", "per"],
            do_not_specialize_on_alignment=["p_at", "tables_at"])
def values(x_at, y_at, p_at, tables_at, which_at, shares_at, entries_at, slices_at,
           total, n, width, per, BLOCK: tl.constexpr):
{start}
    for block in range(first, last):
        i = block * BLOCK + tl.arange(0, BLOCK)
        mask = i < total
        x = tl.load(x_at + k * total + i, mask=mask, other=0.0)
        y = tl.zeros([BLOCK], tl.float32)
        for role in range(2):
{term}
            if which == 0:
                y += weight * table_value(tables_at + tl.load(entry_at), v)
{branches}
        tl.store(y_at + k * total + i, y, mask=mask)

"""

_PULLS: Final = """\
@triton.jit(do_not_specialize=["total", "n", "width", "per"],
            do_not_specialize_on_alignment=["p_at", "tables_at"])
def pulls(x_at, g_at, gx_at, sums_at, p_at, tables_at, which_at, shares_at, entries_at,
          slices_at, total, n, width, per, BLOCK: tl.constexpr):
{start}
    for block in range(first, last):
        i = block * BLOCK + tl.arange(0, BLOCK)
        mask = i < total
        x = tl.load(x_at + k * total + i, mask=mask, other=0.0)
        g = tl.load(g_at + k * total + i, mask=mask, other=0.0)
        d = tl.zeros([BLOCK], tl.float32)
        for role in range(2):
{term}
            if which == 0:
                d += weight / sharp * table_slope(tables_at + tl.load(entry_at), v)
{branches}
        tl.store(gx_at + k * total + i, g * d, mask=mask)

"""

_GATHER: Final = """\
@triton.jit(do_not_specialize=["blocks", "total", "n"],
            do_not_specialize_on_alignment=["gradients_at"])
def gather(sums_at, which_at, slots_at, gradients_at, blocks, total, n,
           ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    # Adds what `pulls` left for a parameter to its gradient, always in the same order.
    slot_at = slots_at + 5 * tl.program_id(0)
    which = tl.load(which_at + tl.load(slot_at))
    wide = tl.load(slot_at + 1)
    from_at = sums_at + tl.load(slot_at + 2) * blocks + tl.load(slot_at + 3) * total
    to_at = gradients_at + tl.load(slot_at + 4)
    if which >= 0:
        if wide == 0:
            if tl.program_id(1) == 0:
                i = tl.arange(0, ROWS * COLUMNS)
                total_ = tl.zeros([ROWS * COLUMNS], tl.float32)
                for start in range(0, blocks, ROWS * COLUMNS):
                    total_ += tl.load(from_at + start + i, mask=start + i < blocks, other=0.0)
                tl.store(to_at, tl.load(to_at) + tl.sum(total_))
        if wide == 1:
            c = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
            r = tl.arange(0, ROWS)[:, None]
            columns = tl.zeros([ROWS, COLUMNS], tl.float32)
            for start in range(0, total, ROWS * n):
                at = start + r * n + c[None, :]
                columns += tl.load(from_at + at, mask=(c[None, :] < n) & (at < total), other=0.0)
            sums = tl.sum(columns, axis=0)
            tl.store(to_at + c, tl.load(to_at + c, mask=c < n, other=0.0) + sums, mask=c < n)
"""


def triton_source(functions: Sequence[Expression], *, cuda: bool = False) -> str:
    """Return a Python file with the Triton kernels `values`, `pulls` and `gather`.

    They compute slices of `total` elements, channels last, `n` of them. Slice
    `k` is the sum of two terms, `t = 2 k` and `2 k + 1`:

        y = sum over t of weight[t] * f[which[t]](x / sharp[t])

    with `which` 0 for a look-up table, `1 + j` for `functions[j]`, and less for
    none; `shares` holds pairs of weight and sharp, which is `weight` or 1, so
    that the slope is `weight / sharp` times that of the function. A table is
    `first, density, last, intercept 0, slope 0, intercept 1, ...` in `tables`,
    its cell `first + density * v`, from 0 to `last`.

    Each term has `width` integers in `entries`, `ENTRIES` for each parameter:
    where in `p` it begins (it is one value per layer, or `n` per channel), and
    `a, b`: its shares of the gradient begin at `a * blocks + b * total` in
    `sums`, one for each block of elements, or per channel one for each element.
    Of a table the first integer says where in `tables` it begins.

    `values` writes `y`; `pulls` is the backward pass from `x` alone and writes
    `gx` and `sums`; both are launched over blocks, `per` of them at a time, and over
    the numbers of slices in `slices`, whose functions this file has. `gather`,
    launched over `(parameters, blocks of columns)`, adds up `sums`: for each
    parameter `slots` has its term, 1 if per channel, `a`, `b`, and where in
    `gradients` it begins.

    Args:
        functions: pointwise expressions.
        cuda: whether it may call CUDA's library, which the interpreter does not have.

    Raises:
        InputError: an expression is groupwise.
    """
    values, pulls = [], []
    for index, expression in enumerate(functions, 1):
        value, pull = _branches(expression, index)
        values.append(value)
        pulls.append(pull)
    kernels = "\n".join(
        kernel.format(start=_START, term=_TERM, branches="\n".join(branches))
        for kernel, branches in ((_VALUES, values), (_PULLS, pulls))
    )
    own = map(read_function, _OWN)
    helpers = [*(map(_by_cuda, own) if cuda else own), *lane_functions(kernels)]
    head = _HEAD + _CUDA_HEAD * cuda + "\n\n"
    return head + "\n\n".join([*map(_written, helpers), _TABLE, kernels, _GATHER])


def _by_cuda(function: LaneFunction) -> LaneFunction:
    """Return a function by the one that CUDA's library has for it, if there is one."""
    name = _CUDA.get(function.name)
    return replace(function, steps=(), result=f"libdevice.{name}(a)") if name else function


def helpers_of(kernels: str) -> list[str]:
    """Return the functions that kernels call, each after those that it calls itself."""
    known = [*map(read_function, _OWN), *lane_functions(kernels)]
    used: list[str] = []
    for function in reversed(known):
        if re.search(rf"\b{function.name}\(", "\n".join([kernels, *used])):
            used.insert(0, _written(function))
    return used


@lru_cache(maxsize=4096)
def triton_key(expression: Expression) -> str:
    """Return a text that is the same for expressions that one function computes.

    >>> from evoact.language import parse
    >>> first, other = (parse(f"a * x where a = {value}") for value in (1.0, 2.0))
    >>> triton_key(first) == triton_key(other)
    True
    """
    return "\n".join(_branches(expression, 0))


def _written(function: LaneFunction) -> str:
    """Return a function in Triton's Python."""
    lines = [f"    {name} = {python_of(text)}" for name, text in function.steps]
    head = f"@triton.jit\ndef {function.name}({', '.join(function.arguments)}):"
    return "\n".join([head, *lines, f"    return {python_of(function.result)}", ""])


def python_of(text: str) -> str:
    """Return an expression of C as one of Python: without the `f` of a literal."""
    text = re.sub(r"__builtin_(inf|nan)f\((?:\"\")?\)", r"float('\1')", text)
    return re.sub(r"(?<![A-Za-z_])(\d+\.?\d*(?:e[+-]?\d+)?)f\b", r"\1", text)


def _branches(expression: Expression, index: int) -> tuple[str, str]:
    """Return what `values` and `pulls` do where `which` is `index`."""
    if expression.is_groupwise:
        raise InputError(
            f"{str(expression)!r} is groupwise, and kernels are generated for pointwise "
            "expressions; use its torch source"
        )
    wide = [parameter.scope is Scope.CHANNEL for parameter in expression.parameters]
    found = lowered(expression)
    y, dx, *others = (python_of(operand(found, node)[0]) for node in (found.value, *found.slopes))
    pulls = [f"d += weight / sharp * {dx}"]
    for j, (text, flag) in enumerate(zip(others, wide, strict=True)):
        at = f"entry_at + {ENTRIES * j}"
        pulls += [
            f"to{j} = sums_at + tl.load({at} + 1) * blocks + tl.load({at} + 2) * total",
            f"s{j} = tl.where(mask, weight * g * {text}, 0.0)",
            f"tl.store(to{j} + i, s{j}, mask=mask)" if flag
            else f"tl.store(to{j} + block, tl.sum(s{j}))",
        ]  # fmt: skip
    return (
        _branch(index, wide, found, [found.value], [f"y += weight * {y}"]),
        _branch(index, wide, found, list(found.slopes), pulls),
    )


def _branch(
    index: int, wide: Sequence[bool], found: Lowered, roots: Sequence[int], last: Sequence[str]
) -> str:
    lines = ["c = i % n"] * any(wide)
    for j, flag in enumerate(wide):
        at = f"p_at + tl.load(entry_at + {ENTRIES * j})"
        load = f"tl.load({at} + c, mask=mask, other=0.0)" if flag else f"tl.load({at})"
        lines.append(f"p{j} = {load}")
    lines += [f"t{node} = {python_of(text)}" for node, text in node_texts(found, roots).items()]
    body = "\n".join(f"                {line}" for line in [*lines, *last])
    return f"            if which == {index}:\n{body}"
