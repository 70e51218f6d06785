"""Tasks: data sets and networks."""

from evoact.tasks.data import (
    DATA_SETS,
    FRESH,
    GENERATED,
    Part,
    Splits,
    digest,
    global_rng_kept,
    load,
    shifted,
)
from evoact.tasks.networks import ActivationFactory, Network, draw_weights, first_rows
from evoact.tasks.task import NETWORKS, Task, make_task
from evoact.tasks.width import WIDTH_POLICIES, Width

__all__ = [
    "DATA_SETS",
    "FRESH",
    "GENERATED",
    "NETWORKS",
    "WIDTH_POLICIES",
    "ActivationFactory",
    "Network",
    "Part",
    "Splits",
    "Task",
    "Width",
    "digest",
    "draw_weights",
    "first_rows",
    "global_rng_kept",
    "load",
    "make_task",
    "shifted",
]
