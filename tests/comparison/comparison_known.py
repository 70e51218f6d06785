"""Comparisons without training: an evaluator whose accuracies are known."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from evoact.comparison import Plan, entrants_of
from evoact.records import Cohort, Evaluation, Status, TaskSpec
from evoact.study import Evaluator

Accuracy = Callable[[str, int, float, str], float | None]
"""Of a text, a replicate, a learning rate and a gain; None for a training that fails."""


class Known(Evaluator):
    """Gives the accuracies of a formula, last cohort first, and keeps what it was asked."""

    def __init__(self, accuracy: Accuracy) -> None:
        self.accuracy, self.asked = accuracy, list[Cohort]()
        self._waiting: deque[Cohort] = deque()

    def submit(self, cohort: Cohort) -> None:
        self.asked.append(cohort)
        self._waiting.append(cohort)

    def next_evaluations(self) -> list[Evaluation]:
        cohort = self._waiting.pop()
        return [self._evaluation(cohort, candidate) for candidate in cohort.candidates]

    def _evaluation(self, cohort, candidate) -> Evaluation:
        rate = cohort.task.learning_rate
        value = self.accuracy(candidate.text, cohort.replicate, rate, cohort.gain)
        common = {"replicate": cohort.replicate, "environment": {"device": "cpu"}}
        if value is None:
            return Evaluation.failed(candidate, "loss nan", Status.DIVERGED, **common)
        return Evaluation(
            candidate.id,
            Status.OK,
            objectives={"val_accuracy": value, "val_loss": 1.0 - value},
            test={"test_accuracy": value - 0.1} if cohort.test else {},
            **common,
        )

    def remember(self, reached) -> None:
        """Nothing: nobody is halved."""

    def close(self) -> None:
        pass


def plan_of(expressions, baselines=("relu", "silu"), *, more=None, **settings) -> Plan:
    """Return the plan for some functions; other keywords are the plan's."""
    entrants = entrants_of(expressions, baselines, **(more or {}))
    return Plan(TaskSpec(name="digits"), entrants, **settings)
