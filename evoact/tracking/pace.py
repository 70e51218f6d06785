"""How far a study is, and how long the rest takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from evoact.records import Evaluated, History, Record, SearchSpec
from evoact.tracking.describe import spec_of

# Faster than this is no training: the records are replayed from a journal.
_REPLAY_PER_SECOND: Final = 500.0


class Pace:
    """Counts trainings and estimates the time left.

    The speed is the average since the study started, or was resumed: the
    records that a resumed study replays do not count.

    Args:
        clock: seconds, monotonic.
        total: trainings expected; by default what the specification says,
            corrected by what was really asked.
    """

    def __init__(self, clock: Callable[[], float], total: int | None = None) -> None:
        self._clock, self._given = clock, total
        self._since, self._before = clock(), 0
        self._worked = 0.0
        self.done = 0
        self.total = total or 0

    def on_record(self, record: Record, history: History) -> None:
        """Count a record."""
        self.total = self._given or expected_trainings(history, spec_of(history))
        if not isinstance(record, Evaluated):
            return
        self.done = len(history.evaluations)
        elapsed = self._clock() - self._since
        if self.done - self._before > _REPLAY_PER_SECOND * elapsed:
            self._since, self._before, self._worked = self._clock(), self.done, 0.0
        else:
            self._worked += record.evaluation.seconds

    def busy(self) -> float | None:
        """Return how many workers train, on average since the start; None before one ended.

        Their time is that of training: what they compile and build meanwhile does not count.
        """
        elapsed = self._clock() - self._since
        return self._worked / elapsed if self._worked > 0.0 and elapsed > 0.0 else None

    def left(self) -> float | None:
        """Return the seconds that the rest takes, or None when nothing is known yet."""
        counted = self.done - self._before
        if counted <= 0 or self.total <= self.done:
            return None
        return (self._clock() - self._since) / counted * (self.total - self.done)


def trainings_before(history: History) -> int:
    """Return how many trainings were asked for before the confirmation."""
    return _searched(history) + race_trainings(history)


def race_trainings(history: History) -> int:
    """Return how many trainings the race has asked for."""
    return sum(len(asked.contestants) * len(asked.replicates) for asked in history.race)


def expected_trainings(history: History, spec: SearchSpec) -> int:
    """Return how many trainings a study takes, as far as it is known."""
    if history.confirmation is not None:
        everyone = {c.id for c in history.confirmation.finalists.values()}
        everyone |= {c.id for c in history.confirmation.baselines.values()}
        if history.controls is not None:
            everyone |= {c.id for c in history.controls.controls.values()}
        return trainings_before(history) + len(everyone) * len(history.confirmation.replicates)
    asked, evolution = _searched(history), spec.evolution
    to_come = max(0, evolution.generations - len(history.asked)) * evolution.population
    if evolution.mode == "steady_state":  # the last generation may not be asked whole
        to_come = max(0, evolution.generations * evolution.population - asked)
    if history.race:  # the search ended, maybe early
        to_come = 0
    return asked + to_come + spec.evaluate.confirm.trainings(spec.most_controls)


def _searched(history: History) -> int:
    return sum(len(generation.candidates) for generation in history.asked.values())
