"""The cohorts of a study: cut, trained, and written to its journal."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from evoact.records import Candidate, Checkpoint, Cohort, Halving, SearchSpec, cut
from evoact.study.evaluators import Evaluator
from evoact.study.study import Study


def cohorts_of(study: Study, candidates: Sequence[Candidate], replicate: int) -> list[Cohort]:
    """Cut candidates into cohorts, and leave out what is evaluated already.

    With rungs an evaluation depends on the others in its cohort, so one of which
    any is missing is trained again whole.
    """
    halving = halving_of(study.spec) if replicate == 0 else None
    done = study.history.evaluations
    cohorts = []
    for group in cut(candidates, study.run.cohort):
        missing = tuple(c for c in group if (c.id, replicate) not in done)
        if missing:
            cohorts.append(_cohort(study, group if halving else missing, replicate, halving))
    return cohorts


def _cohort(
    study: Study, group: tuple[Candidate, ...], replicate: int, halving: Halving | None
) -> Cohort:
    every = study.spec.evaluate.checkpoint_every
    return Cohort(
        group,
        task=study.spec.task,
        tasks=study.spec.tasks,
        seed=study.run.seed,
        replicate=replicate,
        timeout=study.spec.evaluate.timeout,
        device=study.run.device,
        test=_is_confirmed(study, replicate),
        share_prefix=study.spec.anneal.share_prefix,
        kernels=study.run.kernels,
        halving=halving,
        objectives=study.spec.measures,
        checkpoint=Checkpoint(str(_checkpoints(study).resolve()), every) if every else None,
    )


def _checkpoints(study: Study) -> Path:
    return study.folder / "checkpoints"


def remove_checkpoints(study: Study) -> None:
    """Delete what is left of trainings that were done otherwise, as in smaller cohorts."""
    shutil.rmtree(_checkpoints(study), ignore_errors=True)


def _is_confirmed(study: Study, replicate: int) -> bool:
    """Whether a replicate is of the confirmation, which alone reads the test set."""
    asked = study.history.confirmation
    return asked is not None and replicate in asked.replicates


def halving_of(spec: SearchSpec) -> Halving | None:
    """Return which candidates of a cohort stop early in a search; None for no one.

    >>> halving_of(SearchSpec()) is None
    True
    """
    asked, direction = spec.evaluate, spec.objectives[spec.primary]
    if not asked.rungs:
        return None
    return Halving(
        asked.rungs,
        asked.reduction,
        spec.primary,
        maximise=direction == "max",
        across=asked.halving == "asha",
    )


def replicate(
    study: Study,
    evaluator: Evaluator,
    candidates: Sequence[Candidate],
    replicates: Sequence[int],
) -> None:
    """Train candidates with seeds of their own each; what is there already stays."""
    contestants = list({c.id: c for c in candidates}.values())
    train(study, evaluator, [c for r in replicates for c in cohorts_of(study, contestants, r)])


def train(study: Study, evaluator: Evaluator, cohorts: Sequence[Cohort]) -> None:
    """Train cohorts, and journal what they give as it comes."""
    for evaluations in evaluator.evaluate(cohorts):
        study.record_evaluations(evaluations)
