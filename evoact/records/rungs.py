"""Whether the rungs of a specification can be had: the checks that need other sections."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from evoact.records.constraints import is_measured, is_of_every_epoch
from evoact.records.section import refuse

if TYPE_CHECKING:
    from evoact.records.spec import SearchSpec

_AT_RUNGS: Final = ("val_accuracy", "val_loss")


def check_rungs(spec: SearchSpec) -> None:
    """Raise `ValidationError` for rungs at which candidates cannot be compared."""
    rungs, epochs = spec.evaluate.rungs, spec.task.epochs
    if spec.evaluate.halving == "asha":
        _check_asha(spec)
    if not rungs:
        return
    if rungs[-1] >= epochs:
        _refuse(spec, f"but task.epochs is {epochs}, where all that are left end; wanted fewer")
    first = first_rung(spec)
    if rungs[0] < first:
        told = f"wanted the first rung at {first} of task.epochs {epochs} or later"
        if first >= epochs:
            told = f"which leaves no rung below task.epochs {epochs}"
        _refuse(
            spec,
            "but candidates are compared at g = 1 only, after the last anneal.end and the share "
            f"anneal.hold {spec.anneal.hold:g}: {told}; an earlier anneal.end, a shorter "
            "anneal.hold or more task.epochs allow others",
        )
    if not is_of_every_epoch(spec.primary):
        ends = is_measured(spec.primary)
        why = "is measured at the end alone" if ends else "needs no training"
        _refuse(
            spec,
            f"but candidates are compared there by the first of the objectives, {spec.primary}, "
            f"which {why}; wanted {' or '.join(_AT_RUNGS)} to be the first",
        )
    size = spec.evolution.cohort_size()
    if size < 2 and spec.evaluate.halving == "cohort":
        _refuse(
            spec,
            f"but evolution.cohort {spec.evolution.cohort} makes cohorts of {size}, in which there "
            "is nothing to compare; wanted evolution.cohort of 2 or more, or evaluate.halving asha",
        )


def _check_asha(spec: SearchSpec) -> None:
    """Raise `ValidationError` where trials of one candidate cannot be halved as they come."""
    size, mode = spec.evolution.cohort_size(), spec.evolution.mode
    wanted = {
        "evaluate.rungs": (list(spec.evaluate.rungs), bool(spec.evaluate.rungs), "epochs"),
        "evolution.cohort": (spec.evolution.cohort, size == 1, "1"),
        "evolution.mode": (mode, mode == "steady_state", "steady_state"),
    }
    wrong = {key: (got, want) for key, (got, right, want) in wanted.items() if not right}
    if wrong:
        told = "; ".join(f"{key} is {got}, wanted {want}" for key, (got, want) in wrong.items())
        refuse(
            ("evaluate", "halving"),
            "is asha, which stops trials of one candidate as they come: "
            f"{told}; or set evaluate.halving to cohort",
            "asha",
        )


def first_rung(spec: SearchSpec) -> int:
    """Return after how many epochs all candidates are as they will be used.

    The latest end of annealing, and then the share of the training that is at g = 1.
    """
    shares = 0.0 if spec.anneal.is_off else spec.anneal.latest_end + spec.anneal.hold
    return max(1, ceil(shares * spec.task.epochs - 1e-9))


def _refuse(spec: SearchSpec, why: str) -> None:
    rungs = list(spec.evaluate.rungs)
    refuse(("evaluate", "rungs"), f"is {rungs}, {why}", rungs)
