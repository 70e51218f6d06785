"""The files that MLflow keeps of a study and of its candidates; the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evoact.errors import StudyError
from evoact.records import Candidate, History
from evoact.tracking.confirmation import confirmation_columns, confirmation_rows
from evoact.tracking.describe import csv_text, spec_of
from evoact.tracking.figures import (
    candidate_figure,
    confirmation_figure,
    front_figure,
    gallery_figure,
    genealogy_figure,
    progress_figure,
    save_figure,
)
from evoact.tracking.hall_of_fame import hall_of_fame_columns, hall_of_fame_rows
from evoact.tracking.mlflow_content import Child, lineage, main_evaluation
from evoact.tracking.winners import STEM, discovered_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HALL_OF_FAME_CSV: Final = "hall_of_fame.csv"
EXPORT: Final = "export"


def hall_of_fame_text(history: History) -> str:
    """Return the hall of fame as CSV, which MLflow shows as a table."""
    return csv_text(hall_of_fame_columns(spec_of(history)), hall_of_fame_rows(history))


def write_study(history: History, folder: Path) -> None:
    """Write what a finished study has: its confirmation, and its figures."""
    rows = confirmation_rows(history)
    if rows:
        text = csv_text(confirmation_columns(history), rows)
        (folder / "confirmation.csv").write_text(text, encoding="utf-8", newline="")
    for name, figure in _study_figures(history).items():
        if figure is not None:
            (folder / "figures").mkdir(exist_ok=True)
            save_figure(figure, folder / "figures" / f"{name}.svg")


def _study_figures(history: History) -> dict[str, Figure | None]:
    assert history.finished is not None, "a study has its figures when it is finished"
    winner = history.candidates.get(history.finished.winner or "")
    return {
        "progress": progress_figure(history),
        "gallery": gallery_figure(history),
        "front": front_figure(history),
        "confirmation": confirmation_figure(history),
        "genealogy": genealogy_figure(history, winner) if winner else None,
    }


def write_child(child: Child, history: History, study_dir: Path, folder: Path) -> None:
    """Write what a candidate has: its figure, facts, ancestors."""
    candidate, evaluation = child.candidate, main_evaluation(child.candidate, history)
    trained = trained_params(candidate, history, study_dir)
    curve = evaluation.curve if evaluation else ()
    figure = candidate_figure(candidate, curve, params=trained)
    save_figure(figure, folder / "function.svg")
    _write_json(candidate.late.facts().to_dict(), folder / "facts.json")
    _write_json(lineage(candidate, history), folder / "lineage.json")


def write_export(winner: Candidate, history: History, study_dir: Path, folder: Path) -> None:
    """Write a winner as files that need no evoact: recipe, and trained values of each layer."""
    from evoact.export import DEFAULT, export
    from evoact.export.needs import missing
    from evoact.export.onnx import PACKAGES

    formats = [*DEFAULT, *([] if missing(PACKAGES) else ["onnx"])]
    told = discovered_text(winner, history)
    export(winner.late, folder, formats=formats, stem=STEM, about=told)
    trained = trained_params(winner, history, study_dir)
    if trained:
        export(
            winner.late,
            folder,
            formats=formats,
            params="trained",
            trained=trained,
            stem=f"{STEM}_trained",
            about=told,
        )


def trained_params(
    candidate: Candidate, history: History, study_dir: Path
) -> dict[str, dict[str, Any]]:
    """Return trained parameters; a study whose files were lost is shown without."""
    try:
        return history.trained_params(candidate, study_dir)
    except StudyError:
        return {}


def _write_json(data: Any, path: Path) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
