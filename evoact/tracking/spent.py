"""What a study spent on training: by stage, and in the search by rung."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.table import Table

from evoact.records import Evaluation, History
from evoact.tracking.describe import duration_text, spec_of

SEARCH, RACE, CONFIRMATION, ALL = "search", "race", "confirmation", "all"
_STAGES: Final = (SEARCH, RACE, CONFIRMATION)
_CAPTION: Final = (
    "network-steps: optimiser steps of one network, those shared counted once, those of failed "
    "trainings not; time by the clock, summed over workers"
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What some trainings took.

    Attributes:
        stage: `search`, `race` or `confirmation` (of the controls too), or `all`.
        rung: where trainings of the search ended, from 0; -1 where there are no
            rungs, and for those that failed.
        epochs: that those which ended well were trained; None where they differ.
        trainings: how many there were.
        failed: how many of them gave nothing.
        steps: optimiser steps of a network; what several shared is counted once, and
            trainings that failed do not tell theirs.
        seconds: the time that trainings took by the clock, summed over workers.
    """

    stage: str
    rung: int
    epochs: int | None
    trainings: int
    failed: int
    steps: int
    seconds: float


def spent(history: History) -> list[Spent]:
    """Return what each stage took, the search by the rungs where trainings ended; then all."""
    raced = {replicate for asked in history.race for replicate in asked.replicates}
    rungs = bool(spec_of(history).evaluate.rungs)
    found: dict[tuple[int, int], list[Evaluation]] = {}
    for (_, replicate), evaluation in history.evaluations.items():
        stage = SEARCH if replicate == 0 else RACE if replicate in raced else CONFIRMATION
        rung = evaluation.rung if rungs and stage == SEARCH and evaluation.is_ok else -1
        found.setdefault((_STAGES.index(stage), rung), []).append(evaluation)
    stages = [_sum(_STAGES[stage], rung, found[stage, rung]) for stage, rung in sorted(found)]
    return [*stages, _sum(ALL, -1, history.evaluations.values())] if stages else []


def _sum(stage: str, rung: int, evaluations: Collection[Evaluation]) -> Spent:
    epochs = {e.epochs for e in evaluations if e.is_ok}
    return Spent(
        stage,
        rung,
        epochs.pop() if len(epochs) == 1 else None,
        trainings=len(evaluations),
        failed=sum(not e.is_ok for e in evaluations),
        steps=sum(e.steps - e.shared_steps for e in evaluations),
        seconds=math.fsum(e.seconds for e in evaluations),
    )


def spent_table(found: Collection[Spent]) -> Table:
    """Return the table of the budget."""
    table = Table(title="Budget spent", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("stage", no_wrap=True)
    for name in ("epochs", "trainings", "failed", "network-steps", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            f"{one.stage}, rung {one.rung + 1}" if one.rung >= 0 else one.stage,
            "-" if one.epochs is None else str(one.epochs),
            *(f"{count:,}" for count in (one.trainings, one.failed, one.steps)),
            duration_text(one.seconds),
            style="bold" if one.stage == ALL else None,
        )
    table.caption, table.caption_justify = _CAPTION, "left"
    return table
