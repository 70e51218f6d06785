"""The `evaluate` section of a specification: where candidates are trained, and confirmed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from evoact.language import resolve
from evoact.records.candidate import Candidate
from evoact.records.section import ExpressionText, Positive, Section, refuse

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

    With `controls`, a winner that was annealed is also trained without: with
    its late function alone, and with its early function alone.
    """

    top: Annotated[int, Field(ge=0)] = 5
    seeds: Annotated[int, Field(ge=2)] = 10
    baselines: tuple[ExpressionText, ...] = ("relu", "silu", "gelu")
    controls: bool = True

    def baseline_candidates(self) -> dict[str, Candidate]:
        """Return the baselines by name; they are trained without annealing."""
        return {text: Candidate(resolve(text), origin="baseline") for text in self.baselines}


class EvaluateSpec(Section):
    """Where and how candidates are trained.

    `kernels` is what computes activations: torch, or what is generated and
    compiled, C on a CPU and Triton on a GPU; `auto` takes that where there is a
    compiler, or Triton. A study decides once, before its first evaluation.

    At each of the `rungs`, which are numbers of epochs, the best
    `1 / reduction` of a cohort go on and the others are scored where they are;
    only in the search, never in the confirmation.
    """

    executor: Literal["ray", "inline"] = "ray"
    workers: Literal["auto"] | Positive = "auto"
    cpus_per_worker: Positive = 1
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0
    kernels: Literal["auto", "c", "torch", "triton"] = "auto"
    timeout: Duration = 600.0
    rungs: tuple[Positive, ...] = ()
    reduction: Annotated[int, Field(ge=2)] = 2
    confirm: ConfirmSpec = ConfirmSpec()

    @field_validator("rungs")
    @classmethod
    def _rising(cls, rungs: tuple[int, ...]) -> tuple[int, ...]:
        rising = sorted(set(rungs))
        if list(rungs) != rising:
            raise ValueError(f"is {list(rungs)}; wanted rising numbers of epochs: {rising}")
        return rungs

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
