"""Training in this very process: for tests, debugging and notebooks."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from evoact.records import Cohort, Evaluation
from evoact.study.asha import Reached, Rungs
from evoact.study.evaluators.base import Evaluator


class InlineEvaluator(Evaluator):
    """Trains one cohort after the other in the calling process."""

    def __init__(self) -> None:
        self._waiting: deque[Cohort] = deque()
        self._rungs = Rungs()

    def submit(self, cohort: Cohort) -> None:
        """Take a cohort; it is trained when it is waited for."""
        self._waiting.append(cohort)

    def next_evaluations(self) -> list[Evaluation]:
        """Train the cohort that was submitted first."""
        from evoact.training import train_cohort

        cohort = self._waiting.popleft()
        reduction = cohort.halving.reduction if cohort.halving else 0
        found = train_cohort(cohort, lambda *reached: self._rungs.reaches(reduction, reached))
        for evaluation in found:
            if not evaluation.is_ok:
                self._rungs.forget(evaluation.candidate_id)
        return found

    def remember(self, reached: Sequence[Reached]) -> None:
        """Take what candidates reached at rungs before."""
        self._rungs.remember(reached)

    def close(self) -> None:
        """Nothing to let go of."""
