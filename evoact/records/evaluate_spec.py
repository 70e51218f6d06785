"""The `evaluate` section of a specification: where candidates are trained, and confirmed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from evoact.language import resolve
from evoact.records.candidate import Candidate
from evoact.records.section import ExpressionText, Positive, Section, refuse

# With fewer blocks Friedman's test is rough, and its posthoc comparisons drop by luck.
_SEEDS_BEFORE_DROPPING: Final = 5
_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*([0-9.]+)\s*([smh]?)\s*", value)
    if match is None:
        raise ValueError(f"{value!r} is no duration; wanted seconds or such as 90s, 10m, 2h")
    return float(match[1]) * _UNITS[match[2]]


Duration = Annotated[float, BeforeValidator(_seconds), Field(gt=0, allow_inf_nan=False)]


class ConfirmSpec(Section):
    """How the best candidates are trained again with fresh seeds.

    With `race`, the `top` first race under up to `seeds` seeds of their own: some for
    all, then one after the other for those not shown to be worse than the leader
    (F-Race, Birattari et al. 2002). The best `survivors` that are left go on to the
    `seeds` that baselines are trained with, under which nobody is chosen: the winner
    is the race's. Without, all of `top` are trained with them, and the best is it.

    With `controls`, a winner that was annealed is also trained without: with
    its late function alone, and with its early function alone.
    """

    top: Annotated[int, Field(ge=0)] = 5
    seeds: Annotated[int, Field(ge=2)] = 10
    baselines: tuple[ExpressionText, ...] = ("relu", "silu", "gelu")
    controls: bool = True
    race: bool = False
    survivors: Positive = 5

    def race_rounds(self) -> list[tuple[int, ...]]:
        """Return the replicates of each round of the race, none of them of the confirmation.

        >>> ConfirmSpec(seeds=7).race_rounds()
        [(8, 9, 10, 11, 12), (13,), (14,)]
        """
        first = min(_SEEDS_BEFORE_DROPPING, self.seeds)
        later = range(self.seeds + first + 1, 2 * self.seeds + 1)
        return [tuple(range(self.seeds + 1, self.seeds + first + 1)), *((r,) for r in later)]

    def trainings(self, controls: int) -> int:
        """Return how many networks confirmation trains; about, where there is a race.

        Args:
            controls: how many controls the winner has.

        >>> ConfirmSpec().trainings(2), ConfirmSpec(top=20, race=True).trainings(2)
        (100, 225)
        """
        finalists = min(self.top, self.survivors) if self.race else self.top
        confirmed = (finalists + len(self.baselines) + controls) * self.seeds
        if not self.race:
            return confirmed
        first, *later = self.race_rounds()
        return confirmed + self.top * len(first) + finalists * len(later)

    def baseline_candidates(self) -> dict[str, Candidate]:
        """Return the baselines by name; they are trained without annealing."""
        return {text: Candidate(resolve(text), origin="baseline") for text in self.baselines}


class EvaluateSpec(Section):
    """Where and how candidates are trained.

    A worker reserves `cpus_per_worker` and `gpus_per_worker`; under 1, the latter is a share
    of one GPU, and of its memory. Where the search is generational, GPUs of several models
    are refused, unless `allow_mixed_devices`.

    `kernels` is what computes activations: torch, or what is generated and
    compiled, C on a CPU and Triton on a GPU; `auto` takes that where there is a
    compiler, or Triton. A study decides once, before its first evaluation.

    At each of the `rungs`, which are numbers of epochs, the best
    `1 / reduction` of a cohort go on and the others are scored where they are;
    only in the search, never in the confirmation. With `halving: asha` candidates
    are trained alone, and each is compared with all that were at the rung before it,
    in whatever cohort (ASHA, Li et al. 2020).

    With `checkpoint_every`, after each epoch at whose end so much time has passed, the state
    of a training is kept in the study's folder, if the worker sees it: a training that was
    interrupted goes on from there, to the same bits.

    `combine` says what counts of a candidate that is trained on several tasks: the mean
    of its ranks on them, or the worst of them.
    """

    executor: Literal["ray", "inline"] = "ray"
    workers: Literal["auto"] | Positive = "auto"
    cpus_per_worker: Positive = 1
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0
    allow_mixed_devices: bool = False
    kernels: Literal["auto", "c", "torch", "triton"] = "auto"
    timeout: Duration = 600.0
    checkpoint_every: Duration | None = None
    combine: Literal["mean_rank", "worst"] = "mean_rank"
    rungs: tuple[Positive, ...] = ()
    reduction: Annotated[int, Field(ge=2)] = 2
    halving: Literal["cohort", "asha"] = "cohort"
    confirm: ConfirmSpec = ConfirmSpec()

    @field_validator("rungs")
    @classmethod
    def _rising(cls, rungs: tuple[int, ...]) -> tuple[int, ...]:
        rising = sorted(set(rungs))
        if list(rungs) != rising:
            raise ValueError(f"is {list(rungs)}; wanted rising numbers of epochs: {rising}")
        return rungs

    @field_validator("gpus_per_worker")
    @classmethod
    def _share_or_whole(cls, gpus: float) -> float:
        if gpus > 1.0 and gpus != int(gpus):
            raise ValueError(f"is {gpus:g}; wanted a share of one GPU, such as 0.5, or whole ones")
        return gpus

    @model_validator(mode="after")
    def _kernels_of_device(self) -> EvaluateSpec:
        if self.kernels == "c" and self.device != "cpu":
            text = (
                f"is c, but evaluate.gpus_per_worker is {self.gpus_per_worker:g}, and C computes "
                "on the CPU alone; wanted auto or torch"
            )
            refuse(("kernels",), text, self.kernels)
        if self.kernels == "triton" and self.device == "cpu":
            text = (
                "is triton, but evaluate.gpus_per_worker is 0, and Triton computes on GPUs alone; "
                "wanted auto, c or torch"
            )
            refuse(("kernels",), text, self.kernels)
        return self

    @property
    def device(self) -> str:
        """The kind of device that workers train on."""
        return "cuda" if self.gpus_per_worker > 0 else "cpu"
