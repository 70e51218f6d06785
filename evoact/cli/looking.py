"""`evoact top`, `evoact sync` and `evoact ui`."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evoact.errors import InputError
from evoact.study import Study


def show_top(folder: Path, n: int, as_json: bool, summary: bool = False) -> None:
    """Print the hall of fame of a study, or the summary that its search ended with."""
    from evoact.tracking import GENES, annealing_text, hall_of_fame_columns, hall_of_fame_rows

    study = Study.load(folder)
    if summary:
        _show_summary(study, as_json)
        return
    rows = hall_of_fame_rows(study.history)[:n]
    if as_json:
        print_json(rows)
        return
    # The genes in one text: eight columns of them are for files. Rungs: by their epochs.
    # Of several tasks the means: each has its columns in the file, and its tables in the summary.
    of_tasks = {key for name in study.spec.measures for key in study.spec.keys(name)}
    hidden = {*GENES, "rung", *(of_tasks - set(study.spec.measures))}
    annealing = {c.id: annealing_text(c) for c in study.history.candidates.values()}
    rows = [{**row, "annealing": annealing[str(row["id"])]} for row in rows]
    every = [c for c in hall_of_fame_columns(study.spec) if c not in hidden]
    columns = [c for c in [*every, "annealing"] if any(row[c] not in {"", "-"} for row in rows)]
    table = Table(title=f"{study.name}: hall of fame", box=box.SIMPLE)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column == "id")
    for row in rows:
        table.add_row(*(Text(_cell(column, row[column])) for column in columns))
    Console().print(table)


def _show_summary(study: Study, as_json: bool) -> None:
    from evoact.cli.searching import wide_console  # imports more than the hall of fame needs
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


def open_ui(runs_dir: Path, host: str, port: int) -> None:
    """Become an MLflow server on the embedded store of a runs folder."""
    from evoact.tracking import tracking_uri

    store = runs_dir / "mlflow.db"
    if not store.is_file():
        raise InputError(
            f"--runs-dir {runs_dir} holds no MLflow store ({store.name}); run a search first, "
            "or name the folder that its studies are in"
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"--port is {port}, but it cannot be used on {host}: {error.strerror}; "
                "choose another"
            ) from error
    print(f"MLflow: http://{host}:{port} (Ctrl-C ends it)", flush=True)  # noqa: T201  # as above
    uri = tracking_uri("embedded", runs_dir)
    assert uri is not None
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    arguments = ["--backend-store-uri", uri, "--host", host, "--port", str(port), "--workers", "1"]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", *arguments])  # noqa: S606  # our own interpreter
