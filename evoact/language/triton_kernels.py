"""One pointwise expression as two Triton kernels, for a file of its own."""

from __future__ import annotations

from collections.abc import Sequence

from evoact.errors import InputError
from evoact.language.c_source import node_texts, operand
from evoact.language.expression import Expression
from evoact.language.facts.training import Lowered, lowered
from evoact.language.tree import Scope
from evoact.language.triton_source import helpers_of, python_of

_START = (
    "i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)",
    "mask = i < total",
    "v = tl.load(x_at + i, mask=mask, other=0.0).to(tl.float32)",
)


def triton_kernels(expression: Expression) -> str:
    """Return the Triton kernels `values` and `pulls`, after the functions that they call.

    They compute in float32, over `total` elements without gaps, channels last, `n` of
    them. Parameter `j` is one value at `pj_at`, or per channel `n`. `values` writes `y`.
    `pulls` is the backward pass from `x` alone: it writes `gx`, and to `sj_at` the shares
    of the gradient of parameter `j`: one of each block, or per channel of each element.
    Both need `triton`, and `triton.language as tl`.

    Args:
        expression: pointwise.

    Raises:
        InputError: the expression is groupwise.
    """
    if expression.is_groupwise:
        raise InputError(
            f"{str(expression)!r} is groupwise, and Triton kernels are written for pointwise "
            "expressions; use its torch source"
        )
    wide = [parameter.scope is Scope.CHANNEL for parameter in expression.parameters]
    found = lowered(expression)
    kernels = f"{_values(found, wide)}\n\n\n{_pulls(found, wide)}\n"
    return "\n\n".join([*helpers_of(kernels), kernels])


def _values(found: Lowered, wide: Sequence[bool]) -> str:
    (y,) = _operands(found, [found.value])
    places = [f"p{j}_at" for j in range(len(wide))]
    head = f"def values({', '.join(['x_at', 'y_at', *places])}, total, n, BLOCK: tl.constexpr):"
    lines = [*_START, *_steps(found, wide, [found.value])]
    lines += [f"y = tl.zeros([BLOCK], tl.float32) + ({y})"]
    return _kernel(head, [*lines, "tl.store(y_at + i, y, mask=mask)"])


def _pulls(found: Lowered, wide: Sequence[bool]) -> str:
    dx, *others = _operands(found, found.slopes)
    places = [f"s{j}_at" for j in range(len(wide))] + [f"p{j}_at" for j in range(len(wide))]
    given = ", ".join(["x_at", "g_at", "gx_at", *places])
    lines = [*_START, "g = tl.load(g_at + i, mask=mask, other=0.0).to(tl.float32)"]
    lines += [*_steps(found, wide, found.slopes), f"tl.store(gx_at + i, g * ({dx}), mask=mask)"]
    for j, (text, flag) in enumerate(zip(others, wide, strict=True)):
        share = f"tl.where(mask, g * ({text}), 0.0)"
        lines.append(
            f"tl.store(s{j}_at + i, {share}, mask=mask)"
            if flag
            else f"tl.store(s{j}_at + tl.program_id(0), tl.sum({share}))"
        )
    return _kernel(f"def pulls({given}, total, n, BLOCK: tl.constexpr):", lines)


def _kernel(head: str, lines: Sequence[str]) -> str:
    return "\n".join(["@triton.jit", head, *(f"    {line}" for line in lines)])


def _operands(found: Lowered, nodes: Sequence[int]) -> list[str]:
    return [python_of(operand(found, node)[0]) for node in nodes]


def _steps(found: Lowered, wide: Sequence[bool], roots: Sequence[int]) -> list[str]:
    """Return the statements that load parameters, and compute what the roots need."""
    lines = ["c = i % n"] * any(wide)
    for j, flag in enumerate(wide):
        at = f"p{j}_at + c, mask=mask, other=0.0" if flag else f"p{j}_at"
        # A block in either case: the interpreter cannot take `|` of two scalars' comparisons.
        wider = "" if flag else " + tl.zeros([BLOCK], tl.float32)"
        lines.append(f"p{j} = tl.load({at}).to(tl.float32){wider}")
    return lines + [f"t{n} = {python_of(text)}" for n, text in node_texts(found, roots).items()]
