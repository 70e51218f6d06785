"""The files that MLflow keeps of a study and of its candidates; the same bytes each time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evoact.language import resolve
from evoact.records import Candidate, History
from evoact.tracking.confirmation import confirmation_columns, confirmation_rows
from evoact.tracking.describe import csv_text, spec_of
from evoact.tracking.figures import (
    candidate_svg,
    confirmation_figure,
    figure_bytes,
    front_figure,
    gallery_figure,
    genealogy_figure,
    progress_figure,
)
from evoact.tracking.hall_of_fame import hall_of_fame_columns, hall_of_fame_rows
from evoact.tracking.mlflow_content import lineage, main_evaluation
from evoact.tracking.winners import trained_params, write_export, written_export

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HALL_OF_FAME_CSV: Final = "hall_of_fame.csv"
EXPORT: Final = "export"
Files = dict[str, bytes]
"""Contents by path."""


def hall_of_fame_text(history: History) -> str:
    """Return the hall of fame as CSV, which MLflow shows as a table."""
    return csv_text(hall_of_fame_columns(spec_of(history)), hall_of_fame_rows(history))


def study_files(history: History) -> Files:
    """Return what a finished study has: its hall of fame, its confirmation, its figures."""
    assert history.finished is not None, "a study has its results when it is finished"
    winner = history.candidates.get(history.finished.winner or "")
    files = _figures(
        gallery=gallery_figure(history),
        front=front_figure(history),
        progress=progress_figure(history),
        confirmation=confirmation_figure(history),
        genealogy=genealogy_figure(history, winner) if winner else None,
    )
    files[HALL_OF_FAME_CSV] = hall_of_fame_text(history).encode()
    rows = confirmation_rows(history)
    if rows:
        files["confirmation.csv"] = csv_text(confirmation_columns(history), rows).encode()
    return files


def _figures(**figures: Figure | None) -> Files:
    drawn = {name: figure for name, figure in figures.items() if figure is not None}
    return {f"figures/{name}.svg": figure_bytes(figure) for name, figure in drawn.items()}


def candidate_files(candidate: Candidate, history: History, study_dir: Path) -> Files:
    """Return what a candidate has: its figure, facts, ancestors."""
    evaluation = main_evaluation(candidate, history)
    trained = trained_params(candidate, history, study_dir)
    curve = evaluation.curve if evaluation else ()
    return {
        "function.svg": candidate_svg(candidate, curve, params=trained),
        "facts.json": _json(candidate.late.facts().to_dict()),
        "lineage.json": _json(lineage(candidate, history)),
    }


def write_files(files: Files, folder: Path) -> None:
    """Write files to a folder, which is made."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def put_export(winner: Candidate, history: History, study_dir: Path, folder: Path) -> None:
    """Put a winner's export into a folder: that of the study, or one made anew if it is gone."""
    written = written_export(winner, history, study_dir)
    if not written:
        write_export(winner, history, study_dir, folder)
        return
    folder.mkdir(parents=True)
    for path in written:
        shutil.copyfile(path, folder / path.name)


def prepare_drawing() -> None:
    """Import what is drawn with, which takes a second, before it is waited for."""
    import scipy.stats  # noqa: F401  # comparisons are drawn, too

    candidate_svg(Candidate(resolve("relu")), ())


def _json(data: Any) -> bytes:
    return f"{json.dumps(data, indent=1)}\n".encode()
