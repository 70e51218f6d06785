"""What is told of a generation: how good it was, how various, how it was bred, how fast."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from evoact.language import Expression, FloatArray
from evoact.records import Candidate, Evaluation, History, SearchSpec
from evoact.tracking.describe import spec_of
from evoact.tracking.rejections import rejection_points
from evoact.tracking.sparkline import first_channel

Point = tuple[str, float, int]
"""A metric's name, its value, its step."""

# Even shares of the standard normal, where activations work: (k - .5) / 64.
_NORMAL: Final[FloatArray] = np.array(
    [statistics.NormalDist().inv_cdf((k - 0.5) / 64) for k in range(1, 65)]
)


def generation_points(history: History, generation: int) -> list[Point]:
    """Return the metrics of a generation: `best` is the best of the search so far.

    `generation_best` and `median` are those of the generation alone; they and
    `best` are left out where nothing was trained well. Each is of those that
    reached the highest rung, as values of others are not to be compared; and of
    those that keep the limits on what is measured, where any does.

    `success_OPERATOR` is the share of an operator's children that were better than
    all their parents, `diversity` see there, and `evaluations_per_worker_hour` what
    one worker trains in an hour, building networks not counted.
    """
    spec = spec_of(history)
    asked = history.asked[generation]
    found = [history.evaluations.get((c.id, 0)) for c in asked.candidates]
    known = [evaluation for evaluation in found if evaluation]
    values = _of_highest_rung(known, spec)
    better = max if spec.objectives[spec.primary] == "max" else min
    points = {
        "evaluated": float(len(known)),
        "failed": float(sum(not evaluation.is_ok for evaluation in known)),
        "rejected": float(len(asked.rejected)),
        **rejection_points(history, generation),
        **_successes(asked.candidates, history, spec),
        **_pace(known),
    }
    if (best := history.leader(spec, generation)) is not None:
        points["best"] = best
    if values:
        points |= {"generation_best": better(values), "median": statistics.median(values)}
    if (various := diversity([c.late for c in asked.candidates])) is not None:
        points["diversity"] = various
    return [(name, value, generation) for name, value in points.items()]


def _of_highest_rung(evaluations: Iterable[Evaluation], spec: SearchSpec) -> list[float]:
    ok = [evaluation for evaluation in evaluations if evaluation.is_ok]
    ok = [e for e in ok if not spec.violation(e.objectives)] or ok
    highest = max((evaluation.rung for evaluation in ok), default=0)
    return [e.objectives[spec.primary] for e in ok if e.rung == highest]


def _successes(
    candidates: Sequence[Candidate], history: History, spec: SearchSpec
) -> dict[str, float]:
    """Return the share of each operator's children that were better than all their parents."""
    outcomes: dict[str, list[bool]] = {}
    for candidate in candidates:
        child = history.evaluations.get((candidate.id, 0))
        parents = [history.evaluations.get((parent, 0)) for parent in candidate.parents]
        known = [_standing(parent, spec) for parent in parents if parent]
        if child and known:
            better = _standing(child, spec) > max(known)
            outcomes.setdefault(candidate.origin, []).append(better)
    return {
        f"success_{_identifier(origin)}": statistics.fmean(outcomes[origin])
        for origin in sorted(outcomes)
    }


def _standing(evaluation: Evaluation, spec: SearchSpec) -> tuple[float, float, float]:
    """Return what is compared, more being better: values of different rungs are not."""
    if not evaluation.is_ok:
        return -math.inf, -math.inf, -math.inf
    value = evaluation.objectives[spec.primary]
    signed = value if spec.objectives[spec.primary] == "max" else -value
    return -spec.violation(evaluation.objectives), evaluation.rung, signed


def _identifier(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")


def _pace(evaluations: Sequence[Evaluation]) -> dict[str, float]:
    seconds = math.fsum(evaluation.seconds for evaluation in evaluations)
    if seconds <= 0.0:
        return {}
    return {"evaluations_per_worker_hour": 3600.0 * len(evaluations) / seconds}


def diversity(expressions: Sequence[Expression]) -> float | None:
    """Return how various functions are: 0 if all are one, 1 if they have nothing in common.

    It is 1 minus the mean of `|r|` over all pairs, `r` being the correlation of their
    values under the standard normal: functions that differ in scale and shift alone, which
    the weights around them absorb, are one. Of groupwise functions the first output by the
    first input counts. None for fewer than two functions that have finite values.

    >>> from evoact.language import parse
    >>> round(diversity([parse("relu(x)"), parse("2 * relu(x) - 1")]), 9)
    0.0
    >>> round(diversity([parse("x"), parse("square(x)")]), 9)
    1.0
    """
    rows = [values for values in map(_standardised, expressions) if values is not None]
    if len(rows) < 2:
        return None
    table = np.stack(rows)
    correlations = np.abs(table @ table.T)
    pairs = correlations[np.triu_indices(len(rows), k=1)]
    return float(np.clip(1.0 - pairs.mean(), 0.0, 1.0))


@lru_cache(maxsize=1024)
def _standardised(expression: Expression) -> FloatArray | None:
    """Return values of mean 0 and length 1; None where they are not finite, or all equal."""
    values = first_channel(expression, _NORMAL)
    with np.errstate(all="ignore"):
        centred = values - values.mean()
        length = float(np.linalg.norm(centred))
    if not math.isfinite(length) or length <= 1e-9 * (1.0 + float(np.abs(values).max())):
        return None
    return np.asarray(centred / length)
