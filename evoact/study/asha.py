"""Asynchronous successive halving: who goes on at a rung, decided as each gets there."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from evoact.records import Evaluation, Halving

Reached = tuple[str, int, float]
"""A candidate's id, a rung from 0, and its merit there: more is better."""


class Rungs:
    """What candidates reached at each rung (ASHA, Li et al. 2020, its stopping rule).

    One that gets to a rung goes on if it is among the best `1 / reduction` of
    those that got there before it; nobody waits for others. That is the rule
    of Ray Tune's `AsyncHyperBandScheduler`, with one bracket.

    >>> rungs = Rungs()
    >>> [rungs.reaches(2, (name, 0, value)) for name, value in zip("abcd", [0.5, 0.4, 0.6, 0.45])]
    [True, False, True, False]
    """

    def __init__(self) -> None:
        self._reached: dict[int, dict[str, float]] = {}
        self._answers: dict[tuple[str, int], bool] = {}

    def reaches(self, reduction: int, reached: Reached) -> bool:
        """Take what a candidate reached at a rung; return whether it goes on.

        One that comes again, as its worker was lost, counts once and gets the
        same answer.
        """
        candidate, rung, merit = reached
        key = candidate, rung
        if key not in self._answers:
            self._answers[key] = self._is_among_best(reduction, rung, merit)
            self.remember([reached])
        return self._answers[key]

    def _is_among_best(self, reduction: int, rung: int, merit: float) -> bool:
        known = [m for m in self._reached.get(rung, {}).values() if np.isfinite(m)]
        if not np.isfinite(merit):
            return False
        return not known or merit >= float(np.quantile(known, 1.0 - 1.0 / reduction))

    def remember(self, reached: Iterable[Reached]) -> None:
        """Take what was reached before, without deciding anything."""
        for candidate, rung, merit in reached:
            self._reached.setdefault(rung, {})[candidate] = merit

    def forget(self, candidate: str) -> None:
        """Drop what one reached whose training failed later on; the journal has none of it."""
        for there in self._reached.values():
            there.pop(candidate, None)


def reached_by(evaluation: Evaluation, halving: Halving) -> tuple[Reached, ...]:
    """Return what an evaluation reached at each rung; nothing for one that failed."""
    if not evaluation.is_ok:
        return ()
    there = [
        (rung, evaluation.curve[epochs - 1][halving.objective])
        for rung, epochs in enumerate(halving.rungs)
        if epochs <= len(evaluation.curve)
    ]
    return tuple(
        (evaluation.candidate_id, rung, halving.merit(value))
        for rung, value in there
        if value is not None  # NaN, in a journal
    )
