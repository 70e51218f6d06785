"""The text form of expressions: `parse` and `format_expression`.

    text    := expr [ 'where' binding (',' binding)* ]
    binding := name '=' number ['per layer' | 'per channel']

Precedence is Python's: `**` binds tighter than a minus on its left, and is
right-associative. Nothing is ever evaluated as code: the text is cut into
tokens and read by recursive descent, so that every error has a position.
"""

from __future__ import annotations

import math
from typing import Final, NoReturn

from evoact.errors import nearest
from evoact.language.checker import Checker
from evoact.language.expression import Expression
from evoact.language.primitives import (
    ATOM,
    NEGATION,
    POWER,
    PRIMITIVES,
    PRODUCT,
    RESERVED,
    SOURCE_NAMES,
    SUM,
    Kind,
    Primitive,
)
from evoact.language.tokens import Token, tokenize
from evoact.language.tree import (
    MAX_DEPTH,
    Call,
    Const,
    ExpressionError,
    Node,
    Param,
    Parameter,
    Scope,
    X,
    finite,
)

_SYMBOLS: Final = {
    level: {row.infix: row for row in PRIMITIVES.values() if row.infix and row.level == level}
    for level in (SUM, PRODUCT)
}
_NAMED_CONSTANTS: Final = {"pi": math.pi, "e": math.e}


def parse(text: str) -> Expression:
    """Read an expression from its text.

    Args:
        text: such as `x * sigmoid(beta * x) where beta = 1.0 per channel`.

    Raises:
        ExpressionError: the text is not of the language; the message shows
            where, and the nearest name when a name is unknown.

    >>> parse("x * sigmoid(x)").nodes
    4
    >>> parse("x * sigmoyd(x)")
    Traceback (most recent call last):
    ...
    evoact.language.tree.ExpressionError: unknown primitive 'sigmoyd'; did you mean 'sigmoid'?
      x * sigmoyd(x)
          ^
    """
    return _Parser(text).parse()


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.next = 0
        self.nesting = 0
        self.uses: dict[str, tuple[int, Token]] = {}
        self.calls: list[tuple[Call, Token]] = []  # arguments before what they are in

    def parse(self) -> Expression:
        root = self.sum()
        bindings: dict[str, Parameter] = {}
        if self.peek().text == "where":
            self.take()
            bindings = self.bindings()
        if self.peek().kind != "end":
            self.fail(f"unexpected {self.peek().text!r}")
        for name, (_, token) in self.uses.items():
            if name not in bindings:
                self.fail_unbound(token, bindings)
        parameters = tuple(bindings[name] for name in self.uses)
        Checker(parameters, self.fail).check(self.calls)
        try:
            return Expression.build(root, parameters)
        except ExpressionError as error:  # a parameter at two widths: shown where it is used
            place = next((t for n, (_, t) in self.uses.items() if f"'{n}'" in error.message), None)
            self.fail(error.message, place or self.tokens[0])

    def apply(self, row: Primitive, args: tuple[Node, ...], token: Token) -> Call:
        call = Call(row, args)
        self.calls.append((call, token))
        return call

    # Tokens

    def peek(self) -> Token:
        return self.tokens[self.next]

    def take(self) -> Token:
        self.next += 1
        return self.tokens[self.next - 1]

    def expect(self, text: str) -> Token:
        if self.peek().text != text:
            self.fail(f"expected {text!r}, found {self.peek().text!r}")
        return self.take()

    def fail(self, message: str, token: Token | None = None) -> NoReturn:
        raise ExpressionError(message, self.text, (token or self.peek()).position)

    def fail_unbound(self, token: Token, bindings: dict[str, Parameter]) -> NoReturn:
        hint = nearest(token.text, ["x", *bindings, *PRIMITIVES])
        self.fail(
            f"unknown name {token.text!r}{hint}; a learnable parameter is bound at the end, "
            f"as in 'where {token.text} = 1.0'",
            token,
        )

    # Grammar, loosest binding first

    def sum(self) -> Node:
        node = self.product()
        while (row := _SYMBOLS[SUM].get(self.peek().text)) is not None:
            token = self.take()
            node = self.apply(row, (node, self.product()), token)
        return node

    def product(self) -> Node:
        node = self.negation()
        while (row := _SYMBOLS[PRODUCT].get(self.peek().text)) is not None:
            token = self.take()
            node = self.apply(row, (node, self.negation()), token)
        return node

    def negation(self) -> Node:
        if self.peek().text != "-":
            return self.power()
        if self.is_negative_number():  # no nesting: it may be at the greatest depth
            self.take()
            return Const(-self.number())
        self.descend()
        token = self.take()
        node = self.negation()
        self.nesting -= 1
        if isinstance(node, Const):
            return Const(-node.value)
        return self.apply(PRIMITIVES["neg"], (node,), token)

    def is_negative_number(self) -> bool:
        place = self.next + 1  # there is a token: the end's, if nothing else
        return self.tokens[place].kind == "number" and self.tokens[place + 1].text != "**"

    def power(self) -> Node:
        base = self.atom()
        if self.peek().text != "**":
            return base
        self.descend()
        token = self.take()
        exponent = self.negation()
        self.nesting -= 1
        return self.apply(PRIMITIVES["pow"], (base, exponent), token)

    def atom(self) -> Node:
        token = self.peek()
        if token.kind == "number":
            return Const(self.number())
        if token.text == "(":
            return self.parenthesis()
        if token.kind != "name" or token.text == "where":
            self.fail(f"expected an expression, found {token.text!r}")
        self.take()
        if self.peek().text == "(":
            return self.application(token)
        return self.name(token)

    def parenthesis(self) -> Node:
        self.descend()
        self.take()
        node = self.sum()
        self.expect(")")
        self.nesting -= 1
        return node

    def descend(self) -> None:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            self.fail(f"expression nests deeper than {MAX_DEPTH}")

    def name(self, token: Token) -> Node:
        if token.text == "x":
            return X()
        if token.text in _NAMED_CONSTANTS:
            return Const(_NAMED_CONSTANTS[token.text])
        if token.text in PRIMITIVES:
            row = PRIMITIVES[token.text]
            self.fail(f"primitive {token.text!r} takes {_arguments(row)}", token)
        index, _ = self.uses.setdefault(token.text, (len(self.uses), token))
        return Param(index)

    def application(self, token: Token) -> Node:
        row = PRIMITIVES.get(token.text)
        if row is None:
            self.fail(f"unknown primitive {token.text!r}{nearest(token.text, PRIMITIVES)}", token)
        self.descend()
        self.take()
        args = [self.argument(row, 0)]
        while self.peek().text == ",":
            self.take()
            args.append(self.argument(row, len(args)))
        self.expect(")")
        self.nesting -= 1
        if len(args) != row.arity:
            self.fail(f"{row.name!r} takes {_arguments(row)}, got {len(args)}", token)
        return self.apply(row, tuple(args), token)

    def argument(self, row: Primitive, index: int) -> Node:
        start = self.peek()
        node = self.sum()
        kind = row.signature[index] if index < row.arity else Kind.VALUE
        if kind.is_literal:
            what = f"argument {index + 1} of {row.name!r}"
            if not isinstance(node, Const):
                self.fail(f"{what} must be a number", start)
            if refusal := kind.refusal(node.value):
                self.fail(f"{what} {refusal}", start)
        return node

    # Bindings

    def bindings(self) -> dict[str, Parameter]:
        bound: dict[str, Parameter] = {}
        while True:
            self.binding(bound)
            if self.peek().text != ",":
                return bound
            self.take()

    def binding(self, bound: dict[str, Parameter]) -> None:
        token = self.peek()
        if token.kind != "name":
            self.fail(f"expected the name of a parameter, found {token.text!r}")
        if token.text in RESERVED | SOURCE_NAMES or token.text in PRIMITIVES:
            self.fail(f"{token.text!r} is reserved; name the parameter otherwise")
        if token.text in bound:
            self.fail(f"parameter {token.text!r} is bound twice")
        if token.text not in self.uses:
            hint = nearest(token.text, self.uses)
            self.fail(f"parameter {token.text!r} is not used in the expression{hint}")
        self.take()
        self.expect("=")
        sign = 1.0
        while self.peek().text in ("-", "+"):
            sign = -sign if self.take().text == "-" else sign
        bound[token.text] = Parameter(sign * self.number() + 0.0, self.scope(), token.text)

    def number(self) -> float:
        token = self.peek()
        if token.kind != "number":
            self.fail(f"expected a number, found {token.text!r}")
        try:
            value = finite(float(token.text), f"number {token.text}")
        except ExpressionError as error:
            raise ExpressionError(error.message, self.text, token.position) from error
        self.take()
        return value

    def scope(self) -> Scope:
        if self.peek().text != "per":
            return Scope.LAYER
        self.take()
        if self.peek().text not in ("layer", "channel"):
            self.fail(f"expected 'per layer' or 'per channel', found 'per {self.peek().text}'")
        return Scope(self.take().text)


def _arguments(row: Primitive) -> str:
    return f"{row.arity} argument{'s' if row.arity > 1 else ''} ({row.name} = {row.formula})"


def format_expression(expression: Expression) -> str:
    """Return the text of an expression; `parse` of it gives the same back."""
    names = expression.names
    body = _render(expression.root, names)[0]
    bindings = ", ".join(
        f"{name} = {p.initial!r}{' per channel' if p.scope is Scope.CHANNEL else ''}"
        for name, p in zip(names, expression.parameters, strict=True)
    )
    return f"{body} where {bindings}" if bindings else body


def _render(node: Node, names: tuple[str, ...]) -> tuple[str, int]:
    """Return the text of a node and how tightly it binds."""
    if isinstance(node, X):
        return "x", ATOM
    if isinstance(node, Const):
        return repr(node.value), NEGATION if node.value < 0 else ATOM
    if isinstance(node, Param):
        return names[node.index], ATOM
    row = node.primitive
    parts = [
        (str(int(arg.value)), ATOM)
        if kind is Kind.INTEGER and isinstance(arg, Const)
        else _render(arg, names)
        for arg, kind in zip(node.args, row.signature, strict=True)
    ]
    if row.infix is None:
        return f"{row.name}({', '.join(text for text, _ in parts)})", ATOM
    return infix_text(row, parts), row.level


def infix_text(row: Primitive, parts: list[tuple[str, int]]) -> str:
    """Write an infix primitive with the parentheses that its operands need."""
    if row.level == NEGATION:
        return f"-{enclosed(parts[0], NEGATION)}"
    if row.level == POWER:
        return f"{enclosed(parts[0], ATOM)} ** {enclosed(parts[1], NEGATION)}"
    left, right = enclosed(parts[0], row.level), enclosed(parts[1], row.level + 1)
    return f"{left} {row.infix} {right}"


def enclosed(part: tuple[str, int], level: int) -> str:
    """Return the text of a part, in parentheses if it binds looser than `level`."""
    text, own = part
    return text if own >= level else f"({text})"
