"""What a comparison is going to do: who, on what, from which seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from evoact.errors import InputError, integer
from evoact.records import GAINS, Candidate, TaskSpec
from evoact.tracking import BASELINE, CONTROL

CONTESTANT, RESCALED = "contestant", "rescaled"
ROLES: Final = (CONTESTANT, CONTROL, RESCALED, BASELINE)
RATES: Final = (0.001, 0.003, 0.01, 0.03)

# Far from the replicates of studies: a winner was chosen by theirs, and its
# study may have had the same seed.
_REPORTED_FROM: Final = 10_001
_TUNING_FROM: Final = 20_001
_MOST_SEEDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Entrant:
    """Someone who takes part.

    Attributes:
        label: what it is called.
        role: `contestant`, `baseline`, `control` or `rescaled`.
        candidate: what is trained.
        of: the label of the contestant whose control or rescaled rival it is.
    """

    label: str
    role: str
    candidate: Candidate
    of: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        candidate = self.candidate.to_dict()
        return {"label": self.label, "role": self.role, "of": self.of, "candidate": candidate}


@dataclass(frozen=True, slots=True)
class Setting:
    """What is chosen for each on validation data: learning rate, and gain of first weights."""

    learning_rate: float
    gain: str = GAINS[0]


@dataclass(frozen=True)
class Plan:
    """A whole comparison, before any network is trained.

    Attributes:
        task: what is trained; its learning rate is replaced by those of the grid.
        entrants: who takes part.
        rates: the learning rates that are tried for each.
        gains: the gain options that are tried for each.
        seeds: how many networks of each are reported.
        tuning_seeds: how many are trained for each setting of the grid.
        seed: decides everything random.
        kernels: what computes activations, `"c"` or `"torch"`.
        metric: what the task measures, and counts.
        maximises: whether more of it is better.

    Raises:
        InputError: a number is none of those possible.
    """

    task: TaskSpec
    entrants: tuple[Entrant, ...]
    rates: tuple[float, ...] = RATES
    gains: tuple[str, ...] = GAINS[:1]
    seeds: int = 10
    tuning_seeds: int = 3
    seed: int = 0
    kernels: str = "torch"
    metric: str = "accuracy"
    maximises: bool = True

    def __post_init__(self) -> None:
        _check_count("seeds", self.seeds, 2, "a difference over one has no interval")
        _check_count("tuning seeds", self.tuning_seeds, 1, "rates are chosen by them")
        if integer(self.seed, "seed", 0) < 0:
            raise InputError(f"seed is {self.seed}; wanted at least 0")
        if not self.rates or not all(math.isfinite(r) and r > 0.0 for r in self.rates):
            raise InputError(
                f"rates are {list(self.rates)}; wanted positive learning rates, such as 0.003, 0.01"
            )
        if len(set(self.rates)) < len(self.rates):
            raise InputError(f"rates are {list(self.rates)}; wanted each once")

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The grid, the same for all entrants."""
        return tuple(Setting(rate, gain) for rate, gain in product(self.rates, self.gains))

    @property
    def replicates(self) -> tuple[int, ...]:
        """The seeds that are reported."""
        return tuple(range(_REPORTED_FROM, _REPORTED_FROM + self.seeds))

    @property
    def tuning_replicates(self) -> tuple[int, ...]:
        """The seeds that settings are chosen by: none of those reported; none for one setting."""
        count = self.tuning_seeds if len(self.settings) > 1 else 0
        return tuple(range(_TUNING_FROM, _TUNING_FROM + count))

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What is trained: each once, also if it takes part in several roles."""
        return tuple({e.candidate.id: e.candidate for e in self.entrants}.values())

    @property
    def trainings(self) -> int:
        """How many networks are trained."""
        tuned = len(self.settings) * len(self.tuning_replicates)
        return len(self.candidates) * (tuned + self.seeds)

    def to_dict(self) -> dict[str, Any]:
        """Return all that decides what is trained, as plain data."""
        return {
            "task": self.task.model_dump(mode="json", exclude={"learning_rate"}),
            "entrants": [one.to_dict() for one in self.entrants],
            "rates": list(self.rates),
            "gains": list(self.gains),
            "seeds": self.seeds,
            "tuning_seeds": self.tuning_seeds,
            "seed": self.seed,
            "kernels": self.kernels,
        }

    def rivals(self, role: str) -> list[tuple[Entrant, Entrant]]:
        """Return who is compared with whom: contestants with those of a role.

        With each baseline but itself, with its own controls and rescaled rival.
        """
        contestants = [e for e in self.entrants if e.role == CONTESTANT]
        others = [e for e in self.entrants if e.role == role]
        return [
            (one, other)
            for one in contestants
            for other in others
            if other.of == one.label or (role == BASELINE and one.candidate != other.candidate)
        ]


def _check_count(name: str, value: int, least: int, why: str) -> None:
    if not least <= integer(value, name, 10) <= _MOST_SEEDS:
        raise InputError(f"{name} is {value}; wanted {least} to {_MOST_SEEDS:,}: {why}")
