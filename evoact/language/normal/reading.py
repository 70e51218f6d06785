"""From trees to terms.

Sums, products and extrema are gathered from the whole tree of `+` and `-`,
`*` and `/`, `max` and `relu` before any rule applies, so that a rule sees the
same parts however the writing associates them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from evoact.language.normal.algebra import MAX_EXPONENT, add, multiply
from evoact.language.normal.calls import apply
from evoact.language.normal.extrema import extremum
from evoact.language.normal.terms import INPUT, LITERAL, Term, UnwritableError, num, ordered
from evoact.language.tree import Call, Const, Node, Param, X

_EXTREMA: Final = frozenset({"max", "min"})
_SUMS: Final = frozenset({"add", "sub"})
_POWERS: Final = {"neg": 1, "reciprocal": -1, "square": 2, "cube": 3}


class Reader:
    """Turns trees into terms in normal form.

    Args:
        parameters: the term of each parameter.
    """

    def __init__(self, parameters: Sequence[Term]) -> None:
        self._parameters = parameters
        self._done: dict[int, Term] = {}  # by id: the nodes are alive

    def read(self, node: Node) -> Term:
        """Return the term of a tree."""
        if isinstance(node, X):
            return INPUT
        if isinstance(node, Const):
            return num(node.value)
        if isinstance(node, Param):
            return self._parameters[node.index]
        if id(node) not in self._done:
            self._done[id(node)] = self._call(node)
        return self._done[id(node)]

    def _call(self, node: Call) -> Term:
        name = node.primitive.name
        if name in _SUMS:
            return add(self._summands(node, 1.0))
        if name in {"mul", "div", *_POWERS} or _is_power(node):
            return multiply(self._factors(node, 1))
        if name in {"max", "min", "relu"}:
            return self._extremum(node, "min" if name == "min" else "max")
        return apply(name, *(self.read(arg) for arg in node.args))

    def _summands(self, node: Node, sign: float) -> Iterator[tuple[float, Term]]:
        name, args = _parts(node)
        if name in _SUMS:
            yield from self._summands(args[0], sign)
            yield from self._summands(args[1], -sign if name == "sub" else sign)
        elif name in {"neg", "identity"}:
            yield from self._summands(args[0], -sign if name == "neg" else sign)
        else:
            yield sign, self.read(node)

    def _factors(self, node: Node, power: int) -> Iterator[tuple[Term, int]]:
        name, args = _parts(node)
        if name in {"mul", "div"} and abs(power) <= MAX_EXPONENT:
            yield from self._factors(args[0], power)
            yield from self._factors(args[1], -power if name == "div" else power)
        elif name in _POWERS or name == "identity":
            if name == "neg" and power % 2:
                yield num(-1.0), 1
            yield from self._factors(args[0], power * _POWERS.get(name, 1))
        elif isinstance(node, Call) and _is_power(node):
            yield from self._factors(args[0], power * int(args[1].value))  # type: ignore[union-attr]
        else:
            yield self.read(node), power

    def _extremum(self, node: Call, kind: str) -> Term:
        terms = list(self._extreme_parts(node, kind))
        if not any(term.hard for term in terms):
            return extremum(kind, terms)
        args = [self.read(arg) for arg in node.args]
        if any(
            t.op == "num" and not isinstance(n, Const) for t, n in zip(args, node.args, strict=True)
        ):
            raise UnwritableError  # torch shares the gradient of ties otherwise with a literal
        return apply("relu", *args) if len(args) == 1 else Term(kind, tuple(ordered(args)))

    def _extreme_parts(self, node: Node, kind: str) -> Iterator[Term]:
        name, args = _parts(node)
        if name == "relu" and kind == "max":
            yield num(0.0)
        if name == kind or (name == "relu" and kind == "max") or name == "identity":
            for arg in args:
                yield from self._extreme_parts(arg, kind)
        else:
            yield self.read(node)


class LiteralReader(Reader):
    """Turns trees into terms as they stand, commutative arguments in order.

    Args:
        parameters: the term of each parameter.
        flat: also make chains of one commutative operator one term.
    """

    def __init__(self, parameters: Sequence[Term], *, flat: bool) -> None:
        super().__init__(parameters)
        self._flat = flat

    def _call(self, node: Call) -> Term:
        name, args = LITERAL + node.primitive.name, [self.read(arg) for arg in node.args]
        if not node.primitive.commutative:
            return Term(name, tuple(args))
        # How ties of flat arguments share the gradient depends on how they nest.
        if self._flat and not (node.primitive.name in _EXTREMA and any(arg.hard for arg in args)):
            args = [part for arg in args for part in (arg.args if arg.op == name else (arg,))]
        return Term(name, tuple(ordered(args)))


def _parts(node: Node) -> tuple[str, tuple[Node, ...]]:
    return (node.primitive.name, node.args) if isinstance(node, Call) else ("", ())


def _is_power(node: Call) -> bool:
    if node.primitive.name != "pow" or not isinstance(node.args[1], Const):
        return False
    value = node.args[1].value
    return value.is_integer() and abs(value) <= MAX_EXPONENT
