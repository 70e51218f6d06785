"""The row of the zoo: one named function and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Preactivation = Literal["inner", "distance", "conic"]


@dataclass(frozen=True, slots=True)
class Named:
    """One activation function of the literature.

    >>> from evoact.language.zoo import ZOO
    >>> ZOO["mish"].text, ZOO["mish"].year
    ('x * tanh(softplus(x))', 2019)
    """

    name: str
    text: str
    """What `evoact.parse` reads; parameters are those that the paper trains."""
    year: int
    paper: str
    family: str
    aliases: tuple[str, ...] = ()
    torch: str | None = None
    """The same function in `torch.nn`, as the text of a call; channels are dimension 1."""
    preactivation: Preactivation = "inner"
    """What x is: an inner product, a distance to a centre, or the sum of both (conic)."""
    note: str = ""
