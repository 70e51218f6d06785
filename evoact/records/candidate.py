"""What is evaluated: an expression and how networks are annealed toward it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from evoact.errors import InputError, nearest
from evoact.language import LANGUAGE_VERSION, Expression, resolve

SCHEDULES: Final = ("linear", "cosine")


@dataclass(frozen=True, slots=True)
class Anneal:
    """Annealing genes: from which early function, by which schedule, when.

    `start` and `end` are shares of the training steps: g is 0 until `start`
    and 1 from `end` on.

    >>> Anneal(resolve("relu"), "linear", 0.0, 0.5).to_dict()
    {'early': 'relu(x)', 'schedule': 'linear', 'start': 0.0, 'end': 0.5}
    """

    early: Expression
    schedule: str = "linear"
    start: float = 0.0
    end: float = 0.5

    def __post_init__(self) -> None:
        # One writing for equal genes, so that they are equal and so is the id.
        object.__setattr__(self, "early", self.early.canonical())
        object.__setattr__(self, "start", float(self.start))
        object.__setattr__(self, "end", float(self.end))
        if self.schedule not in SCHEDULES:
            raise InputError(
                f"schedule is {self.schedule!r}{nearest(self.schedule, SCHEDULES)}; "
                f"wanted one of {', '.join(SCHEDULES)}"
            )
        if not 0.0 <= self.start <= self.end < 1.0:
            raise InputError(
                f"anneal start is {self.start} and end is {self.end}; wanted "
                "0 <= start <= end < 1, so that training goes on after g reached 1"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, in which the early function is its canonical text."""
        return {
            "early": str(self.early),
            "schedule": self.schedule,
            "start": self.start,
            "end": self.end,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Anneal:
        """Read what `to_dict` wrote."""
        return cls(resolve(data["early"]), data["schedule"], data["start"], data["end"])


@dataclass(frozen=True)
class Candidate:
    """One thing to train: the late expression and its annealing genes.

    Attributes:
        late: the expression that is scored, in canonical writing.
        anneal: the annealing genes, or None to train with `late` alone.
        origin: how the search made it, such as `"crossover"`.
        parents: ids of the candidates it was made of.

    Two candidates are equal when their id is; origin and parents are history.

    Raises:
        InputError: early and late function differ in width.

    >>> Candidate(resolve("silu")).id[:12]
    'de4a1b732248'
    """

    late: Expression
    anneal: Anneal | None = None
    origin: str = field(default="user", compare=False)
    parents: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "late", self.late.canonical())
        if self.anneal is not None and self.anneal.early.width != self.late.width:
            raise InputError(
                f"late is {str(self.late)!r} of width {self.late.width}, early is "
                f"{str(self.anneal.early)!r} of width {self.anneal.early.width}; annealing adds "
                "the two up: wanted equal widths, or anneal=None"
            )

    @cached_property
    def text(self) -> str:
        """The canonical text of the late expression."""
        return str(self.late)

    @cached_property
    def id(self) -> str:
        """The sha256 of language version, canonical text and genes, in hex."""
        identity = [LANGUAGE_VERSION, self.text, self.anneal and self.anneal.to_dict()]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    @property
    def short_id(self) -> str:
        """The first 12 digits of the id, for people and file names."""
        return self.id[:12]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: what crosses processes and stands in journals."""
        return {
            "id": self.id,
            "late": self.text,
            "anneal": self.anneal.to_dict() if self.anneal else None,
            "origin": self.origin,
            "parents": list(self.parents),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Candidate:
        """Read what `to_dict` wrote, with this language version or an older one.

        Text and id stay as they were written: the normal form of an older
        version was another one, and trained parameters are numbered by it.
        """
        genes = data["anneal"]
        late = resolve(data["late"])
        candidate = cls(
            late,
            Anneal.from_dict(genes) if genes else None,
            data["origin"],
            tuple(data["parents"]),
        )
        object.__setattr__(candidate, "late", late)
        candidate.__dict__["id"] = data["id"]
        return candidate
