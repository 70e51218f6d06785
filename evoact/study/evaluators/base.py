"""What trains cohorts: the interface that every executor has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from evoact.records import Cohort, Evaluation


class Evaluator(Protocol):
    """Trains cohorts somewhere; what it returns does not depend on where."""

    def evaluate(self, cohorts: Sequence[Cohort]) -> Iterator[Evaluation]:
        """Yield one evaluation for each candidate, as they come."""

    def close(self) -> None:
        """Let go of workers."""
