"""Whether the rungs of a specification can be had: the checks that need other sections."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from evoact.records.constraints import MEASURED
from evoact.records.section import refuse

if TYPE_CHECKING:
    from evoact.records.spec import SearchSpec

# The objectives that are measured at every epoch.
_AT_RUNGS: Final = ("val_accuracy", "val_loss")


def check_rungs(spec: SearchSpec) -> None:
    """Raise `ValidationError` for rungs at which candidates cannot be compared."""
    rungs, epochs = spec.evaluate.rungs, spec.task.epochs
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
    if spec.primary not in _AT_RUNGS:
        ends = spec.primary in MEASURED
        why = "is measured at the end alone" if ends else "needs no training"
        _refuse(
            spec,
            f"but candidates are compared there by the first of the objectives, {spec.primary}, "
            f"which {why}; wanted {' or '.join(_AT_RUNGS)} to be the first",
        )
    if (size := spec.evolution.cohort_size()) < 2:
        _refuse(
            spec,
            f"but evolution.cohort {spec.evolution.cohort} makes cohorts of {size}, in which there "
            "is nothing to compare; wanted evolution.cohort of 2 or more",
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
