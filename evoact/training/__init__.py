"""Training: a cohort in, evaluations out."""

from evoact.training.cohort import train_cohort
from evoact.training.environment import reproducible
from evoact.training.member import trained_parameters
from evoact.training.network import build_network

__all__ = [
    "build_network",
    "reproducible",
    "train_cohort",
    "trained_parameters",
]
