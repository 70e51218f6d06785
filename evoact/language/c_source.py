"""Pointwise expressions as C: value and derivatives in one pass over floats.

The text comes from the table of primitives and from numbers; never from a
user's text. Subtrees that are used more than once, and what values and
derivatives have in common, are computed once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from evoact.errors import InputError
from evoact.language.c_prelude import c_prelude
from evoact.language.expression import Expression
from evoact.language.facts.training import ROWS, Lowered, lowered
from evoact.language.primitives import ATOM, NEGATION
from evoact.language.source import fill
from evoact.language.tree import Scope

_POINTERS: Final = "const float *restrict x, const float *const *p"
Parts = frozenset[str]
VALUES_AND_SLOPES: Final = frozenset({"values", "slopes"})


def c_source(functions: Mapping[str, Expression], parts: Parts = VALUES_AND_SLOPES) -> str:
    """Return a whole C file with the functions of `c_kernel` for each name.

    Args:
        functions: pointwise expressions by their names in C.
        parts: see `c_kernel`.
    """
    kernels = "\n".join(c_kernel(expression, name, parts) for name, expression in functions.items())
    return f"{c_prelude(kernels)}\n{kernels}"


def c_kernel(expression: Expression, name: str, parts: Parts = VALUES_AND_SLOPES) -> str:
    """Return the C text of a function; `c_prelude` must stand before it.

    The function is

        void NAME(const float *x, const float *const *p, long rows, long n,
                  float *y, float *d, long stride);

    over `rows * n` contiguous floats. `p[j]` is parameter `j`: one value if it
    is per layer, `n` if per channel (channels last, each row starts again). `y`
    gets the values. `d`, unless it is NULL, gets dy/dx at `d[i]` and dy/dp_j at
    `d[(1 + j) * stride + i]`. The values are the same bits with and without
    derivatives, and wherever an element stands.

        void NAME_pull(const float *x, const float *const *p, long rows, long n,
                       const float *g, float *gx, double *const *gp);

    is the backward pass from `x` alone: `gx` gets `g` times dy/dx. `g` times
    dy/dp_j is added to `gp[j]`: over rows to its `n` values if the parameter is
    per channel, else to 16 values that are to be summed up.

    Args:
        expression: pointwise.
        name: of the function, an identifier of C.
        parts: what it is used for, as each takes time to compile: with "values" alone `d`
            must be NULL, with "slopes" alone it must not; "pull" adds `NAME_pull`.

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
    flags = ", ".join(str(int(flag)) for flag in [*wide, False])
    writer = _Writer(lowered(expression), name, wide)
    written = [
        writer.values(slopes=kind == "slopes") for kind in ("values", "slopes") if kind in parts
    ]
    which = f"d ? {name}_slopes : {name}_values"
    if not parts >= VALUES_AND_SLOPES:
        which = f"{name}_slopes" if "slopes" in parts else f"{name}_values"
    written += [
        f"static const char {name}_wide[] = {{{flags}}};",
        f"void {name}({_POINTERS}, long rows, long n, float *y, float *d, long stride) {{",
        f"  blocks *f = {which};",
        f"  drive(f, {len(wide)}, {name}_wide, x, p, rows, n, y, d, stride);",
        "}",
    ]
    if "pull" in parts:
        written += [
            writer.pulls(),
            f"void {name}_pull({_POINTERS}, long rows, long n, const float *g, float *gx,",
            "    double *const *gp) {",
            f"  pull({name}_pulls, {len(wide)}, {name}_wide, x, p, rows, n, g, gx, gp);",
            "}",
        ]
    return "\n".join(written) + "\n"


class _Writer:
    """Writes functions over whole blocks; never inlined, so that there is one of each."""

    def __init__(self, found: Lowered, name: str, wide: list[bool]) -> None:
        self.found, self.name, self.wide = found, name, wide

    def values(self, *, slopes: bool) -> str:
        """Return the function of the values, and of the slopes if they are wanted."""
        roots = [self.found.value, *(self.found.slopes if slopes else ())]
        targets = ["y[i]", *(f"d[{j} * stride + i]" for j in range(len(roots) - 1))]
        texts = self.operands(roots)
        stores = [f"{at} = {text};" for at, text in zip(targets, texts, strict=True)]
        name = f"{self.name}_{'slopes' if slopes else 'values'}"
        more = "long count, float *restrict y, float *restrict d, long stride"
        return self.blocks(name, more, roots, stores)

    def pulls(self) -> str:
        """Return the function of the gradients, given those of the values."""
        roots = [*self.found.slopes]
        dx, *others = self.operands(roots)
        stores, before, after = [f"gx[i] = g[i] * {dx};"], [], []
        for j, text in enumerate(others):
            if self.wide[j]:
                before.append(f"double *restrict s{j} = gp[{j}];")
                stores.append(f"s{j}[i] += g[i] * {text};")
            else:
                before.append(f"float s{j}[LANES] = {{0}};")
                stores.append(f"s{j}[k] += g[i] * {text};")
                after.append(f"for (int k = 0; k < LANES; k++) gp[{j}][k] += s{j}[k];")
        more = "const float *restrict g, long count, float *restrict gx, double *const *gp"
        return self.blocks(f"{self.name}_pulls", more, roots, stores, before, after)

    def blocks(self, name: str, more: str, roots: list[int], stores: list[str],
               before: Sequence[str] = (), after: Sequence[str] = ()) -> str:  # fmt: skip
        """Return a function that does the same for each element of some blocks."""
        scalars = [f"float p{j} = *p[{j}];" for j, flag in enumerate(self.wide) if not flag]
        vectors = [f"float p{j} = p[{j}][i];" for j, flag in enumerate(self.wide) if flag]
        lines = [f"float t{n} = {text};" for n, text in node_texts(self.found, roots).items()]
        first = ["float v = x[i];", *vectors]
        body = "\n".join(f"      {line}" for line in [*first, *lines, *stores])
        head = "".join(f"  {line}\n" for line in [*scalars, *before])
        foot = "".join(f"  {line}\n" for line in after)
        return f"""\
static __attribute__((noinline)) void {name}({_POINTERS}, {more}) {{
{head}  for (long b = 0; b < count; b++) {{
#pragma omp simd
    for (int k = 0; k < LANES; k++) {{
      long i = b * LANES + k;
{body}
    }}
  }}
{foot}}}"""

    def operands(self, nodes: Sequence[int]) -> list[str]:
        """Return how the results are written."""
        return [operand(self.found, node)[0] for node in nodes]


def node_texts(found: Lowered, roots: Sequence[int]) -> dict[int, str]:
    """Return the C text of each node that the roots need and that is a call."""
    texts = {}
    for node in found.reached(roots):
        op, args, _ = found.graph.items[node]
        if args:
            texts[node] = fill(ROWS[op].c, [operand(found, arg) for arg in args])
    return texts


def operand(found: Lowered, node: int) -> tuple[str, int]:
    """Return how a node is written where another one reads it."""
    op, _, numbers = found.graph.items[node]
    if op == "x":
        return "v", ATOM
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
    if np.isnan(value):
        return '__builtin_nanf("")'
    with np.errstate(over="ignore"):
        rounded = np.float32(value)
    if np.isinf(rounded):
        return "__builtin_inff()" if rounded > 0 else "-__builtin_inff()"
    text = str(rounded)
    return f"{text}f"
