"""Groupwise expressions that are pointwise ones side by side.

`concat` and `partial` only put channels next to each other. What is built of
them and of pointwise operations is, on each share of its output channels, a
function of one input channel, and needs no sampling to be integrated.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

from evoact.language.expression import Expression
from evoact.language.tree import Call, Const, Node, X

Lanes = list[tuple[Fraction, Node]]
"""Shares of the output channels, and the pointwise function on each."""


def lanes(expression: Expression) -> list[tuple[Fraction, Expression]] | None:
    """Return shares of the output channels and the function on each, or None.

    None where some operation mixes channels, as `group_max` does. A pointwise
    expression is one lane.

    >>> from evoact.language import parse
    >>> [(str(s), str(e)) for s, e in lanes(parse("concat(relu(x), tanh(x)) + 1"))]
    [('1/2', 'relu(x) + 1.0'), ('1/2', 'tanh(x) + 1.0')]
    >>> lanes(parse("group_max(x, 2)")) is None
    True
    """
    if not expression.is_groupwise:
        return [(Fraction(1), expression)]
    found = _lanes(expression.root)
    if found is None:
        return None
    return [(share, Expression(node, expression.parameters)) for share, node in _joined(found)]


def _joined(lanes: Lanes) -> Lanes:
    """Join neighbours with the same function."""
    joined: Lanes = []
    for share, node in lanes:
        more = joined.pop()[0] if joined and joined[-1][1] == node else 0
        joined.append((share + more, node))
    return joined


def _lanes(node: Node) -> Lanes | None:
    if not isinstance(node, Call):
        return [(Fraction(1), node)]
    row = node.primitive
    if row.is_groupwise and row.name not in ("concat", "partial"):
        return None
    parts = [_lanes(arg) for arg in node.args]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if row.name == "concat":
        return [(share / 2, lane) for part in known for share, lane in part]
    if row.name == "partial" and isinstance(node.args[1], Const):
        return _partial(known[0], Fraction(node.args[1].value))
    return [(share, Call(row, args)) for share, args in _side_by_side(known)]


def _partial(lanes: Lanes, fraction: Fraction) -> Lanes:
    cut = _side_by_side([lanes, [(fraction, X()), (1 - fraction, X())]])
    ends = accumulate(share for share, _ in cut)
    return [
        (share, args[0] if end <= fraction else X())
        for (share, args), end in zip(cut, ends, strict=True)
    ]


def _side_by_side(parts: list[Lanes]) -> list[tuple[Fraction, tuple[Node, ...]]]:
    """Cut several values at the ends of all their lanes."""
    ends = [list(accumulate(share for share, _ in part)) for part in parts]
    start, cut = Fraction(0), []
    for end in sorted({end for part in ends for end in part}):
        if end > start:  # a fraction of 0 or 1 leaves nothing of one lane
            chosen = [next(i for i, own in enumerate(part) if own >= end) for part in ends]
            nodes = tuple(part[i][1] for part, i in zip(parts, chosen, strict=True))
            cut.append((end - start, nodes))
            start = end
    return cut
