"""Functions that are infinite or not a number everywhere, or nearly: little can be said of them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from evoact.language.expression import Expression
from evoact.language.facts.facts import Fact, Facts
from evoact.language.facts.graph import Graph
from evoact.language.facts.search import borders
from evoact.language.facts.undefined import undefined


def has_values(expression: Expression) -> bool:
    """Whether the function is finite at more than single points."""
    x = borders()
    x = np.unique(np.concatenate([x, 0.5 * x[1:] + 0.5 * x[:-1]]))
    y = np.broadcast_to(expression.numpy()(x), x.shape)
    finite = np.isfinite(y)
    return bool(np.any(finite[1:] & finite[:-1]))


def nowhere_facts(expression: Expression) -> dict[str, Fact]:
    """Return what remains to be said: that there is no value, and where certainly not."""
    facts = dict.fromkeys((f.name for f in fields(Facts)), Fact(None, False, "nowhere finite"))
    graph, x = Graph(), borders()
    gone = x[undefined(graph, graph.tree(expression.root, expression.parameters), x)]
    if gone.size:
        note = f"not defined at x = {gone[np.argmin(np.abs(gone))] + 0.0:.6g}"
        facts |= dict.fromkeys(("continuous", "differentiable"), Fact(False, True, note))
    return facts
