"""What a study looks like on a terminal: where it stands, its best functions, what failed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from evoact.records import Candidate, Evaluation, History, SearchSpec, Status
from evoact.tracking.describe import annealing_text, known_name, objective_text, spec_of
from evoact.tracking.sparkline import sparkline

if TYPE_CHECKING:
    from rich.console import Console

_BEST: Final = 5
_FAILURES: Final = 3
_WIDE: Final = 80  # columns; with fewer, expressions need the room
SKETCH: Final = "f on [-3, 3]"
"""The heading of a column of sparklines."""


def header(history: History) -> Text:
    """Return where a study stands in a line: its stage, and how trainings ended."""
    spec = spec_of(history)
    counts = history.statuses
    failed = {status: n for status, n in counts.items() if n and status is not Status.OK}
    endings = [f"{n} {status.value}" for status, n in failed.items()]
    parts = [_stage(history, spec), f"{counts[Status.OK]} trained", *sorted(endings)]
    if rejected := sum(len(asked.rejected) for asked in history.asked.values()):
        parts.append(f"{rejected} rejected")
    name = history.started.name if history.started else spec.name
    return Text.assemble((name, "bold"), "  ", ", ".join(parts))


def _stage(history: History, spec: SearchSpec) -> str:
    if history.finished:
        return "finished"
    if history.confirmation:
        return "confirmation"
    if history.race:
        return "race"
    return f"generation {len(history.asked)}/{spec.evolution.generations}"


def sketches(console: Console) -> bool:
    """Whether a console can show sparklines: not all have their characters."""
    return console.encoding.lower().startswith("utf")


def best_table(history: History, console: Console) -> Table:
    """Return the best of the search so far, with a sketch of each function.

    On a narrow console it has fewer columns.
    """
    spec, wide = spec_of(history), console.width >= _WIDE
    drawn = wide and sketches(console)
    table = Table(box=box.SIMPLE_HEAD, expand=True)
    table.add_column("#", justify="right")
    if drawn:
        table.add_column(SKETCH, no_wrap=True, style="cyan")
    table.add_column("best so far", no_wrap=True, overflow="ellipsis", ratio=1)
    rungs = ["epochs"] if spec.evaluate.rungs else []
    for name in [*rungs, *spec.measures]:
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("annealing", no_wrap=True, overflow="ellipsis", max_width=36)
    table.add_column("known as", no_wrap=True)
    for rank, candidate in enumerate(history.hall_of_fame(spec, _BEST), start=1):
        evaluation = history.evaluations[candidate.id, 0]
        table.add_row(
            str(rank),
            *([Text(sparkline(candidate.late))] if drawn else []),
            Text(candidate.text),
            *(str(evaluation.epochs) for _ in rungs),
            *(objective_text(name, evaluation.objectives[name]) for name in spec.measures),
            *([Text(annealing_text(candidate))] if wide else []),
            known_name(candidate.late),
        )
    return table


def failures(history: History) -> list[Text]:
    """Return a line for each of the last trainings that failed, the newest first."""
    failed = (e for e in reversed(history.evaluations.values()) if not e.is_ok)
    return [_failure(e, history) for e in islice(failed, _FAILURES)]


def _failure(evaluation: Evaluation, history: History) -> Text:
    candidate: Candidate | None = history.candidates.get(evaluation.candidate_id)
    text = candidate.text if candidate else evaluation.candidate_id[:12]
    line = Text.assemble((f"{evaluation.status.value}  ", "red"), text, no_wrap=True)
    line.append(f"  {evaluation.reason}" if evaluation.reason else "", "dim")
    line.overflow = "ellipsis"
    return line
