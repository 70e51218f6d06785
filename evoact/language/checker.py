"""Holding a parsed tree to the bounds of the language, call by call.

`Expression.build` checks the same of a whole tree; done while the place of
each call in the text is known, an error can point there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Final, NoReturn

from evoact.language.tokens import Token
from evoact.language.tree import (
    MAX_DEPTH,
    MAX_NODES,
    Call,
    ExpressionError,
    Node,
    Parameter,
    X,
    fold,
)
from evoact.language.widths import Width, call_width, literals, values

_OF_X: Final = Fraction(1)


class Checker:
    """Checks calls in the order in which they were read, arguments first.

    Args:
        parameters: those of the expression.
        fail: raises an error that points at a token.
    """

    def __init__(
        self, parameters: Sequence[Parameter], fail: Callable[[str, Token], NoReturn]
    ) -> None:
        self._parameters, self._fail = parameters, fail
        # By id: the calls are alive, and hashing a tree costs as much as walking it.
        self._folded: dict[int, Node] = {}
        self._widths: dict[int, Width] = {}
        self._depths: dict[int, int] = {}
        self._sizes: dict[int, int] = {}

    def check(self, calls: Iterable[tuple[Call, Token]]) -> None:
        """Raise for the first call that breaks a bound, or whose widths do not fit."""
        for call, token in calls:
            try:
                self._check(call)
            except ExpressionError as error:
                self._fail(error.message, token)

    def _check(self, call: Call) -> None:
        self._measure(call)
        widths = [self._width(arg) for arg in values(call)]
        row = call.primitive
        self._widths[id(call)] = call_width(row, widths, literals(row, call.args))
        args = tuple(self._folded.get(id(arg), arg) for arg in call.args)
        self._folded[id(call)] = fold(Call(row, args), self._parameters)

    def _measure(self, call: Call) -> None:
        depth = 1 + max(self._depths.get(id(arg), 0) for arg in call.args)
        size = 1 + sum(self._sizes.get(id(arg), 1) for arg in call.args)
        self._depths[id(call)], self._sizes[id(call)] = depth, size
        if depth > MAX_DEPTH:
            raise ExpressionError(f"expression nests {depth} deep; at most {MAX_DEPTH} is allowed")
        if size > MAX_NODES:
            raise ExpressionError(f"expression has {size} nodes; at most {MAX_NODES} are allowed")

    def _width(self, node: Node) -> Width:
        return _OF_X if isinstance(node, X) else self._widths.get(id(node))
