"""Annealing genes: how a network gets from the early function to the late one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from evoact.errors import InputError, nearest
from evoact.language import Expression, resolve
from evoact.language.early import PATHS

SCHEDULES: Final = (
    "linear",
    "cosine",
    "sqrt",
    "exponential",
    "steps",
    "sigmoid",
    "loss",
    "cost",
)
LAYERS: Final = ("together", "lower_first", "upper_first")
BY: Final = ("step", "epoch")
BLEND: Final = "blend"
LADDER: Final = "ladder"
AUTO: Final = "auto"

# What genes were before there were these; records of then do not say them.
_ADDED: Final = {"path": BLEND, "layers": LAYERS[0], "by": BY[0]}
_CHOICES: Final = {"schedule": SCHEDULES, "path": PATHS, "layers": LAYERS, "by": BY}


@dataclass(frozen=True, slots=True)
class Anneal:
    """Annealing genes: from which early function, on which path, when.

    Attributes:
        early: the function at g = 0; None to derive it from the late one.
        schedule: how g rises between `start` and `end`.
        start: the share of the training up to which g is 0.
        end: the share from which on g is 1.
        path: `blend` adds the two functions up, `ladder` goes through fits with
            ever more pieces, `sharpness` rounds the corners of the late
            function's own limit. The last two derive their early function.
        layers: which layers anneal first.
        by: whether g moves with each optimiser step or each epoch.

    Raises:
        InputError: a value is none of those known, `end` comes before `start`,
            or there is an early function on a path that derives its own.

    >>> Anneal(resolve("relu"), "linear", 0.0, 0.5).to_dict()["early"]
    'relu(x)'
    >>> Anneal(None, path="ladder").to_dict()["early"]
    'auto'
    """

    early: Expression | None
    schedule: str = "linear"
    start: float = 0.0
    end: float = 0.5
    path: str = BLEND
    layers: str = LAYERS[0]
    by: str = BY[0]

    def __post_init__(self) -> None:
        # One writing for equal genes, so that they are equal and so is the id.
        if self.early is not None:
            object.__setattr__(self, "early", self.early.canonical())
        object.__setattr__(self, "start", float(self.start))
        object.__setattr__(self, "end", float(self.end))
        for name, known in _CHOICES.items():
            _check_known(name, getattr(self, name), known)
        self._check_early()
        if not 0.0 <= self.start <= self.end < 1.0:
            raise InputError(
                f"anneal start is {self.start} and end is {self.end}; wanted "
                "0 <= start <= end < 1, so that training goes on after g reached 1"
            )

    def _check_early(self) -> None:
        if self.early is not None and self.path != BLEND:
            raise InputError(
                f"anneal early is {str(self.early)!r} and path is {self.path!r}, which derives "
                f"its early function from the late one; wanted early None ({AUTO!r}), or "
                f"path {BLEND!r}"
            )

    @property
    def early_text(self) -> str:
        """The text of the early function, `auto` for one that is derived."""
        return AUTO if self.early is None else str(self.early)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, in which the early function is its canonical text."""
        return {
            "early": self.early_text,
            "schedule": self.schedule,
            "start": self.start,
            "end": self.end,
            "path": self.path,
            "layers": self.layers,
            "by": self.by,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Anneal:
        """Read what `to_dict` wrote, now or when genes were fewer."""
        early = None if data["early"] == AUTO else resolve(data["early"])
        return cls(**{**_ADDED, **data, "early": early})

    def identity(self, early: Expression | None) -> dict[str, Any]:
        """Return what tells trainings apart, for the id of a candidate.

        Genes that came later and are as they had to be before are left out, so
        that ids of then stand.

        Args:
            early: the function that a network starts with on the path `blend`,
                where one that was derived counts as if it were given. Those of
                the other paths follow from path and late function.
        """
        text = str(early) if self.path == BLEND else AUTO
        data = {**self.to_dict(), "early": text}
        return {key: value for key, value in data.items() if _ADDED.get(key) != value}


def _check_known(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(
            f"{name} is {value!r}{nearest(value, known)}; wanted one of {', '.join(known)}"
        )
