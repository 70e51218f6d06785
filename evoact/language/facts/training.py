"""Values and slopes of an expression as one graph, as training wants them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from evoact.language.expression import Expression
from evoact.language.facts.graph import CORE, Graph
from evoact.language.facts.slopes import slope
from evoact.language.facts.texts import parsed_text
from evoact.language.primitives import PRIMITIVES, Primitive
from evoact.language.tree import Node, Param

ROWS: Final = MappingProxyType(
    {**PRIMITIVES, "aif": PRIMITIVES["if_positive"], "sgn": PRIMITIVES["sign"]}
)
"""The row of each operation: in slopes, choices and signs are no functions to be trained."""


class TrainingGraph(Graph):
    """A graph whose slopes are those that a network is trained with.

    Thresholds have the slopes of their surrogates. Rows are kept as they are
    written, because each has its own template; parts without `x` and without
    parameters are constants.
    """

    training: ClassVar = True

    def __init__(self) -> None:
        self.soft: dict[int, int] = {}
        """The surrogates of thresholds."""
        self.hard: set[int] = set()
        super().__init__(match=False)

    def item(self, op: str, *args: int, numbers: tuple[float, ...] = ()) -> int:
        """Return the node, a constant where all that it reads is constant."""
        known = [self.number(arg) for arg in args]
        if op in PRIMITIVES and None not in known:
            with np.errstate(all="ignore"):
                return self.const(float(PRIMITIVES[op].numpy(*map(np.float64, known))))
        node = super().item(op, *args, numbers=numbers)
        if not self.hard.isdisjoint(args):
            self.hard.add(node)
        return node

    def call(self, row: Primitive, args: list[int]) -> int:
        """Return the node of a row; none is expanded."""
        if row.definition in ("0.0", "1.0", "a"):
            return {"0.0": self.zero, "1.0": self.one, "a": args[0]}[row.definition]
        if row.surrogate:
            return self.threshold(row, row.surrogate, args)
        if row.name in CORE:
            node: int = getattr(self, row.name, self.plain)(row, args)
            return node
        return self.plain(row, args)

    def threshold(self, row: Primitive, surrogate: str, args: list[int]) -> int:
        """Return the node of a threshold; the surrogate is made before what may need it."""
        soft = self.tree(parsed_text(surrogate)[0], (), x=args[0])
        node = self.plain(row, args)
        self.soft[node] = soft
        self.hard.add(node)
        return node

    def is_hard(self, node: int) -> bool:
        """Return whether a node reads a threshold."""
        return node in self.hard

    def if_positive(self, _row: Primitive, args: list[int]) -> int:
        """Return the node of a choice; of values and of slopes it is the same."""
        return self.aif(*args)

    def aif(self, a: int, b: int, c: int) -> int:
        """Return the node that is `b` where `a > 0`, else `c`; also where `a` is zero."""
        return b if b == c else self.item("aif", a, b, c)

    def pow(self, row: Primitive, args: list[int]) -> int:
        """Return the node of a power, by products and roots where that is exact enough."""
        base, power = args[0], self.number(args[1])
        if power in (-2.0, -1.0, -0.5):
            return self.item("reciprocal", self.pow(row, [base, self.const(-power)]))
        if power == 0.0:
            return self.one
        if power == 0.5:
            return self.item("sqrt", base)
        if power == 4.0:
            return self.item("square", self.item("square", base))
        return super().pow(row, args)


@dataclass(frozen=True)
class Lowered:
    """An expression as nodes of a graph.

    Attributes:
        graph: all nodes; children have smaller numbers than parents.
        value: the node of the function itself.
        slopes: the nodes of the derivatives by `x` and by each parameter.
    """

    graph: TrainingGraph
    value: int
    slopes: tuple[int, ...]

    def reached(self, roots: Iterable[int], *, soft: bool = False) -> list[int]:
        """Return the nodes that the roots need, each after those that it reads.

        With `soft`, thresholds need their surrogates.
        """
        found, stack = set[int](), list(roots)
        while stack:
            node = stack.pop()
            if node not in found:
                found.add(node)
                stack.extend(self.graph.items[node].args)
                if soft and node in self.graph.soft:
                    stack.append(self.graph.soft[node])
        return sorted(found)


def lowered(expression: Expression) -> Lowered:
    """Return the graph of a pointwise expression, its parameters being nodes `param`."""
    assert not expression.is_groupwise, expression
    graph = TrainingGraph()
    count = len(expression.parameters)
    params = [graph.item("param", numbers=(float(index),)) for index in range(count)]
    known: dict[Node, int] = {Param(index): node for index, node in enumerate(params)}
    value = graph.tree(expression.root, expression.parameters, known=known)
    return Lowered(graph, value, tuple(slope(graph, value, by) for by in (graph.x, *params)))
