"""Making the networks of a task: stacked where they can be, those of users too."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor, nn

from evoact.errors import EvoactError
from evoact.nn import Activation
from evoact.nn.packed import Alone, Bank, Rows, own_row, unpackable
from evoact.tasks import SAME_WIDTH, Task, Width, seeded
from evoact.training.environment import generator
from evoact.training.network import WEIGHTS, Networks, OneNetwork, PackedNetworks

_PAIRS: Final = MappingProxyType(
    {
        Fraction(1, 4): ("group_max(x, 4)", "-group_max(x, 4)"),
        Fraction(1, 2): ("group_max(x, 2)", "-group_max(x, 2)"),
        Fraction(1): ("tanh(x)", "x * sigmoid(x)"),
        Fraction(2): ("concat(relu(x), relu(-x))", "concat(x, tanh(x))"),
    }
)
"""Two functions of each width ratio, by which a stack is compared with its model."""

_ROWS: Final = 3  # an odd few samples are enough to tell one dimension from another
_NEAR: Final = 1e-4


def make_networks(
    task: Task, width: Width, kernels: str = "torch", draws: torch.Generator | None = None
) -> Networks:
    """Return the networks of a task for a width, without weights and activations yet.

    `kernels` is what computes activations, see `Bank`; networks that cannot be
    packed take torch's. Models of users are made with weights, from the seed of `draws`.
    """
    if task.keeps_weights:
        return own_networks(task, width, kernels, draws or generator(0, 0, WEIGHTS))
    network = task.network(partial(Bank, kernels=kernels), width)
    if unpackable(network) is None:
        return PackedNetworks(network)
    return OneNetwork(task.network(Alone, width))


def own_networks(task: Task, width: Width, kernels: str, draws: torch.Generator) -> Networks:
    """Return the networks of a user's task: a stack if one computes what the model does."""
    if why_alone(task, width) is None:
        with seeded(draws):
            network = task.network(partial(Bank, kernels=kernels), width)
        row = own_row(network)
        return PackedNetworks(network, row)
    with seeded(draws):
        network = task.network(Alone, width)
    return OneNetwork(network, keeps_weights=True)


@lru_cache(64)
def why_alone(task: Task, width: Width = SAME_WIDTH) -> str | None:
    """Return why the models of a task are trained one at a time; None if they are stacked.

    That a stack computes what the model does is tried: a model may say of itself that
    it takes leading dimensions, and be wrong.
    """
    if not getattr(task.criterion, "is_of_outputs", True):
        return "its step_loss needs the model itself"
    with seeded(torch.Generator().manual_seed(0)):
        network = task.network(Bank, width)
    reason = unpackable(network)
    if reason is not None:
        return f"{reason} has no stacked form"
    if any(not p.requires_grad for p in network.parameters()):
        return "some of its weights are frozen"
    if len(list(network.named_parameters(remove_duplicate=False))) > len(
        list(network.parameters())
    ):
        return "some of its weights are shared"
    try:
        faithful = _is_faithful(task, width)
    except (RuntimeError, ValueError, TypeError, IndexError, EvoactError):  # shapes do not suit
        faithful = False
    return None if faithful else "stacked it would compute something else"


def _is_faithful(task: Task, width: Width) -> bool:
    """Whether a stack of two gives what two models give, alike in all but their functions."""
    draws = torch.Generator().manual_seed(0)
    with seeded(draws):
        network = task.network(Bank, width)
    row = own_row(network)
    stack = PackedNetworks(network, row)
    texts = _PAIRS[width.ratio]
    members = [
        [Activation(text, place.channels, place.channel_dim) for place in stack.places.values()]
        for text in texts
    ]
    rows = stack.first_rows([1.0, 1.0], draws)
    sizes = (*stack.sizes, 0)
    zeros = [torch.zeros_like(one) for one in rows]
    stack.bind(Rows(sizes, rows), Rows(sizes, zeros), members)
    x = torch.from_numpy(task.splits.train.x[:_ROWS])
    with torch.no_grad(), seeded(draws):
        together = stack(x)
    alone = [_alone(task, width, text, x, draws) for text in texts]
    return all(
        one.shape == other.shape and torch.allclose(one, other, rtol=_NEAR, atol=_NEAR)
        for one, other in zip(together, alone, strict=True)
    )


def _alone(task: Task, width: Width, text: str, x: Tensor, draws: torch.Generator) -> Tensor:
    def factory(channels: int, channel_dim: int) -> nn.Module:
        return Activation(text, channels, channel_dim)

    with torch.no_grad(), seeded(draws):
        network = task.network(factory, width)
    with torch.no_grad(), seeded(draws):
        result: Tensor = network(x)
    return result
