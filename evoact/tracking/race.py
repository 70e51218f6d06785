"""What the race for the confirmation was, in words."""

from __future__ import annotations

from evoact.records import History
from evoact.tracking.pace import race_trainings


def race_told(history: History) -> list[str]:
    """Return how many raced, under how many seeds, and who is left; nothing without a race."""
    if not history.race or history.confirmation is None:
        return []
    seeds = sum(len(asked.replicates) for asked in history.race)
    return [
        f"Race: of {len(history.race[0].contestants)} candidates "
        f"{len(history.confirmation.finalists)} were confirmed, after up to {seeds} seeds of "
        f"the race's own ({race_trainings(history)} trainings)."
    ]
