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
from collections.abc import Hashable
from typing import Final

from evoact.training.loop import State, Training

_KEPT: Final = 32  # states of small networks: some megabytes in a worker


class Prefixes:
    """The states that a worker keeps, the last used ones."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._states: OrderedDict[tuple[Hashable, int], State] = OrderedDict()
        self._kept = kept

    def run(self, training: Training, key: Hashable, epochs: int) -> int:
        """Bring a training to the end of its prefix.

        Args:
            training: one that has not begun.
            key: all that the prefix depends on.
            epochs: for how long g is 0.

        Returns:
            The number of epochs that were not trained anew.

        Raises:
            Diverged, TimedOut: as `Training.run`.
        """
        done = [length for known, length in self._states if known == key and length <= epochs]
        shared = max(done, default=0)
        if shared:
            self._states.move_to_end((key, shared))
            training.load(self._states[key, shared])
        if epochs > shared:
            training.run(epochs)
            self._states[key, epochs] = training.state()
            if len(self._states) > self._kept:
                self._states.popitem(last=False)
        return shared


def prefix_epochs(start: float, epochs: int) -> int:
    """Return for how many whole epochs g is 0, when it rises after the share `start`.

    >>> prefix_epochs(0.3, 20), prefix_epochs(0.29, 10)
    (6, 2)
    """
    return math.floor(start * epochs + 1e-9)
