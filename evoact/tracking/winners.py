"""The winner of a study as files: exported module and figure."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from evoact.errors import StudyError
from evoact.records import Candidate, History, Record, StudyFinished
from evoact.tracking.describe import spec_of
from evoact.tracking.figures import function_figure, save_figure

STEM: Final = "winner"
WINNERS: Final = "winners"
_TRAINED: Final = f"{STEM}_trained"


class WinnerFiles:
    """Exports the winner when a study ends: `winners/winner*`, `figures/winner.*`.

    Args:
        folder: the folder of the study.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def on_record(self, record: Record, history: History) -> None:
        """Export at the end of a study."""
        if not isinstance(record, StudyFinished) or record.winner is None:
            return
        winner = history.candidates[record.winner]
        write_export(winner, history, self._folder, self._folder / WINNERS)
        trained = trained_params(winner, history, self._folder)
        figure = function_figure(winner.late, params=trained or None)
        for suffix in (".svg", ".png"):
            save_figure(figure, self._folder / "figures" / f"{STEM}{suffix}")

    def close(self) -> None:
        """Nothing to let go of."""


def discovered_text(winner: Candidate, history: History) -> str:
    """Return where an exported function comes from, in words."""
    assert history.started is not None, "the journal has no first line yet"
    text = f"Discovered by evoact, study {history.started.name}, candidate {winner.short_id}."
    metric = spec_of(history).metric
    values = [e.objectives[f"val_{metric}"] for e in history.confirmed(winner) if e.is_ok]
    if values:
        text += f" Validation {metric} {fmean(values):.4f}, the mean of {len(values)} fresh seeds."
    return text


def write_export(winner: Candidate, history: History, study_dir: Path, folder: Path) -> None:
    """Write a winner as files that need no evoact: recipe, and trained values of each layer.

    In the formats that torch alone is needed for, and as ONNX where its packages are there.
    """
    from evoact.export import DEFAULT, export
    from evoact.export.needs import missing
    from evoact.export.onnx import PACKAGES

    formats = [*DEFAULT, *([] if missing(PACKAGES) else ["onnx"])]
    about, trained = discovered_text(winner, history), trained_params(winner, history, study_dir)
    export(winner.late, folder, formats=formats, stem=STEM, about=about)
    if trained:
        export(winner.late, folder, formats=formats, stem=_TRAINED, about=about,
               params="trained", trained=trained)  # fmt: skip


def written_export(winner: Candidate, history: History, study_dir: Path) -> list[Path]:
    """Return the files of a winner's export that lie in a study's folder; none if not all do."""
    folder = study_dir / WINNERS
    stems = [STEM, *([_TRAINED] if trained_params(winner, history, study_dir) else [])]
    about = discovered_text(winner, history)
    if all(_told(folder / f"{stem}.json") == about for stem in stems):
        return sorted(path for stem in stems for path in folder.glob(f"{stem}.*"))
    return []


def _told(state: Path) -> str | None:
    """Return what the state of an export says of where it comes from."""
    try:
        about: str | None = json.loads(state.read_text(encoding="utf-8")).get("about")
    except (OSError, ValueError):
        return None
    return about


def trained_params(
    candidate: Candidate, history: History, study_dir: Path
) -> dict[str, dict[str, Any]]:
    """Return trained parameters; a study whose files were lost is shown without."""
    try:
        return history.trained_params(candidate, study_dir)
    except StudyError:
        return {}
