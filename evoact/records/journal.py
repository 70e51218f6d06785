"""The format of a journal, of a study or a comparison: what each line says.

A journal is a sequence of records, one JSON object a line; those that are true
together or not at all are one line, a list. It is the only truth about a
study, with the parameter files that its lines name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from evoact.records.candidate import Candidate
from evoact.records.checked import checked
from evoact.records.evaluation import Evaluation

# 2: controls_asked. 3: lists of records; a generation asked in parts. 4: races,
# comparisons, what a surrogate predicted. Older journals are read as they are.
JOURNAL_VERSION: Final = 4


@dataclass(frozen=True, slots=True)
class StudyStarted:
    """The first line: the resolved specification and the versions."""

    name: str
    seed: int
    spec: Mapping[str, Any]
    versions: Mapping[str, str]
    journal_version: int = JOURNAL_VERSION


@dataclass(frozen=True, slots=True)
class Rejected:
    """An offspring that was not trained, why, and how it was made (`"seed"`, `"crossover"`, ...).

    What stands in a reason before a colon is its kind.
    """

    text: str
    reason: str
    duplicate_of: str | None = None
    origin: str = ""

    @property
    def kind(self) -> str:
        """The kind of the reason, by which rejections are counted.

        >>> Rejected("log(x)", "not standardised: it has no finite mean").kind
        'not standardised'
        """
        return self.reason.partition(":")[0]


@dataclass(frozen=True, slots=True)
class GenerationAsked:
    """Candidates of a generation, before any of them is trained.

    In generational mode all of them; in steady state those of a cohort.
    """

    generation: int
    candidates: tuple[Candidate, ...]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One training ended; `params` names the file of trained parameters."""

    evaluation: Evaluation
    params: str | None = None


@dataclass(frozen=True, slots=True)
class GenerationTold:
    """All candidates of a generation were evaluated and told to the search."""

    generation: int


@dataclass(frozen=True, slots=True)
class RaceAsked:
    """A round of the race for the confirmation: the ids of who is left, and new replicates."""

    contestants: tuple[str, ...]
    replicates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ConfirmationAsked:
    """Who is trained with fresh seeds: finalists of the search, and baselines."""

    finalists: Mapping[str, Candidate]
    baselines: Mapping[str, Candidate]
    replicates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ControlsAsked:
    """What the winner is compared with: trained from its fresh seeds, without annealing.

    `controls` are its late and its early function alone, by name; `of` is its id.
    """

    of: str
    controls: Mapping[str, Candidate]


@dataclass(frozen=True, slots=True)
class StudyFinished:
    """The last line; `winner` is the id of the best candidate, if there is one."""

    winner: str | None


@dataclass(frozen=True, slots=True)
class ComparisonStarted:
    """The first line of a comparison: what it is going to do, and the versions."""

    name: str
    plan: Mapping[str, Any]
    versions: Mapping[str, str]
    journal_version: int = JOURNAL_VERSION


@dataclass(frozen=True, slots=True)
class TrainingsAsked:
    """Trainings of a comparison: the evaluations that follow, until more are asked, are of them.

    `settings` are those of each candidate, by id: `learning_rate` and `gain`.
    """

    settings: Mapping[str, Mapping[str, Any]]
    replicates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ComparisonFinished:
    """The last line of a comparison: `latency` of each function, see `relative_latency`."""

    latency: Mapping[str, Mapping[str, float]]


Record = (
    StudyStarted
    | GenerationAsked
    | Evaluated
    | GenerationTold
    | RaceAsked
    | ConfirmationAsked
    | ControlsAsked
    | StudyFinished
    | ComparisonStarted
    | TrainingsAsked
    | ComparisonFinished
)

_TYPES: Final[dict[str, type[Record]]] = {
    "study_started": StudyStarted,
    "generation_asked": GenerationAsked,
    "evaluated": Evaluated,
    "generation_told": GenerationTold,
    "race_asked": RaceAsked,
    "confirmation_asked": ConfirmationAsked,
    "controls_asked": ControlsAsked,
    "study_finished": StudyFinished,
    "comparison_started": ComparisonStarted,
    "trainings_asked": TrainingsAsked,
    "comparison_finished": ComparisonFinished,
}
_NAMES: Final = {record: name for name, record in _TYPES.items()}


def encode(*records: Record) -> str:
    """Return the line of records, without the line break; numbers are finite."""
    data = [_data(record) for record in records]
    return json.dumps(data[0] if len(data) == 1 else data, allow_nan=False)


def _data(record: Record) -> dict[str, Any]:
    data = {f.name: _plain(getattr(record, f.name)) for f in fields(record)}
    return {"type": _NAMES[type(record)], **data}


def _plain(value: Any) -> Any:
    if isinstance(value, Evaluation):
        data = value.to_dict()
        del data["params"]  # in a file of its own, named by the record
        return _plain(data)
    if isinstance(value, Candidate):
        return value.to_dict()
    if isinstance(value, Rejected):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # a diverged loss in a curve: JSON has no NaN
    return value


def decode(line: str) -> list[Record]:
    """Read the records of a line.

    Raises:
        ValueError: it is not the line of a record.
    """
    data = json.loads(line)
    if data == []:
        raise ValueError("a line without records")
    try:
        return [_record(item) for item in (data if isinstance(data, list) else [data])]
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"a line with a wrong record ({error!r})") from error


def _record(data: dict[str, Any]) -> Record:
    kind = _TYPES[data.pop("type")]
    if kind is GenerationAsked:
        data["candidates"] = tuple(map(Candidate.from_dict, data["candidates"]))
        data["rejected"] = tuple(checked(Rejected(**item)) for item in data["rejected"])
    elif kind is Evaluated:
        data["evaluation"] = Evaluation.from_dict(data["evaluation"])
    elif kind is ConfirmationAsked:
        for role in ("finalists", "baselines"):
            data[role] = _candidates(data[role])
        data["replicates"] = tuple(data["replicates"])
    elif kind is RaceAsked:
        data = {name: tuple(data[name]) for name in ("contestants", "replicates")}
    elif kind is ControlsAsked:
        data["controls"] = _candidates(data["controls"])
    elif kind is TrainingsAsked:
        data["replicates"] = tuple(data["replicates"])
    return checked(kind(**data))


def _candidates(data: Mapping[str, Any]) -> dict[str, Candidate]:
    return {label: Candidate.from_dict(item) for label, item in data.items()}
