"""`evoact top` and `evoact sync`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from evoact.study import Study

# The least columns of a terminal that has room for what is less important.
_WIDTHS: Final = {"annealing": 100, "origin": 140, "generation": 140}


def wide_console() -> Console:
    """Return a console that does not fold tables in logs and pipes."""
    return Console(width=None if sys.stdout.isatty() else 120)


def show_top(folder: Path, n: int, as_json: bool, summary: bool = False) -> None:
    """Print the hall of fame of a study, or the summary that its search ended with."""
    from evoact.tracking import hall_of_fame_rows

    study = Study.load(folder)
    if summary:
        _show_summary(study, as_json)
        return
    rows = hall_of_fame_rows(study.history)[:n]
    if as_json:
        print_json(rows)
        return
    _print_board(study, rows)


def _print_board(study: Study, rows: list[dict[str, str | float | int]]) -> None:
    from evoact.tracking import (
        GENES,
        SKETCH,
        annealing_text,
        failures,
        hall_of_fame_columns,
        header,
        sketches,
        sparkline,
    )

    console, candidates = wide_console(), study.history.candidates
    # The genes in one text: eight columns of them are for files. Rungs: by their epochs.
    # Of several tasks the means: each has its columns in the file, and its tables in the summary.
    of_tasks = {key for name in study.spec.measures for key in study.spec.keys(name)}
    hidden = {*GENES, "rung", *(of_tasks - set(study.spec.measures))}
    hidden |= {name for name, width in _WIDTHS.items() if console.width < width}
    rows = [{**row, "annealing": annealing_text(candidates[str(row["id"])])} for row in rows]
    every = [c for c in hall_of_fame_columns(study.spec) if c not in hidden]
    shown = [c for c in [*every, "annealing"] if c not in hidden]
    columns = [c for c in shown if any(row[c] not in {"", "-"} for row in rows)]
    if sketches(console):
        rows = [{**row, SKETCH: sparkline(candidates[str(row["id"])].late)} for row in rows]
        columns.insert(1, SKETCH)
    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        name = "#" if column == "rank" else column.replace("_", " ")
        style, long = "cyan" if column == SKETCH else None, column in {"expression", "annealing"}
        numbers = all(isinstance(row[column], int | float) for row in rows)
        side: JustifyMethod = "right" if numbers else "left"
        table.add_column(name, overflow="fold", no_wrap=not long, style=style, justify=side)
    for row in rows:
        table.add_row(*(Text(_cell(column, row[column])) for column in columns))
    console.print(header(study.history), table, *failures(study.history))


def _show_summary(study: Study, as_json: bool) -> None:
    from evoact.tracking import print_summary, summary_data

    if as_json:
        print_json(summary_data(study.history))
    else:
        print_summary(wide_console(), study.history)


def _cell(column: str, value: str | float) -> str:
    if column == "id":
        return str(value)[:12]
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_json(data: Any) -> None:
    """Print plain data as JSON, for programs."""
    print(json.dumps(data, indent=2))  # noqa: T201  # the command's result


def run_sync(folder: Path, to: str) -> None:
    """Send a study to a tracker, and say how much of it was missing."""
    from evoact.api import sync

    sent = sync(folder, to)
    told = ", ".join(f"{count} {what}" for what, count in sent.items())
    print(f"sent {told}" if any(sent.values()) else "nothing was missing")  # noqa: T201  # the command's result
