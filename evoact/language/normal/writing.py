"""From terms back to trees: the smallest writing, cheap and sound in torch.

The writer may choose freely among writings that are read as the same term:
it divides instead of multiplying by a reciprocal, subtracts instead of adding
a negative, and turns a difference around instead of negating it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Final

from evoact.language.normal.algebra import powers_of, split
from evoact.language.normal.terms import LITERAL, Term, quotient
from evoact.language.primitives import PRIMITIVES
from evoact.language.tree import Call, Const, Node, Param, X

_LONG: Final = 16  # parts above which a sum or product is written as a balanced tree
_POWERS: Final = {2: ("square",), 3: ("cube",), 4: ("square", "square"), 6: ("square", "cube"),
                  9: ("cube", "cube")}  # fmt: skip
_OPPOSITE: Final = {"max": "min", "min": "max"}
_NEGATIVE_PART: Final = (-math.inf, 0.0)


def call(name: str, *args: Node) -> Node:
    """Return a node."""
    return Call(PRIMITIVES[name], args)


def joined(name: str, nodes: Sequence[Node]) -> Node:
    """Return nodes under one operator, the first two innermost."""
    if len(nodes) > _LONG:
        middle = len(nodes) // 2
        return call(name, joined(name, nodes[:middle]), joined(name, nodes[middle:]))
    return reduce(lambda left, right: call(name, left, right), nodes)


class Writer:
    """Turns terms into trees.

    Args:
        indices: the index of the parameter of each rank.
    """

    def __init__(self, indices: Sequence[int]) -> None:
        self._indices = indices
        self._done: dict[Term, Node] = {}

    def write(self, term: Term) -> Node:
        """Return the tree of a term."""
        if term not in self._done:
            self._done[term] = _WRITERS.get(term.op, Writer._call)(self, term)
        return self._done[term]

    def _call(self, term: Term) -> Node:
        name = term.op.removeprefix(LITERAL)
        nodes = [self.write(arg) for arg in term.args]
        return joined(name, nodes) if len(nodes) > PRIMITIVES[name].arity else call(name, *nodes)

    def _number(self, term: Term) -> Node:
        return Const(term.value)

    def _parameter(self, term: Term) -> Node:
        return Param(self._indices[int(term.value)])

    def _extremum(self, term: Term) -> Node:
        return joined(term.op, [self.write(arg) for arg in term.args])

    def _clip(self, term: Term) -> Node:
        low, high = term.data
        inner = self.write(term.args[0])
        if high == math.inf:
            return call("relu", inner) if low == 0.0 else call("max", Const(low), inner)
        if low == -math.inf:
            return call("min", Const(high), inner)
        return call("clamp", inner, Const(low), Const(high))

    # Sums

    def _sum(self, term: Term) -> Node:
        return self._scaled_sum(1.0, term)

    def _scaled_sum(self, factor: float, term: Term) -> Node:
        """Return the tree of a number times a sum."""
        constant, *numbers = term.data
        turned = factor == -1.0 and min(constant, *numbers) < 0.0
        alone = len(numbers) == 1 and constant != 0.0
        if alone and quotient(factor * constant, factor) == constant:
            turned = turned or abs(factor) != 1.0
        if factor != 1.0 and not turned:
            inner = self._scaled_sum(1.0, term)
            return call("neg", inner) if factor == -1.0 else call("mul", Const(factor), inner)
        parts = [(factor * n, arg) for n, arg in zip(numbers, term.args, strict=True)]
        return self._sum_of(factor * constant, parts)

    def _sum_of(self, constant: float, parts: list[tuple[float, Term]]) -> Node:
        added: list[Node] = [Const(constant)] if constant > 0.0 else []
        taken: list[Node] = []
        for number, term in parts:
            if number < 0.0 and not _is_negative_part(term):
                taken.append(self._scaled(-number, term))
            else:
                added.append(self._scaled(number, term))
        if constant < 0.0:
            taken.append(Const(-constant))
        if not added:  # -x - 1
            number, term = parts[0]
            added, taken = [self._scaled(number, term)], taken[1:]
        if len(taken) > _LONG:
            return call("sub", joined("add", added), joined("add", taken))
        return reduce(lambda left, right: call("sub", left, right), taken, joined("add", added))

    # Products

    def _product(self, term: Term) -> Node:
        factor, inner = split(term)
        return self._scaled(factor, inner)

    def _scaled(self, factor: float, term: Term) -> Node:
        """Return the tree of a number times a term without a coefficient."""
        if term.op == "sum":
            return self._scaled_sum(factor, term)
        powers = powers_of(term)
        if factor < 0.0:
            factor, powers = self._turned(factor, powers)
        node = self._positive(abs(factor) if factor == -1.0 else factor, powers)
        return call("neg", node) if factor == -1.0 else node

    def _turned(self, factor: float, powers: dict[Term, int]) -> tuple[float, dict[Term, int]]:
        """Take the sign into a factor that is as short with it: `-min(u, 0)`, `-(u - v)`."""
        for base, n in powers.items():
            if n % 2 and _is_negative_part(base):
                return -factor, _exchanged(powers, base, Term("relu of minus", base.args))
        for base, n in powers.items():
            if n % 2 and factor == -1.0 and base.op == "sum" and min(base.data) < 0.0:
                return 1.0, _exchanged(powers, base, Term("turned", (base,)))
        for base, n in powers.items():
            if n % 2 and base.op in _OPPOSITE and _is_shorter_turned(base, factor):
                return -factor, _exchanged(powers, base, Term("opposite", (base,)))
        return factor, powers

    def _opposite(self, term: Term) -> Node:
        inner = term.args[0]
        return joined(_OPPOSITE[inner.op], [self._scaled(-f, t) for f, t in map(split, inner.args)])

    def _relu_of_minus(self, term: Term) -> Node:
        factor, inner = split(term.args[0])
        return call("relu", self._scaled(-factor, inner))

    def _turned_sum(self, term: Term) -> Node:
        return self._scaled_sum(-1.0, term.args[0])

    def _positive(self, factor: float, powers: dict[Term, int]) -> Node:
        shared = math.gcd(*powers.values()) if len(powers) > 1 else 1
        if shared > 1:
            inner = self._positive(1.0, {base: n // shared for base, n in powers.items()})
            node = _power(inner, shared)
            return node if factor == 1.0 else call("mul", Const(factor), node)
        both = {n for n in powers.values() if n > 1 and -n in powers.values()}
        ratios = [self._ratio(powers, n) for n in sorted(both)]
        powers = {base: n for base, n in powers.items() if abs(n) not in both}
        above = [*self._grouped({base: n for base, n in powers.items() if n > 0}), *ratios]
        below = self._grouped({base: -n for base, n in powers.items() if n < 0})
        if factor != 1.0 or not (above or below):
            above = [Const(factor), *above]
        if not below:
            return joined("mul", above)
        under = joined("mul", below)
        return call("div", joined("mul", above), under) if above else call("reciprocal", under)

    def _ratio(self, powers: dict[Term, int], exponent: int) -> Node:
        """Return the factors of one exponent and its negative: `square(u / v)`."""
        inner = {base: n // exponent for base, n in powers.items() if abs(n) == exponent}
        return _power(self._positive(1.0, inner), exponent)

    def _grouped(self, powers: dict[Term, int]) -> list[Node]:
        """Return factors, those of one exponent under one power: `square(x * tanh(x))`."""
        shared = math.gcd(*powers.values()) if len(powers) > 1 else 1
        if shared > 1:
            inner = self._grouped({base: n // shared for base, n in powers.items()})
            return [_power(joined("mul", inner), shared)]
        nodes = [self.write(base) for base, n in powers.items() if n == 1]
        for exponent in sorted(set(powers.values()) - {1}):
            bases = [self.write(base) for base, n in powers.items() if n == exponent]
            nodes.append(_power(joined("mul", bases), exponent))
        return nodes


def _exchanged(powers: dict[Term, int], old: Term, new: Term) -> dict[Term, int]:
    """Return the powers with one factor of `old` replaced by `new`."""
    result: dict[Term, int] = {}
    for base, n in powers.items():
        if base is old:
            result[new] = n
        else:
            result[base] = n
    return result


def _is_shorter_turned(term: Term, factor: float) -> bool:
    """Whether `max(-u, v)` has fewer signs than `-min(u, -v)`."""
    negative = sum(split(arg)[0] < 0.0 for arg in term.args)
    return not term.hard and len(term.args) - negative < negative + (factor == -1.0)


def _is_negative_part(term: Term) -> bool:
    return term.op == "clip" and term.data == _NEGATIVE_PART


def _power(node: Node, exponent: int) -> Node:
    if exponent not in _POWERS:
        return call("pow", node, Const(float(exponent)))
    return reduce(lambda inner, name: call(name, inner), _POWERS[exponent], node)


_WRITERS: Final[dict[str, Callable[[Writer, Term], Node]]] = {
    "num": Writer._number,
    "param": Writer._parameter,
    "x": lambda _writer, _term: X(),
    "max": Writer._extremum,
    "min": Writer._extremum,
    "clip": Writer._clip,
    "sum": Writer._sum,
    "prod": Writer._product,
    "opposite": Writer._opposite,
    "relu of minus": Writer._relu_of_minus,
    "turned": Writer._turned_sum,
}
