"""Shapes: the form that all expressions of a search have, such as `binary(unary(x), unary(x))`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, NoReturn

from evoact.errors import nearest
from evoact.language import PRIMITIVES, Call, Const, ExpressionError, Node, Param, X
from evoact.language.tokens import Token, tokenize
from evoact.language.widths import values

ARITIES: Final = {"unary": 1, "binary": 2, "ternary": 3}
LEAVES: Final = {"x": X, "constant": Const, "parameter": Param}
_KINDS: Final = (*ARITIES, *LEAVES)
_MAX_DEPTH: Final = 32  # that of language.max_depth


@dataclass(frozen=True, slots=True)
class Shape:
    """What stands at one place of an expression, and the shapes of its arguments.

    `unary`, `binary` and `ternary` stand for any primitive listed that takes so
    many values; numbers such as the bounds of `clamp` come with the primitive.

    >>> shape = read_shape("binary(unary(x), x)")
    >>> [str(place) for place in shape.places()]
    ['x', 'unary(x)', 'binary(unary(x), x)']
    """

    kind: str
    args: tuple[Shape, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(map(str, self.args))})" if self.args else self.kind

    def places(self) -> Iterator[Shape]:
        """Yield the different shapes in this one, arguments before what they are in."""
        inner = (place for arg in self.args for place in arg.places())
        yield from dict.fromkeys((*inner, self))

    def fits(self, node: Node) -> bool:
        """Whether a tree has this shape."""
        if self.kind in LEAVES:
            return isinstance(node, LEAVES[self.kind])
        args = list(values(node)) if isinstance(node, Call) else []
        return len(args) == len(self.args) and all(
            shape.fits(arg) for shape, arg in zip(self.args, args, strict=True)
        )

    @property
    def nodes(self) -> int:
        """How many places it has."""
        return 1 + sum(arg.nodes for arg in self.args)

    @property
    def depth(self) -> int:
        """How many primitives lie on the longest way down."""
        return 1 + max(arg.depth for arg in self.args) if self.args else 0


@cache
def read_shape(text: str) -> Shape:
    """Read a shape from its text.

    Raises:
        ExpressionError: it is no shape; the message shows where.

    >>> read_shape("binary(unary(x), unray(x))")
    Traceback (most recent call last):
    ...
    evoact.language.tree.ExpressionError: unknown placeholder 'unray'; did you mean 'unary'?; \
wanted one of unary, binary, ternary, x, constant, parameter
      binary(unary(x), unray(x))
                       ^
    """
    reader = _Reader(text)
    shape = reader.shape(0)
    if reader.peek().kind != "end":
        reader.fail(f"unexpected {reader.peek().text!r} after the shape", reader.peek())
    if not any(place.kind == "x" for place in shape.places()):
        reader.fail("the shape has no x; put it where the input goes", reader.tokens[0])
    return shape


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.next = text, tokenize(text), 0

    def peek(self) -> Token:
        return self.tokens[self.next]

    def take(self, wanted: str | None = None) -> Token:
        token = self.peek()
        if wanted is not None and token.text != wanted:
            self.fail(f"expected {wanted!r}, found {token.text!r}", token)
        self.next += 1
        return token

    def fail(self, message: str, token: Token) -> NoReturn:
        raise ExpressionError(message, self.text, token.position)

    def shape(self, depth: int) -> Shape:
        token = self.peek()
        if token.kind != "name":
            self.fail(f"expected a placeholder ({', '.join(_KINDS)}), found {token.text!r}", token)
        if token.text not in _KINDS:
            self.fail_unknown(token)
        if depth > _MAX_DEPTH:
            self.fail(f"the shape nests deeper than {_MAX_DEPTH}", token)
        self.take()
        return Shape(token.text, self.arguments(token, depth) if token.text in ARITIES else ())

    def arguments(self, token: Token, depth: int) -> tuple[Shape, ...]:
        self.take("(")
        args = [self.shape(depth + 1)]
        while self.peek().text == ",":
            self.take()
            args.append(self.shape(depth + 1))
        self.take(")")
        if len(args) != ARITIES[token.text]:
            wanted = ARITIES[token.text]
            self.fail(f"{token.text} stands for {wanted} values, got {len(args)}", token)
        return tuple(args)

    def fail_unknown(self, token: Token) -> NoReturn:
        if token.text in PRIMITIVES:
            self.fail(
                f"{token.text!r} is a primitive, and a shape has placeholders: write "
                "unary, binary or ternary, and list it in language.primitives",
                token,
            )
        hint = nearest(token.text, _KINDS)
        self.fail(
            f"unknown placeholder {token.text!r}{hint}; wanted one of {', '.join(_KINDS)}", token
        )
