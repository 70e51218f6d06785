"""Pointwise expressions as C: value and derivatives in one pass over floats.

The text comes from the table of primitives and from numbers; never from a
user's text. Subtrees that are used more than once, and what values and
derivatives have in common, are computed once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import numpy as np

from evoact.errors import InputError
from evoact.language.c_prelude import c_prelude
from evoact.language.expression import Expression
from evoact.language.facts.training import Lowered, lowered
from evoact.language.primitives import ATOM, NEGATION, PRIMITIVES
from evoact.language.source import fill
from evoact.language.tree import Scope

_SIGNATURE: Final = (
    "const float *restrict x, const float *const *p, long count, float *restrict y, "
    "float *restrict d, long stride"
)


def c_source(functions: Mapping[str, Expression]) -> str:
    """Return a whole C file with one function for each name, see `c_kernel`."""
    kernels = "\n".join(c_kernel(expression, name) for name, expression in functions.items())
    return f"{c_prelude(kernels)}\n{kernels}"


def c_kernel(expression: Expression, name: str) -> str:
    """Return the C text of a function; `c_prelude` must stand before it.

    The function is

        void NAME(const float *x, const float *const *p, long rows, long n,
                  float *y, float *d, long stride);

    over `rows * n` contiguous floats. `p[j]` is parameter `j`: one value if it
    is per layer, `n` if per channel (channels last, each row starts again). `y`
    gets the values. `d`, unless it is NULL, gets dy/dx at `d[i]` and dy/dp_j at
    `d[(1 + j) * stride + i]`. The values are the same bits with and without
    derivatives, and wherever an element stands.

    Args:
        expression: pointwise.
        name: of the function, an identifier of C.

    Raises:
        InputError: the expression is groupwise, or the name no identifier.
    """
    if expression.is_groupwise:
        raise InputError(
            f"{str(expression)!r} is groupwise, and C is generated for pointwise expressions; "
            "use its torch source"
        )
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise InputError(f"name is {name!r}; wanted an identifier of C, such as 'swish'")
    wide = [parameter.scope is Scope.CHANNEL for parameter in expression.parameters]
    found = lowered(expression)
    flags = ", ".join(str(int(flag)) for flag in [*wide, False])
    return f"""\
{_blocks(found, f"{name}_values", wide, slopes=False)}
{_blocks(found, f"{name}_slopes", wide, slopes=True)}
void {name}(const float *x, const float *const *p, long rows, long n, float *y, float *d,
{" " * (len(name) + 6)}long stride) {{
  static const char wide[] = {{{flags}}};
  drive(d ? {name}_slopes : {name}_values, {len(wide)}, wide, x, p, rows, n, y, d, stride);
}}
"""


def _blocks(found: Lowered, name: str, wide: list[bool], *, slopes: bool) -> str:
    """Return the function over whole blocks; never inlined, so that there is one of it."""
    scalars = [f"  float p{j} = *p[{j}];" for j, flag in enumerate(wide) if not flag]
    vectors = [f"      float p{j} = p[{j}][i];" for j, flag in enumerate(wide) if flag]
    roots = [found.value, *(found.slopes if slopes else ())]
    texts = _texts(found, roots)
    lines = [f"      float t{node} = {text};" for node, text in texts.items()]
    targets = ["y[i]", *(f"d[{j} * stride + i]" for j in range(len(roots) - 1))]
    stores = [
        f"      {target} = {_operand(found, node)[0]};"
        for target, node in zip(targets, roots, strict=True)
    ]
    body = "\n".join([*vectors, *lines, *stores])
    head = "".join(f"{line}\n" for line in scalars)
    return f"""\
static __attribute__((noinline)) void {name}({_SIGNATURE}) {{
{head}  for (long b = 0; b < count; b++) {{
#pragma omp simd
    for (int k = 0; k < LANES; k++) {{
      long i = b * LANES + k;
{body}
    }}
  }}
}}"""


def _texts(found: Lowered, roots: list[int]) -> dict[int, str]:
    """Return the C text of each node that the roots need and that is a call."""
    texts = {}
    for node in found.reached(*roots):
        op, args, _ = found.graph.items[node]
        if args:
            template = PRIMITIVES["if_positive" if op == "aif" else op].c
            texts[node] = fill(template, [_operand(found, arg) for arg in args])
    return texts


def _operand(found: Lowered, node: int) -> tuple[str, int]:
    """Return how a node is written where another one reads it."""
    op, _, numbers = found.graph.items[node]
    if op == "x":
        return "x[i]", ATOM
    if op == "param":
        return f"p{int(numbers[0])}", ATOM
    if op == "const":
        return c_literal(numbers[0]), NEGATION if numbers[0] < 0 else ATOM
    return f"t{node}", ATOM


def c_literal(value: float) -> str:
    """Return a float literal of a float64, rounded as torch rounds it.

    >>> c_literal(0.1), c_literal(-1e300)
    ('0.1f', '-__builtin_inff()')
    """
    with np.errstate(over="ignore"):
        rounded = np.float32(value)
    if np.isinf(rounded):
        return "__builtin_inff()" if rounded > 0 else "-__builtin_inff()"
    text = str(rounded)
    return f"{text}f"
