"""The `anneal` section of a specification: which annealing genes candidates may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, field_validator, model_validator

from evoact.errors import InputError
from evoact.language import Expression, resolve
from evoact.language.early import PATHS
from evoact.records.anneal import AUTO, BLEND, BY, LADDER, LAYERS, SCHEDULES, Anneal
from evoact.records.section import SCALAR_TOO, Section, one_of, refuse

NO_ANNEALING: Final = "none"
LEAST_HOLD: Final = 0.1
GRID: Final = 5
"""On how many values a pair `[low, high]` is drawn, its ends among them."""

Pair = tuple[float, float]


def _read_share(value: Any) -> Any:
    """Check a share of the training, or a pair of them; one message for what is neither."""
    items = list(value) if isinstance(value, list | tuple) else [value]
    numbers = [float(i) for i in items if isinstance(i, int | float) and not isinstance(i, bool)]
    if len(numbers) < len(items) or len(items) != (2 if isinstance(value, list | tuple) else 1):
        raise ValueError(
            f"is {value!r}; wanted a share of the training such as 0.4, or a pair to draw "
            "from such as [0.1, 0.4]"
        )
    if not all(0.0 <= number < 1.0 for number in numbers):
        raise ValueError(f"is {value!r}; wanted shares of the training, at least 0 and less than 1")
    if numbers != sorted(numbers):
        raise ValueError(f"is {value!r}; wanted the lower end first: {sorted(numbers)}")
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


Gene = Annotated[float | Pair, BeforeValidator(_read_share)]


def _ends(gene: float | Pair) -> Pair:
    return gene if isinstance(gene, tuple) else (gene, gene)


def grid(gene: float | Pair) -> tuple[float, ...]:
    """Return the values that a gene may have: one of a number, five of a pair.

    >>> grid(0.4), grid((0.1, 0.5))
    ((0.4,), (0.1, 0.2, 0.3, 0.4, 0.5))
    """
    low, high = _ends(gene)
    steps = range(GRID) if high > low else (0,)
    return tuple(round(low + (high - low) * step / (GRID - 1), 6) for step in steps)


class AnnealSpec(Section):
    """Whether, from which early functions and when networks are annealed.

    With `evolve`, early function, path, schedule, start and end are genes: each
    is chosen from its list, or from a grid between the two ends of its pair.
    Without, the first of each list and the upper end of each pair hold for all.

    `none` among the early functions means to train with the late one alone,
    `auto` to derive a cheap one from it. Expressions are for the path `blend`,
    which is the default path where there are any; `ladder` and `sharpness`
    always derive theirs. A candidate that a gene cannot serve gets the nearest
    that can: `blend` for a path, `auto` for an early function of another width.

    The default is the ladder: in `benchmarks/annealing.py` it alone kept the
    ranking of the late functions, in less time where these are dear.

    The last share `hold` of a training is at g = 1, so that what is scored is
    the late function, trained as it will be used.

    >>> AnnealSpec(early="relu", end=(0.2, 0.6), evolve=False).default().end
    0.6
    """

    early: Annotated[tuple[str, ...], SCALAR_TOO, Field(min_length=1)] = (AUTO, NO_ANNEALING)
    path: Annotated[tuple[Annotated[str, one_of(PATHS)], ...], SCALAR_TOO, Field(min_length=1)] = (
        LADDER,
    )
    schedule: Annotated[
        tuple[Annotated[str, one_of(SCHEDULES)], ...], SCALAR_TOO, Field(min_length=1)
    ] = ("linear", "cosine")
    start: Gene = 0.0
    end: Gene = (0.25, 0.75)
    hold: Annotated[float, Field(ge=LEAST_HOLD, lt=1)] = 0.2
    layers: Annotated[str, one_of(LAYERS)] = LAYERS[0]
    by: Annotated[str, one_of(BY)] = BY[0]
    evolve: bool = True
    share_prefix: bool = False

    @model_validator(mode="before")
    @classmethod
    def _path_of_early(cls, data: Any) -> Any:
        """Take `blend` for a section that gives expressions to start from, and no path."""
        if not isinstance(data, dict) or "path" in data or "early" not in data:
            return data
        early = data["early"] if isinstance(data["early"], list | tuple) else [data["early"]]
        given = [text for text in early if text not in (AUTO, NO_ANNEALING)]
        return {**data, "path": [BLEND]} if given else data

    @field_validator("early")
    @classmethod
    def _expressions(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for place, text in enumerate(texts):
            if text not in {NO_ANNEALING, AUTO}:
                _readable(text, place)
        return texts

    @field_validator("early", "path", "schedule")
    @classmethod
    def _different(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(values)) < len(values):
            twice = next(value for value in values if values.count(value) > 1)
            raise ValueError(f"{twice!r} is listed twice; list it once")
        return values

    @model_validator(mode="after")
    def _early_is_used(self) -> AnnealSpec:
        unused = next(iter(self.early_functions()), None)
        if unused is not None and BLEND not in self.path:
            text = (
                f"{unused!r} is never used, as anneal.path {', '.join(self.path)} derives its own "
                f"early function; wanted {AUTO!r}, or {BLEND!r} among the paths"
            )
            refuse(("early", self.early.index(unused)), text, unused)
        return self

    @model_validator(mode="after")
    def _ordered(self) -> AnnealSpec:
        latest_start, earliest_end = _ends(self.start)[1], _ends(self.end)[0]
        if earliest_end < latest_start:
            text = (
                f"is {_text(self.end)}, before anneal.start {_text(self.start)}: g rises "
                "from start to end; wanted every end at or after every start"
            )
            refuse(("end",), text, self.end)
        if _ends(self.end)[1] > 1.0 - self.hold + 1e-9:
            refuse(("end",), _too_late(self.end, self.hold), self.end)
        return self

    def early_functions(self) -> dict[str, Expression]:
        """Return the early functions that are listed as expressions, by their text."""
        texts = (text for text in self.early if text not in {NO_ANNEALING, AUTO})
        return {text: resolve(text) for text in texts}

    @property
    def shortest(self) -> float:
        """The least share of the training between a start and an end."""
        return _ends(self.end)[0] - _ends(self.start)[1]

    @property
    def latest_end(self) -> float:
        """The share of the training at which g is 1 for every candidate."""
        return _ends(self.end)[1]

    @property
    def is_off(self) -> bool:
        """Whether every candidate is trained with the late function alone."""
        chosen = self.early if self.evolve else self.early[:1]
        return set(chosen) == {NO_ANNEALING}

    def options(self) -> dict[str, Sequence[Any]]:
        """Return the values that each gene may have."""
        return {
            "early": self.early,
            "path": self.path,
            "schedule": self.schedule,
            "start": grid(self.start),
            "end": grid(self.end),
        }

    def genes(self, chosen: Mapping[str, Any]) -> Anneal | None:
        """Return the genes for one option of each, or None for the early function `none`."""
        if chosen["early"] == NO_ANNEALING:
            return None
        derived = chosen["early"] == AUTO or chosen["path"] != BLEND
        early = None if derived else resolve(chosen["early"])
        return Anneal(**{**chosen, "early": early}, layers=self.layers, by=self.by)

    def default(self) -> Anneal | None:
        """Return the genes of a candidate when they do not evolve."""
        first = {"early": self.early[0], "path": self.path[0], "schedule": self.schedule[0]}
        return self.genes({**first, "start": _ends(self.start)[1], "end": _ends(self.end)[1]})


def suiting(anneal: AnnealSpec, widths: Sequence[Fraction]) -> AnnealSpec:
    """Return the section; its default, with `auto` for early functions of other widths."""
    given = "early" in anneal.model_fields_set
    if given or all(early.width in widths for early in anneal.early_functions().values()):
        return anneal
    return anneal.model_copy(update={"early": (AUTO, NO_ANNEALING)})


def _readable(text: str, place: int) -> None:
    try:
        resolve(text)
    except InputError as error:
        refuse((place,), str(error), text)


def _text(gene: float | Pair) -> str:
    return f"[{gene[0]:g}, {gene[1]:g}]" if isinstance(gene, tuple) else f"{gene:g}"


def _too_late(end: float | Pair, hold: float) -> str:
    return (
        f"is {_text(end)}, but networks train at g = 1 for the last share "
        f"anneal.hold {hold:g} before they are scored: set anneal.end to at most {1.0 - hold:g}, "
        f"or a lower anneal.hold (at least {LEAST_HOLD:g})"
    )


def check_widths_of_early(anneal: AnnealSpec, widths: Sequence[Fraction]) -> None:
    """Raise `ValidationError` for an early function of a width that no candidate has."""
    wanted = " or ".join(str(width) for width in sorted(widths))
    for text, early in anneal.early_functions().items():
        if early.width not in widths:
            refuse(
                ("anneal", "early", anneal.early.index(text)),
                f"{text!r} has width {early.width}, but every candidate has width {wanted} "
                f"(language.widths), and annealing needs equal widths; wanted {AUTO!r}, which "
                "derives an early function of the candidate's width, or one of that width",
                text,
            )


def check_epochs(anneal: AnnealSpec, epochs: int) -> None:
    """Raise `ValidationError` where g moves by epochs and has not one to move in."""
    span = anneal.shortest
    if anneal.by == "epoch" and not anneal.is_off and 0.0 < span * epochs < 1.0 - 1e-9:
        refuse(
            ("anneal", "by"),
            f"is epoch, with task.epochs {epochs}: between anneal.start "
            f"{_text(anneal.start)} and anneal.end {_text(anneal.end)} there may be only "
            f"{span * epochs:.2g} epochs, so g would jump; wanted at least "
            f"{ceil(1.0 / span - 1e-9)} epochs, a longer way, or by: step",
            anneal.by,
        )
