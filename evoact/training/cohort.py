"""A cohort in, evaluations out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from evoact.records import Cohort, Evaluation, Status
from evoact.training.environment import describe, reproducible
from evoact.training.forming import data_of, form
from evoact.training.loop import TimedOut, Training, steps_per_epoch


def train_cohort(cohort: Cohort) -> list[Evaluation]:
    """Train the candidates of a cohort from the same seed, and score them.

    Those whose networks have one shape are trained as one stack; on a CPU an
    evaluation does not depend, to the bit, on which other candidates are in
    the cohort. What happens to one candidate (divergence, an error) is its
    status and leaves the others as they are. Where a stack as a whole fails
    (timeout, lack of memory), its halves are tried.

    Returns:
        One evaluation for each candidate, in their order.
    """
    with reproducible(cohort.device):
        run = _Run(cohort, describe(cohort.device))
        for training in run.advance(run.form(range(len(cohort.candidates))), cohort.task.epochs):
            run.finish(training)
    return [run.found[position] for position in range(len(cohort.candidates))]


@dataclass
class _Run:
    """The training of a cohort, and what was found so far, by position."""

    cohort: Cohort
    environment: dict[str, Any]
    found: dict[int, Evaluation] = field(default_factory=dict)

    def form(self, positions: Iterable[int]) -> list[Training]:
        return list(form(self.cohort, list(positions), self.fail))

    def advance(self, trainings: Iterable[Training], epochs: int) -> list[Training]:
        """Train until so many epochs are done; return the trainings that got there."""
        there, waiting = [], list(trainings)
        while waiting:
            training = waiting.pop(0)
            members = training.members
            try:
                training.run(epochs)
            except Exception as error:  # whose fault it is shows when each is alone
                if len(members) == 1:
                    self.fail(members[0].position, error, members[0].seconds)
                    continue
                half = len(members) // 2
                for part in (members[:half], members[half:]):
                    waiting += self.form(member.position for member in part)
                continue
            for member, reason in training.diverged.items():
                self.end(member.position, Status.DIVERGED, member.seconds, reason=reason)
            there.append(training)
        return there

    def finish(self, training: Training) -> None:
        """Score the members of a training that is done."""
        data = data_of(self.cohort)
        members = training.members
        wanted = self.cohort.test and members
        tests = training.stack.score(data.test, "test") if wanted else [{} for _ in members]
        for member, test in zip(members, tests, strict=True):
            assert member.scheduler.get_last_g() == 1.0, "candidates are scored at g = 1 only"
            last, late = member.curve[-1], member.candidate.late
            scores = {name: value for name, value in last.items() if name.startswith("val_")}
            if not all(map(math.isfinite, scores.values())):
                reason = f"validation gave {scores}"
                self.end(member.position, Status.DIVERGED, member.seconds, reason=reason)
                continue
            in_epoch = steps_per_epoch(len(data.train), self.cohort.task.batch_size)
            self.end(
                member.position,
                Status.OK,
                member.seconds,
                objectives={**scores, "cost": late.cost, "nodes": float(late.nodes)},
                test=test,
                curve=tuple(member.curve),
                steps=self.cohort.task.epochs * in_epoch,
                shared_steps=member.joins * in_epoch,
                params=member.trained(training.stack.places),
            )

    def fail(self, position: int, error: Exception, seconds: float = 0.0) -> None:
        """Make a fault the status of a candidate."""
        status, reason = Status.FAILED, f"{type(error).__name__}: {error}"
        if isinstance(error, TimedOut):
            status, reason = Status.TIMEOUT, str(error)
        elif _is_lack_of_memory(error):
            status, reason = Status.OUT_OF_MEMORY, str(error) or "out of memory"
        self.end(position, status, seconds, reason=reason)

    def end(self, position: int, status: Status, seconds: float, **more: Any) -> None:
        """Write down how a candidate's training ended."""
        self.found[position] = Evaluation(
            self.cohort.candidates[position].id,
            status,
            replicate=self.cohort.replicate,
            epochs=self.cohort.task.epochs,
            environment=self.environment,
            seconds=seconds,
            **more,
        )


def _is_lack_of_memory(error: Exception) -> bool:
    # On a CPU torch raises a RuntimeError that says so.
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
