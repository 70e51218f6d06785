"""How many networks are stacked, by what they take of the memory."""

from __future__ import annotations

from functools import cache
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from evoact.language import resolve
from evoact.records import Candidate, TaskSpec
from evoact.tasks import Width, make_task
from evoact.training.adam import RowAdam, RowState
from evoact.training.environment import generator
from evoact.training.network import WEIGHTS, activation_of, gain_of, make_networks

BUDGET: Final = 2**25
"""Bytes for a stack: what the caches of a server's core hold. Where a stack takes more,
a step waits for the memory, and costs more than in two stacks."""
DEVICE_BUDGET: Final = 2**32
"""Bytes for a stack on a GPU, which wants many networks at once."""

_TYPICAL: Final = "x * sigmoid(x)"  # keeps as much for the backward pass as most
_ROWS: Final = 6  # weights, gradient, two moments, and room for two in a step
_TWICE: Final = 2  # what is kept for the backward pass, and the gradients that flow back


def most_networks(task: TaskSpec, device: str = "cpu") -> int:
    """Return how many networks of a task a stack holds at most.

    Counted on one network and one batch, never measured in time, so that it is
    the same on every machine: what autograd keeps, and the rows of parameters.

    >>> most_networks(TaskSpec(name="digits", network="mlp")) > 10
    True
    """
    budget = BUDGET if device == "cpu" else DEVICE_BUDGET
    return max(1, budget // _bytes(task))


@cache
def _bytes(task: TaskSpec) -> int:
    made = make_task(task.name, task.network, task.split_seed)
    candidate = Candidate(resolve(_TYPICAL))
    networks = make_networks(made, Width())
    (row,) = networks.first_rows([gain_of(candidate)], generator(0, 0, WEIGHTS))
    optimiser = RowAdam(networks.sizes, 1.0)
    optimiser.arrange([RowState(row, row, row)])
    modules = [
        activation_of(candidate, place.channels, place.channel_dim)
        for place in networks.places.values()
    ]
    networks.bind(optimiser.weights, optimiser.gradient, [modules])
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x = torch.from_numpy(made.splits.train.x[: task.batch_size])
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = networks(x)
        loss = F.cross_entropy(logits[0], torch.zeros(len(x), dtype=torch.int64))
    del loss
    return _TWICE * sum(kept.values()) + _ROWS * 4 * len(row)
