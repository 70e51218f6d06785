"""Training in this very process: for tests, debugging and notebooks."""

from __future__ import annotations

from collections import deque

from evoact.records import Cohort, Evaluation
from evoact.study.evaluators.base import Evaluator


class InlineEvaluator(Evaluator):
    """Trains one cohort after the other in the calling process."""

    def __init__(self) -> None:
        self._waiting: deque[Cohort] = deque()

    def submit(self, cohort: Cohort) -> None:
        """Take a cohort; it is trained when it is waited for."""
        self._waiting.append(cohort)

    def next_evaluations(self) -> list[Evaluation]:
        """Train the cohort that was submitted first."""
        from evoact.training import train_cohort

        return train_cohort(self._waiting.popleft())

    def close(self) -> None:
        """Nothing to let go of."""
