"""What a report says, in words and tables: plain data for its template."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from evoact.records import Candidate, History, SearchSpec
from evoact.tracking.confirmation import (
    TEST,
    VALIDATION,
    Comparison,
    Contestant,
    comparisons,
    contestants,
    control_comparisons,
    tasks_of,
)
from evoact.tracking.curse import curse_told
from evoact.tracking.describe import (
    annealing_text,
    duration_text,
    novelty_text,
    objective_text,
    spec_of,
)
from evoact.tracking.figures import contestant_name, leading
from evoact.tracking.hall_of_fame import hall_of_fame_rows
from evoact.tracking.mlflow_store import redacted
from evoact.tracking.pace import expected_trainings
from evoact.tracking.predictions import predictions
from evoact.tracking.race import race_told
from evoact.tracking.rejections import rejected_text, rejections
from evoact.tracking.spent import spent
from evoact.tracking.summary import difference_text, interval_text, p_text, sharing, verdict

_EXAMPLES: Final = 3
_OWN: Final = ("seed", "warm")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under headings; the first text of a row is what the row is about."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    """Which columns are read as numbers, from 0."""


def state_of(history: History) -> str:
    """Return how far a study is, in a sentence."""
    spec, trained = spec_of(history), len(history.evaluations)
    expected = expected_trainings(history, spec)
    if history.finished is not None:
        return f"The study is finished: {trained:,} trainings."
    told = len(history.told)
    stage = "its confirmation" if history.confirmation else "its search"
    return (
        f"The study is unfinished, in {stage}: {told} of {spec.evolution.generations} "
        f"generations are done, {trained:,} of about {expected:,} trainings. "
        "What follows may change."
    )


def summary_of(history: History) -> list[str]:
    """Return what is found so far, in sentences."""
    best = leading(history)
    begun = [state_of(history), searched_text(history)]
    if history.confirmation is None:
        found = [] if best is None else [novelty_text(best.late, "The best so far")]
    else:
        found = verdict(history)
    counts = (race_told, curse_told, sharing, rejections, predictions)
    return [*begun, *found, *(sentence for told in counts for sentence in told(history))]


def searched_text(history: History) -> str:
    """Return what was searched for what, in a sentence."""
    spec = spec_of(history)
    tasks = ", ".join(f"{t.name} ({t.network}, {t.epochs} epochs)" for t in spec.all_tasks)
    aims = " and ".join(f"{way} {name}" for name, way in spec.objectives.items())
    return (
        f"{spec.evolution.algorithm} searched functions of at most {spec.language.max_nodes} "
        f"nodes over {len(spec.language.primitives)} primitives for {aims}, trained on {tasks}."
    )


def facts_of(candidate: Candidate, history: History) -> Table:
    """Return what is known of the best function."""
    late = candidate.late
    evaluation = history.evaluations.get((candidate.id, 0))
    scores = evaluation.objectives if evaluation else {}
    known = late.facts()
    spec = spec_of(history)
    rows = [
        ("expression", candidate.text),
        ("name", novelty_text(late, "It")),
        ("annealing", annealing_text(candidate) if candidate.anneal or candidate.head else "none"),
        *((f"{name} in the search", objective_text(name, scores[name])) for name in spec.measures
          if name in scores),
        ("cost", f"{late.cost:.3g} times ReLU's, forward and backward"),
        ("size", f"{late.nodes} nodes, depth {late.depth}"),
        ("parameters", _parameters(candidate)),
        *((name, f"{getattr(known, key).text} ({getattr(known, key).status})") for name, key in (
            ("monotone", "monotone"), ("bounded", "bounded"), ("smooth", "differentiable"),
            ("Lipschitz constant", "lipschitz"), ("zeros", "zeros"),
        ) if getattr(known, key).value is not None),
        ("candidate", candidate.id[:12]),
    ]  # fmt: skip
    return Table("What is known of it", ("what", "value"), tuple(rows))


def _parameters(candidate: Candidate) -> str:
    late = candidate.late
    found = zip(late.names, late.parameters, strict=True)
    told = [f"{name}: one per {p.scope}, starts at {p.initial!r}" for name, p in found]
    return "; ".join(told) or "none: the same function in all layers"


def confirmed_tables(history: History) -> list[Table]:
    """Return the confirmed results, and the comparisons with the winner; for each task, too."""
    tables = []
    for task in ["", *tasks_of(history)]:
        where = f" on {task}" if task else ""
        everyone = contestants(history, task)
        if everyone:
            tables.append(_results(f"Mean and 95 % interval under fresh seeds{where}", everyone))
        if found := comparisons(history, task):
            tables.append(_differences(f"Winner minus baseline{where}", "baseline", found))
    if found := control_comparisons(history):
        tables.append(_differences("Winner minus its controls", "control", found))
    return tables


def _results(caption: str, everyone: Sequence[Contestant]) -> Table:
    rows = tuple(
        (
            contestant_name(one),
            one.candidate.text,
            annealing_text(one.candidate),
            interval_text(one.interval(VALIDATION)),
            interval_text(one.interval(TEST)),
            str(len(one.validation)),
            str(one.failed),
        )
        for one in everyone
    )
    columns = (
        "who",
        "expression",
        "annealing",
        "validation accuracy",
        "test accuracy",
        "n",
        "failed",
    )
    return Table(caption, columns, rows, numbers=(3, 4, 5, 6))


def _differences(caption: str, other: str, found: Sequence[Comparison]) -> Table:
    rows = tuple(
        (
            one.baseline,
            one.measure,
            difference_text(one),
            p_text(one.paired.p_value),
            p_text(one.corrected),
            str(one.paired.n),
        )
        for one in found
    )
    columns = (other, "measure", "difference [95 % interval]", "p", "corrected p", "pairs")
    note = f"{caption}: same seeds, paired; exact signed-rank test, Holm's correction over {other}s"
    return Table(note, columns, rows, numbers=(2, 3, 4, 5))


def fame_table(history: History) -> Table:
    """Return the hall of fame."""
    spec = spec_of(history)
    rows = tuple(
        (
            str(row["rank"]),
            str(row["expression"]),
            str(row["known_as"]),
            *(_value(name, row[name]) for name in spec.measures),
            _value("cost", row["cost"]),
            str(int(row["generation"]) + 1),
            str(row["origin"]),
        )
        for row in hall_of_fame_rows(history)
    )
    measures = tuple(name for name in spec.measures)
    columns = ("rank", "expression", "known as", *measures, "cost", "generation", "bred by")
    numbers = tuple(range(3, 5 + len(measures)))
    return Table("The hall of fame, by the search", columns, rows, (0, *numbers))


def _value(name: str, value: Any) -> str:
    return objective_text(name, value) if isinstance(value, float) else str(value)


def rejected_table(history: History) -> Table:
    """Return why offspring were not trained, with a few of them each, the commonest first."""
    kinds: dict[str, list[str]] = {}
    for item in history.rejected:
        kinds.setdefault(item.kind, []).append(item.text)
    ordered = sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0]))
    rows = tuple(
        (kind, f"{len(texts):,}", "; ".join(dict.fromkeys(texts[:_EXAMPLES])))
        for kind, texts in ordered
    )
    return Table("Rejected before training", ("reason", "how many", "such as"), rows, (1,))


def failed_table(history: History) -> Table:
    """Return which trainings gave nothing, and why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for (who, _), evaluation in history.evaluations.items():
        if not evaluation.is_ok:
            key = (evaluation.status.value, evaluation.reason)
            reasons.setdefault(key, []).append(history.candidates[who].text)
    ordered = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = tuple(
        (status, reason, f"{len(texts):,}", "; ".join(dict.fromkeys(texts[:_EXAMPLES])))
        for (status, reason), texts in ordered
    )
    return Table("Trainings that failed", ("how", "why", "how many", "such as"), rows, (2,))


def own_rejected(history: History) -> list[str]:
    """Return which functions of the user's own were not trained, and why."""
    return [rejected_text(item) for item in history.rejected if item.origin in _OWN]


def spent_table(history: History) -> Table:
    """Return what the study took, by stage."""
    rows = tuple(
        (
            f"{one.stage}, rung {one.rung + 1}" if one.rung >= 0 else one.stage,
            "-" if one.epochs is None else str(one.epochs),
            f"{one.trainings:,}",
            f"{one.failed:,}",
            f"{one.steps:,}",
            duration_text(one.seconds),
        )
        for one in spent(history)
    )
    columns = ("stage", "epochs", "trainings", "failed", "network-steps", "time")
    return Table("What was spent; time by the clock, summed over workers", columns, rows,
                 (1, 2, 3, 4, 5))  # fmt: skip


def command_of(history: History) -> str:
    """Return the command that searches again what was searched."""
    assert history.started is not None, "the journal has no first line yet"
    words = ["evoact", "search", "space.yaml", "--name", f"{history.started.name}-again"]
    return shlex.join([*words, "--seed", str(history.started.seed)])


def space_of(history: History) -> str:
    """Return the space as YAML, every default written out; no password."""
    spec: SearchSpec = spec_of(history)
    data = spec.model_dump(mode="json", exclude={"run"})
    data["tracking"]["mlflow"] = redacted(str(data["tracking"]["mlflow"]))
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def versions_table(history: History) -> Table:
    """Return what results depend on."""
    assert history.started is not None, "the journal has no first line yet"
    run = spec_of(history).run
    here = {} if run is None else {"device": run.device, "precision": run.dtype,
                                   "threads a worker": str(run.threads)}  # fmt: skip
    rows = tuple({**history.started.versions, **here}.items())
    return Table("Versions and device", ("what", "version"), rows)
