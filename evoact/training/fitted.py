"""A trained network as a plain module: what a training ends with, and its scores do not tell."""

from __future__ import annotations

from torch import nn

from evoact.errors import StudyError
from evoact.nn import Activation
from evoact.nn.packed import set_row
from evoact.records import Cohort
from evoact.training.environment import reproducible
from evoact.training.forming import data_of, form
from evoact.training.member import Member
from evoact.training.network import width_of
from evoact.training.stack import Stack


def fitted_network(cohort: Cohort) -> nn.Module:
    """Train one candidate, as in any cohort, and return its network.

    Args:
        cohort: of one candidate, on a task of evoact's networks.

    Raises:
        StudyError: the training does not end well.
    """
    (candidate,) = cohort.candidates
    with reproducible(cohort.device):
        (training,) = form(cohort, [0], _refuse)
        training.run(cohort.task.epochs)
        if training.diverged:
            raise StudyError(f"training {candidate.text} diverged; wanted a lower learning rate")
        (member,) = training.members
        return plain_network(cohort, training.stack, member)


def plain_network(cohort: Cohort, stack: Stack, member: Member) -> nn.Module:
    """Return the network of one member of a stack as it is now, on the CPU, to be evaluated."""
    candidate = member.candidate
    network = data_of(cohort).task.network(
        lambda channels, dim: Activation(candidate.late, channels, dim),
        width_of(candidate, cohort.task.width),
    )
    set_row(network, stack.state(member).weights)
    for place, module in zip(stack.places, member.modules, strict=True):
        late = getattr(module, "late", module)
        network.get_submodule(place).load_state_dict(late.state_dict())
    return network.eval()


def _refuse(position: int, error: Exception) -> None:  # noqa: ARG001  # there is one alone
    raise StudyError(f"the network cannot be built: {error}") from error
