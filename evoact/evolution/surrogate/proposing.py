"""Which of many candidates to train, by what the trainings before gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evoact.errors import InputError
from evoact.evolution.surrogate.acquisition import choose
from evoact.evolution.surrogate.features import features
from evoact.evolution.surrogate.model import Model
from evoact.language import FloatArray
from evoact.records import Candidate, Predicted, SearchSpec

LEAST: Final = 8
"""Evaluations before the first prediction."""

ENOUGH: Final = 5 * LEAST
"""Evaluations of a whole search from which on `auto` means on."""

MOST: Final = 400  # the time of a fit grows with the cube of them
_BELIEVED: Final = 120  # of those that wait, the latest: the time grows with the square of them


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a training gave: its standing and its value, more being better; None of a failure."""

    candidate: Candidate
    standing: int
    value: float | None


class Surrogate:
    """Predicts an objective of candidates with pointwise functions, and chooses among them.

    It learns from all evaluations, failed ones too: they count as the worst value
    there is. Of several objectives it predicts the first that training measures, on
    several tasks its mean; the others are known before, or left to selection.

    Args:
        acquisition: by what it chooses, one of `ACQUISITIONS`.
        sign: 1 for an objective to maximise, -1 for one to minimise.

    >>> from evoact.language import parse
    >>> seen = [Candidate(parse(f"tanh({k} * x)")) for k in range(1, 11)]
    >>> surrogate = Surrogate().fit(seen, [0.1 * k for k in range(1, 11)])
    >>> pool = [Candidate(parse(text)) for text in ("tanh(1.5 * x)", "tanh(9.5 * x)")]
    >>> [(index, round(told.mean, 1)) for index, told in surrogate.choose(pool, 1)]
    [(1, 0.9)]
    """

    def __init__(self, acquisition: str = "upper_bound", sign: float = 1.0) -> None:
        self._acquisition, self._sign = acquisition, sign
        self._seen: list[_Seen] = []
        self._model, self._fitted = Model(), 0
        self._best = 0.0
        self._values: set[float] = set()  # two different ones at most

    def fit(self, candidates: Sequence[Candidate], values: Sequence[float | None]) -> Surrogate:
        """Learn what candidates gave, besides what it knows; None for a training that failed."""
        for candidate, value in zip(candidates, values, strict=True):
            self.learn(candidate, value)
        return self

    def learn(self, candidate: Candidate, value: float | None, standing: int = 0) -> None:
        """Learn what a candidate gave.

        Args:
            candidate: what was trained.
            value: the objective; None if the training failed.
            standing: who stands lower is worse, whatever the value: the rung reached.
        """
        self._seen.append(_Seen(candidate, standing, None if value is None else self._sign * value))
        if value is not None and len(self._values) < 2:
            self._values.add(value)

    @property
    def is_ready(self) -> bool:
        """Whether it has seen enough: some evaluations, not all of one value."""
        return len(self._seen) >= LEAST and len(self._values) > 1

    def choose(
        self, pool: Sequence[Candidate], count: int, waiting: Sequence[Candidate] = ()
    ) -> list[tuple[int, Predicted]]:
        """Return the places of what to train in a pool, best first, and what is predicted.

        Args:
            pool: what there is to choose from.
            count: how many.
            waiting: what is being trained: nothing like the latest of it is chosen for its
                own sake.
        """
        if not pool:
            return []
        waiting = waiting[-_BELIEVED:]
        self._refit()
        points = np.array([features(candidate) for candidate in (*waiting, *pool)])
        posterior = self._model.posterior(points)
        mean, sd = self._sign * posterior.mean, posterior.sd_of_measurement
        chosen = choose(posterior, count, self._acquisition, self._best, len(waiting))
        return [(i - len(waiting), Predicted(float(mean[i]), float(sd[i]))) for i in chosen]

    def _refit(self) -> None:
        if self._fitted == len(self._seen):
            return
        self._fitted = len(self._seen)
        values = _comparable(self._seen)
        kept = _kept(values)
        points = np.array([features(self._seen[index].candidate) for index in kept])
        self._model.fit(points, values[kept])
        self._best = float(self._model.posterior(points).mean.max())


def _comparable(seen: Sequence[_Seen]) -> FloatArray:
    """Return values that can be compared, of all standings and of failures.

    Who stands lower counts no more than the lower quartile of those above: selection
    orders by standing first. A failure counts as the worst there is.
    """
    values = np.array([np.nan if one.value is None else one.value for one in seen])
    standings = np.array([one.standing for one in seen])
    known = ~np.isnan(values)
    for standing in sorted(set(standings[known].tolist()), reverse=True)[1:]:
        bound = np.quantile(values[known & (standings > standing)], 0.25)
        its = known & (standings == standing)
        values[its] = np.minimum(values[its], bound)
    return np.asarray(np.nan_to_num(values, nan=float(np.nanmin(values))))


def _kept(values: FloatArray) -> list[int]:
    """Return the places of the best and of the latest, where there are too many."""
    if len(values) <= MOST:
        return list(range(len(values)))
    latest = range(len(values) - MOST // 2, len(values))
    best = np.argsort(-values[: latest.start], kind="stable")[: MOST - len(latest)]
    return sorted(best.tolist()) + list(latest)


def is_used(space: SearchSpec) -> bool:
    """Whether a search of a space uses a surrogate, as `evolution.surrogate` says.

    Raises:
        InputError: it says `on`, and none is possible.
    """
    evolution = space.evolution
    if evolution.surrogate == "on" and space.why_no_surrogate:  # by what a warm start brought
        raise InputError(
            f"evolution.surrogate is on, but {space.why_no_surrogate}; wanted auto or off"
        )
    if evolution.surrogate != "auto":
        return evolution.surrogate == "on"
    budget = evolution.population * evolution.generations
    return evolution.algorithm != "random" and budget >= ENOUGH and not space.why_no_surrogate


def surrogate_of(space: SearchSpec) -> Surrogate | None:
    """Return the surrogate of a space, if its search uses one."""
    if not is_used(space):
        return None
    sign = 1.0 if space.objectives[space.trained[0]] == "max" else -1.0
    return Surrogate(space.evolution.acquisition, sign)
