"""The canonical writing of an expression: the text that is its identity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

from evoact.language.expression import Expression
from evoact.language.normal.ranking import first_order, has_ties, orders
from evoact.language.normal.reading import LiteralReader, Reader
from evoact.language.normal.terms import Term, UnwritableError
from evoact.language.normal.writing import Writer
from evoact.language.tree import Call, ExpressionError, Parameter, walk

_MAX_PASSES: Final = 8


@lru_cache(maxsize=4096)
def canonical(expression: Expression) -> Expression:
    """Return the one expression that stands for all writings of this one.

    It is the same function wherever all parts of the original are finite,
    within rounding, with the same gradients, width, and parameters that have an
    effect. It is never larger than the original but for minus signs: where the
    normal form would be, or needs a constant that is no finite float, only the
    arguments of commutative primitives are ordered.

    >>> from evoact.language import parse
    >>> str(canonical(parse("2 * (x * 3) + x * (1 / (1 + exp(-x)))")))
    '6.0 * x + silu(x)'
    """
    seen: list[Expression] = []
    current = _unnamed(expression)
    while current not in seen:
        seen.append(current)
        following = _simplified(current) if len(seen) <= _MAX_PASSES else None
        if following is None or following.width != expression.width:
            return _in_order(current)
        current = following
    cycle = seen[seen.index(current) :]
    return min(cycle, key=lambda e: (e.nodes, str(e)))


def _unnamed(expression: Expression) -> Expression:
    parameters = tuple(replace(p, name=None) for p in expression.parameters)
    return Expression(expression.root, parameters)


def _simplified(expression: Expression) -> Expression | None:
    """Return the normal form as far as one pass gives it, None where there is none."""
    try:
        result = _written(expression, Reader)
    except (UnwritableError, ExpressionError):
        return None
    return result if _size(result) <= _size(expression) else None


def _in_order(expression: Expression) -> Expression:
    """Return the expression with commutative arguments in order."""
    try:
        return _written(expression, partial(LiteralReader, flat=True))
    except ExpressionError:  # too deep as a chain
        return _written(expression, partial(LiteralReader, flat=False))


def _size(expression: Expression) -> int:
    """Return how many nodes there are without minus signs, which are nearly free."""
    return sum(
        not (isinstance(node, Call) and node.primitive.name == "neg")
        for node in walk(expression.root)
    )


def _written(expression: Expression, reader: Callable[[list[Term]], Reader]) -> Expression:
    parameters = expression.parameters
    ranked = first_order(parameters)
    term = _read(expression, ranked, reader)
    if not has_ties(parameters):
        return _expression(term, parameters, ranked)
    found = [
        _expression(_read(expression, order, reader), parameters, order)
        for order in orders(term, parameters, ranked)
    ]
    return min(found, key=lambda e: (e.nodes, str(e)))


def _read(
    expression: Expression, ranked: list[int], reader: Callable[[list[Term]], Reader]
) -> Term:
    ranks = [Term("param", (), (float(ranked.index(i)),)) for i in range(len(ranked))]
    return reader(ranks).read(expression.root)


def _expression(term: Term, parameters: tuple[Parameter, ...], ranked: list[int]) -> Expression:
    return Expression.build(Writer(ranked).write(term), parameters)
