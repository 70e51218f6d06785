"""Studies run here, by any evaluator, and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evoact.records import SearchSpec
from evoact.study import Evaluator, Study, run
from evoact.tracking import HallOfFameCsv

Listeners = Callable[[Path], Sequence[Any]]


def hall_of_fame(folder: Path) -> list[Any]:
    """The listener that writes the hall of fame of a study."""
    return [HallOfFameCsv(folder / "hall_of_fame.csv")]


def searched(
    spec: SearchSpec,
    runs: Path,
    name: str | None,
    evaluator: Evaluator,
    listeners: Listeners = hall_of_fame,
    seed: int = 7,
) -> Study:
    """Begin a study and run it to its end, or to the fault that the evaluator has."""
    return gone_on(Study.create(spec, runs, name, seed).folder, evaluator, listeners)


def gone_on(folder: Path, evaluator: Evaluator, listeners: Listeners = hall_of_fame) -> Study:
    """Go on with a study as another process would: from its files."""
    study = Study.load(folder)
    try:
        study.open(listeners(folder))
        run(study, evaluator)
    finally:
        study.close()
    return study
