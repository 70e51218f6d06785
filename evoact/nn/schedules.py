"""How g rises from 0 to 1 over a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from evoact.errors import InputError, nearest

_RATE: Final = 5.0  # of the exponential: after a fifth of the rise it is at .64
_SLOPE: Final = 12.0  # of the sigmoid: it rises from .1 to .9 in the middle third
_STEPS: Final = 4
_DEADLINE: Final = 0.5  # of the loss-driven rise: the share after which it no longer waits


def _exponential(t: float) -> float:
    return math.expm1(-_RATE * t) / math.expm1(-_RATE)


def _sigmoid(t: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * _SLOPE * (t - 0.5)) / math.tanh(0.25 * _SLOPE))


# Each maps 0 to 0 and 1 to 1 and never falls.
SHAPES: Final[Mapping[str, Callable[[float], float]]] = MappingProxyType(
    {
        "linear": lambda t: t,
        "cosine": lambda t: 0.5 * (1.0 - math.cos(math.pi * t)),
        "sqrt": math.sqrt,
        "exponential": _exponential,
        "steps": lambda t: math.floor(_STEPS * t) / _STEPS,
        "sigmoid": _sigmoid,
        # The latest that a loss-driven g may rise; stalls of the loss come on top of it.
        "loss": lambda t: max(0.0, (t - _DEADLINE) / (1.0 - _DEADLINE)),
        "cost": lambda t: t,  # of the part that `for_cost` leaves
    }
)
LAYERS: Final = ("together", "lower_first", "upper_first")
BY: Final = ("step", "epoch")
_OVERLAP: Final = 0.5  # the share of the rise that one layer takes when layers take turns


@dataclass(frozen=True, slots=True)
class Schedule:
    """g as a function of progress, the share of training steps that are done.

    g is 0 before `start`, 1 from `end` on, and rises as `name` says between:
    `linear`, `cosine`, `sqrt` and `exponential` (fast first), `sigmoid` (fast
    in the middle), `steps` (0, 1/4, 1/2, 3/4, 1); `loss` by an eighth each time
    that the training loss stalls, and at the latest on a line through the
    second half; `cost` linearly, the later the costlier the late function is.
    `start = end = 0` is a training with the late function from the first step.

    Args:
        name: see above.
        start: share of the training before g rises.
        end: share of the training from which g is 1.
        layers: whether all layers rise `together`, or one after the other,
            each within half of the time: `lower_first` as in mollifying
            networks (Gulcehre et al. 2016, arXiv 1608.04980), or `upper_first`.
        by: g changes at each `step`, or between epochs: `epoch`.

    Raises:
        InputError: an unknown name, or not `0 <= start <= end <= 1`.

    >>> schedule = Schedule("linear", start=0.0, end=0.5)
    >>> [schedule(progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 0.5, 1.0, 1.0]
    """

    name: str = "linear"
    start: float = 0.0
    end: float = 0.5
    layers: str = "together"
    by: str = "step"

    def __post_init__(self) -> None:
        _check_known("schedule", self.name, SHAPES)
        _check_known("layers", self.layers, LAYERS)
        _check_known("by", self.by, BY)
        if not 0.0 <= self.start <= self.end <= 1.0:
            raise InputError(
                f"schedule start is {self.start} and end is {self.end}; "
                "wanted 0 <= start <= end <= 1, shares of the training"
            )

    def __call__(self, progress: float, layer: int = 0, layers: int = 1) -> float:
        """Return g of a layer (0 is the lowest of `layers`) at a progress within [0, 1]."""
        if progress >= self.end:
            return 1.0
        if progress <= self.start:
            return 0.0
        t = (progress - self.start) / (self.end - self.start)
        return SHAPES[self.name](self.in_turn(t, layer, layers))

    def in_turn(self, t: float, layer: int, layers: int) -> float:
        """Return a layer's own share of the rise, of which the share `t` is done for all."""
        if self.layers == "together" or layers == 1:
            return t
        turn = layer if self.layers == "lower_first" else layers - 1 - layer
        return min(1.0, max(0.0, (t - (1.0 - _OVERLAP) * turn / (layers - 1)) / _OVERLAP))

    def for_cost(self, ratio: float) -> Schedule:
        """Return the schedule for a late function that costs `ratio` times the early one.

        Only `cost` depends on it: with a late function of r times the cost, g
        stays at 0 for 1 - 1/r of the time, so that a rise through dear steps is
        as short as they are dear. A late function that is no dearer rises at once.

        >>> Schedule("cost", end=0.5).for_cost(2.0).start
        0.25
        """
        if self.name != "cost" or ratio <= 1.0:
            return self
        return replace(self, start=self.end - (self.end - self.start) / ratio)


def _check_known(key: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise InputError(
            f"{key} is {value!r}{nearest(value, known)}; wanted one of {', '.join(known)}"
        )
