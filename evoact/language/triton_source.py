"""Pointwise expressions as Triton kernels: for GPUs, from the templates of C.

What C and Python have in common is all that the templates use, so a kernel has
the same steps in both. Of Triton's own functions only those are called that its
interpreter knows, so that kernels can be checked where there is no GPU.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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


def triton_source(functions: Mapping[str, Expression]) -> str:
    """Return a Python file with two Triton kernels for each name.

    `NAME_values(x, p0, ..., y, total, n, BLOCK)` writes the values of `total`
    elements. `NAME_pulls(x, p0, ..., g, gx, g0, ..., total, n, BLOCK)` is the
    backward pass from `x` alone: `gx` gets `g` times dy/dx. A parameter per
    layer is one value, and program `i` writes its share of the gradient to
    `g0[i]`; one per channel has `n` values, channels last, and each element's
    share is written, to be summed over rows.

    Args:
        functions: pointwise expressions by their names.

    Raises:
        InputError: an expression is groupwise.
    """
    kernels = "\n\n".join(_kernels(expression, name) for name, expression in functions.items())
    helpers = [*map(read_function, _OWN), *lane_functions(kernels)]
    parts = ["import triton", "import triton.language as tl", "", ""]
    return "\n".join(parts) + "\n\n".join([*map(_written, helpers), kernels])


def _written(function: LaneFunction) -> str:
    """Return a function in Triton's Python."""
    lines = [f"    {name} = {_python(text)}" for name, text in function.steps]
    head = f"@triton.jit\ndef {function.name}({', '.join(function.arguments)}):"
    return "\n".join([head, *lines, f"    return {_python(function.result)}", ""])


def _python(text: str) -> str:
    """Return an expression of C as one of Python: without the `f` of a literal."""
    text = re.sub(r"__builtin_(inf|nan)f\((?:\"\")?\)", r"float('\1')", text)
    return re.sub(r"(?<![A-Za-z_])(\d+\.?\d*(?:e[+-]?\d+)?)f\b", r"\1", text)


def _kernels(expression: Expression, name: str) -> str:
    if expression.is_groupwise:
        raise InputError(
            f"{str(expression)!r} is groupwise, and kernels are generated for pointwise "
            "expressions; use its torch source"
        )
    wide = [parameter.scope is Scope.CHANNEL for parameter in expression.parameters]
    found = lowered(expression)
    given = [f"p{j}_at" for j in range(len(wide))]
    sums = [f"g{j}_at" for j in range(len(wide))]
    y = operand(found, found.value)[0]
    values = _kernel(f"{name}_values", [*given, "y_at"], wide, found, [found.value],
                     [f"tl.store(y_at + i, {_python(y)}, mask=mask)"])  # fmt: skip
    dx, *others = (_python(operand(found, node)[0]) for node in found.slopes)
    stores = ["g = tl.load(g_at + i, mask=mask, other=0.0)",
              f"tl.store(gx_at + i, g * {dx}, mask=mask)"]  # fmt: skip
    for j, text in enumerate(others):
        share = f"tl.where(mask, g * {text}, 0.0)"
        stores.append(
            f"tl.store({sums[j]} + i, {share}, mask=mask)" if wide[j]
            else f"tl.store({sums[j]} + tl.program_id(0), tl.sum({share}))"
        )  # fmt: skip
    pulls = _kernel(f"{name}_pulls", [*given, "g_at", "gx_at", *sums], wide, found,
                    list(found.slopes), stores)  # fmt: skip
    return f"{values}\n\n{pulls}"


def _kernel(
    name: str,
    arguments: Sequence[str],
    wide: Sequence[bool],
    found: Lowered,
    roots: Sequence[int],
    stores: Sequence[str],
) -> str:
    lines = [
        "i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)",
        "mask = i < total",
        "v = tl.load(x_at + i, mask=mask, other=0.0)",
    ]
    for j, flag in enumerate(wide):
        at = f"p{j}_at + i % n, mask=mask, other=0.0" if flag else f"p{j}_at"
        lines.append(f"p{j} = tl.load({at})")
    lines += [f"t{node} = {_python(text)}" for node, text in node_texts(found, roots).items()]
    body = "\n".join(f"    {line}" for line in [*lines, *stores])
    parameters = ", ".join(["x_at", *arguments, "total", "n", "BLOCK: tl.constexpr"])
    return f"@triton.jit\ndef {name}({parameters}):\n{body}\n"
