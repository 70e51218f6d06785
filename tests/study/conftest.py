"""A small space that trains in a second, and a count of what is trained."""

from collections import Counter, deque

import pytest

from evoact.records import Cohort, Evaluation, SearchSpec
from evoact.study import Evaluator, InlineEvaluator


class CountingEvaluator(Evaluator):
    """The inline evaluator, which remembers what it trained and gives it one by one.

    Args:
        stop_after: so many evaluations the process is interrupted.
        workers: how many it says to have.
    """

    def __init__(self, stop_after: int | None = None, workers: int = 1) -> None:
        self.inner, self.trained, self.stop_after = InlineEvaluator(), Counter(), stop_after
        self.workers, self.waiting, self.ready = workers, deque(), []

    def submit(self, cohort: Cohort) -> None:
        self.waiting.append(cohort)
        self.inner.submit(cohort)

    def next_evaluations(self) -> list[Evaluation]:
        if not self.ready:
            self.ready, cohort = self.inner.next_evaluations(), self.waiting.popleft()
            self.together = len(self.ready) if cohort.halving else 1
        if self.stop_after is not None and self.trained.total() >= self.stop_after:
            raise KeyboardInterrupt
        found, self.ready = self.ready[: self.together], self.ready[self.together :]
        self.trained.update((e.candidate_id, e.replicate) for e in found)
        return found

    def remember(self, reached) -> None:
        self.inner.remember(reached)

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def counting():
    return CountingEvaluator


@pytest.fixture
def tiny() -> SearchSpec:
    return SearchSpec(
        name="tiny",
        task={"name": "digits", "epochs": 1, "batch_size": 256},
        language={"primitives": ["add", "mul", "tanh", "relu", "log", "max"], "max_nodes": 7},
        evolution={"population": 5, "generations": 3, "cohort": 2},
        evaluate={"executor": "inline", "confirm": {"top": 2, "seeds": 2, "baselines": ["relu"]}},
        tracking={"mlflow": "off"},
    )
