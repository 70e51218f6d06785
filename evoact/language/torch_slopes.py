"""Derivatives of pointwise expressions as Python source on torch tensors."""

from __future__ import annotations

from evoact.language.expression import Expression
from evoact.language.facts.training import Lowered, lowered
from evoact.language.primitives import ATOM, NEGATION, PRIMITIVES, Kind, Primitive
from evoact.language.source import fill
from evoact.language.text import infix_text


def torch_slopes(expression: Expression, name: str) -> str:
    """Return `def name(x, a0, ...)` that gives the derivatives by `x` and each parameter.

    What they have in common, with each other and with the value, is computed
    once. A result is a tensor that broadcasts to the shape of `x`, or a number.
    The function can be differentiated in turn. It needs `torch` and
    `torch.nn.functional as F` in its scope.

    Args:
        expression: pointwise.
        name: of the function.

    >>> from evoact.language import parse
    >>> print(torch_slopes(parse("a * tanh(x) where a = 1.0"), "slopes"))
    def slopes(x, p0):
        t4 = torch.tanh(x)
        t7 = torch.square(t4)
        t8 = 1.0 - t7
        t9 = p0 * t8
        return t9, t4
    """
    found = lowered(expression)
    writer = _Writer(found)
    lines = [f"{writer.name(node)} = {text}" for node, text in writer.texts().items()]
    results = ", ".join(writer.operand(node)[0] for node in found.slopes)
    comma = "," * (len(found.slopes) == 1)
    arguments = ", ".join(["x", *(f"p{j}" for j in range(len(found.slopes) - 1))])
    body = "\n".join(f"    {line}" for line in [*lines, f"return {results}{comma}"])
    return f"def {name}({arguments}):\n{body}"


class _Writer:
    def __init__(self, found: Lowered) -> None:
        self.found, self.graph = found, found.graph

    def name(self, node: int) -> str:
        return f"t{node}"

    def texts(self) -> dict[int, str]:
        """Return the text of each call that the slopes need, in order."""
        nodes = self.found.reached(self.found.slopes, soft=True)
        return {node: self.call(node) for node in nodes if self.graph.items[node].args}

    def call(self, node: int) -> str:
        op, args, _ = self.graph.items[node]
        row = PRIMITIVES["if_positive" if op == "aif" else op]
        if literal := self.literal(row, args):
            return literal
        parts = [self.argument(arg, kind) for arg, kind in zip(args, row.signature, strict=True)]
        if op == "aif":  # unlike values, slopes may be numbers
            return f"torch.where({parts[0][0]} > 0, {parts[1][0]}, {parts[2][0]})"
        if row.infix is not None:
            return infix_text(row, parts)
        return fill(row.torch, parts, self.name(self.graph.soft[node]) if row.surrogate else "")

    def literal(self, row: Primitive, args: tuple[int, ...]) -> str | None:
        """Return the text by the template for constants, where it applies."""
        if row.torch_literal is None:
            return None
        if row.commutative:
            args = tuple(sorted(args, key=lambda arg: self.graph.number(arg) is not None))
        if any(self.graph.number(args[place]) is None for place in row.literal_places):
            return None
        return fill(row.torch_literal, [self.operand(arg) for arg in args])

    def argument(self, node: int, kind: Kind) -> tuple[str, int]:
        number = self.graph.number(node)
        if kind is Kind.INTEGER and number is not None:
            return str(int(number)), ATOM
        return self.operand(node)

    def operand(self, node: int) -> tuple[str, int]:
        op, _, numbers = self.graph.items[node]
        if op == "x":
            return "x", ATOM
        if op == "param":
            return f"p{int(numbers[0])}", ATOM
        if op == "const":
            number = numbers[0]
            text = repr(number) if abs(number) < float("inf") else f"float('{number}')"
            return text, NEGATION if number < 0 else ATOM
        return self.name(node), ATOM
