"""What confirmation with fresh seeds says: who is better than whom, and how surely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from evoact.files import write_atomically
from evoact.records import Candidate, Evaluation, History, Record, StudyFinished
from evoact.stats import Interval, Paired, compare_paired, holm, mean_interval
from evoact.tracking.describe import csv_text, spec_of

WINNER, CONTROL, FINALIST, BASELINE = "winner", "control", "finalist", "baseline"
VALIDATION, TEST = "validation accuracy", "test accuracy"

CONFIRMATION_COLUMNS: Final = (
    "label",
    "role",
    "expression",
    "val_mean",
    "val_low",
    "val_high",
    "test_mean",
    "test_low",
    "test_high",
    "n",
    "failed",
)


@dataclass(frozen=True, slots=True)
class Contestant:
    """Someone trained in confirmation, with accuracies, or what `metric` says, by replicate.

    `test` is empty for finalists that did not win: the test set is not used
    for choosing. `failed` counts the replicates whose training failed.
    """

    label: str
    role: str
    candidate: Candidate
    validation: Mapping[int, float]
    test: Mapping[int, float]
    failed: int
    metric: str = "accuracy"
    maximises: bool = True

    def values(self, measure: str) -> Mapping[int, float]:
        """Return the accuracies of one measure, by replicate."""
        return self.test if measure == TEST else self.validation

    def interval(self, measure: str) -> Interval | None:
        """Return the mean with its 95 % interval, or None without any value."""
        values = self.values(measure)
        return mean_interval(values.values()) if values else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The winner against one baseline or control; `skipped` pairs lack one of the values.

    `corrected` is the p-value after Holm's correction over all baselines, or
    over the controls: over the `family` comparisons that are read together.
    `who` is compared with `baseline`; `is_better` says for whom the difference speaks.
    """

    baseline: str
    measure: str
    paired: Paired
    corrected: float
    skipped: int
    family: int
    who: str
    maximises: bool = True

    @property
    def is_of_test(self) -> bool:
        """Whether it is of the test data."""
        return self.measure.startswith("test")

    @property
    def is_better(self) -> bool:
        """Whether the mean of `who` is the better one."""
        return (self.paired.difference > 0) == self.maximises


def contestants(history: History, task: str = "") -> list[Contestant]:
    """Return who was confirmed: the winner, its controls, the other finalists, the baselines.

    With the accuracies on one `task` of several; by default, the means over all.

    A candidate that is finalist and baseline at once is listed once: as the
    winner if it won, else as the baseline. A control is listed in any case.
    """
    if history.confirmation is None:
        return []
    winner = history.finished.winner if history.finished else None
    finalists, baselines = history.confirmation.finalists, history.confirmation.baselines
    known = {candidate.id for candidate in baselines.values()}
    everyone = [*finalists.items(), *baselines.items()]
    roles = [(k, WINNER, c) for k, c in everyone if c.id == winner][:1]
    controls = history.controls.controls if history.controls else {}
    roles += [(k, CONTROL, c) for k, c in controls.items()]
    roles += [(k, FINALIST, c) for k, c in finalists.items() if c.id not in {winner, *known}]
    roles += [(k, BASELINE, c) for k, c in baselines.items() if c.id != winner]
    return [_contestant(*who, history, task) for who in roles]


def _contestant(
    label: str, role: str, candidate: Candidate, history: History, task: str
) -> Contestant:
    spec = spec_of(history)
    found = contestant_of(
        label,
        role,
        candidate,
        history.confirmed(candidate),
        task,
        metric=spec.metric,
        maximises=spec.maximises,
    )
    return replace(found, test={}) if role == FINALIST else found


def contestant_of(
    label: str,
    role: str,
    candidate: Candidate,
    evaluations: Sequence[Evaluation],
    task: str = "",
    *,
    metric: str = "accuracy",
    maximises: bool = True,
) -> Contestant:
    """Return a contestant with the accuracies that its trainings gave, on one task of several.

    Or with another `metric`, of which more is better, or less.
    """
    good = [evaluation for evaluation in evaluations if evaluation.is_ok]
    of_task = f"{task}." if task else ""
    on_val, on_test = f"{of_task}val_{metric}", f"{of_task}test_{metric}"
    validation = {e.replicate: e.objectives[on_val] for e in good if on_val in e.objectives}
    test = {e.replicate: e.test[on_test] for e in good if on_test in e.test}
    failed = len(evaluations) - len(good)
    return Contestant(label, role, candidate, validation, test, failed, metric, maximises)


def comparisons(history: History, task: str = "") -> list[Comparison]:
    """Compare the winner with each baseline, replicate by replicate; on one task of several.

    Baselines without any shared replicate are left out; so is the winner's
    own name among the baselines.
    """
    return _compared(history, BASELINE, task)


def control_comparisons(history: History) -> list[Comparison]:
    """Compare an annealed winner with its late and its early function alone, likewise."""
    return _compared(history, CONTROL)


def _compared(history: History, role: str, task: str = "") -> list[Comparison]:
    everyone = contestants(history, task)
    winner = next((c for c in everyone if c.role == WINNER), None)
    if winner is None:
        return []
    others = [c for c in everyone if c.role == role]
    return [
        comparison
        for measure in (VALIDATION, TEST)
        for comparison in compare_family([(winner, other) for other in others], measure)
    ]


def compare_family(
    rivals: Sequence[tuple[Contestant, Contestant]], measure: str
) -> list[Comparison]:
    """Compare contestants in pairs, replicate by replicate; all are read together.

    Pairs without any shared replicate are left out.

    Args:
        rivals: who is compared with whom.
        measure: `VALIDATION` or `TEST`.
    """
    found = [(a, b, _paired(a.values(measure), b.values(measure))) for a, b in rivals]
    pairs = [(a, b, paired) for a, b, paired in found if paired is not None]
    corrected = holm([paired.p_value for *_, paired in pairs])
    return [
        Comparison(
            b.label,
            measure_text(measure, a.metric),
            paired,
            p,
            skipped=len({*a.values(measure), *b.values(measure)}) - paired.n,
            family=len(pairs),
            who=a.label,
            maximises=a.maximises,
        )
        for (a, b, paired), p in zip(pairs, corrected, strict=True)
    ]


def measure_text(measure: str, metric: str) -> str:
    """Return what `VALIDATION` or `TEST` is called where another metric is reported.

    >>> measure_text(VALIDATION, "accuracy"), measure_text(TEST, "val_r2".removeprefix("val_"))
    ('validation accuracy', 'test r2')
    """
    return measure.replace("accuracy", metric)


def _paired(a: Mapping[int, float], b: Mapping[int, float]) -> Paired | None:
    shared = sorted(a.keys() & b.keys())
    return compare_paired([a[r] for r in shared], [b[r] for r in shared]) if shared else None


def confirmation_rows(history: History) -> list[dict[str, str | float | int | None]]:
    """Return the confirmed results as plain rows: winner, controls, finalists, baselines.

    None stands for a value that does not exist: bounds of a single value, or
    the test accuracy of a finalist that did not win. With several tasks, the means
    over them come first, then each task, which its rows name.
    """
    tasks = tasks_of(history)
    rows = [_confirmed_row(contestant) for contestant in contestants(history)]
    if not tasks:
        return rows
    return [{**row, "task": "mean"} for row in rows] + [
        {**_confirmed_row(contestant), "task": task}
        for task in tasks
        for contestant in contestants(history, task)
    ]


def tasks_of(history: History) -> list[str]:
    """Return the names of a study's tasks where there are several."""
    return [task.label for task in spec_of(history).tasks]


def confirmation_columns(history: History) -> tuple[str, ...]:
    """Return the names of the columns of the confirmed results."""
    return (*CONFIRMATION_COLUMNS, "task") if tasks_of(history) else CONFIRMATION_COLUMNS


def _confirmed_row(contestant: Contestant) -> dict[str, str | float | int | None]:
    return {
        "label": contestant.label,
        "role": contestant.role,
        "expression": contestant.candidate.text,
        **_bounds("val", contestant.interval(VALIDATION)),
        **_bounds("test", contestant.interval(TEST)),
        "n": len(contestant.validation),
        "failed": contestant.failed,
    }


def comparison_rows(history: History) -> list[dict[str, str | float | int | None]]:
    """Return the winner's comparisons with baselines, then controls, as plain rows."""
    return [comparison_row(one) for one in [*comparisons(history), *control_comparisons(history)]]


def comparison_row(comparison: Comparison) -> dict[str, str | float | int | None]:
    """Return a comparison as plain values; None stands for a bound of a single pair."""
    paired = comparison.paired
    return {
        "baseline": comparison.baseline,
        "measure": comparison.measure,
        "difference": paired.difference,
        "low": _finite(paired.low),
        "high": _finite(paired.high),
        "p_value": paired.p_value,
        "p_holm": comparison.corrected,
        "n": paired.n,
        "skipped": comparison.skipped,
    }


def _bounds(prefix: str, interval: Interval | None) -> dict[str, float | None]:
    names = ("mean", "low", "high")
    return {f"{prefix}_{n}": _finite(getattr(interval, n)) if interval else None for n in names}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


class ConfirmationCsv:
    """Writes `confirmation.csv` when the study is finished.

    Args:
        path: the file; its folder is made when missing.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def on_record(self, record: Record, history: History) -> None:
        """Write the file when the study is finished."""
        if isinstance(record, StudyFinished):
            text = csv_text(confirmation_columns(history), confirmation_rows(history))
            write_atomically(self._path, text.encode())

    def close(self) -> None:
        """Do nothing: the file is whole once it is there."""
