"""What training a candidate gave."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from statistics import fmean
from typing import Any

from evoact.errors import InputError
from evoact.records.candidate import Candidate
from evoact.records.checked import checked
from evoact.records.curve import compact


class Status(StrEnum):
    """How a training ended; only `OK` enters selection."""

    OK = "ok"
    DIVERGED = "diverged"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of one training of one candidate: plain data.

    Attributes:
        candidate_id: whose outcome it is.
        status: how the training ended; `reason` says more when it is not ok.
        objectives: finite numbers by name, empty unless ok.
        replicate: 0 in the search, 1, 2, ... in confirmation (fresh seeds).
        rung: index of the training budget it was measured at.
        epochs: the budget, in passes over the training data.
        test: test-set metrics; filled in confirmation only.
        curve: one mapping an epoch (`loss`, `val_accuracy`, `g`, `grad_norm`).
        params: trained activation parameters, `{layer: {name: values}}`.
        seconds: training time.
        environment: device, dtype, threads and versions.
        steps: optimiser steps of the training, shared ones included.
        shared_steps: how many of them were trained once for several candidates,
            and this one went on from there.
    """

    candidate_id: str
    status: Status
    reason: str = ""
    objectives: Mapping[str, float] = field(default_factory=dict)
    replicate: int = 0
    rung: int = 0
    epochs: int = 0
    test: Mapping[str, float] = field(default_factory=dict)
    curve: Sequence[Mapping[str, float | None]] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0
    environment: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 0
    shared_steps: int = 0

    def __post_init__(self) -> None:
        for name, value in {**self.objectives, **self.test}.items():
            if not math.isfinite(value):
                raise InputError(
                    f"objective {name} is {value}; wanted a finite number. Report a training "
                    "that failed with Evaluation.failed(candidate, reason)"
                )
        if self.objectives and not self.is_ok:
            raise InputError(f"an evaluation with status {self.status} has no objectives")

    @property
    def is_ok(self) -> bool:
        """Whether the training ended well, so that the objectives count."""
        return self.status is Status.OK

    @classmethod
    def ok(cls, candidate: Candidate, **objectives: float) -> Evaluation:
        """Return a successful evaluation with the given objectives.

        >>> from evoact.language import resolve
        >>> Evaluation.ok(Candidate(resolve("relu")), val_accuracy=0.61).objectives
        {'val_accuracy': 0.61}
        """
        return cls(candidate.id, Status.OK, objectives=objectives)

    @classmethod
    def failed(
        cls, candidate: Candidate, reason: str, status: Status = Status.FAILED, **more: Any
    ) -> Evaluation:
        """Return the evaluation of a training that gave no objectives."""
        return cls(candidate.id, status, reason, **more)

    @staticmethod
    def means(evaluations: Iterable[Evaluation]) -> dict[str, float]:
        """Return the mean of each objective over trainings that ended well.

        >>> Evaluation.means(Evaluation("a", Status.OK, objectives={"cost": c}) for c in (1.0, 2.0))
        {'cost': 1.5}
        """
        values: dict[str, list[float]] = {}
        for evaluation in evaluations:
            for name, value in evaluation.objectives.items():
                values.setdefault(name, []).append(value)
        return {name: fmean(found) for name, found in values.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: what crosses processes and stands in journals."""
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**data, "status": self.status.value, "curve": [*map(dict, self.curve)]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Evaluation:
        """Read what `to_dict` wrote.

        Raises:
            ValueError, KeyError, TypeError: it is not that.
        """
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        values |= {"status": Status(data["status"]), "curve": tuple(data["curve"])}
        read = checked(cls(**values))
        object.__setattr__(read, "curve", compact(read.curve))  # many are kept
        return read
