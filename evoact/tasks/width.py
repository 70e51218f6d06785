"""How wide a network is made for an activation that changes the number of channels."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import lcm
from types import MappingProxyType
from typing import Final

from evoact.errors import InputError, nearest
from evoact.language import WIDTHS

_MOST_RUNS: Final = 6  # of layers rounded together: 2 ** 6 choices


@dataclass(frozen=True, slots=True)
class Width:
    """What an activation asks of a network's hidden sizes, and how they are fitted.

    A hidden size counts channels before the activation; `size * ratio` leave it.

    Args:
        ratio: output channels / input channels of the activation, of `WIDTHS`.
        multiple: hidden sizes must be multiples of it: groups are full.
        policy: `strict` takes the sizes as they are, or refuses; `round` takes
            the nearest multiple, halves upwards, and at least one;
            `equal_parameters` scales all sizes by one factor, so that the
            network has as many weights as with ratio 1 and its own sizes.

    Raises:
        InputError: one of the three is none of the values above.

    >>> Width(Fraction(1, 4)).step
    4
    """

    ratio: Fraction = Fraction(1)
    multiple: int = 1
    policy: str = "equal_parameters"

    def __post_init__(self) -> None:
        if self.ratio not in WIDTHS:
            wanted = ", ".join(map(str, WIDTHS))
            raise InputError(f"width ratio is {self.ratio}; wanted one of {wanted}")
        if self.multiple < 1:
            raise InputError(f"multiple of channels is {self.multiple}; wanted at least 1")
        if self.policy not in WIDTH_POLICIES:
            raise InputError(
                f"width policy is {self.policy!r}{nearest(self.policy, WIDTH_POLICIES)}; "
                f"wanted one of {', '.join(WIDTH_POLICIES)}"
            )

    @property
    def step(self) -> int:
        """What hidden sizes are multiples of: groups are full and channels whole."""
        return lcm(self.multiple, self.ratio.denominator)


@dataclass(frozen=True, slots=True)
class Hidden:
    """The layers before a network's activations, and what their sizes cost.

    Args:
        layers: their names, for messages.
        sizes: their channels when the activation keeps the width.
        count: parameters of the network by sizes and width ratio; it must grow
            with every size.
    """

    layers: Sequence[str]
    sizes: tuple[int, ...]
    count: Callable[[tuple[int, ...], Fraction], int]


def fit_sizes(hidden: Hidden, width: Width) -> tuple[int, ...]:
    """Return the hidden sizes that a network is built with.

    Raises:
        InputError: the policy is `strict`, and a size is no multiple of the step.

    >>> hidden = Hidden(["dense1"], (10,), lambda sizes, ratio: sizes[0] * int(10 + 10 * ratio))
    >>> [fit_sizes(hidden, Width(Fraction(2), policy=name)) for name in WIDTH_POLICIES]
    [(7,), (10,), (10,)]
    """
    return WIDTH_POLICIES[width.policy](hidden, width)


def _strict(hidden: Hidden, width: Width) -> tuple[int, ...]:
    for layer, size in zip(hidden.layers, hidden.sizes, strict=True):
        if size % width.step:
            raise InputError(
                f"channels of layer {layer} are {size}; the activation after it wants a "
                f"multiple of {width.step}; set task.width: round (or equal_parameters)"
            )
    return hidden.sizes


def _round(hidden: Hidden, width: Width) -> tuple[int, ...]:
    step = width.step
    return tuple(max(1, (2 * size + step) // (2 * step)) * step for size in hidden.sizes)


def _equal_parameters(hidden: Hidden, width: Width) -> tuple[int, ...]:
    """Scale the sizes by one factor; each becomes the multiple below it or above.

    One rounding for all would jump by several per cent of the parameters where
    layers are of one size; each layer has its own, in deep networks each run of them.
    """
    step, ratio = width.step, width.ratio
    if ratio == 1 and not any(size % step for size in hidden.sizes):
        return hidden.sizes
    wanted = hidden.count(hidden.sizes, Fraction(1))

    def below(factor: Fraction) -> tuple[int, ...]:
        return tuple(max(step, int(factor * size) // step * step) for size in hidden.sizes)

    # At this factor and above, a network of any ratio has all the parameters wanted.
    most = max(Fraction(1), 1 / ratio)
    jumps = {
        Fraction(n, size) for size in hidden.sizes for n in range(step, int(most * size) + 1, step)
    }
    factors = [Fraction(0), *sorted(jumps)]
    index = bisect_right(factors, wanted, key=lambda f: hidden.count(below(f), ratio))
    base = below(factors[max(0, index - 1)])
    runs = min(len(base), _MOST_RUNS)
    choices = [
        tuple(size + raised[i * runs // len(base)] for i, size in enumerate(base))
        for raised in product((0, step), repeat=runs)
    ]
    return min(choices, key=lambda sizes: abs(hidden.count(sizes, ratio) - wanted))


WIDTH_POLICIES: Final = MappingProxyType(
    {"equal_parameters": _equal_parameters, "round": _round, "strict": _strict}
)
