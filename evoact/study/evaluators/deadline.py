"""How long a worker may take for a cohort before it is thought to hang."""

from __future__ import annotations

import faulthandler
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SLACK: Final = 900.0  # for what no timeout counts: reading data, building networks, compiling


def seconds_allowed(text: str, slack: float = SLACK) -> float:
    """Return how long training a cohort takes at most, if nothing hangs.

    Each stack may take the timeouts of all its candidates, on each task; then its halves
    are tried, and theirs, until each candidate is alone.

    Args:
        text: the cohort, as it is sent.
        slack: seconds for what no timeout counts.

    >>> seconds_allowed('{"candidates": [1, 2, 3], "timeout": 10.0, "tasks": []}', 60.0)
    150.0
    """
    cohort = json.loads(text)
    count, tasks = len(cohort["candidates"]), len(cohort["tasks"])
    stacks = 1 + (count - 1).bit_length()
    return slack + float(cohort["timeout"]) * count * stacks * max(1, tasks)


@contextmanager
def ending_process(seconds: float) -> Iterator[None]:
    """End this process if what is done meanwhile takes longer, and write where it hangs.

    By a thread that needs nothing of Python: it works while compiled code hangs.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
