"""What trains cohorts: the interface that every executor has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from evoact.records import Cohort, Evaluation
from evoact.study.asha import Reached


class Evaluator(ABC):
    """Trains cohorts somewhere; what it returns does not depend on where.

    Attributes:
        workers: how many cohorts are trained at once.
    """

    workers: int = 1

    @abstractmethod
    def submit(self, cohort: Cohort) -> None:
        """Take a cohort, to be trained after those that were submitted before."""

    @abstractmethod
    def next_evaluations(self) -> list[Evaluation]:
        """Wait for the next evaluations: those of a cohort, or of a part of one.

        Call it only while evaluations of submitted cohorts are missing.

        Raises:
            StudyError: training cannot go on.
        """

    @abstractmethod
    def remember(self, reached: Sequence[Reached]) -> None:
        """Take what candidates reached at rungs before: of a study that is gone on with."""

    @abstractmethod
    def close(self) -> None:
        """Let go of workers."""

    def evaluate(self, cohorts: Sequence[Cohort]) -> Iterator[list[Evaluation]]:
        """Submit cohorts; give evaluations as they come until each candidate has one."""
        for cohort in cohorts:
            self.submit(cohort)
        return self._come(sum(len(cohort.candidates) for cohort in cohorts))

    def _come(self, waiting: int) -> Iterator[list[Evaluation]]:
        while waiting:
            found = self.next_evaluations()
            waiting -= len(found)
            yield found
