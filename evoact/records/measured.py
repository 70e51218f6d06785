"""Whether what a specification measures can be had: the checks that need other sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evoact.errors import nearest
from evoact.language.measures import STATIC
from evoact.records.constraints import COPIES, INSIDE, LATENCY, MEASURED, parsed
from evoact.records.section import refuse

if TYPE_CHECKING:
    from evoact.records.spec import SearchSpec

_SHIFTED: Final = "val_shifted_accuracy"


def check_measures(spec: SearchSpec) -> None:
    """Raise `ValidationError` for an objective or limit that says nothing here.

    In generational mode the same seed gives the same hall of fame, which measured
    time would end; and where positions are shuffled none is beside another.
    """
    if spec.evolution.mode != "steady_state":
        _refuse(
            spec,
            LATENCY,
            f"has {LATENCY}, a measured time, but evolution.mode is {spec.evolution.mode}, whose "
            "results do not depend on the machine; wanted evolution.mode: steady_state, or cost, "
            "which is static",
        )
    _check_own(spec)
    _check_inside(spec)
    shuffled = [task.name for task in spec.all_tasks if task.name.endswith("shuffled")]
    if shuffled:
        _refuse(
            spec,
            _SHIFTED,
            f"has {_SHIFTED}, but the task's name is {shuffled[0]}, whose positions have no "
            "neighbours; wanted val_noisy_accuracy, or another task",
        )


def _check_own(spec: SearchSpec) -> None:
    """Refuse what a task does not measure, as far as the specification alone tells it.

    What the class of a user measures is known when it is imported.
    """
    brought = [task for task in spec.all_tasks if task.is_brought]
    limits = {parsed(text).name for text in spec.constraints}
    for name in {*spec.objectives, *limits} if not brought else ():
        known = (*MEASURED, *STATIC)
        if name.startswith("val_") and name not in MEASURED:
            text = f"unknown name {name!r}{nearest(name, known)}; wanted one of {', '.join(known)}"
            _refuse(spec, name, text)
    for task in brought:
        for name in COPIES if task.use is not None else (_SHIFTED,):
            _refuse(
                spec,
                name,
                f"has {name}, which task {task.label} has not: evoact cannot tell how its data "
                "may be changed; wanted a measure of the task",
            )


def _check_inside(spec: SearchSpec) -> None:
    """Refuse what is measured inside networks of evoact for models of users."""
    for task in spec.all_tasks:
        for name in INSIDE if task.use is not None else ():
            _refuse(
                spec,
                name,
                f"has {name}, which is measured inside evoact's networks, but task {task.label} "
                "brings its own model; wanted a measure of the task",
            )


def _refuse(spec: SearchSpec, name: str, text: str) -> None:
    if name in spec.objectives:
        refuse(("objectives", name), text, spec.objectives[name])
    for place, limit in enumerate(spec.constraints):
        if limit.startswith(f"{name} "):
            refuse(("constraints", place), text, limit)
