"""What is measured inside trained networks, as objectives and constraints of a search.

Each candidate's network is taken out of its stack and measured alone, in float64, on
the same samples of the validation data: so it does not depend on its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor, nn

from evoact.diagnostics import activity, effective_rank, jacobians, record, spectrum
from evoact.diagnostics.recording import exact
from evoact.records import Cohort
from evoact.training.fitted import plain_network
from evoact.training.forming import data_of
from evoact.training.member import Member
from evoact.training.stack import Stack

_SAMPLES: Final = 256
_FEW: Final = 64  # samples whose Jacobians are computed
_WORST: Final = 1e13
"""The condition of a matrix that loses a direction altogether: selection wants numbers."""


def _zero_fraction(network: nn.Module, x: Tensor) -> float:
    """Return the share of all activations' outputs that are exactly 0."""
    _, layers = record(network, x)
    return activity(
        torch.cat([layer.features.flatten() for layer in layers])[:, None]
    ).zero_fraction


def _effective_rank(network: nn.Module, x: Tensor) -> float:
    """Return that of the last activation's outputs, from which the network decides."""
    _, layers = record(network, x)
    return effective_rank(layers[-1].features)


def _jacobian_condition(network: nn.Module, x: Tensor) -> float:
    """Return that of the outputs' derivatives by the inputs, at most 1e13."""
    found = jacobians(network, x[:_FEW])
    # Slopes may be infinite where values are not: that of sqrt at 0.
    return min(_WORST, spectrum(found).condition) if found.isfinite().all() else _WORST


MEASURES: Final[Mapping[str, Callable[[nn.Module, Tensor], float]]] = MappingProxyType(
    {
        "zero_fraction": _zero_fraction,
        "effective_rank": _effective_rank,
        "jacobian_condition": _jacobian_condition,
    }
)
"""By the name of the objective, see `records.INSIDE`."""


def measured_inside(
    cohort: Cohort, stack: Stack, member: Member, names: Collection[str]
) -> dict[str, float]:
    """Return those of the measures that are asked for, of a member's network as it is now."""
    asked = [name for name in MEASURES if name in names]
    if not asked:
        return {}
    network = exact(plain_network(cohort, stack, member))
    x = data_of(cohort).validation.x[:_SAMPLES].cpu().double()
    with torch.no_grad():
        outputs, layers = record(network, x)
    if not all(one.isfinite().all() for one in (outputs, *(layer.after for layer in layers))):
        return dict.fromkeys(asked, math.nan)  # it diverged, if the scores do not tell
    return {name: MEASURES[name](network, x) for name in asked}
