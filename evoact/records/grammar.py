"""The rules by which primitives are put together: which widths each takes and gives.

A pointwise primitive has a rule for each width that can be reached, one that
works on groups of channels a rule for each width and group size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from evoact.language import PRIMITIVES, WIDTHS, Kind, Primitive
from evoact.records.shape import ARITIES, Shape

GROUP_SIZES: Final = (2, 4, 8)
"""The sizes of groups that a search uses: powers of two, so that those of
nested groups have a small common multiple. The layers of the networks on
digits (16, 32, 64 channels) divide by each; the 100 and 25 channels of those on
MNIST-1D are fitted to the nearest multiple (`task.width`)."""

MOST_CHANNELS: Final = 8
"""Of what the channels of `x` must be a multiple, at most: groups are smaller
where the width is, so that no candidate needs layers that are much wider."""

_OF_X: Final = Fraction(1)


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to apply a primitive.

    Attributes:
        row: the primitive.
        inner: the width of its arguments that are values.
        width: the width of its result.
        size: of its groups of channels, where it takes one.
    """

    row: Primitive
    inner: Fraction
    width: Fraction
    size: int | None = None

    @property
    def arity(self) -> int:
        """How many of the arguments are values."""
        return sum(not kind.is_literal for kind in self.row.signature)


def rules(primitives: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules of the primitives listed, for the widths that they can reach.

    >>> [f"{rule.inner} -> {rule.width}" for rule in rules(["left", "tanh"])]
    ['1 -> 1/2', '1/2 -> 1/4', '1/4 -> 1/4', '1/2 -> 1/2', '1 -> 1']
    """
    rows = [PRIMITIVES[name] for name in primitives]
    every = [rule for row in rows for rule in _rules(row)]
    widths = reachable(every)
    return tuple(rule for rule in every if rule.inner in widths)


def _rules(row: Primitive) -> Iterator[Rule]:
    if not row.is_groupwise:
        yield from (Rule(row, width, width) for width in WIDTHS)
        return
    for inner in (_OF_X,) if row.adds_x else WIDTHS[::-1]:
        for size in GROUP_SIZES if Kind.INTEGER in row.signature else (None,):
            width = inner * _factor(row, size)
            if width in WIDTHS and (inner / (size or 1)) >= Fraction(1, MOST_CHANNELS):
                yield Rule(row, inner, width, size)


def _factor(row: Primitive, size: int | None) -> Fraction:
    assert row.widen is not None, row.name
    literals = {Kind.INTEGER: size, Kind.FRACTION: 0.5}  # a share does not change the width
    return row.widen(*(literals[kind] for kind in row.signature if kind.is_literal))


def reachable(found: Iterable[Rule], shape: Shape | None = None) -> frozenset[Fraction]:
    """Return the widths that expressions which read `x` can have.

    Args:
        found: the rules to build by.
        shape: that the expressions have; any, if None.

    >>> sorted(map(str, reachable(rules(["left", "group_max"]))))
    ['1', '1/2', '1/4']
    """
    found = tuple(found)
    if shape is not None:
        return _of_shape(found, shape)
    widths = {_OF_X}
    for _ in WIDTHS:
        widths |= {rule.width for rule in found if rule.inner in widths}
    return frozenset(widths)


def usable_primitives(
    found: Sequence[Rule], widths: Iterable[Fraction], shape: Shape | None = None
) -> frozenset[str]:
    """Return the names of primitives that some expression of one of the widths has.

    Args:
        found: the rules to build by.
        widths: that the expressions may have.
        shape: that they have; any, if None.

    >>> found = rules(["left", "tanh"])
    >>> sorted(usable_primitives(found, [Fraction(1)]))
    ['tanh']
    >>> sorted(usable_primitives(found, [Fraction(1, 2)]))
    ['left', 'tanh']
    """
    wanted = frozenset(widths)
    if shape is not None:
        return _usable_in_shape(found, wanted, shape)
    for _ in WIDTHS:
        wanted |= {rule.inner for rule in found if rule.width in wanted}
    return frozenset(rule.row.name for rule in found if rule.width in wanted)


def _usable_in_shape(
    found: Sequence[Rule], widths: frozenset[Fraction], shape: Shape
) -> frozenset[str]:
    fitting = [
        rule
        for rule in found
        if rule.arity == ARITIES.get(shape.kind)
        and rule.width in widths
        and all(rule.inner in _of_shape(found, arg) for arg in shape.args)
    ]
    inner = frozenset(rule.inner for rule in fitting)
    parts = (_usable_in_shape(found, inner, arg) for arg in shape.args)
    return frozenset(rule.row.name for rule in fitting).union(*parts)


def _of_shape(found: Sequence[Rule], shape: Shape) -> frozenset[Fraction]:
    if shape.kind == "x":
        return frozenset({_OF_X})
    if shape.kind not in ARITIES:
        return frozenset(WIDTHS)  # numbers take the width of what they stand in
    inner = frozenset(WIDTHS).intersection(*(_of_shape(found, arg) for arg in shape.args))
    fitting = (rule for rule in found if rule.arity == len(shape.args))
    return frozenset(rule.width for rule in fitting if rule.inner in inner)
