"""Where a node is certainly not defined: poles that are hit, arguments outside of a domain."""

from __future__ import annotations

from functools import reduce

import numpy as np

from evoact.language.facts.enclose import Cells
from evoact.language.facts.graph import Graph, Item
from evoact.language.facts.intervals import Array, Box, Flags
from evoact.language.primitives import PRIMITIVES


def undefined(graph: Graph, root: int, x: Array) -> Flags:
    """Return for each point whether the value of `root` there is certainly none."""
    cells = Cells(graph, x, x)
    _ = cells[root]
    lost: dict[int, Flags] = {}
    nothing = np.zeros(x.shape, dtype=bool)
    with np.errstate(all="ignore"):
        for node in range(root + 1):
            if node not in cells.known:
                continue
            item = graph.items[node]
            args = [cells.known[arg] for arg in item.args]
            inner = [lost[arg] for arg in item.args]
            if item.op == "if_positive":
                taken = (args[0].lo > 0) & inner[1], (args[0].hi <= 0) & inner[2]
                # By IEEE what is not a number is not positive: the last branch has the value.
                lost[node] = np.where(inner[0], inner[2], taken[0] | taken[1])
            elif _hides(item):
                lost[node] = nothing
            else:
                lost[node] = reduce(np.logical_or, [nothing, *inner, _here(item, args)])
    return lost[root]


def _hides(item: Item) -> bool:
    """Whether a row has a value even where its argument has none, as comparisons do."""
    if len(item.args) != 1 or item.op not in PRIMITIVES:
        return False
    return bool(np.isfinite(PRIMITIVES[item.op].numpy(np.float64(np.nan))))


def _here(item: Item, args: list[Box]) -> Flags:
    no = np.asarray(False)
    if item.op == "div":
        return (args[1].lo == 0) & (args[1].hi == 0)
    if item.op == "pow":
        base, exponent = args
        broken = (exponent.lo == exponent.hi) & (exponent.lo != np.floor(exponent.lo))
        at_zero = (base.lo == 0) & (base.hi == 0) & (exponent.hi < 0)
        return ((base.hi < 0) & broken) | at_zero
    traits = PRIMITIVES[item.op].traits if item.op in PRIMITIVES else None
    if traits is None:
        return no
    low, high = traits.domain
    hit = [(args[0].lo == pole) & (args[0].hi == pole) for pole in traits.poles]
    return reduce(np.logical_or, [args[0].hi < low, args[0].lo > high, *hit])
