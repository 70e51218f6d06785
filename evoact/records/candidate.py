"""What is evaluated: an expression and how networks are annealed toward it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from evoact.errors import InputError, nearest
from evoact.language import LANGUAGE_VERSION, Expression, resolve
from evoact.language.early import auto_early, check_path
from evoact.records.anneal import BLEND, Anneal
from evoact.records.checked import checked
from evoact.records.task_spec import HEADS


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a training was expected to measure, before it began: mean and standard deviation."""

    mean: float
    sd: float


@dataclass(frozen=True, eq=False)
class Candidate:
    """One thing to train: the late expression and its annealing genes.

    Attributes:
        late: the expression that is scored, in canonical writing.
        anneal: the annealing genes, or None to train with `late` alone.
        origin: how the search made it, such as `"crossover"`.
        parents: ids of the candidates it was made of.
        predicted: what the surrogate expected of it, if that chose it.
        head: what its network's outputs are taken for, where that is a gene; None for the
            first of the task.

    Two candidates are equal when their id is; all but function and genes is history.

    Raises:
        InputError: early and late function differ in width, or the path cannot
            serve the late function.

    >>> Candidate(resolve("silu")).id[:12]
    'de4a1b732248'
    """

    late: Expression
    anneal: Anneal | None = None
    origin: str = field(default="user", compare=False)
    parents: tuple[str, ...] = field(default=(), compare=False)
    predicted: Predicted | None = field(default=None, compare=False)
    head: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "late", self.late.canonical())
        if self.head is not None and self.head not in HEADS:
            hint = nearest(str(self.head), HEADS)
            raise InputError(f"head is {self.head!r}{hint}; wanted {', '.join(HEADS)}, or None")
        if self.anneal is not None and self.anneal.early is None:
            check_path(self.late, self.anneal.path)  # what it starts from is derived when needed
            return
        early = self.early
        if early is not None and early.width != self.late.width:
            raise InputError(
                f"late is {str(self.late)!r} of width {self.late.width}, early is "
                f"{str(early)!r} of width {early.width}; annealing adds the two up: wanted "
                "equal widths, early None (one is derived), or anneal=None"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Candidate) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    @cached_property
    def early(self) -> Expression | None:
        """The function that networks start with, given or derived; None without annealing."""
        if self.anneal is None:
            return None
        if self.anneal.early is not None:
            return self.anneal.early
        return auto_early(self.late, self.anneal.path).canonical()

    @cached_property
    def text(self) -> str:
        """The canonical text of the late expression."""
        return str(self.late)

    @cached_property
    def id(self) -> str:
        """The sha256 of language version, canonical text and genes, in hex."""
        genes = self.anneal
        # The start of the other paths follows from the late function; a ladder's takes long.
        early = self.early if genes and genes.path == BLEND else None
        identity = [LANGUAGE_VERSION, self.text, genes and genes.identity(early)]
        identity += [self.head] if self.head else []  # ids of before there were heads stand
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    @property
    def short_id(self) -> str:
        """The first 12 digits of the id, for people and file names."""
        return self.id[:12]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: what crosses processes and stands in journals."""
        data = {
            "id": self.id,
            "late": self.text,
            "anneal": self.anneal.to_dict() if self.anneal else None,
            "origin": self.origin,
            "parents": list(self.parents),
        }
        data |= {"head": self.head} if self.head else {}
        return {**data, "predicted": asdict(self.predicted)} if self.predicted else data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Candidate:
        """Read what `to_dict` wrote, with this language version or an older one.

        Text and id stay as they were written: the normal form of an older
        version was another one, and trained parameters are numbered by it.
        """
        genes = data["anneal"]
        texts = [data["id"], data["late"], data["origin"], *data["parents"]]
        if strange := [text for text in texts if not isinstance(text, str)]:
            raise ValueError(f"a candidate has {repr(strange[0])[:80]} where a text is wanted")
        late, told = resolve(data["late"]), data.get("predicted")
        predicted = checked(Predicted(**told)) if told else None
        past = data["origin"], tuple(data["parents"]), predicted
        candidate = cls(late, None, *past, data.get("head"))
        object.__setattr__(candidate, "late", late)
        # Put in afterwards: genes that an older version allowed are read, and an
        # early function is derived when someone asks for it.
        object.__setattr__(candidate, "anneal", Anneal.from_dict(genes) if genes else None)
        candidate.__dict__.pop("early", None)
        candidate.__dict__["id"] = data["id"]
        return candidate
