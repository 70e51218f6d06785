"""A cohort in, evaluations out."""

from __future__ import annotations

from evoact.errors import InputError, StudyError
from evoact.records import Cohort, Evaluation
from evoact.training.checkpoint import CohortFile
from evoact.training.environment import describe, reproducible
from evoact.training.forming import data_of
from evoact.training.run import GoesOn, Run
from evoact.training.several import train_on_each


def train_cohort(cohort: Cohort, goes_on: GoesOn | None = None) -> list[Evaluation]:
    """Train the candidates of a cohort from the same seed, and score them.

    Those whose networks have one shape are trained as one stack; on a CPU an
    evaluation does not depend, to the bit, on which other candidates are in
    the cohort. What happens to one candidate (divergence, an error) is its
    status and leaves the others as they are. Where a stack as a whole fails
    (timeout, lack of memory), its halves are tried. With several tasks, each
    candidate is trained on one after the other.

    Args:
        cohort: whom to train.
        goes_on: asked at each rung where `cohort.halving` is across cohorts.

    Returns:
        One evaluation for each candidate, in their order.

    Raises:
        StudyError: `cohort.kernels` cannot be had on this machine, or the task that a
            user brought.
    """
    if cohort.tasks:
        return _train_on_each(cohort)
    run = _trained(cohort, goes_on)
    run.file.remove()
    return run.evaluations


def _train_on_each(cohort: Cohort) -> list[Evaluation]:
    """Train a cohort on several tasks; what the first ones gave is kept until the last is done."""
    files: list[CohortFile] = []

    def train(part: Cohort) -> list[Evaluation]:
        run = _trained(part)
        run.keep([])
        files.append(run.file)
        return run.evaluations

    found = train_on_each(cohort, train)
    for file in files:
        file.remove()
    return found


def _trained(cohort: Cohort, goes_on: GoesOn | None = None) -> Run:
    with reproducible(cohort.device):
        environment = describe(cohort)
        _load(cohort)
        run = Run(cohort, environment, CohortFile(cohort, environment), goes_on)
        run.train()
    return run


def _load(cohort: Cohort) -> None:
    try:
        data_of(cohort)
    except InputError as error:  # no fault of any candidate
        raise StudyError(
            f"the task cannot be had where it is trained: {error}. Give every worker its module "
            "or file at the same place, and resume the study"
        ) from error
