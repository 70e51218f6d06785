"""Facts of functions across channels: by the norms of the Jacobians of their parts."""

from __future__ import annotations

import math
from dataclasses import fields
from fractions import Fraction
from itertools import pairwise

import numpy as np

from evoact.language.evaluate import steps
from evoact.language.expression import Expression
from evoact.language.facts.channels import is_finite, is_groupwise, outermost
from evoact.language.facts.enclose import LARGEST
from evoact.language.facts.facts import Fact, Facts
from evoact.language.facts.finite import NEAR
from evoact.language.primitives import Primitive
from evoact.language.tree import Call, FloatArray, Node, X, rebuild
from evoact.language.widths import reads_x, values

_NOT = Fact(None, False, "works across channels")
_SORTS = ("group_sort", "full_sort")
_PIECEWISE = frozenset(
    {*_SORTS, "group_max", "concat", "left", "right", "partial", "add", "sub", "neg", "max", "min",
     "abs", "relu", "clamp", "leaky_relu", "hard_sigmoid", "if_positive", "step", "sign", "window",
     "multistep", "identity", "zero", "one"}
)  # fmt: skip


def groupwise_facts(expression: Expression) -> dict[str, Fact]:
    """Return the facts that make sense across channels."""
    facts = dict.fromkeys((f.name for f in fields(Facts)), _NOT)
    known = _Norms(expression)
    norm = known.norm(expression.root)
    facts["lipschitz"] = norm
    facts["one_lipschitz"] = _one(norm)
    facts["gradient_norm_preserving"] = known.preserved(expression)
    linear, continuous = known.linear(expression.root), known.continuous(expression.root)
    facts["piecewise_linear"] = Fact(linear, linear, "" if linear else "not known to be")
    facts["continuous"] = Fact(continuous, continuous, "" if continuous else "not known to be")
    return facts


def _one(norm: Fact) -> Fact:
    if norm.value is None:
        return norm
    if norm.value <= 1.0:
        return Fact(True, norm.certified or "at most" in norm.note)
    if "at most" in norm.note:
        return Fact(None, False, "not known")
    return Fact(False, norm.certified)


class _Norms:
    """The largest norms of the Jacobians of the nodes of a tree."""

    def __init__(self, expression: Expression) -> None:
        self.parameters = expression.parameters
        self.expression = expression

    def facts(self, node: Node) -> Facts:
        """Return the facts of a pointwise part."""
        from evoact.language.facts.collect import facts_of

        return facts_of(Expression.build(node, self.parameters))

    def norm(self, node: Node) -> Fact:
        """Return the Lipschitz constant of a node; `at most` in the note of a bound."""
        if not is_groupwise(node):
            return self.facts(node).lipschitz
        assert isinstance(node, Call)
        name = node.primitive.name
        if not node.primitive.is_groupwise:
            return self.mixed(node)
        inner = self.norm(node.args[0])
        if name in _SORTS:
            return inner
        if name in ("left", "right", "group_max"):  # of some channels, which may be the lesser
            return _scaled(inner, 1.0, exact=not is_groupwise(node.args[0]))
        if name == "concat":
            return self.concat(node, inner)
        if name == "partial":
            value = max(inner.value, 1.0) if inner.value is not None else None
            return _scaled(Fact(value, inner.certified, inner.note), 1.0,
                           exact=not is_groupwise(node.args[0]))  # fmt: skip
        if name == "softmax":
            return _scaled(inner, 0.5, exact=isinstance(node.args[0], X))
        return Fact(None, False, "depends on the number of channels")

    def mixed(self, node: Call) -> Fact:
        """Bound a pointwise function of one groupwise part: the product of both."""
        parts = set(outermost(node))
        if len(parts) != 1 or _reads_x_outside(node, parts):
            return Fact(None, False, "joins several groupwise parts")
        part = parts.pop()
        inner = self.norm(part)
        outer = self.facts(rebuild(node, lambda n: X() if n == part else n)).lipschitz
        if inner.value is None or outer.value is None:
            return Fact(None, False, "not known")
        value = inner.value * outer.value if 0.0 not in (inner.value, outer.value) else 0.0
        return Fact(value, False, "at most" if inner.certified and outer.certified else "")

    def concat(self, node: Call, first: Fact) -> Fact:
        """The norm of both beside each other."""
        second = self.norm(node.args[1])
        if first.value is None or second.value is None:
            return Fact(None, False, "not known")
        if not any(is_groupwise(arg) for arg in node.args):
            return self.beside(node, first, second)
        value = math.hypot(first.value, second.value)
        certain = all(f.certified or "at most" in f.note for f in (first, second))
        return Fact(value, False, "at most" if certain else "")

    def beside(self, node: Call, first: Fact, second: Fact) -> Fact:
        """The supremum of `sqrt(a'^2 + b'^2)` for pointwise `a` and `b`."""
        from evoact.language.facts.exact import piecewise

        parts = [piecewise(arg, self.parameters) for arg in node.args]
        if parts[0] is not None and parts[1] is not None and first.value < math.inf > second.value:
            places = sorted({*parts[0].places, *parts[1].places})
            inner = [a + (b - a) / 2 for a, b in pairwise(places)]
            at = [places[0] - 1, *inner, places[-1] + 1] if places else [Fraction(0)]
            size = max(parts[0].slope_at(x) ** 2 + parts[1].slope_at(x) ** 2 for x in at)
            return Fact(math.sqrt(size), True)
        if math.inf in (first.value, second.value):
            return Fact(math.inf, any(f.certified and f.value == math.inf for f in (first, second)))
        return self.beside_smooth(node)

    def beside_smooth(self, node: Call) -> Fact:
        """The same by intervals."""
        from evoact.language.facts.search import TOLERANCE, supremum
        from evoact.language.facts.shape import Shape
        from evoact.language.facts.slopes import slope

        a, b = (Expression.build(arg, self.parameters) for arg in node.args)
        shape = Shape(a)
        graph = shape.graph
        other = slope(graph, graph.tree(b.root, b.parameters))
        size = graph.plus(graph.item("square", shape.rise), graph.item("square", other))
        found = supremum(shape.cells, shape.points, size, slope(graph, size), everywhere=False)
        tight = found.most - found.least <= 3 * TOLERANCE * max(1.0, found.least)
        certain = tight and all(self.facts(arg).continuous.certified for arg in node.args)
        return Fact(math.sqrt(found.most if certain else found.least), certain)

    def preserved(self, expression: Expression) -> Fact:
        """Whether the Jacobian is orthogonal almost everywhere."""
        if expression.width != 1:
            return Fact(None, False, "the number of channels changes")
        return self.orthogonal(expression.root)

    def orthogonal(self, node: Node) -> Fact:
        if not is_groupwise(node):
            return self.facts(node).gradient_norm_preserving
        assert isinstance(node, Call)
        if node.primitive.name in (*_SORTS, "partial"):
            return self.orthogonal(node.args[0])
        parts = set(outermost(node)) if not node.primitive.is_groupwise else set()
        if len(parts) == 1 and not _reads_x_outside(node, parts):
            part = parts.pop()
            inner = self.orthogonal(part)
            outer = self.facts(rebuild(node, lambda n: X() if n == part else n))
            both = inner.value and outer.gradient_norm_preserving.value
            if both:
                return Fact(True, inner.certified and outer.gradient_norm_preserving.certified)
        return Fact(None, False, "not known")

    def continuous(self, node: Node) -> bool:
        """Whether a node is certainly continuous."""
        if not is_groupwise(node):
            fact = self.facts(node).continuous
            return bool(fact.value and fact.certified)
        assert isinstance(node, Call)
        return _is_total(node.primitive) and all(map(self.continuous, values(node)))

    def linear(self, node: Node) -> bool:
        """Whether a node is certainly piecewise linear."""
        if not is_groupwise(node):
            fact = self.facts(node).piecewise_linear
            return bool(fact.value and fact.certified)
        assert isinstance(node, Call)
        name, args = node.primitive.name, list(values(node))
        if name == "mul":
            steady = any(not reads_x(arg) for arg in args)
        else:
            steady = name in _PIECEWISE or (name == "div" and not reads_x(args[1]))
        return steady and all(map(self.linear, args))


def _is_total(row: Primitive) -> bool:
    """Whether a row is continuous wherever it may be applied."""
    if row.is_groupwise or row.name in ("add", "sub", "mul", "max", "min", "clamp", "leaky_relu"):
        return True
    traits = row.traits
    return traits is not None and not (
        traits.jumps or traits.poles or traits.domain != (-math.inf, math.inf)
    )


def groupwise_finite_facts(expression: Expression) -> tuple[Fact, Fact]:
    """Return whether it is finite for `|x| <= 1e4`, and for every float32."""
    return _finite(expression, NEAR), _finite(expression, LARGEST)


def _finite(expression: Expression, reach: float) -> Fact:
    """Prove it by bounds, or look for a counterexample among channels of all sizes."""
    if is_finite(expression, reach):
        return Fact(True, True)
    multiple = expression.channel_multiple
    few, many = max(2, multiple), multiple * (1 + 15 // multiple)  # few have extremes together
    seen = all(_stays_finite(expression, _samples(reach, n)) for n in (few, many))
    return Fact(seen, False, "values on samples")


def _samples(reach: float, channels: int) -> FloatArray:
    """Return inputs of all sizes, in a third of the samples also side by side."""
    rng = np.random.default_rng(0)
    x: FloatArray = rng.standard_normal((400, channels))
    x *= np.geomspace(1e-30, reach, 400)[:, None] / np.abs(x).max(axis=1, keepdims=True)
    x[::3] *= 10.0 ** rng.uniform(-9.0, 0.0, x[::3].shape)
    x[::10], x[1::10, ::2] = 0.0, 0.0
    return x


def _stays_finite(expression: Expression, x: FloatArray) -> bool:
    """Whether all steps do: the slope beyond one that overflows is 0 * inf, if not its value."""
    values = [*steps(expression, x.astype(np.float32)), *steps(expression, x)]
    return all(bool((np.abs(value) <= LARGEST).all()) for value in values)


def _scaled(fact: Fact, factor: float, *, exact: bool) -> Fact:
    if fact.value is None:
        return fact
    certain = fact.certified or "at most" in fact.note
    note = "at most" if certain and not (exact and fact.certified) else ""
    return Fact(fact.value * factor, fact.certified and exact, note)


def _reads_x_outside(node: Node, parts: set[Node]) -> bool:
    if node in parts:
        return False
    if isinstance(node, Call):
        return any(_reads_x_outside(arg, parts) for arg in node.args)
    return isinstance(node, X)
