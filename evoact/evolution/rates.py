"""How often each operator of variation is used: as the space says, or by what it gave."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Final

CROSSOVER: Final = "crossover"
_MUTATION: Final = "mutation:"
_FLOOR: Final = 0.04  # least share of an operator: what is of no use now may be later


def mutation_origin(operator: str) -> str:
    """Return the origin of a candidate that a mutation made.

    >>> mutation_origin("shrink")
    'mutation:shrink'
    """
    return _MUTATION + operator


class Rates:
    """The rates of crossover and of each mutation.

    Fixed: crossover as often as the space says, and each mutation equally often
    else. Adaptive, by probability matching (Thierens 2005): an operator of basic
    rate `b` has the rate `floor + (1 - K * floor) * b * q / sum(b * q)`, with K
    operators and `q = (improved + 1) / (tried + 2)`, its share of children that
    were better than their parent. A basic rate of 0 stays 0.

    Args:
        mutations: the names of the mutations.
        crossover: the basic rate of crossover.
        adaptive: whether rates move.

    >>> rates = Rates(["grow", "shrink"], crossover=0.4, adaptive=True)
    >>> rates.shares()
    {'crossover': 0.392, 'mutation:grow': 0.304, 'mutation:shrink': 0.304}
    >>> for _ in range(20):
    ...     rates.credit("mutation:grow", improved=True)
    ...     rates.credit("crossover", improved=False)
    >>> {name: round(share, 2) for name, share in rates.shares().items()}
    {'crossover': 0.08, 'mutation:grow': 0.59, 'mutation:shrink': 0.33}
    """

    def __init__(self, mutations: Sequence[str], crossover: float, *, adaptive: bool) -> None:
        self._mutations, self._adaptive = list(mutations), adaptive
        basic = dict.fromkeys(map(mutation_origin, mutations), (1.0 - crossover) / len(mutations))
        self._basic = {CROSSOVER: crossover, **basic}
        self._tried, self._improved = Counter[str](), Counter[str]()

    def crosses(self, rng: random.Random) -> bool:
        """Draw whether the next child has two parents."""
        return rng.random() < self.shares()[CROSSOVER]

    def mutation(self, rng: random.Random) -> str:
        """Draw the operator of the next mutation."""
        if not self._adaptive:
            return rng.choice(self._mutations)
        shares = self.shares()
        weights = [shares[mutation_origin(name)] for name in self._mutations]
        return rng.choices(self._mutations, weights if any(weights) else None)[0]

    def credit(self, origin: str, *, improved: bool) -> None:
        """Count a child; those that no operator made (seeds, random ones) do not count."""
        if origin in self._basic:
            self._tried[origin] += 1
            self._improved[origin] += improved

    def shares(self) -> dict[str, float]:
        """Return the rate of each operator, by the origin of its children."""
        if not self._adaptive:
            return self._basic
        merits = {origin: b * self._merit(origin) for origin, b in self._basic.items() if b}
        left, total = 1.0 - _FLOOR * len(merits), sum(merits.values())
        floor = {origin: _FLOOR + left * merit / total for origin, merit in merits.items()}
        return {origin: round(floor.get(origin, 0.0), 12) for origin in self._basic}

    def _merit(self, origin: str) -> float:
        return (self._improved[origin] + 1.0) / (self._tried[origin] + 2.0)
