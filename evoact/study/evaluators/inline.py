"""Training in this very process: for tests, debugging and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evoact.records import Cohort, Evaluation


class InlineEvaluator:
    """Trains one cohort after the other in the calling process."""

    def evaluate(self, cohorts: Sequence[Cohort]) -> Iterator[Evaluation]:
        """Yield the evaluations of each cohort when it ends."""
        from evoact.training import train_cohort

        for cohort in cohorts:
            yield from train_cohort(cohort)

    def close(self) -> None:
        """Nothing to let go of."""
