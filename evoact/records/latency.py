"""Whether a specification can have a measured time: the check that needs other sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evoact.records.constraints import LATENCY
from evoact.records.section import refuse

if TYPE_CHECKING:
    from evoact.records.spec import SearchSpec


def check_latency(spec: SearchSpec) -> None:
    """Raise `ValidationError` where measured time would make a search not reproducible.

    In generational mode the same seed gives the same hall of fame.
    """
    if LATENCY not in spec.measures or spec.evolution.mode == "steady_state":
        return
    text = (
        f"has {LATENCY}, a measured time, but evolution.mode is {spec.evolution.mode}, whose "
        "results do not depend on the machine; wanted evolution.mode: steady_state, or cost, "
        "which is static"
    )
    if LATENCY in spec.objectives:
        refuse(("objectives", LATENCY), text, spec.objectives[LATENCY])
    place = next(n for n, limit in enumerate(spec.constraints) if limit.startswith(LATENCY))
    refuse(("constraints", place), text, spec.constraints[place])
