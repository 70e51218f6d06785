"""One candidate trained once, and all that diagnostics tell of its network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from evoact.diagnostics import Diagnosis, activation_facts, diagnose
from evoact.errors import InputError
from evoact.records import Candidate, Cohort, TaskSpec
from evoact.tasks import with_head
from evoact.training.fitted import fitted_network
from evoact.training.making import why_alone
from evoact.training.member import trained_parameters
from evoact.training.network import head_of, width_of
from evoact.training.resident import resident


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """What training a candidate gave, and what was measured of it.

    Attributes:
        candidate: who was trained.
        task: on what.
        scores: `val_` metrics and loss.
        activation: of the function at its initial parameters, see `activation_facts`.
        trained: the parameters of activations after training, by place.
        diagnosis: of the network.
    """

    candidate: Candidate
    task: TaskSpec
    scores: Mapping[str, float]
    activation: Mapping[str, float | bool | None]
    trained: Mapping[str, Mapping[str, Any]]
    diagnosis: Diagnosis

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "expression": str(self.candidate.late),
            "task": self.task.model_dump(mode="json"),
            "scores": dict(self.scores),
            "activation": dict(self.activation),
            "trained": {place: dict(values) for place, values in self.trained.items()},
            **self.diagnosis.to_dict(),
        }


def diagnosed(cohort: Cohort) -> Diagnosed:
    """Train one candidate as in any cohort, and measure its network on the validation data.

    Args:
        cohort: of one candidate, on one task.

    Raises:
        InputError: the task's models cannot be taken out of their training.
        StudyError: the training does not end well.
    """
    (candidate,) = cohort.candidates
    data = resident(cohort.task, cohort.device)
    if data.task.keeps_weights:
        _refuse_own(cohort)
    network = fitted_network(cohort).cpu()
    train, held = ((part.x.cpu(), part.y.cpu()) for part in (data.train, data.validation))
    with torch.no_grad():
        criterion = with_head(data.task.criterion, head_of(candidate, cohort.task))
        (scores,) = criterion.scores(network(held[0]).unsqueeze(0), held[1])
    of_classes = held[1].dtype == torch.int64 and held[1].dim() == 1
    found = diagnose(network, held[0], held[1], train) if of_classes else diagnose(network, held[0])
    return Diagnosed(
        candidate,
        cohort.task,
        {f"val_{name}": value for name, value in scores.items()},
        activation_facts(candidate.late),
        trained_parameters(network),
        found,
    )


def _refuse_own(cohort: Cohort) -> None:
    """Refuse models of users whose weights are not those of a stack, and no others."""
    (candidate,) = cohort.candidates
    task = resident(cohort.task, cohort.device).task
    reason = why_alone(task, width_of(candidate, cohort.task.width))
    if reason is not None:
        raise InputError(
            f"task {cohort.task.label} has models that are trained one at a time: {reason}. Train "
            "yours, and give it to evoact.diagnostics.diagnose(network, x, y)"
        )
