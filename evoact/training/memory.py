"""How many networks are stacked, by what they take of the memory."""

from __future__ import annotations

from functools import cache
from typing import Final

import torch
from torch import Tensor

from evoact.language import resolve
from evoact.records import Candidate, TaskSpec
from evoact.tasks import Width
from evoact.training.adam import RowAdam, RowState
from evoact.training.environment import generator
from evoact.training.making import make_networks, why_alone
from evoact.training.network import WEIGHTS, PackedNetworks, activation_of, gain_of
from evoact.training.resident import task_of

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
    made = task_of(task)
    if made.keeps_weights and why_alone(made):
        return 1
    budget = BUDGET if device == "cpu" else DEVICE_BUDGET
    return max(1, budget // _bytes(task))


@cache
def _bytes(task: TaskSpec) -> int:
    made = task_of(task)
    candidate = Candidate(resolve(_TYPICAL))
    networks = make_networks(made, Width())
    assert isinstance(networks, PackedNetworks), "what is alone was told before"
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

    x, y = (
        torch.from_numpy(of[: task.batch_size]) for of in (made.splits.train.x, made.splits.train.y)
    )
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = made.criterion.step(networks, x, y)
    del loss
    return _TWICE * sum(kept.values()) + _ROWS * 4 * len(row)
