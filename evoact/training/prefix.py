"""The part of a training that candidates have in common.

Trainings of one replicate start from the same weights and see the data in the
same order. As long as g is 0 a network is that of its early function, so all
candidates with one early function are one training until then: it is done
once, and the others go on from there, with the same bits as if they had been
trained from the beginning.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Final, NamedTuple

import torch
from torch import Tensor

from evoact.training.adam import RowState
from evoact.training.member import Member
from evoact.training.stack import Stack

_KEPT: Final = 32  # states of small networks: some megabytes in a worker


class Prefix(NamedTuple):
    """What a member's training has in common with others.

    Attributes:
        key: all that it depends on.
        epochs: for how long g is 0.
        length: of the part of a row that is trained meanwhile.
    """

    key: Hashable
    epochs: int
    length: int


class Begun(NamedTuple):
    """A training after some epochs, but for the parameters of late functions."""

    state: RowState
    curve: tuple[dict[str, float], ...]


class Prefixes:
    """The states that a worker keeps, the last used ones."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._begun: OrderedDict[tuple[Hashable, int], Begun] = OrderedDict()
        self._kept = kept

    def longest(self, prefix: Prefix) -> int:
        """Return after how many epochs there is a state of this prefix; 0 for none."""
        done = (n for key, n in self._begun if key == prefix.key and n <= prefix.epochs)
        return max(done, default=0)

    def take(self, key: Hashable, epochs: int) -> Begun:
        """Return the state after so many epochs."""
        self._begun.move_to_end((key, epochs))
        return self._begun[key, epochs]

    def keep(self, key: Hashable, epochs: int, begun: Begun) -> None:
        """Keep a state."""
        self._begun[key, epochs] = begun
        if len(self._begun) > self._kept:
            self._begun.popitem(last=False)


def share(prefixes: Mapping[Member, Prefix], kept: Prefixes) -> Callable[[int, Stack], None]:
    """Let one member train what several have in common.

    The one with the longest prefix leads; the others join the stack when their
    own is over. What is kept of an earlier stack is taken over.

    Returns:
        What the stack's training is to call after each epoch.
    """
    leads: dict[Hashable, Member] = {}
    for member in sorted(prefixes, key=lambda one: -prefixes[one].epochs):
        prefix = prefixes[member]
        leader = leads.setdefault(prefix.key, member)
        if leader is not member and prefix.epochs > leader.joins:
            member.leader, member.joins = leader, prefix.epochs
        elif epochs := kept.longest(prefix):
            _take_over(member, kept.take(prefix.key, epochs), epochs)

    def at_boundary(epochs: int, stack: Stack) -> None:
        ending = [m for m, p in prefixes.items() if p.epochs == epochs > 0]
        for leader in {m.leader or leads[prefixes[m].key] for m in ending}:
            if leader not in stack.members:
                continue
            prefix = prefixes[leader]
            begun = _begun(stack.state(leader), leader.curve, prefix.length)
            kept.keep(prefix.key, epochs, begun)
            for member in ending:
                if member.leader is leader:
                    _take_over(member, begun, epochs)

    return at_boundary


def _begun(state: RowState, curve: list[dict[str, float]], length: int) -> Begun:
    return Begun(RowState(*(row[:length] for row in state)), tuple(map(dict, curve)))


def _take_over(member: Member, begun: Begun, epochs: int) -> None:
    def extended(own: Tensor, common: Tensor) -> Tensor:
        return torch.cat([common, own[len(common) :]])

    states = zip(member.state, begun.state, strict=True)
    member.state = RowState(*(extended(own, common) for own, common in states))
    member.curve = [dict(entry) for entry in begun.curve]
    member.joins = epochs


def prefix_epochs(start: float, epochs: int) -> int:
    """Return for how many whole epochs g is 0, when it rises after the share `start`.

    >>> prefix_epochs(0.3, 20), prefix_epochs(0.29, 10)
    (6, 2)
    """
    return math.floor(start * epochs + 1e-9)
