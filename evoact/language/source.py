"""Expressions as readable Python source, on tensors of torch and of others.

The text comes from the templates in the table of primitives and from numbers
printed by `repr`, never from a user's text. Subtrees that are used more than
once are computed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from evoact.language.expression import Expression
from evoact.language.primitives import ATOM, NEGATION, SUM, Kind, Primitive
from evoact.language.text import enclosed, infix_text, parse
from evoact.language.tree import Call, Const, Node, Param, X, literal_places, rebuild
from evoact.language.widths import argument_width, reads_x

_WIDE = 72  # characters of a line after which a subexpression gets a name


@dataclass(frozen=True)
class Dialect:
    """How a library of tensors is written.

    Attributes:
        template: a row's template.
        literal: and the one where `literal_places` are constants, if it has one.
        like: the text of a tensor of a width, whose values do not matter.
        zeros: a template for zeros of the shape of a tensor.
        widened: a template for a tensor in float32, if it is in float16.
        narrowed: and for the first one back in float16, if the second is.
    """

    template: Callable[[Primitive], str]
    literal: Callable[[Primitive], str | None]
    like: Callable[[Fraction], str]
    zeros: str
    widened: str
    narrowed: str


def _like_torch(width: Fraction) -> str:
    text = "x" if width.numerator == 1 else f"torch.cat((x,) * {width.numerator}, dim)"
    return text if width.denominator == 1 else f"{text}.chunk({width.denominator}, dim)[0]"


TORCH: Final = Dialect(
    lambda row: row.torch,
    lambda row: row.torch_literal,
    _like_torch,
    "torch.zeros_like({})",
    "{0}.float() if {0}.dtype is torch.float16 else {0}",
    "{0}.half() if {1}.dtype is torch.float16 else {0}",
)


def torch_function(expression: Expression, name: str) -> str:
    """Return `def name(x, a0, ...)` with a body of torch operations.

    It needs `torch` and `torch.nn.functional as F` in its scope. `x` is a
    tensor of any shape, the parameters are tensors that broadcast with the
    nodes that use them; the result has the shape of `x`, but for the channels
    of a groupwise expression, which are dimension `dim`.
    """
    lines, result = torch_body(expression, expression.names)
    arguments = ", ".join(("x", *expression.names, *["dim"] * expression.is_groupwise))
    body = "\n".join(f"    {line}" for line in [*lines, f"return {result}"])
    return f"def {name}({arguments}):\n{body}\n".rstrip()


def torch_body(expression: Expression, names: tuple[str, ...]) -> tuple[list[str], str]:
    """Return the statements before the result, and the text of the result.

    Args:
        expression: what to write.
        names: how each parameter is written.
    """
    return body(expression, names, TORCH)


def body(expression: Expression, names: tuple[str, ...], dialect: Dialect) -> tuple[list[str], str]:
    """Return the statements before the result, and the text of the result.

    Args:
        expression: what to write.
        names: how each parameter is written.
        dialect: for which library.
    """
    writer = _Writer(expression, names, dialect)
    return writer.lines, writer.result()


class _Writer:
    def __init__(self, expression: Expression, names: tuple[str, ...], dialect: Dialect) -> None:
        self.root, self.width = expression.root, expression.width
        self.dialect = dialect
        self.names = names
        self.lines: list[str] = []
        self.named: dict[Node, str] = {}
        self.uses: Counter[Node] = Counter()
        self.count(expression.root)

    def count(self, node: Node) -> None:
        self.uses[node] += 1
        if isinstance(node, Call) and self.uses[node] == 1:
            template = self.dialect.template(node.primitive)
            for index, arg in enumerate(node.args):
                self.count(arg)
                if template.count(f"{{{index}") > 1:  # the template reads it more than once
                    self.uses[arg] += 1
            if node.primitive.surrogate:
                self.uses[node.args[0]] += 1

    def result(self) -> str:
        text, level = self.write(self.root, self.width, is_result=True)
        return text if reads_x(self.root) else self.filled((text, level), self.width)

    def write(self, node: Node, width: Fraction, *, is_result: bool = False) -> tuple[str, int]:
        if isinstance(node, X):
            return "x", ATOM
        if isinstance(node, Const):
            return repr(node.value), NEGATION if node.value < 0 else ATOM
        if isinstance(node, Param):
            return self.names[node.index], ATOM
        if node in self.named:
            return self.named[node], ATOM
        text, level = self.call(node, width)
        if not is_result and (self.uses[node] > 1 or len(text) > _WIDE):
            # What does not read x may be used at other widths, where it is written again.
            return self.assign(text, node if reads_x(node) else None), ATOM
        return text, level

    def assign(self, text: str, node: Node | None = None) -> str:
        name = f"t{len(self.lines)}"
        while name in self.names:
            name += "_"
        self.lines.append(f"{name} = {text}")
        if node is not None:
            self.named[node] = name
        return name

    def call(self, node: Call, width: Fraction) -> tuple[str, int]:
        row, inner = node.primitive, argument_width(node, width)
        template = self.dialect.template(row)
        literal = self.dialect.literal(row)
        if literal and (args := literal_places(node)):
            return fill(literal, [self.write(arg, inner) for arg in args]), ATOM
        parts = [
            self.argument(row, arg, kind, inner)
            for arg, kind in zip(node.args, row.signature, strict=True)
        ]
        if row.infix is not None:
            return infix_text(row, parts), row.level
        if row.in_float32 and not isinstance(node.args[0], Const):
            return self.in_float32(template, parts), ATOM
        if row.surrogate is None:
            return fill(template, parts), row.level
        soft = self.assign(self.write(_surrogate(node), inner)[0])
        return fill(template, parts, soft), SUM

    def in_float32(self, template: str, parts: list[tuple[str, int]]) -> str:
        """Return a call whose steps leave the range of float16, computed in float32 there."""
        given = parts[0][0]  # a name, as the template reads it more than once
        fine = self.assign(self.dialect.widened.format(given))
        result = self.assign(fill(template, [(fine, ATOM), *parts[1:]]))
        return f"({self.dialect.narrowed.format(result, given)})"

    def argument(self, row: Primitive, arg: Node, kind: Kind, width: Fraction) -> tuple[str, int]:
        if kind is Kind.INTEGER and isinstance(arg, Const):
            return str(int(arg.value)), ATOM
        part = self.write(arg, width)
        spread = row.is_groupwise and not row.keeps_uniform and not kind.is_literal
        if spread and not reads_x(arg):
            return self.filled(part, width), SUM
        return part

    def filled(self, part: tuple[str, int], width: Fraction) -> str:
        """Return the text of a value in all channels of a width."""
        zeros = self.dialect.zeros.format(self.dialect.like(width))
        return f"{zeros} + {enclosed(part, ATOM)}"


def _surrogate(node: Call) -> Node:
    """Return the tree whose gradient a threshold is trained with."""
    soft = parse(node.primitive.surrogate or "").root
    return rebuild(soft, lambda leaf: node.args[0] if isinstance(leaf, X) else leaf)


def fill(template: str, parts: Sequence[tuple[str, int]], soft: str = "") -> str:
    """Return a template of the table with its arguments written in, each with its level."""
    return template.format(*(_Slot(part) for part in parts), s=soft)


class _Slot:
    """A part in a template: `{0}` as it is, `{0:p}` safe beside any operator."""

    def __init__(self, part: tuple[str, int]) -> None:
        self.part = part

    def __format__(self, spec: str) -> str:
        return enclosed(self.part, ATOM) if spec == "p" else self.part[0]
