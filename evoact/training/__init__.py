"""Training: a cohort in, evaluations out."""

from evoact.training.cohort import train_cohort
from evoact.training.environment import limit_memory, reproducible
from evoact.training.kernels import kernels_here, resolve_kernels
from evoact.training.member import trained_parameters
from evoact.training.memory import most_networks
from evoact.training.network import build_network, count_parameters, data_digest

__all__ = [
    "build_network",
    "count_parameters",
    "data_digest",
    "kernels_here",
    "limit_memory",
    "most_networks",
    "reproducible",
    "resolve_kernels",
    "train_cohort",
    "trained_parameters",
]
