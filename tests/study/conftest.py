"""A small space that trains in a second, and a count of what is trained."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from evoact.records import Cohort, Evaluation, SearchSpec
from evoact.study import InlineEvaluator


class CountingEvaluator:
    """The inline evaluator, which remembers what it trained."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.inner, self.trained, self.stop_after = InlineEvaluator(), Counter(), stop_after

    def evaluate(self, cohorts: Sequence[Cohort]) -> Iterator[Evaluation]:
        for evaluation in self.inner.evaluate(cohorts):
            if self.stop_after is not None and self.trained.total() >= self.stop_after:
                raise KeyboardInterrupt
            self.trained[evaluation.candidate_id, evaluation.replicate] += 1
            yield evaluation

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
