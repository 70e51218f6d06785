"""Training: a cohort in, evaluations out."""

from evoact.training.cohort import build_network, train_cohort, trained_parameters
from evoact.training.environment import reproducible

__all__ = [
    "build_network",
    "reproducible",
    "train_cohort",
    "trained_parameters",
]
