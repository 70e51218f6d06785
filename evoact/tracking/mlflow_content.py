"""What MLflow is told of a study: plain names, texts and numbers."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from evoact.records import Candidate, Evaluation, History, SearchSpec
from evoact.tracking.confirmation import (
    BASELINE,
    CONTROL,
    FINALIST,
    TEST,
    VALIDATION,
    WINNER,
    contestants,
)
from evoact.tracking.describe import genes_of, known_name, spec_of
from evoact.tracking.hall_of_fame import SIZE
from evoact.tracking.mlflow_store import redacted
from evoact.tracking.rejections import rejection_points

HALL_OF_FAME: Final = "hall_of_fame"
CURVE: Final = ("loss", "val_accuracy", "g", "grad_norm")
MAX_PARAMS, MAX_PARAM_LENGTH, MAX_NAME_LENGTH = 100, 6000, 120

Point = tuple[str, float, int]
"""A metric's name, its value, its step."""


@dataclass(frozen=True, slots=True)
class Child:
    """A candidate that has a run of its own, and why."""

    candidate: Candidate
    role: str
    label: str


def study_params(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the specification as flat keys, within MLflow's limits.

    >>> study_params({"task": {"name": "digits"}, "seeds": ["relu", "silu"]})
    {'task.name': 'digits', 'seeds': '["relu", "silu"]'}
    """
    flat = {key: _param_text(key, value) for key, value in _flat(spec)}
    return dict(list(flat.items())[:MAX_PARAMS])


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _param_text(key: str, value: Any) -> str:
    if key == "tracking.mlflow":
        value = redacted(str(value))
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MAX_PARAM_LENGTH else f"{text[: MAX_PARAM_LENGTH - 3]}..."


def generation_points(history: History, generation: int) -> list[Point]:
    """Return the metrics of a generation: `best` is the best of the search so far.

    `generation_best` and `median` are those of the generation alone; they and
    `best` are left out where nothing was trained well. Each is of those that
    reached the highest rung, as values of others are not to be compared; and of
    those that keep the limits on what is measured, where any does.
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
    }
    if (best := history.leader(spec, generation)) is not None:
        points["best"] = best
    if values:
        points |= {"generation_best": better(values), "median": statistics.median(values)}
    return [(name, value, generation) for name, value in points.items()]


def _of_highest_rung(evaluations: Iterable[Evaluation], spec: SearchSpec) -> list[float]:
    ok = [evaluation for evaluation in evaluations if evaluation.is_ok]
    ok = [e for e in ok if not spec.violation(e.objectives)] or ok
    highest = max((evaluation.rung for evaluation in ok), default=0)
    return [e.objectives[spec.primary] for e in ok if e.rung == highest]


def children(history: History) -> list[Child]:
    """Return who gets a run of its own: the hall of fame and who was confirmed.

    Each candidate once, in the role that says most: winner, baseline,
    finalist, control, hall of fame.
    """
    best = history.hall_of_fame(spec_of(history), SIZE)
    found = {c.candidate.id: Child(c.candidate, c.role, c.label) for c in contestants(history)}
    for rank, candidate in enumerate(best, start=1):
        found.setdefault(candidate.id, Child(candidate, HALL_OF_FAME, str(rank)))
    order = [WINNER, CONTROL, FINALIST, BASELINE, HALL_OF_FAME]
    return sorted(found.values(), key=lambda child: order.index(child.role))


def child_name(child: Child) -> str:
    """Return the name of a candidate's run, such as `baseline relu`."""
    what = known_name(child.candidate.late) or child.candidate.text
    return f"{child.role} {what}"[:MAX_NAME_LENGTH]


def child_params(candidate: Candidate) -> dict[str, str]:
    """Return what a candidate is: expression, genes, known name."""
    named = {"expression": candidate.text, "known_as": known_name(candidate.late)}
    every = {**named, **genes_of(candidate)}
    params = {key: _param_text(key, value) for key, value in every.items()}
    return {key: value for key, value in params.items() if value}


def child_tags(child: Child, history: History) -> dict[str, str]:
    """Return the tags by which a candidate's run is found and filtered."""
    assert history.started is not None
    candidate = child.candidate
    evaluation = main_evaluation(candidate, history)
    tags = {
        "evoact.role": child.role,
        "evoact.study": history.started.name,
        "evoact.seed": str(history.started.seed),
        "evoact.candidate": candidate.id,
        "evoact.expression": candidate.text,
        "evoact.origin": candidate.origin,
        "evoact.status": evaluation.status.value if evaluation else "",
        "evoact.reason": evaluation.reason[:MAX_PARAM_LENGTH] if evaluation else "",
    }
    if candidate.id in history.born:
        tags["evoact.generation"] = str(history.born[candidate.id])
    ids = [c.id for c in history.hall_of_fame(spec_of(history), SIZE)]
    if candidate.id in ids:
        tags["evoact.rank"] = str(ids.index(candidate.id) + 1)
    return {key: value for key, value in tags.items() if value}


def child_points(candidate: Candidate, history: History) -> list[Point]:
    """Return a candidate's metrics: its curve by epoch, its scores, confirmed means.

    Scores stand at the last epoch, where a curve's last point is the same
    number; values that are not finite are left out.
    """
    points: dict[tuple[str, int], float] = {}
    evaluation = main_evaluation(candidate, history)
    if evaluation is not None:
        points |= _curve(evaluation)
        points |= {(name, evaluation.epochs): v for name, v in evaluation.objectives.items()}
    points |= {(name, 0): value for name, value in _confirmed(candidate, history).items()}
    return [(n, v, step) for (n, step), v in points.items() if math.isfinite(v)]


def winner_points(winner: Candidate, history: History) -> list[Point]:
    """Return the confirmed results of the winner, for the run of the study."""
    found = _confirmed(winner, history)
    return [(f"winner_{n}", value, 0) for n, value in found.items() if math.isfinite(value)]


def _curve(evaluation: Evaluation) -> dict[tuple[str, int], float]:
    points: dict[tuple[str, int], float] = {}
    for number, entry in enumerate(evaluation.curve, start=1):
        step = int(entry.get("epoch") or number)
        own = (name for name in entry if name.startswith("val_") and "val_accuracy" not in entry)
        for name in (*CURVE, *own):
            value = entry.get(name)
            if value is not None:
                points[name, step] = value
    return points


def _confirmed(candidate: Candidate, history: History) -> dict[str, float]:
    one = next((c for c in contestants(history) if c.candidate.id == candidate.id), None)
    if one is None:
        return {}
    found: dict[str, float] = {"confirmed_failed": float(one.failed)}
    for name, measure in ((f"val_{one.metric}", VALIDATION), (f"test_{one.metric}", TEST)):
        if interval := one.interval(measure):
            found[f"confirmed_{name}"] = interval.mean
            found[f"confirmed_{name}_low"] = interval.low
            found[f"confirmed_{name}_high"] = interval.high
    return found


def main_evaluation(candidate: Candidate, history: History) -> Evaluation | None:
    """Return the evaluation of the search; for baselines the first good one confirmed."""
    if (candidate.id, 0) in history.evaluations:
        return history.evaluations[candidate.id, 0]
    confirmed = history.confirmed(candidate)
    return next((e for e in confirmed if e.is_ok), confirmed[0] if confirmed else None)
