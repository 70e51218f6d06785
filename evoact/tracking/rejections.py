"""What was bred and not trained, counted by reason, in words."""

from __future__ import annotations

from collections import Counter
from typing import Final

from evoact.records import History, Rejected

_KEYS: Final = {"seed": "evolution.seeds", "warm": "evolution.warm_start"}


def rejections(history: History) -> list[str]:
    """Say how many offspring were rejected before training, and which functions of the user's.

    Nothing for a study that rejected none.
    """
    counts = Counter(item.kind for item in history.rejected)
    if not counts:
        return []
    trained = len(history.searched())
    reasons = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    total = f"{trained} were trained; {counts.total()} were rejected before: {reasons}."
    own = [rejected_text(item) for item in history.rejected if item.origin in _KEYS]
    return [f"Of what the search bred, {total}", *own]


def rejected_text(item: Rejected) -> str:
    """Say that a function that the user gave is not trained.

    >>> rejected_text(Rejected("x", "linear", origin="seed"))
    "Of evolution.seeds, 'x' was not trained: linear."
    """
    return f"Of {_KEYS[item.origin]}, {item.text!r} was not trained: {item.reason}."
