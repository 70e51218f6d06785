"""A search on the terminal: a live display, or plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evoact.records import (
    ConfirmationAsked,
    Evaluated,
    GenerationAsked,
    GenerationTold,
    History,
    RaceAsked,
    Record,
    SearchSpec,
    StudyFinished,
    StudyStarted,
)
from evoact.tracking.board import best_table, failures, header
from evoact.tracking.describe import duration_text, objective_text, spec_of
from evoact.tracking.pace import Pace, trainings_before

if TYPE_CHECKING:
    import rich.console

_SECONDS_BETWEEN_TABLES: Final = 0.25  # drawing one takes a while
_QUARTERS: Final = 4


class Console:
    """Shows a study while it runs.

    On a terminal: a display of the study's state, refreshed in place. Else, in pipes
    and notebooks: a line for each generation and a few for the confirmation.

    Args:
        console: where to write.
        total: trainings expected; by default what the specification says.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        console: rich.console.Console,
        total: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        pace = Pace(clock, total)
        live = console.is_terminal and not (console.is_dumb_terminal or console.is_jupyter)
        self._view = _LiveView(console, pace, clock) if live else _PlainView(console, pace)

    def on_record(self, record: Record, history: History) -> None:
        """Show a record."""
        if isinstance(record, StudyStarted):
            for line in _without_compiler(spec_of(history)):
                _print(self._console, line)
        self._view.on_record(record, history)

    def close(self) -> None:
        """Leave the terminal as it was found, below the last display."""
        self._view.close()


def _without_compiler(spec: SearchSpec) -> list[str]:
    """Say that a search will be slower than it could be, and why."""
    asked, run = spec.evaluate, spec.run
    if run is None or (asked.kernels, run.kernels) != ("auto", "torch"):
        return []
    reason = run.versions.get("kernels", "").removeprefix("torch (").removesuffix(")")
    by = "C" if asked.device == "cpu" else "Triton"
    return [f"activations are computed by torch, more slowly than by {by}: {reason}"]


def _print(console: rich.console.Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


class _PlainView:
    """Lines for logs and pipes; nothing for single trainings."""

    def __init__(self, console: rich.console.Console, pace: Pace) -> None:
        self._console, self._pace = console, pace
        self._quarter = 0

    def on_record(self, record: Record, history: History) -> None:
        self._pace.on_record(record, history)
        if isinstance(record, GenerationTold):
            _print(self._console, _generation_line(record.generation, history, self._pace))
        elif isinstance(record, RaceAsked):
            left, seeds = len(record.contestants), len(record.replicates)
            more = "" if len(history.race) == 1 else " more"
            told = f"race: {left} candidates with {seeds}{more} seed{'s' if seeds > 1 else ''} each"
            _print(self._console, told + _left(self._pace))
        elif isinstance(record, ConfirmationAsked):
            finalists, baselines = len(record.finalists), len(record.baselines)
            _print(
                self._console,
                f"confirmation: {finalists} finalists and {baselines} baselines "
                f"with {len(record.replicates)} fresh seeds each{_left(self._pace)}",
            )
        elif isinstance(record, Evaluated) and history.confirmation:
            self._confirmation(history)

    def _confirmation(self, history: History) -> None:
        before = trainings_before(history)
        total, done = self._pace.total - before, self._pace.done - before
        quarter = _QUARTERS * done // total if total > 0 else 0
        if quarter > self._quarter:
            self._quarter = quarter
            _print(self._console, f"confirmation: {done}/{total} trained{_left(self._pace)}")

    def close(self) -> None:
        """Do nothing: every line is out."""


def _generation_line(generation: int, history: History, pace: Pace) -> str:
    spec = spec_of(history)
    asked = history.asked[generation]
    evaluations = [history.evaluations.get((c.id, 0)) for c in asked.candidates]
    failed = sum(1 for evaluation in evaluations if evaluation and not evaluation.is_ok)
    number = sorted(history.asked).index(generation) + 1
    return (
        f"generation {number}/{spec.evolution.generations}: {_best_text(history, spec)}, "
        f"{len(evaluations)} trained, {failed} failed, {len(asked.rejected)} rejected{_left(pace)}"
    )


def _best_text(history: History, spec: SearchSpec) -> str:
    for candidate in history.hall_of_fame(spec, 1):
        evaluation = history.evaluations[candidate.id, 0]
        value = objective_text(spec.primary, evaluation.objectives[spec.primary])
        after = f" after {evaluation.epochs} epochs" if spec.evaluate.rungs else ""
        return f"best {spec.primary} {value}{after} ({candidate.text})"
    return "no candidate could be trained yet"


def _left(pace: Pace) -> str:
    left = pace.left()
    return "" if left is None else f", about {duration_text(left)} left"


class _LiveView:
    """A display that is refreshed in place.

    What is drawn is made in the thread of the search: the thread that
    refreshes must not walk over a history while it grows.
    """

    def __init__(
        self, console: rich.console.Console, pace: Pace, clock: Callable[[], float]
    ) -> None:
        self._pace, self._clock = pace, clock
        self._live = Live(console=console, refresh_per_second=2, auto_refresh=True)
        self._drawn = -_SECONDS_BETWEEN_TABLES

    def on_record(self, record: Record, history: History) -> None:
        self._pace.on_record(record, history)
        recent = self._clock() - self._drawn < _SECONDS_BETWEEN_TABLES
        if isinstance(record, Evaluated | GenerationAsked) and recent:
            return
        self._live.update(self._display(history))
        self._drawn = self._clock()
        if isinstance(record, StudyFinished):
            self._live.stop()
        elif not self._live.is_started:
            self._live.start()

    def close(self) -> None:
        self._live.stop()

    def _display(self, history: History) -> RenderableType:
        table = best_table(history, self._live.console)
        return Group(header(history), self._progress(), table, *failures(history))

    def _progress(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=max(1, self._pace.total), completed=self._pace.done, width=40)
        left, busy = self._pace.left(), self._pace.busy()
        ends = None if left is None else self._clock() + left
        workers = "" if busy is None else f"{busy:.1f} workers busy"
        done = f"{self._pace.done}/{self._pace.total}"
        grid.add_row(bar, done, _Countdown(ends, self._clock), workers)
        return grid


class _Countdown:
    """The time left, by the clock at the moment it is drawn."""

    def __init__(self, ends: float | None, clock: Callable[[], float]) -> None:
        self._ends, self._clock = ends, clock

    def __rich__(self) -> Text:
        if self._ends is None:
            return Text("")
        left = self._ends - self._clock()
        return Text(f"about {duration_text(left)} left" if left > 0 else "any moment now")
