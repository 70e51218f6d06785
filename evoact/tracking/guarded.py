"""A listener that cannot stop a search."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from evoact.records import History, Listener, Record, StudyFinished

_SHARE: Final = 10  # of the time that passes, what fails takes at most one part in so many
_QUICK_SECONDS: Final = 1.0
REBUILT: Final = "what it missed can be rebuilt from the journal"


class Guarded:
    """Passes records on to a listener and keeps its errors from the search.

    The first error is told to `warn`; later ones are counted only. The
    listener still sees the records that follow, so it can catch up when what
    failed (a server, a full disk) is back. One that failed slowly (a server that
    does not answer) is left out for ten times as long as that took, but for the
    last record, so that it cannot hold up a search either.

    Args:
        listener: whom to guard.
        warn: told of the first error, at most once.
        cure: how to make up for what was missed.
        clock: seconds, monotonic.

    Attributes:
        error: the last error, or None.
        failures: how many records, or closings, failed.

    >>> class Broken:
    ...     def on_record(self, record, history):
    ...         raise OSError("disk full")
    ...     def close(self):
    ...         pass
    >>> guarded = Guarded(Broken(), print)
    >>> for _ in range(2):
    ...     guarded.on_record(None, None)
    Broken failed: OSError: disk full. The search goes on; what it missed can be rebuilt from the journal.
    >>> guarded.failures
    2
    """  # noqa: E501  # the doctest's output is one line

    def __init__(
        self,
        listener: Listener,
        warn: Callable[[str], None],
        cure: str = REBUILT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.listener = listener
        self.error: Exception | None = None
        self.failures = 0
        self._warn, self._cure, self._clock = warn, cure, clock
        self._left_out_until = clock()

    def on_record(self, record: Record, history: History) -> None:
        """Pass a record on."""
        if isinstance(record, StudyFinished) or not self._is_left_out():
            self._attempt(lambda: self.listener.on_record(record, history))

    def close(self) -> None:
        """Close the listener."""
        if not self._is_left_out():
            self._attempt(self.listener.close)

    def _is_left_out(self) -> bool:
        return self._clock() < self._left_out_until

    def _attempt(self, action: Callable[[], None]) -> None:
        start = self._clock()
        try:
            action()
            self._left_out_until = start  # what failed is back
        except Exception as error:  # whatever a view does, the search goes on
            first = self.error is None
            self.error = error
            self.failures += 1
            now = self._clock()
            if now - start > _QUICK_SECONDS:
                self._left_out_until = now + _SHARE * (now - start)
            if first:
                self._warn(
                    f"{type(self.listener).__name__} failed: {type(error).__name__}: {error}. "
                    f"The search goes on; {self._cure}."
                )
