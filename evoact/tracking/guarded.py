"""A listener that cannot stop a search."""

from __future__ import annotations

from collections.abc import Callable

from evoact.records import History, Listener, Record


class Guarded:
    """Passes records on to a listener and keeps its errors from the search.

    The first error is told to `warn`; later ones are counted only. The
    listener still sees the records that follow, so it can catch up when what
    failed (a server, a full disk) is back.

    Args:
        listener: whom to guard.
        warn: told one sentence, at most once.

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

    def __init__(self, listener: Listener, warn: Callable[[str], None]) -> None:
        self.listener = listener
        self.error: Exception | None = None
        self.failures = 0
        self._warn = warn

    def on_record(self, record: Record, history: History) -> None:
        """Pass a record on."""
        self._attempt(lambda: self.listener.on_record(record, history))

    def close(self) -> None:
        """Close the listener."""
        self._attempt(self.listener.close)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # whatever a view does, the search goes on
            first = self.error is None
            self.error = error
            self.failures += 1
            if first:
                self._warn(
                    f"{type(self.listener).__name__} failed: {type(error).__name__}: {error}. "
                    "The search goes on; what it missed can be rebuilt from the journal."
                )
