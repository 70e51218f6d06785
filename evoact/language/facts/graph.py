"""A tree as a graph of shared nodes, and its derivatives as more nodes of it.

Nodes are numbers; equal nodes are one. What a row defines by other primitives
is expanded, unless its traits say more than its definition; the other way
round, a subtree equal to a row's definition becomes that row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

from evoact.language.facts import rewrite
from evoact.language.facts.rewrite import COMMUTATIVE, LINEAR
from evoact.language.facts.texts import parsed_text
from evoact.language.primitives import PRIMITIVES, Primitive
from evoact.language.tree import Call, Const, Node, Param, Parameter, X

CORE: Final = frozenset(
    {"add", "sub", "mul", "div", "pow", "neg", "max", "min", "if_positive", "multistep"}
)
STABLE: Final = {"tanh": "4.0 * sigmoid(2.0 * a) * sigmoid(-2.0 * a)"}
"""Derivatives that do not cancel where those of the rows do."""
SLOPES: Final = {"sinc": "sinc_slope", "bessel_i1e": "bessel_i1e_slope"}
"""Rows whose derivative text is rounded near zero, and nodes that are exact there."""


class Item(NamedTuple):
    """One node: an operation, the nodes it reads, and literal numbers.

    Besides rows there are `x`, `const`, `aif` (as `if_positive`, but a slope),
    `clip` (a node of which is known that it lies within two numbers), and
    slopes of rows.
    """

    op: str
    args: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()


class Graph:
    """All nodes made so far; children have smaller numbers than parents."""

    training: ClassVar = False
    """Whether slopes are those that a network is trained with."""

    def __init__(self, *, match: bool = True) -> None:
        self.items: list[Item] = []
        self.index: dict[Item, int] = {}
        self.slopes: dict[tuple[int, int], int] = {}
        self.match = match
        self.x = self.item("x")
        self.zero, self.one = self.const(0.0), self.const(1.0)

    def item(self, op: str, *args: int, numbers: tuple[float, ...] = ()) -> int:
        """Return the node, made if it is new."""
        if op in COMMUTATIVE:
            args = tuple(sorted(args))
        key = Item(op, args, numbers)
        if key not in self.index:
            self.index[key] = len(self.items)
            self.items.append(key)
        return self.index[key]

    def const(self, value: float) -> int:
        """Return the node of a constant."""
        return self.item("const", numbers=(value + 0.0,))

    def number(self, node: int) -> float | None:
        """Return the value of a constant node."""
        item = self.items[node]
        return item.numbers[0] if item.op == "const" else None

    def tree(self, root: Node, parameters: Sequence[Parameter], x: int | None = None,
             known: Mapping[Node, int] | None = None) -> int:  # fmt: skip
        """Return the node of a tree; `x` is the node that stands for `x`, `known` has others."""
        done: dict[int, int] = {}

        def visit(node: Node) -> int:
            if isinstance(node, X):
                return self.x if x is None else x
            if known and node in known:
                return known[node]
            if isinstance(node, Const):
                return self.const(node.value)
            if isinstance(node, Param):
                return self.const(parameters[node.index].initial)
            if id(node) not in done:
                done[id(node)] = self.call(node.primitive, [visit(arg) for arg in node.args])
            return done[id(node)]

        return visit(root)

    def call(self, row: Primitive, args: list[int]) -> int:
        """Return the node of a row applied to nodes."""
        if row.name in CORE:
            node: int = getattr(self, row.name, self.plain)(row, args)
            return rewrite.matched(self, node) if self.match else node
        if row.definition is not None and (row.traits is None or row.name in LINEAR):
            return self.text(row.definition, args)  # so `max(x, 0)` and `relu(x)` are one
        better = rewrite.of_row(self, row.name, args[0]) if self.match else None
        return self.plain(row, args) if better is None else better

    def plain(self, row: Primitive, args: list[int]) -> int:
        """Return the node of a row as it is."""
        return self.item(row.name, *args)

    def text(self, text: str, args: Sequence[int], *, slope: bool = False) -> int:
        """Return the node of a text in `a`, `b`, `c`; of a slope steps are slopes, too."""
        return self.template(parsed_text(text), dict(zip("abc", args, strict=False)), slope=slope)

    def template(self, tree: tuple[Node, tuple[str, ...]], args: dict[str, int], *,
                 slope: bool) -> int:  # fmt: skip
        """Return the node of a tree whose parameters are names of nodes."""
        root, names = tree

        def visit(node: Node) -> int:
            if isinstance(node, Param):
                return args[names[node.index]]
            if not isinstance(node, Call):
                return self.const(node.value) if isinstance(node, Const) else self.x
            inner = [visit(arg) for arg in node.args]
            if slope and node.primitive.name in ("step", "sign"):
                if self.training and node.primitive.name == "sign":
                    return self.item("sgn", *inner)
                low = self.zero if node.primitive.name == "step" else self.const(-1.0)
                return self.aif(inner[0], self.one, low)
            return self.call(node.primitive, inner)

        return visit(root)

    # The core operations, simplified where that changes no value

    def add(self, _row: Primitive, args: list[int]) -> int:
        """Return the node of a sum."""
        a, b = args
        if self.zero in (a, b):
            return b if a == self.zero else a
        if self.match and self.one in (a, b):
            found = rewrite.beside_one(self, b if a == self.one else a)
            if found is not None:
                return found
        return self.item("add", a, b)

    def sub(self, _row: Primitive, args: list[int]) -> int:
        """Return the node of a difference."""
        a, b = args
        if b == self.zero:
            return a
        if self.match and a == self.one:
            found = rewrite.beside_one(self, self.minus(b))
            if found is not None:
                return found
        return self.item("sub", a, b) if a != self.zero else self.minus(b)

    def mul(self, _row: Primitive, args: list[int]) -> int:
        """Return the node of a product."""
        a, b = args
        if self.one in (a, b):
            return b if a == self.one else a
        if self.const(-1.0) in (a, b):
            return self.minus(b if a == self.const(-1.0) else a)
        return self.item("square", a) if a == b else self.item("mul", a, b)

    def div(self, _row: Primitive, args: list[int]) -> int:
        """Return the node of a quotient."""
        a, b = args
        item = self.items[b]
        if self.match and item.op == "hyp" and item.args[0] == a:
            return self.item("hyp_slope", *item.args)
        return a if b == self.one else self.item("div", a, b)

    def neg(self, _row: Primitive, args: list[int]) -> int:
        """Return the node of the negative."""
        return self.minus(args[0])

    def pow(self, _row: Primitive, args: list[int]) -> int:
        """Return the node of a power."""
        a, b = args
        known = {1.0: a, 2.0: None, 3.0: None}
        power = self.number(b)
        if power not in known:
            return self.item("pow", a, b)
        return a if power == 1.0 else self.item("square" if power == 2.0 else "cube", a)

    def minus(self, a: int) -> int:
        """Return the node of `-a`."""
        item = self.items[a]
        if item.op == "const":
            return self.const(-item.numbers[0])
        return item.args[0] if item.op == "neg" else self.item("neg", a)

    def aif(self, a: int, b: int, c: int) -> int:
        """Return the slope that is `b` where `a > 0`, else `c`."""
        if b == c:
            return b
        item = self.items[a]
        flipped = item.op == "neg"  # one form of a condition and its opposite: they meet in sums
        if item.op == "sub" and item.args[0] < item.args[1] and self.number(item.args[1]) is None:
            flipped = self.number(item.args[0]) is not None
        if flipped:
            inner = item.args[0] if item.op == "neg" else self.item("sub", *item.args[::-1])
            return self.item("aif", inner, c, b)
        return self.item("aif", a, b, c)

    def is_hard(self, _node: int) -> bool:
        """Return whether a node has another slope than its own; here none has."""
        return False

    def plus(self, a: int, b: int) -> int:
        """Return the node of `a + b`; slopes with one condition are added by branches."""
        first, second = self.items[a], self.items[b]
        if first.op == second.op == "aif" and first.args[0] == second.args[0]:
            pairs = zip(first.args[1:], second.args[1:], strict=True)
            return self.aif(first.args[0], *(self.plus(u, v) for u, v in pairs))
        return self.add(PRIMITIVES["add"], [a, b])

    def times(self, a: int, b: int) -> int:
        """Return the node of `a * b`, where zero times anything is zero."""
        if self.zero in (a, b):
            return self.zero
        for one, other in ((a, b), (b, a)):
            op, args, _ = self.items[one]
            if (
                op == "aif"
                and (self.match or self.training)
                and (self.zero in args[1:] or self.one in args[1:])
            ):
                return self.aif(args[0], *(self.times(branch, other) for branch in args[1:]))
        return self.mul(PRIMITIVES["mul"], [a, b])
