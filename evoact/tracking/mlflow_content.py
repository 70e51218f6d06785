"""What MLflow is told of a study: plain names, texts and numbers."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evoact.records import Candidate, Evaluation, History, encode
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
from evoact.tracking.generation import Point
from evoact.tracking.hall_of_fame import SIZE
from evoact.tracking.mlflow_store import redacted
from evoact.tracking.summary import verdict

STUDY_ID: Final = "evoact.study_id"
HALL_OF_FAME: Final = "hall_of_fame"
CURVE: Final = ("loss", "val_accuracy", "g", "grad_norm")
MAX_PARAMS, MAX_PARAM_LENGTH, MAX_NAME_LENGTH = 100, 6000, 120
MAX_FRONT: Final = 100
_QUALITIES: Final = ("monotone", "bounded", "differentiable", "piecewise_linear", "parity")


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


def study_tags(history: History) -> dict[str, str]:
    """Return the tags by which a study's run, and those of its candidates, are found."""
    assert history.started is not None
    spec = spec_of(history)
    return {
        "evoact.study": history.started.name,
        "evoact.seed": str(history.started.seed),
        "evoact.space": spec.name,
        "evoact.task": ", ".join(task.label for task in spec.all_tasks),
        "evoact.objectives": ", ".join(spec.objectives),
    }


def study_id(history: History, folder: Path) -> str:
    """Return what tells studies apart: of the folder, and the journal's first line."""
    assert history.started is not None
    identity = f"{folder.absolute()}\n{encode(history.started)}"
    return hashlib.sha256(identity.encode()).hexdigest()


def run_tags(history: History) -> dict[str, str]:
    """Return what else is told of a study when its run is made: where its results come from."""
    assert history.started is not None
    versions = history.started.versions
    tags = {f"evoact.versions.{name}": str(value) for name, value in versions.items()}
    tags |= {"mlflow.source.name": "evoact search", "mlflow.source.type": "LOCAL"}
    if commit := str(versions.get("commit", "")):
        tags["mlflow.source.git.commit"] = commit.removesuffix("-dirty")
    return {**study_tags(history), **tags, "evoact.role": "study"}


def result_tags(history: History) -> dict[str, str]:
    """Return what a study ended with: the winner, and the verdict for MLflow's description."""
    assert history.finished is not None
    tags = {"mlflow.note.content": "\n\n".join(verdict(history))}
    if history.finished.winner is not None:
        winner = history.candidates[history.finished.winner]
        tags |= {"evoact.winner": winner.text, "evoact.known_as": known_name(winner.late)}
    return {key: value for key, value in tags.items() if value}


def best_of(history: History) -> list[Candidate]:
    """Return the hall of fame: the best 20, or with several objectives the Pareto front.

    Of a front at most 100: MLflow's pages get slow with more.
    """
    spec = spec_of(history)
    return history.hall_of_fame(spec, SIZE if len(spec.objectives) == 1 else MAX_FRONT)


def children(history: History) -> list[Child]:
    """Return who gets a run of its own: hall of fame or Pareto front, and who was confirmed.

    Each candidate once, in the role that says most: winner, baseline,
    finalist, control, hall of fame.
    """
    best = best_of(history)
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
    """Return what a candidate is: expression, LaTeX, known name, genes, parents."""
    named = {
        "expression": candidate.text,
        "latex": candidate.late.latex(),
        "known_as": known_name(candidate.late),
        "origin": candidate.origin,
        "parents": ", ".join(parent[:12] for parent in candidate.parents),
    }
    every = {**named, **genes_of(candidate), "head": candidate.head or ""}
    params = {key: _param_text(key, value) for key, value in every.items()}
    return {key: value for key, value in params.items() if value}


def child_tags(child: Child, history: History) -> dict[str, str]:
    """Return the tags by which a candidate's run is found and filtered.

    Those of the study again, as MLflow's search box knows no joins; what kind of
    function it is; and where it came from.
    """
    candidate = child.candidate
    evaluation = main_evaluation(candidate, history)
    known, facts = known_name(candidate.late), candidate.late.facts()
    tags = {
        **study_tags(history),
        "evoact.role": child.role,
        "evoact.candidate": candidate.id,
        "evoact.expression": candidate.text,
        "evoact.known_as": known,
        "evoact.novel": _yes(not known),
        "evoact.annealed": _yes(candidate.anneal is not None),
        "evoact.learnable": _yes(bool(candidate.late.parameters)),
        "evoact.width": str(candidate.late.width),
        "evoact.origin": candidate.origin,
        "evoact.status": evaluation.status.value if evaluation else "",
        "evoact.reason": evaluation.reason[:MAX_PARAM_LENGTH] if evaluation else "",
        **{f"evoact.{name}": getattr(facts, name).text for name in _QUALITIES},
    }
    if candidate.id in history.born:
        tags["evoact.generation"] = str(history.born[candidate.id])
    ids = [c.id for c in best_of(history)]
    if candidate.id in ids:
        tags["evoact.rank"] = str(ids.index(candidate.id) + 1)
        several = len(spec_of(history).objectives) > 1
        tags["evoact.front" if several else "evoact.hall_of_fame"] = "yes"
    return {key: value for key, value in tags.items() if value not in {"", "-"}}


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def lineage(candidate: Candidate, history: History) -> list[dict[str, Any]]:
    """Return a candidate and those that it came of, youngest first, each once."""
    found: dict[str, dict[str, Any]] = {}
    coming = [candidate.id]
    for id_ in coming:  # it grows
        one = history.candidates.get(id_)
        if one is None or id_ in found:
            continue
        evaluation = history.evaluations.get((id_, 0))
        found[id_] = {
            "id": id_,
            "expression": one.text,
            "origin": one.origin,
            "generation": history.born.get(id_),
            "parents": list(one.parents),
            "objectives": dict(evaluation.objectives) if evaluation else {},
        }
        coming += one.parents
    return list(found.values())


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
