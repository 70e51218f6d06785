"""Training on several tasks: the evaluations of a candidate on each, as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from evoact.records import Candidate, Cohort, Evaluation, TaskSpec

Curve = Sequence[Mapping[str, float | None]]


def train_on_each(cohort: Cohort, train: Callable[[Cohort], list[Evaluation]]) -> list[Evaluation]:
    """Train the candidates of a cohort on one of its tasks after the other.

    Who fails on one is not trained on those after it.

    Args:
        cohort: with several tasks.
        train: trains a cohort of one task.
    """
    found: dict[Candidate, list[Evaluation]] = {c: [] for c in cohort.candidates}
    left = cohort.candidates
    for task in cohort.tasks:
        if not left:
            break
        evaluations = train(replace(cohort, candidates=left, task=task, tasks=()))
        for candidate, evaluation in zip(left, evaluations, strict=True):
            found[candidate].append(evaluation)
        left = tuple(candidate for candidate in left if found[candidate][-1].is_ok)
    return [merged(cohort.tasks, found[candidate]) for candidate in cohort.candidates]


def merged(tasks: Sequence[TaskSpec], evaluations: Sequence[Evaluation]) -> Evaluation:
    """Return one evaluation of those on several tasks, the first of them being given.

    What differs by task stands under its name, `digits-mlp.val_accuracy`; under the plain
    name is the mean over tasks. So it is with the curve, as far as all tasks have epochs.
    Layers of trained parameters have the task's name before theirs.
    """
    last = evaluations[-1]
    sums: dict[str, Any] = {
        name: sum(getattr(evaluation, name) for evaluation in evaluations)
        for name in ("seconds", "steps", "shared_steps")
    }
    if not last.is_ok:
        label = tasks[len(evaluations) - 1].label
        return replace(last, reason=f"on {label}: {last.reason}", **sums)
    pairs = list(zip(tasks, evaluations, strict=True))
    curve = _mean_curve([evaluation.curve for evaluation in evaluations])
    return replace(
        last,
        objectives=_by_task([(task, evaluation.objectives) for task, evaluation in pairs]),
        test=_by_task([(task, evaluation.test) for task, evaluation in pairs]),
        curve=curve,
        epochs=len(curve),
        params={task.key(n): v for task, e in pairs for n, v in e.params.items()},
        **sums,
    )


def _by_task(found: Sequence[tuple[TaskSpec, Mapping[str, float]]]) -> dict[str, float]:
    """Return the means over tasks, and what each has; of what is equal on all, that alone.

    Of what some tasks do not measure there is no mean.
    """
    values: dict[str, float] = {}
    for name in dict.fromkeys(name for _, measured in found for name in measured):
        each = {task: measured[name] for task, measured in found if name in measured}
        if len(each) == len(found):
            values[name] = fmean(each.values())
        if name.startswith(("val_", "test_")):
            values |= {task.key(name): value for task, value in each.items()}
    return values


def _mean_curve(curves: Sequence[Curve]) -> Curve:
    return tuple(
        {
            name: _mean([entry[name] for entry in entries])
            for name in entries[0]
            if all(name in entry for entry in entries)
        }
        for entries in zip(*curves, strict=False)
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None
