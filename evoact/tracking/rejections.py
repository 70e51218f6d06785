"""What was bred and not trained, counted by reason, in words."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from evoact.records import History, Rejected

_KEYS: Final = {"seed": "evolution.seeds", "warm": "evolution.warm_start"}
_DUPLICATE: Final = "duplicate"


def rejections(history: History) -> list[str]:
    """Say how many offspring were evaluated, avoided as duplicates and rejected, and why.

    Also which functions of the user's were. Nothing for a study that rejected none.
    """
    counts = Counter(item.kind for item in history.rejected)
    if not counts:
        return []
    duplicates = counts.pop(_DUPLICATE, 0)
    reasons = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    total = (
        f"{len(history.searched()):,} were evaluated, {duplicates:,} duplicates were avoided, and "
        f"{counts.total():,} were rejected before training{': ' if reasons else ''}{reasons}."
    )
    own = [rejected_text(item) for item in history.rejected if item.origin in _KEYS]
    return [f"Of what the search bred, {total}", *own]


def rejection_points(history: History, generation: int) -> dict[str, float]:
    """Return how many of a generation were rejected for each kind of reason, as metrics.

    Of all kinds that the search has met by then, so that a kind has a value from its
    first one on.

    >>> from evoact.records import GenerationAsked
    >>> rejected = (Rejected("log(x)", "not standardised: no mean"),)
    >>> asked = {0: GenerationAsked(0, (), rejected), 1: GenerationAsked(1, (), ())}
    >>> rejection_points(History(asked=asked), 1)
    {'rejected_not_standardised': 0.0}
    """
    so_far = [
        item
        for n, asked in sorted(history.asked.items())
        if n <= generation
        for item in asked.rejected
    ]
    points = dict.fromkeys((_metric(item) for item in so_far), 0.0)
    for item in history.asked[generation].rejected:
        points[_metric(item)] += 1.0
    return points


def _metric(item: Rejected) -> str:
    """Return the name of a kind, with characters that a metric's may have."""
    kind = item.kind.replace("<", "below").replace(">", "above")
    return f"rejected_{re.sub(r'[^A-Za-z0-9.]+', '_', kind).strip('_')}"


def rejected_text(item: Rejected) -> str:
    """Say that a function that the user gave is not trained.

    >>> rejected_text(Rejected("x", "linear", origin="seed"))
    "Of evolution.seeds, 'x' was not trained: linear."
    """
    return f"Of {_KEYS[item.origin]}, {item.text!r} was not trained: {item.reason}."
