"""Tasks by name: a data set and the networks that learn it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from evoact.tasks.attention import attention
from evoact.tasks.data import Splits, load
from evoact.tasks.networks import Network, conv1d, conv2d, mlp

NETWORKS: Final[Mapping[tuple[str, str], Network]] = MappingProxyType(
    {
        ("digits", "mlp"): mlp(64, (64, 64), 10),
        ("digits", "conv"): conv2d(8, 10),
        ("digits", "attention"): attention(64, 10, window=8, stride=8),  # the rows of an image
        ("mnist1d", "mlp"): mlp(40, (100, 100), 10),
        ("mnist1d", "conv"): conv1d(40, 10),
        ("mnist1d", "attention"): attention(40, 10, window=7, stride=3),
    }
)


@dataclass(frozen=True, slots=True)
class Task:
    """What a candidate is trained on: classification by accuracy."""

    splits: Splits
    network: Network


def make_task(name: str, network: str, split_seed: int) -> Task:
    """Return a task with its data loaded.

    >>> task = make_task("digits", "mlp", split_seed=0)
    >>> from torch import nn
    >>> len(task.network(lambda channels, channel_dim: nn.ReLU()))
    5
    """
    return Task(load(name, split_seed), NETWORKS[name, network])
