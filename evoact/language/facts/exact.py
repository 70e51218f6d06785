"""Piecewise-linear functions in exact fractions.

A function is its places (where slope or value may change), its value at each,
and a line `slope * x + shift` on each piece between them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from evoact.language.facts.texts import parsed_text
from evoact.language.primitives import PRIMITIVES
from evoact.language.tree import Call, Const, Node, Param, Parameter, X

MOST_PIECES: Final = 1500
Line = tuple[Fraction, Fraction]
ZERO, ONE = Fraction(0), Fraction(1)


class NotLinearError(Exception):
    """A tree is not known to be piecewise linear."""


@dataclass(frozen=True, slots=True)
class Piecewise:
    """A piecewise-linear function; `lines` has one entry more than `places`."""

    places: tuple[Fraction, ...]
    values: tuple[Fraction, ...]
    lines: tuple[Line, ...]

    def left(self, index: int) -> Fraction:
        """Return the limit from the left at a place."""
        return _on(self.lines[index], self.places[index])

    def right(self, index: int) -> Fraction:
        """Return the limit from the right at a place."""
        return _on(self.lines[index + 1], self.places[index])

    def at(self, x: Fraction) -> Fraction:
        """Return the value at a point."""
        index = bisect_left(self.places, x)
        if index < len(self.places) and self.places[index] == x:
            return self.values[index]
        return _on(self.lines[index], x)

    def slope_at(self, x: Fraction) -> Fraction:
        """Return the slope at a point that is no place."""
        return self.lines[bisect_left(self.places, x)][0]

    def simplified(self) -> Piecewise:
        """Return the function without the places where nothing changes."""
        keep = [
            i
            for i, place in enumerate(self.places)
            if self.lines[i] != self.lines[i + 1] or self.values[i] != _on(self.lines[i], place)
        ]
        return Piecewise(
            tuple(self.places[i] for i in keep),
            tuple(self.values[i] for i in keep),
            (self.lines[0], *(self.lines[i + 1] for i in keep)),
        )


def _on(line: Line, x: Fraction) -> Fraction:
    return line[0] * x + line[1]


IDENTITY: Final = Piecewise((), (), ((ONE, ZERO),))


def constant(value: Fraction) -> Piecewise:
    """Return a constant function."""
    return Piecewise((), (), ((ZERO, value),))


def joined(
    parts: Sequence[Piecewise],
    lines: Callable[..., Line],
    points: Callable[..., Fraction],
    crossings: Callable[..., Sequence[Fraction]] = lambda *_: (),
) -> Piecewise:
    """Combine functions piece by piece.

    Args:
        parts: the functions.
        lines: given a point of a piece and the lines there, the line of the result.
        points: given the values at a place, that of the result.
        crossings: given the lines of a piece, where the result may change on it.
    """
    places = sorted({place for part in parts for place in part.places})
    extra = set()
    for low, high in zip([None, *places], [*places, None], strict=True):
        middle = _between(low, high)
        for x in crossings(*(_line(part, middle) for part in parts)):
            if (low is None or x > low) and (high is None or x < high):
                extra.add(x)
    places = sorted({*places, *extra})
    if len(places) > MOST_PIECES:
        raise NotLinearError
    inner = [
        _between(low, high) for low, high in zip([None, *places], [*places, None], strict=True)
    ]
    return Piecewise(
        tuple(places),
        tuple(points(*(part.at(x) for part in parts)) for x in places),
        tuple(lines(x, *(_line(part, x) for part in parts)) for x in inner),
    ).simplified()


def _between(low: Fraction | None, high: Fraction | None) -> Fraction:
    if low is None:
        return ZERO if high is None else high - 1
    return low + 1 if high is None else (low + high) / 2


def _line(part: Piecewise, x: Fraction) -> Line:
    return part.lines[bisect_left(part.places, x)]


def _crossing(a: Line, b: Line) -> list[Fraction]:
    return [(b[1] - a[1]) / (a[0] - b[0])] if a[0] != b[0] else []


def _add(a: Piecewise, b: Piecewise) -> Piecewise:
    return joined((a, b), lambda _x, u, v: (u[0] + v[0], u[1] + v[1]), lambda u, v: u + v)


def _neg(a: Piecewise) -> Piecewise:
    lines = tuple((-slope, -shift) for slope, shift in a.lines)
    return Piecewise(a.places, tuple(-v for v in a.values), lines)


def _mul(a: Piecewise, b: Piecewise) -> Piecewise:
    def line(_x: Fraction, u: Line, v: Line) -> Line:
        if u[0] and v[0]:
            raise NotLinearError
        return (u[0] * v[1] + v[0] * u[1], u[1] * v[1])

    return joined((a, b), line, lambda u, v: u * v)


def _div(a: Piecewise, b: Piecewise) -> Piecewise:
    def inverse(_x: Fraction, line: Line) -> Line:
        if line[0] or not line[1]:
            raise NotLinearError
        return (ZERO, 1 / line[1])

    if not all(b.values):
        raise NotLinearError
    return _mul(a, joined((b,), inverse, lambda v: 1 / v))


def _max(a: Piecewise, b: Piecewise) -> Piecewise:
    def line(x: Fraction, u: Line, v: Line) -> Line:
        return u if _on(u, x) >= _on(v, x) else v

    return joined((a, b), line, max, _crossing)


def _if_positive(a: Piecewise, b: Piecewise, c: Piecewise) -> Piecewise:
    return joined(
        (a, b, c),
        lambda x, u, v, w: v if _on(u, x) > 0 else w,
        lambda u, v, w: v if u > 0 else w,
        lambda u, _v, _w: _crossing(u, (ZERO, ZERO)),
    )


def _multistep(a: Piecewise, k: int) -> Piecewise:
    at = [Fraction(2 * i - k - 1, k) for i in range(1, k + 1)]

    def step(value: Fraction) -> Fraction:
        return Fraction(bisect_left(at, value), k)

    return joined(
        (a,),
        lambda x, u: (ZERO, step(_on(u, x))),
        step,
        lambda u: [x for place in at for x in _crossing(u, (ZERO, place))],
    )


def _pow(a: Piecewise, b: Piecewise) -> Piecewise:
    if b == constant(ONE):
        return a
    raise NotLinearError


_RULES: Final[dict[str, Callable[..., Piecewise]]] = {
    "add": _add, "neg": _neg, "mul": _mul, "div": _div, "max": _max, "pow": _pow,
    "if_positive": _if_positive, "abs": lambda a: _max(a, _neg(a)),
    "sub": lambda a, b: _add(a, _neg(b)), "square": lambda a: _mul(a, a),
    "min": lambda a, b: _neg(_max(_neg(a), _neg(b))),
    "reciprocal": lambda a: _div(constant(ONE), a),
}  # fmt: skip


def piecewise(root: Node, parameters: Sequence[Parameter]) -> Piecewise | None:
    """Return a tree as an exact piecewise-linear function, or None if it may be none."""
    done: dict[Node, Piecewise] = {}

    def visit(node: Node) -> Piecewise:
        if isinstance(node, X):
            return IDENTITY
        if isinstance(node, Const):
            return constant(Fraction(node.value))
        if isinstance(node, Param):
            return constant(Fraction(parameters[node.index].initial))
        if node not in done:
            done[node] = _call(node, visit)
        return done[node]

    try:
        return visit(root)
    except NotLinearError:
        return None


def _call(node: Call, visit: Callable[[Node], Piecewise]) -> Piecewise:
    row = node.primitive
    if row.name == "multistep":
        count = node.args[1]
        assert isinstance(count, Const)
        return _multistep(visit(node.args[0]), int(count.value))
    if row.name in _RULES:
        return _RULES[row.name](*map(visit, node.args))
    if row.definition is None or not _is_linear(row.name):
        raise NotLinearError
    args = tuple(map(visit, node.args))
    return _defined(row.definition, args)


def _is_linear(name: str) -> bool:
    """Whether a row's definition is of piecewise-linear rows alone."""
    tree, _ = parsed_text(PRIMITIVES[name].definition or "")
    return all(
        part in _RULES or (PRIMITIVES[part].definition is not None and _is_linear(part))
        for part in _names(tree)
    )


def _names(node: Node) -> set[str]:
    if not isinstance(node, Call):
        return set()
    return {node.primitive.name}.union(*map(_names, node.args))


def _defined(text: str, args: tuple[Piecewise, ...]) -> Piecewise:
    root, names = parsed_text(text)
    by_name = dict(zip("abc", args, strict=False))

    def visit(node: Node) -> Piecewise:
        if isinstance(node, Param):
            return by_name[names[node.index]]
        if isinstance(node, Const):
            return constant(Fraction(node.value))
        assert isinstance(node, Call)
        return _call(node, visit)

    return visit(root)
