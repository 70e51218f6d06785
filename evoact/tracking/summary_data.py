"""The final report of a study as plain data: for programs, and for reports of another form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from evoact.records import History
from evoact.stats import Borne, Interval
from evoact.tracking.confirmation import comparison_rows, confirmation_rows
from evoact.tracking.curse import curse_measure, flattered, winners_curse
from evoact.tracking.describe import spec_of
from evoact.tracking.predictions import surrogate
from evoact.tracking.spent import spent
from evoact.tracking.summary import verdict


def summary_data(history: History) -> Mapping[str, Any]:
    """Return what `print_summary` prints: numbers by name, JSON's types alone.

    `evaluated` counts candidates of the search; `rejected` those that were not
    trained by the kind of reason, duplicates being one; `spent` is of all trainings;
    `winners_curse` is search minus confirmed score, more being better in both;
    `surrogate` what was predicted against what was measured.
    """
    return {
        "confirmed": confirmation_rows(history),
        "comparisons": comparison_rows(history),
        "verdict": verdict(history),
        "evaluated": len(history.searched()),
        "rejected": dict(Counter(item.kind for item in history.rejected).most_common()),
        "spent": [asdict(one) for one in spent(history)],
        "winners_curse": _curse(history),
        "surrogate": _surrogate(history),
    }


def _surrogate(history: History) -> dict[str, Any] | None:
    found = surrogate(history)
    if found is None:
        return None
    return {"measure": found.measure, "chosen": found.chosen, **_plain(found.borne)}


def _curse(history: History) -> dict[str, Any] | None:
    found = flattered(history)
    curse = winners_curse(found)
    if curse is None:
        return None
    finalists = [
        {
            "id": one.candidate.id,
            "expression": one.candidate.text,
            "search": one.search,
            "confirmed": _plain(one.confirmed),
            "by": one.by,
        }
        for one in found
    ]
    return {
        "measure": curse_measure(spec_of(history)),
        **_plain(curse),
        "finalists": finalists,
    }


def _plain(numbers: Interval | Borne) -> dict[str, float | int | None]:
    data = asdict(numbers)
    return {name: value if math.isfinite(value) else None for name, value in data.items()}
