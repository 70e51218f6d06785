"""The cohorts of a study: cut, trained, and written to its journal."""

from __future__ import annotations

from collections.abc import Sequence

from evoact.records import Candidate, Cohort, cut
from evoact.study.evaluators import Evaluator
from evoact.study.study import Study


def cohorts_of(study: Study, candidates: Sequence[Candidate], replicate: int) -> list[Cohort]:
    """Cut candidates into cohorts, and leave out what is evaluated already."""
    done = study.history.evaluations
    groups = cut(candidates, study.run.cohort)
    missing = (tuple(c for c in group if (c.id, replicate) not in done) for group in groups)
    return [
        Cohort(
            group,
            task=study.spec.task,
            seed=study.run.seed,
            replicate=replicate,
            timeout=study.spec.evaluate.timeout,
            device=study.run.device,
            test=replicate > 0,
            share_prefix=study.spec.anneal.share_prefix,
            kernels=study.run.kernels,
        )
        for group in missing
        if group
    ]


def train(study: Study, evaluator: Evaluator, cohorts: Sequence[Cohort]) -> None:
    """Train cohorts, and journal what they give as it comes."""
    for evaluations in evaluator.evaluate(cohorts):
        for evaluation in evaluations:
            study.record_evaluation(evaluation)
