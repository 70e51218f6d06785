"""How candidates that were trained on several tasks are compared."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType
from typing import Final

from evoact.records.spec import SearchSpec

_COMBINED: Final[Mapping[str, Callable[[Sequence[float]], float]]] = MappingProxyType(
    {"mean_rank": fmean, "worst": max}
)


def merits(spec: SearchSpec, group: Sequence[Mapping[str, float]]) -> list[tuple[float, ...]]:
    """Return the values of all objectives for each of a group, more being better.

    Accuracies of different tasks are no numbers of one scale. So of several tasks, what
    counts is a candidate's rank among the group on each of them (1 is the best, ties share
    the mean of theirs): the mean over tasks, or the worst (`evaluate.combine`). Such
    values are comparable within the group alone; they follow from what was measured, not
    from when. Objectives that are no matter of a task count as they are.

    Args:
        spec: its objectives and tasks.
        group: the objectives of those who are compared.

    >>> spec = SearchSpec(tasks=[{"name": "digits"}, {"name": "mnist1d"}])
    >>> a = {"digits-mlp.val_accuracy": 0.97, "mnist1d-mlp.val_accuracy": 0.60}
    >>> b = {"digits-mlp.val_accuracy": 0.96, "mnist1d-mlp.val_accuracy": 0.70}
    >>> c = {"digits-mlp.val_accuracy": 0.95, "mnist1d-mlp.val_accuracy": 0.65}
    >>> merits(spec, [a, b, c])
    [(-2.0,), (-1.5,), (-2.5,)]
    """
    if not spec.tasks:
        return [spec.signed(objectives) for objectives in group]
    columns = [_column(spec, name, group) for name in spec.objectives]
    return list(zip(*columns, strict=True))


def _column(spec: SearchSpec, name: str, group: Sequence[Mapping[str, float]]) -> list[float]:
    sign = 1.0 if spec.objectives[name] == "max" else -1.0
    keys = spec.keys(name)
    if len(keys) == 1:
        return [sign * objectives[keys[0]] for objectives in group]
    ranks = [_ranks([-sign * objectives[key] for objectives in group]) for key in keys]
    combined = _COMBINED[spec.evaluate.combine]
    return [-combined(of_one) for of_one in zip(*ranks, strict=True)]


def _ranks(values: Sequence[float]) -> list[float]:
    """Return ranks from 1 on, of the least value; ties share their mean."""
    order = sorted(values)
    return [(bisect_left(order, v) + bisect_right(order, v) + 1) / 2 for v in values]
