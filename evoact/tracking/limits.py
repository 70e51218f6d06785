"""Whether the winner keeps the limits on what is measured, in words."""

from __future__ import annotations

from evoact.records import Candidate, Evaluation, History
from evoact.tracking.describe import objective_text, spec_of


def limits_told(winner: Candidate, history: History) -> list[str]:
    """Return which limits the winner breaks in the mean of its fresh seeds; most often none."""
    means = Evaluation.means(history.confirmed(winner))
    broken = [
        f"{limit} (it has {objective_text(limit.name, means[limit.name])})"
        for limit in spec_of(history).limits()
        if limit.name in means and limit.excess(means[limit.name])
    ]
    if not broken:
        return []
    return [f"With fresh seeds the winner does not keep constraints: {', '.join(broken)}."]
