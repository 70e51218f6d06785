"""A row of the table of systems: what is claimed, how it is measured, what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from evoact.stats import mean_interval


@dataclass(frozen=True)
class Effort:
    """How much a row may do: `quick` is for CI, some seconds a row on one thread."""

    quick: bool = False
    seeds: int = 5


@dataclass(frozen=True)
class Measured:
    """What a row found.

    Attributes:
        told: what was measured, with its interval, as text for a cell of the table.
        met: whether the claim holds.
        values: all numbers by name, for the JSON file: of each seed where there are several.
    """

    told: str
    met: bool
    values: Mapping[str, float | list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A claim about a system, and the function that measures it."""

    system: str
    claim: str
    measure: Callable[[Effort], Measured]


def interval(values: list[float], digits: int = 3) -> str:
    """Return a mean with its 95 % interval, as text.

    >>> interval([0.5, 0.7, 0.6])
    '0.600 [0.352, 0.848]'
    """
    found = mean_interval(values)
    if found.n == 1:
        return f"{found.mean:.{digits}f}"
    return f"{found.mean:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"
