"""The expression: an immutable tree over primitives, and all it can become.

Every `Expression` keeps four invariants, made true by `Expression.build`:
parts without `x` and without parameters are folded to one finite constant;
parameters are numbered by first use and each is used; size and depth are
within the bounds of the language; widths fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evoact.language.tree import (
    Call,
    Node,
    Param,
    Parameter,
    check_bounds,
    depth,
    fold,
    literal_places,
    rebuild,
    walk,
)
from evoact.language.widths import Layout, distinct_calls, layout

if TYPE_CHECKING:
    from evoact.language.evaluate import ArrayFunction
    from evoact.language.facts import Facts


@dataclass(frozen=True)
class Expression:
    """An activation function as an immutable tree over primitives.

    Make one with `evoact.parse`, or from nodes with `Expression.build`.

    >>> from evoact.language import parse
    >>> e = parse("x * sigmoid(beta * x) where beta = 1.0")
    >>> str(e)
    'x * sigmoid(beta * x) where beta = 1.0'
    >>> str(e.canonical())
    'x * sigmoid(a0 * x) where a0 = 1.0'
    >>> round(float(e.numpy()(2.0)), 6)
    1.761594
    """

    root: Node
    parameters: tuple[Parameter, ...] = ()

    @classmethod
    def build(cls, root: Node, parameters: tuple[Parameter, ...] = ()) -> Expression:
        """Make a valid expression of nodes: fold, check bounds, renumber.

        Args:
            root: the tree; `Param.index` points into `parameters`.
            parameters: the learnable parameters; unused ones are dropped.

        Raises:
            ExpressionError: too large, too deep, a constant part that is not
                finite, or widths that do not fit.
        """
        check_bounds(root)
        folded = rebuild(root, lambda node: fold(node, parameters))
        order: dict[int, int] = {}
        for node in walk(folded):
            if isinstance(node, Param):
                order.setdefault(node.index, len(order))
        renumbered = rebuild(folded, lambda n: Param(order[n.index]) if isinstance(n, Param) else n)
        built = cls(renumbered, tuple(parameters[old] for old in order))
        _ = built.layout  # raises if widths do not fit
        return built

    def __str__(self) -> str:
        from evoact.language.text import format_expression

        return format_expression(self)

    def canonical(self) -> Expression:
        """Return the one expression that stands for all writings of this one.

        Arguments of commutative primitives are ordered, parameters are
        renamed `a0, a1, ...` by first use.
        """
        from evoact.language.canonical import canonical

        return canonical(self)

    def numpy(self) -> ArrayFunction:
        """Return `f(x, parameters=None, channel_dim=-1)`, by numpy in float64.

        `parameters` holds one value for each parameter of the expression, in
        their order, or one value a channel; without it the initial values are
        used. `channel_dim` matters for groupwise expressions alone.
        """
        from evoact.language.evaluate import array_function

        return array_function(self)

    def source(self, name: str = "activation") -> str:
        """Return the source of a Python function on torch tensors.

        That of a groupwise expression also takes `dim`, the dimension of the
        channels, which must not be negative.

        >>> from evoact.language import parse
        >>> print(parse("max(x, a * x) where a = 0.25").source("prelu"))
        def prelu(x, a):
            return torch.maximum(x, a * x)
        """
        from evoact.language.source import torch_function

        return torch_function(self, name)

    def sympy(self, channels: int | None = None, *, evaluate: bool = True) -> Any:
        """Return the function as a sympy expression in real symbols.

        They are `x` and the parameters, by their names; a parameter per
        channel is one symbol. A groupwise expression gives a `sympy.Tuple` of
        its output channels, in `x0, x1, ...` and `a_0, a_1, ...` for a
        parameter `a` per channel.

        Args:
            channels: channels of the input; needed only by groupwise expressions.
            evaluate: False keeps the tree as it is written.

        Raises:
            InputError: `channels` is missing, or does not fill the groups.

        >>> from evoact.language import parse
        >>> e = parse("x * tanh(beta * x) where beta = 1.0").sympy()
        >>> e.diff("x").subs("x", 0)
        0
        >>> parse("group_max(x, 2)").sympy(channels=4)
        (Max(x0, x1), Max(x2, x3))
        """
        from evoact.language.symbolic import symbolic

        return symbolic(self, channels, evaluate=evaluate)

    def latex(self, digits: int | None = None) -> str:
        r"""Return the formula in LaTeX, for papers and for matplotlib.

        Args:
            digits: to how many significant digits constants are rounded; by
                default they are written in full.

        >>> from evoact.language import parse
        >>> print(parse("x * sigmoid(beta * x) where beta = 1.0").latex())
        x \cdot \sigma\left(\beta \cdot x\right)
        """
        from evoact.language.latex import latex

        return latex(self, digits)

    def facts(self) -> Facts:
        """Return what is known of the function at its initial parameters.

        Each fact is certified (proved from the tree) or estimated (seen on
        samples), and says which.

        >>> from evoact.language import parse
        >>> facts = parse("x * sigmoid(x)").facts()
        >>> facts.lipschitz.text, facts.lipschitz.status
        ('1.09984', 'certified')
        >>> facts.monotone.value, facts.minimum.text
        ('no', '-0.278465')
        """
        from evoact.language.facts import facts_of

        return facts_of(self)

    @cached_property
    def layout(self) -> Layout:
        """The widths of the tree."""
        return layout(self.root, self.parameters)

    @property
    def width(self) -> Fraction:
        """Output channels over input channels: 1/4, 1/2, 1 or 2.

        >>> from evoact.language import parse
        >>> parse("left(x) * sigmoid(right(x))").width
        Fraction(1, 2)
        """
        return self.layout.width

    @property
    def channel_multiple(self) -> int:
        """Of what the number of input channels must be a multiple."""
        return self.layout.channel_multiple

    @property
    def is_groupwise(self) -> bool:
        """Whether channels are read across; such an expression needs a channel axis."""
        return self.layout.is_groupwise

    @cached_property
    def nodes(self) -> int:
        """How many nodes the tree has: its size."""
        return sum(1 for _ in walk(self.root))

    @cached_property
    def depth(self) -> int:
        """How many primitives lie on the longest way from root to leaf."""
        return depth(self.root)

    @cached_property
    def cost(self) -> float:
        """Static cost of a forward and backward pass, in units of ReLU's on the input.

        The sum over distinct subtrees (a shared one is computed once) of the
        costs in the table of primitives, times the width at which they work.
        """
        calls = distinct_calls(self.root, self.width)
        return math.fsum(_cost(node) * width for node, width in calls.items())  # in any order

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, `a0, a1, ...` where none was given."""
        taken = {p.name for p in self.parameters if p.name}
        return tuple(p.name or _free_name(i, taken) for i, p in enumerate(self.parameters))

    def with_values(self, values: tuple[float, ...]) -> Expression:
        """Return the same expression with other initial parameter values."""
        parameters = tuple(
            replace(p, initial=float(v)) for p, v in zip(self.parameters, values, strict=True)
        )
        return Expression(self.root, parameters)


def _cost(node: Call) -> float:
    row = node.primitive
    if row.literal_cost is not None and literal_places(node):
        return row.literal_cost
    return row.cost


def _free_name(index: int, taken: set[str]) -> str:
    name = f"a{index}"
    while name in taken:
        name += "_"
    return name
