"""The canonical writing of an expression: the text that is its identity."""

from __future__ import annotations

from dataclasses import replace

from evoact.language.tree import Call, Const, Expression, Node, Param, Parameter, X, rebuild, walk


def canonical(expression: Expression) -> Expression:
    """Order the arguments of commutative primitives and drop given names.

    Values keep their bits: in IEEE arithmetic `a + b` is `b + a`. Only the sign
    of a zero may change: `max(0.0, -0.0)` is either of them.
    """
    parameters = expression.parameters
    ordered = rebuild(expression.root, lambda node: _ordered(node, parameters))
    built = Expression.build(ordered, parameters)
    return Expression(built.root, tuple(replace(p, name=None) for p in built.parameters))


def _ordered(node: Node, parameters: tuple[Parameter, ...]) -> Node:
    if not isinstance(node, Call) or not node.primitive.commutative:
        return node
    return Call(node.primitive, tuple(sorted(node.args, key=lambda arg: _key(arg, parameters))))


def _key(node: Node, parameters: tuple[Parameter, ...]) -> tuple[int, int, str]:
    """Order of arguments, as people write them: 2.0, a0, x, small calls, large calls."""
    rank = [Const, Param, X, Call].index(type(node))
    return rank, sum(1 for _ in walk(node)), _shape(node, parameters)


def _shape(node: Node, parameters: tuple[Parameter, ...]) -> str:
    if isinstance(node, Call):
        args = ",".join(_shape(arg, parameters) for arg in node.args)
        return f"{node.primitive.name}({args})"
    if isinstance(node, Const):
        return repr(node.value)
    if isinstance(node, Param):
        parameter = parameters[node.index]
        return f"{parameter.initial!r}:{parameter.scope}"
    return "x"
