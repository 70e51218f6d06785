"""The winner of a study as files: exported module and figure."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from evoact.records import Candidate, History, Record, StudyFinished
from evoact.tracking.describe import spec_of
from evoact.tracking.figures import function_figure, save_figure

STEM = "winner"


class WinnerFiles:
    """Exports the winner when a study ends: `winners/winner.*`, `figures/winner.*`.

    Args:
        folder: the folder of the study.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def on_record(self, record: Record, history: History) -> None:
        """Export at the end of a study."""
        if not isinstance(record, StudyFinished) or record.winner is None:
            return
        from evoact.export import export

        winner = history.candidates[record.winner]
        trained = history.trained_params(winner, self._folder)
        export(
            winner.late,
            self._folder / "winners",
            params="trained" if trained else "recipe",
            trained=trained or None,
            stem=STEM,
            about=discovered_text(winner, history),
        )
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
