"""All rows of the zoo, found by name or alias."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from evoact.language.zoo import (
    adaptive,
    algebraic,
    exponential,
    gated,
    gated_learned,
    groupwise,
    periodic,
    piecewise,
    radial,
    rectified,
    sigmoidal,
    smooth,
    threshold,
    units,
)
from evoact.language.zoo.entry import Named


class Zoo(Mapping[str, Named]):
    """The rows by name; an alias finds its row but is not listed.

    Raises:
        ValueError: two rows claim one name.

    >>> from evoact.language.zoo import ZOO
    >>> ZOO["logistic"].name, "logistic" in ZOO, "logistic" in list(ZOO)
    ('sigmoid', True, False)
    """

    def __init__(self, rows: tuple[Named, ...]) -> None:
        self._rows = MappingProxyType({row.name: row for row in rows})
        claims = [(word, row) for row in rows for word in (row.name, *row.aliases)]
        self._words = MappingProxyType(dict(claims))
        if len(self._words) != len(claims):
            words = [word for word, _ in claims]
            raise ValueError(f"named twice: {sorted({w for w in words if words.count(w) > 1})}")

    def __getitem__(self, word: str) -> Named:
        """Return the row of a name or alias."""
        return self._words[word]

    def __iter__(self) -> Iterator[str]:
        """Yield the names, without the aliases."""
        return iter(self._rows)

    def __len__(self) -> int:
        """Return how many functions there are."""
        return len(self._rows)

    @property
    def words(self) -> tuple[str, ...]:
        """All names and aliases.

        >>> from evoact.language.zoo import ZOO
        >>> {"sigmoid", "logistic"} <= set(ZOO.words)
        True
        """
        return tuple(self._words)


ZOO: Final = Zoo(
    (
        *rectified.ROWS,
        *exponential.ROWS,
        *smooth.ROWS,
        *gated.ROWS,
        *gated_learned.ROWS,
        *sigmoidal.ROWS,
        *algebraic.ROWS,
        *piecewise.ROWS,
        *adaptive.ROWS,
        *periodic.ROWS,
        *radial.ROWS,
        *threshold.ROWS,
        *groupwise.ROWS,
        *units.ROWS,
    )
)
