"""Expressions as readable Python source on torch tensors.

The text comes from the templates in the table of primitives and from numbers
printed by `repr`, never from a user's text. Subtrees that are used more than
once are computed once.
"""

from __future__ import annotations

from collections import Counter

from evoact.language.primitives import ATOM, NEGATION
from evoact.language.text import enclosed, infix_text
from evoact.language.tree import Call, Const, Expression, Node, Param, X

_WIDE = 72  # characters of a line after which a subexpression gets a name


def torch_function(expression: Expression, name: str) -> str:
    """Return `def name(x, a0, ...)` with a body of torch operations.

    It needs `torch` and `torch.nn.functional as F` in its scope. `x` is a
    tensor of any shape, the parameters are tensors that broadcast with it; the
    result has the shape of `x`.
    """
    lines, result = torch_body(expression, expression.names)
    arguments = ", ".join(("x", *expression.names))
    body = "\n".join(f"    {line}" for line in [*lines, f"return {result}"])
    return f"def {name}({arguments}):\n{body}\n".rstrip()


def torch_body(expression: Expression, names: tuple[str, ...]) -> tuple[list[str], str]:
    """Return the statements before the result, and the text of the result.

    Args:
        expression: what to write.
        names: how each parameter is written.
    """
    writer = _Writer(expression, names)
    text, level = writer.write(expression.root, is_result=True)
    if not _reads_x(expression.root):
        text = f"torch.zeros_like(x) + {enclosed((text, level), ATOM)}"
    return writer.lines, text


def _reads_x(node: Node) -> bool:
    return isinstance(node, X) or (isinstance(node, Call) and any(map(_reads_x, node.args)))


class _Writer:
    def __init__(self, expression: Expression, names: tuple[str, ...]) -> None:
        self.names = names
        self.lines: list[str] = []
        self.named: dict[Node, str] = {}
        self.uses: Counter[Node] = Counter()
        self.count(expression.root)

    def count(self, node: Node) -> None:
        self.uses[node] += 1
        if isinstance(node, Call) and self.uses[node] == 1:
            template = node.primitive.torch
            for index, arg in enumerate(node.args):
                self.count(arg)
                if template.count(f"{{{index}") > 1:  # the template reads it more than once
                    self.uses[arg] += 1

    def write(self, node: Node, is_result: bool = False) -> tuple[str, int]:
        if isinstance(node, X):
            return "x", ATOM
        if isinstance(node, Const):
            return repr(node.value), NEGATION if node.value < 0 else ATOM
        if isinstance(node, Param):
            return self.names[node.index], ATOM
        if node in self.named:
            return self.named[node], ATOM
        text, level = self.call(node)
        if not is_result and (self.uses[node] > 1 or len(text) > _WIDE):
            return self.assign(node, text), ATOM
        return text, level

    def assign(self, node: Node, text: str) -> str:
        taken = {*self.names, *self.named.values()}
        name = next(n for i in range(1000) if (n := f"t{i}") not in taken)
        self.lines.append(f"{name} = {text}")
        self.named[node] = name
        return name

    def call(self, node: Call) -> tuple[str, int]:
        row, args = node.primitive, node.args
        if row.torch_constant and any(isinstance(arg, Const) for arg in args):
            args = tuple(sorted(args, key=lambda arg: isinstance(arg, Const)))
            return _fill(row.torch_constant, [self.write(arg) for arg in args]), ATOM
        parts = [self.write(arg) for arg in args]
        if row.infix is not None:
            return infix_text(row, parts), row.level
        return _fill(row.torch, parts), row.level


def _fill(template: str, parts: list[tuple[str, int]]) -> str:
    return template.format(*(_Slot(part) for part in parts))


class _Slot:
    """A part in a template: `{0}` as it is, `{0:p}` safe beside any operator."""

    def __init__(self, part: tuple[str, int]) -> None:
        self.part = part

    def __format__(self, spec: str) -> str:
        return enclosed(self.part, ATOM) if spec == "p" else self.part[0]
