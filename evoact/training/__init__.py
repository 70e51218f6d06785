"""Training: a cohort in, evaluations out."""

from evoact.training.cohort import train_cohort
from evoact.training.contract import FAILED, OK, WARNING, Finding, contract
from evoact.training.diagnosed import Diagnosed, diagnosed
from evoact.training.environment import limit_memory, reproducible
from evoact.training.fitted import fitted_network
from evoact.training.kernels import kernels_here, resolve_kernels
from evoact.training.member import trained_parameters
from evoact.training.memory import most_networks
from evoact.training.network import build_network, count_parameters, data_digest
from evoact.training.prepared import code_folders, metric_of, prepared, prepared_task

__all__ = [
    "FAILED",
    "OK",
    "WARNING",
    "Diagnosed",
    "Finding",
    "build_network",
    "code_folders",
    "contract",
    "count_parameters",
    "data_digest",
    "diagnosed",
    "fitted_network",
    "kernels_here",
    "limit_memory",
    "metric_of",
    "most_networks",
    "prepared",
    "prepared_task",
    "reproducible",
    "resolve_kernels",
    "train_cohort",
    "trained_parameters",
]
