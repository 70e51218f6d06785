"""Tasks: data sets and networks."""

from evoact.tasks.arrays import Table, arrays_table, arrays_task, make_table
from evoact.tasks.criterion import Criterion
from evoact.tasks.data import (
    DATA_SETS,
    FRESH,
    GENERATED,
    Part,
    Splits,
    digest,
    digest_of,
    global_rng_kept,
    load,
    shifted,
)
from evoact.tasks.heads import HEADS, with_head
from evoact.tasks.importing import (
    checked_splits,
    code_folder,
    import_class,
    make_user_task,
    own_task,
)
from evoact.tasks.networks import SAME_WIDTH, ActivationFactory, Network, draw_weights, first_rows
from evoact.tasks.sources import from_dataset, from_images
from evoact.tasks.splitting import split, standardised
from evoact.tasks.task import NETWORKS, Task, make_task
from evoact.tasks.user import MakeActivation, UserTask, seeded
from evoact.tasks.width import WIDTH_POLICIES, Width

__all__ = [
    "DATA_SETS",
    "FRESH",
    "GENERATED",
    "HEADS",
    "NETWORKS",
    "SAME_WIDTH",
    "WIDTH_POLICIES",
    "ActivationFactory",
    "Criterion",
    "MakeActivation",
    "Network",
    "Part",
    "Splits",
    "Table",
    "Task",
    "UserTask",
    "Width",
    "arrays_table",
    "arrays_task",
    "checked_splits",
    "code_folder",
    "digest",
    "digest_of",
    "draw_weights",
    "first_rows",
    "from_dataset",
    "from_images",
    "global_rng_kept",
    "import_class",
    "load",
    "make_table",
    "make_task",
    "make_user_task",
    "own_task",
    "seeded",
    "shifted",
    "split",
    "standardised",
    "with_head",
]
