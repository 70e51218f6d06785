"""What to train next, of what is predicted: promising, or hardly known, and diverse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from scipy import special

from evoact.evolution.surrogate.model import Posterior
from evoact.language import FloatArray

CURIOSITY: Final = 2.0
_DIGITS: Final = 9

Acquisition = Callable[[FloatArray, FloatArray, float], FloatArray]


def upper_bound(mean: FloatArray, sd: FloatArray, best: float) -> FloatArray:  # noqa: ARG001  # as the other
    """Return `mean + 2 sd` (Srinivas et al. 2010).

    >>> upper_bound(np.array([0.5]), np.array([0.1]), best=0.9)
    array([0.7])
    """
    return mean + CURIOSITY * sd


def expected_improvement(mean: FloatArray, sd: FloatArray, best: float) -> FloatArray:
    """Return `E[max(0, v - best)]` for values `v ~ N(mean, sd^2)` (Jones et al. 1998).

    >>> expected_improvement(np.array([0.0]), np.array([1.0]), best=0.0).round(4)
    array([0.3989])
    """
    z = (mean - best) / sd
    density = np.exp(-0.5 * np.square(z)) / np.sqrt(2.0 * np.pi)
    return np.asarray(sd * (z * special.ndtr(z) + density))


ACQUISITIONS: Final[Mapping[str, Acquisition]] = MappingProxyType(
    {"upper_bound": upper_bound, "expected_improvement": expected_improvement}
)


def choose(
    posterior: Posterior, count: int, acquisition: str, best: float, waiting: int = 0
) -> list[int]:
    """Return so many different points, or all, best first.

    One by one, each taken as known when the next is chosen.

    Args:
        posterior: of the points; what is chosen is believed afterwards.
        count: how many.
        acquisition: by what, one of `ACQUISITIONS`.
        best: the best value that is known, in the unit of the values.
        waiting: so many of the first points were chosen before.
    """
    function, taken = ACQUISITIONS[acquisition], list(range(waiting))
    for index in taken:
        posterior.believe(index)
    for _ in range(min(count, len(posterior.mean) - waiting)):
        merit = function(posterior.mean, posterior.sd, best)
        # Rounded, so that equal ones stay in their order on every machine.
        merit = np.round(merit / max(float(np.abs(merit).max()), 1e-300), _DIGITS)
        merit[taken] = -np.inf
        taken.append(int(np.argmax(merit)))
        posterior.believe(taken[-1])
    return taken[waiting:]
