"""Tasks by name: a data set and the networks that learn it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from evoact.tasks.attention import attention
from evoact.tasks.criterion import Classification, Criterion
from evoact.tasks.data import Splits, load
from evoact.tasks.networks import Network, conv1d, conv2d, mlp

_CLASSIFICATION: Final = Classification()
_DEEP: Final = (48,) * 4  # another width and depth than `mlp`

NETWORKS: Final[Mapping[tuple[str, str], Network]] = MappingProxyType(
    {
        ("digits", "mlp"): mlp(64, (64, 64), 10),
        ("digits", "deep"): mlp(64, _DEEP, 10),
        ("digits", "conv"): conv2d(8, 10),
        ("digits", "attention"): attention(64, 10, window=8, stride=8),  # the rows of an image
        ("mnist1d", "mlp"): mlp(40, (100, 100), 10),
        ("mnist1d", "deep"): mlp(40, _DEEP, 10),
        ("mnist1d", "conv"): conv1d(40, 10),
        ("mnist1d", "attention"): attention(40, 10, window=7, stride=3),
        ("mnist1d_shuffled", "mlp"): mlp(40, (100, 100), 10),
        ("mnist1d_shuffled", "deep"): mlp(40, _DEEP, 10),
        ("mnist1d_shuffled", "conv"): conv1d(40, 10),
        ("mnist1d_shuffled", "attention"): attention(40, 10, window=7, stride=3),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What a candidate is trained on.

    Attributes:
        splits: the data.
        network: makes a network for an activation.
        criterion: what it learns, and how that is measured.
        keeps_weights: whether networks keep the weights that they are made with, and
            have random numbers and states of their own: those of users do.
    """

    splits: Splits
    network: Network
    criterion: Criterion = _CLASSIFICATION
    keeps_weights: bool = False


def make_task(
    name: str,
    network: str,
    split_seed: int,
    test_seed: int | None = None,
    validation_seed: int | None = None,
) -> Task:
    """Return a task with its data loaded, see `load`.

    >>> task = make_task("digits", "mlp", split_seed=0)
    >>> from torch import nn
    >>> len(task.network(lambda channels, channel_dim: nn.ReLU()))
    5
    """
    return Task(load(name, split_seed, test_seed, validation_seed), NETWORKS[name, network])
