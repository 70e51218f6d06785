"""A surrogate: what a training would give, predicted from the function itself."""

from evoact.evolution.surrogate.acquisition import (
    ACQUISITIONS,
    choose,
    expected_improvement,
    upper_bound,
)
from evoact.evolution.surrogate.features import features
from evoact.evolution.surrogate.model import Model, Posterior
from evoact.evolution.surrogate.proposing import LEAST, Surrogate, is_used, surrogate_of

__all__ = [
    "ACQUISITIONS",
    "LEAST",
    "Model",
    "Posterior",
    "Surrogate",
    "choose",
    "expected_improvement",
    "features",
    "is_used",
    "surrogate_of",
    "upper_bound",
]
