"""One pointwise function under study: its graph, its cells, and what is asked of both."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from evoact.language.expression import Expression
from evoact.language.facts.enclose import Cells
from evoact.language.facts.floating import floating
from evoact.language.facts.graph import Graph
from evoact.language.facts.growth import UNKNOWN, Term, Trend, of, trends
from evoact.language.facts.intervals import Array
from evoact.language.facts.search import Bound, borders, split, supremum
from evoact.language.facts.slopes import slope
from evoact.language.facts.zeros import zeros
from evoact.language.primitives import PRIMITIVES
from evoact.language.tree import Const, walk


class Shape:
    """A function, its derivative and its second derivative, over all inputs."""

    def __init__(self, expression: Expression) -> None:
        self.graph = Graph()
        self.root = self.graph.tree(expression.root, expression.parameters)
        self.rise = slope(self.graph, self.root)
        self.bend = slope(self.graph, self.rise)
        self.numbers = tuple(
            node.value for node in walk(expression.root)
            if isinstance(node, Const) and 1e-6 < abs(node.value) < 1e6
        )  # fmt: skip

    @cached_property
    def borders(self) -> Array:
        """The borders of the first cells: a grid, and where something may break."""
        grid = borders((*self.numbers, *(-n for n in self.numbers)))
        rough = Cells(self.graph, grid[:-1], grid[1:])
        breaks = list(self.breaks(rough))
        return np.unique(np.concatenate([grid, breaks])) if breaks else grid

    def breaks(self, cells: Cells) -> Iterator[float]:
        """Yield the zeros of conditions, at which branches change."""
        for node in self.conditions():
            found = zeros(cells, node, slope(self.graph, node)).points
            for x in found[:40]:
                box = Cells(self.graph, np.asarray([x]), np.asarray([x]))[node]
                exact = bool(np.all((box.lo == 0) & (box.hi == 0)))
                margin = 0.0 if exact else 1e-13 * abs(x) + 1e-300
                yield from {x - margin, x + margin}

    def conditions(self) -> list[int]:
        """Return nodes at whose zeros a row has a kink, a jump or a pole."""
        graph, needed = self.graph, Cells(self.graph, np.zeros(1), np.zeros(1))
        found: list[int] = []
        for node in [*needed.needed(self.root), *needed.needed(self.rise)]:
            op, args, _ = graph.items[node]
            if op in ("if_positive", "aif"):
                found.append(args[0])
            traits = PRIMITIVES[op].traits if op in PRIMITIVES else None
            for place in (*traits.kinks, *traits.jumps, *traits.poles) if traits else ():
                found.append(graph.plus(args[0], graph.const(-place)))
            if op == "div":
                found.append(args[1])
        unique = dict.fromkeys(node for node in found if graph.number(node) is None)
        return list(unique)[:40]

    @cached_property
    def cells(self) -> Cells:
        """The first cells, open intervals."""
        return Cells(self.graph, self.borders[:-1], self.borders[1:])

    @cached_property
    def points(self) -> Cells:
        """Their borders."""
        return Cells(self.graph, self.borders, self.borders)

    @cached_property
    def trends(self) -> dict[str, tuple[Trend, Trend]]:
        """Where value and slope go at both ends, and on both sides of zero."""
        ways = {"left": Term(-1.0, 1.0), "right": Term(1.0, 1.0), "below zero": Term(-1.0, -1.0),
                "above zero": Term(1.0, -1.0)}  # fmt: skip
        found = {}
        for name, term in ways.items():
            value, rise = trends(self.graph, of(term), [self.root, self.rise])
            defined = self.is_calm(name)
            found[name] = (value, rise) if defined else (UNKNOWN, UNKNOWN)
        return found

    def is_calm(self, way: str) -> bool:
        """Whether it is defined and continuous on the last cell on the way to a limit."""
        left, right = self.cells.left, self.cells.right
        places: dict[str, int] = {
            "left": 0,
            "right": len(left) - 1,
            "below zero": int(np.searchsorted(right, 0.0)),
            "above zero": int(np.searchsorted(left, 0.0)),
        }
        return bool(np.broadcast_to(self.cells[self.root].ok, left.shape)[places[way]])

    def limits(self, what: int) -> list[float]:
        """Return all known one-sided limits of the value (0) or the slope (1)."""
        found = (pair[what].limit for pair in self.trends.values())
        return [limit for limit in found if limit is not None]

    def bound(self, node: int, slope_: int, sign: float) -> Bound:
        """Return the supremum (or, of a negative sign, minus the infimum) of a node."""
        if sign < 0:
            node, slope_ = self.graph.minus(node), self.graph.minus(slope_)
        everywhere = node in (self.root, self.graph.minus(self.root))
        return supremum(self.cells, self.points, node, slope_, everywhere=everywhere)

    @cached_property
    def steepest(self) -> tuple[Bound, Bound]:
        """The supremum of the slope, and of minus the slope."""
        return (
            self.bound(self.rise, self.bend, 1.0),
            self.bound(self.rise, self.bend, -1.0),
        )

    def keeps_sign(self, node: int, slope_: int) -> bool:
        """Whether a node is certainly nowhere below zero on the open cells."""
        cells = self.cells
        for _ in range(5):
            box = cells.sharp(node, slope_)
            bad = np.broadcast_to(box.lo < 0, cells.left.shape)
            if not bad.any():
                return True
            sure = np.broadcast_to(cells.middle[node].hi < 0, cells.left.shape)
            if (bad & sure).any() or bad.sum() > 250:
                return False
            cells = Cells(self.graph, *split(cells.left[bad], cells.right[bad]))
        return False

    def at(self, node: int, x: float) -> float:
        """Return a node's value at a point, in floating point."""
        return floating(self.graph, node)(x)
