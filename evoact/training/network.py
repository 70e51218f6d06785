"""The networks that candidates are trained in: stacked where they can be, else alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from evoact.language import Expression, initialisation_gain, named
from evoact.nn import Activation, Annealed
from evoact.nn.packed import (
    Alone,
    Place,
    Rows,
    Weights,
    banks,
    pack,
    packed_layers,
)
from evoact.records import GAINS, Candidate, TaskSpec
from evoact.tasks import (
    NETWORKS,
    Network,
    Task,
    Width,
    digest,
    digest_of,
    draw_weights,
    first_rows,
)
from evoact.training.environment import generator
from evoact.training.resident import task_of

WEIGHTS, ORDER, NOISE = 0, 1, 2  # streams of randomness within a replicate


def data_digest(task: TaskSpec) -> str:
    """Return what tells the data of a task from others, split as they are."""
    if task.is_brought:
        return digest_of(task_of(task).splits)
    return digest(task.name, task.split_seed, task.test_seed, task.validation_seed)


def width_of(candidate: Candidate, policy: str) -> Width:
    """Return what a candidate asks of the hidden sizes of its network."""
    early, late = candidate.early or candidate.late, candidate.late
    return Width(late.width, math.lcm(early.channel_multiple, late.channel_multiple), policy)


def head_of(candidate: Candidate, spec: TaskSpec) -> str:
    """Return what the outputs of a candidate's network are taken for."""
    return candidate.head or spec.head[0]


def activation_of(candidate: Candidate, channels: int, channel_dim: int) -> nn.Module:
    """Return the activation that a candidate is at one place of a network."""
    genes = candidate.anneal
    if genes is None:
        return Activation(candidate.late, channels, channel_dim)
    early = genes.early or "auto"
    return Annealed(early, candidate.late, channels, channel_dim, path=genes.path)


def gain_of(candidate: Candidate, option: str = GAINS[0]) -> float:
    """Return the gain that the option of a cohort means for a candidate.

    By default that of the function that its network starts with.
    """
    if option == "relu":
        return initialisation_gain(named("relu"))
    genes, early = candidate.anneal, candidate.early
    first: Expression = early if genes and early and genes.end > 0.0 else candidate.late
    return initialisation_gain(first)


def build_network(
    candidate: Candidate,
    task: Task,
    seed: int,
    replicate: int,
    width: str = "equal_parameters",
) -> nn.Module:
    """Return the network of one candidate alone, with its first weights.

    The weights are scaled for the function that the network starts with: the
    early one of an annealed candidate. `width` is the policy of `Width`.

    Raises:
        InputError: the policy is `strict` and a layer's channels do not suit.
    """
    network = task.network(
        lambda channels, dim: activation_of(candidate, channels, dim), width_of(candidate, width)
    )
    draw_weights(network, gain_of(candidate), generator(seed, replicate, WEIGHTS))
    return network


def count_parameters(candidate: Candidate, spec: TaskSpec) -> tuple[int, int]:
    """Return how many parameters a trained network has, and its activations of them.

    Those of a function that training started with are gone by then.

    Raises:
        InputError: `spec.width` is `strict` and a layer's channels do not suit.

    >>> count_parameters(Candidate(named("prelu")), TaskSpec(name="digits"))
    (9098, 128)
    """
    network = network_of(spec)(
        lambda channels, dim: Activation(candidate.late, channels, dim),
        width_of(candidate, spec.width),
    )
    activations = (m for m in network.modules() if isinstance(m, Activation))
    own = sum(p.numel() for module in activations for p in module.parameters())
    return sum(p.numel() for p in network.parameters()), own


def network_of(spec: TaskSpec) -> Network:
    """Return what makes the networks of a task; data are loaded only where they decide it."""
    return task_of(spec).network if spec.is_brought else NETWORKS[spec.name, spec.network]


class Networks(Protocol):
    """Networks that are evaluated as one: `(batch, ...)` in, `(K, batch, classes)` out."""

    network: nn.Module
    sizes: Sequence[int]
    """Of the blocks of a row, without the activations' parameters."""
    places: Mapping[str, Place]
    """Where the activations are, by name."""

    def first_rows(self, gains: Sequence[float], draws: torch.Generator) -> list[Tensor]:
        """Return the first weights of networks with these gains, a row each."""
        ...

    def bind(self, weights: Rows, gradient: Rows, members: Sequence[Sequence[nn.Module]]) -> None:
        """Become the networks of these rows, each with its activations, one a place."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """Return the logits of all networks."""
        ...


class PackedNetworks:
    """Networks of one shape as a stack, see `evoact.nn.packed`.

    Args:
        network: one of them; it is packed.
        row: the first weights of all, where they are not to be drawn.
    """

    def __init__(self, network: nn.Module, row: Tensor | None = None) -> None:
        self.network = pack(network)
        self._row = row
        self.places: Mapping[str, Place] = dict(banks(network))
        self._layers = [layer for _, layer in packed_layers(network)]
        self._count = 0
        self.sizes: Sequence[int] = tuple(
            math.prod(shape) for layer in self._layers for shape in layer.shapes
        )

    def first_rows(self, gains: Sequence[float], draws: torch.Generator) -> list[Tensor]:
        """Return the first weights of networks with these gains, a row each."""
        if self._row is not None:
            return [self._row.clone() for _ in gains]
        return first_rows(self.network, gains, draws)

    def bind(self, weights: Rows, gradient: Rows, members: Sequence[Sequence[nn.Module]]) -> None:
        """Become the networks of these rows, each with its activations, one a place."""
        self._count = len(members)
        blocks = zip(weights.blocks, gradient.blocks, strict=True)
        for layer in self._layers:
            views = [
                part.view(self._count, *shape)
                for shape, pair in zip(layer.shapes, blocks, strict=False)
                for part in pair
            ]
            layer.bind(Weights(*views))
        for place, column in zip(self.places.values(), zip(*members, strict=True), strict=True):
            place.set(column)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the logits of all networks."""
        logits: Tensor = self.network(x.expand(self._count, *x.shape))
        return logits


class OneNetwork:
    """A network that has no packed form: a stack of one.

    Args:
        network: with its weights, and places where activations are to be.
        keeps_weights: whether those weights are the first ones, and not to be drawn.
    """

    def __init__(self, network: nn.Module, keeps_weights: bool = False) -> None:
        self.network, self.keeps_weights = network, keeps_weights
        self.places: Mapping[str, Place] = {
            name: module for name, module in network.named_modules() if isinstance(module, Alone)
        }
        # The places are empty yet; what a user has frozen stays as it is.
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self.sizes: Sequence[int] = (sum(p.numel() for p in self._parameters),)

    def first_rows(self, gains: Sequence[float], draws: torch.Generator) -> list[Tensor]:
        """Return the first weights of the network, as its one row."""
        (gain,) = gains
        if not self.keeps_weights:
            draw_weights(self.network, gain, draws)
        flat = [p.detach().reshape(-1).cpu() for p in self._parameters]
        return [torch.cat(flat) if flat else torch.zeros(0)]

    def bind(self, weights: Rows, gradient: Rows, members: Sequence[Sequence[nn.Module]]) -> None:
        """Become the network of this row."""
        share_storage(self._parameters, weights.blocks[0][0], gradient.blocks[0][0])
        for place, (member,) in zip(self.places.values(), zip(*members, strict=True), strict=True):
            place.set([member])

    def __call__(self, x: Tensor) -> Tensor:
        """Return the logits, of a stack of one."""
        logits: Tensor = self.network(x)
        return logits.unsqueeze(0)


def share_storage(parameters: Iterable[nn.Parameter], row: Tensor, gradient: Tensor) -> None:
    """Make parameters views of a row, and their gradients of another."""
    offset = 0
    for p in parameters:
        part = slice(offset, offset + p.numel())
        p.grad = None  # of another shape perhaps
        p.data, p.grad = row[part].view(p.shape), gradient[part].view(p.shape)
        offset += p.numel()
