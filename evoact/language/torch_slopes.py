"""Derivatives of pointwise expressions as Python source on torch tensors."""

from __future__ import annotations

import math

from evoact.language.expression import Expression
from evoact.language.facts.training import ROWS, Lowered, lowered
from evoact.language.primitives import ATOM, NEGATION, PRODUCT, Kind, Primitive
from evoact.language.source import fill
from evoact.language.text import enclosed, infix_text


def torch_slopes(expression: Expression, name: str, *, value: bool = False) -> str:
    """Return `def name(x, p0, ...)` that gives the derivatives by `x` and each parameter.

    What they have in common, with each other and with the value, is computed
    once, and dropped after its last use. A result is a tensor that broadcasts
    to the shape of `x`, or a number. The function can be differentiated in
    turn. It needs `torch` and `torch.nn.functional as F` in its scope.

    Args:
        expression: pointwise.
        name: of the function.
        value: whether the value comes before the derivatives.

    >>> from evoact.language import parse
    >>> print(torch_slopes(parse("a * tanh(x) where a = 1.0"), "slopes"))
    def slopes(x, p0):
        t4 = torch.tanh(x)
        t7 = torch.square(t4)
        t8 = 1.0 - t7
        del t7
        t9 = p0 * t8
        del t8
        return t9, t4
    """
    found = lowered(expression)
    roots = (found.value, *found.slopes) if value else found.slopes
    lines = _Writer(found).lines(roots)
    arguments = ", ".join(["x", *(f"p{j}" for j in range(len(found.slopes) - 1))])
    body = "\n".join(f"    {line}" for line in lines)
    return f"def {name}({arguments}):\n{body}"


class _Writer:
    def __init__(self, found: Lowered) -> None:
        self.found, self.graph = found, found.graph
        self.masks: set[int] = set()
        self.reads: list[str] = []

    def lines(self, roots: tuple[int, ...]) -> list[str]:
        """Return the statements; each name is deleted after the last that reads it."""
        written: list[tuple[str, list[str]]] = []
        for node in self.found.reached(roots, soft=True):
            if self.graph.items[node].args:
                self.statements(node, written)
        self.reads = []
        results = [self.operand(node)[0] for node in roots]
        lines, kept = [f"return {', '.join(results)}{',' * (len(results) == 1)}"], {*self.reads}
        for text, reads in reversed(written):
            dead = sorted({*reads} - kept)
            lines += [f"del {', '.join(dead)}"] * bool(dead) + [text]
            kept |= {*reads}
        return lines[::-1]

    def statements(self, node: int, written: list[tuple[str, list[str]]]) -> None:
        op, args, _ = self.graph.items[node]
        if op == "aif" and args[0] not in self.masks:
            self.masks.add(args[0])
            self.reads = []
            text = f"m{args[0]} = F.relu(torch.sign({self.operand(args[0])[0]}))"
            written.append((text, self.reads))
        self.reads = []
        written.append((f"t{node} = {self.call(node)}", self.reads))

    def call(self, node: int) -> str:
        op, args, _ = self.graph.items[node]
        if op == "aif":
            return self.choice(*args)
        if op == "sgn":
            return f"torch.sign({self.operand(args[0])[0]})"
        row = ROWS[op]
        if literal := self.literal(row, args):
            return literal
        parts = [self.argument(arg, kind) for arg, kind in zip(args, row.signature, strict=True)]
        if row.infix is not None:
            return infix_text(row, parts)
        soft = self.operand(self.graph.soft[node])[0] if row.surrogate else ""
        return fill(row.torch, parts, soft)

    def choice(self, condition: int, a: int, b: int) -> str:
        """Return the text of what is `a` where the condition is positive, else `b`.

        Not by `torch.where`, which takes ten times as long where choices change
        from one element to the next. As in autograd, a branch that is not taken
        is multiplied by zero.
        """
        mask = f"m{condition}"
        self.reads.append(mask)
        if self.graph.number(a) is None and self.graph.number(b) is None:
            return f"torch.lerp({self.operand(b)[0]}, {self.operand(a)[0]}, {mask})"
        terms = []
        if self.graph.number(a) != 0.0:
            terms.append(f"{mask} * {enclosed(self.operand(a), PRODUCT + 1)}")
        if self.graph.number(b) != 0.0:
            terms.append(f"(1.0 - {mask}) * {enclosed(self.operand(b), PRODUCT + 1)}")
        return " + ".join(terms)

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
        """Return how a node is written where another one reads it, and note that it does."""
        op, _, numbers = self.graph.items[node]
        if op == "x":
            return "x", ATOM
        if op == "param":
            return f"p{int(numbers[0])}", ATOM
        if op == "const":
            number = numbers[0]
            text = repr(number) if math.isfinite(number) else f"float('{number}')"
            return text, NEGATION if number < 0 else ATOM
        self.reads.append(f"t{node}")
        return f"t{node}", ATOM
