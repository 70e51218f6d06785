"""A listener that a search does not wait for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from evoact.records import History, Listener, Record
from evoact.tracking.guarded import REBUILT, Guarded

# Seconds. The thread of the search, which hands out work in many short calls, waits for so
# long at each of them while another computes; Python's own 5 ms leave workers without work.
_SWITCH: Final = 2e-4


class Background:
    """Tells a listener of records in a thread of its own, guarded, in their order.

    What is slow (figures, a server far away) takes the time that a search leaves, and
    its workers are not without work meanwhile. The thread builds a history of its own,
    so that the listener sees with each record what was known then. `close` waits until
    all was told; an interrupt ends the wait.

    Args:
        listener: whom to tell.
        warn: told of the first error, as `Guarded` tells it, by the thread of the search.
        cure: how to make up for what was missed.

    >>> class Prints:
    ...     def on_record(self, record, history):
    ...         print(record, len(history.told))
    ...     def close(self):
    ...         print("closed")
    >>> from evoact.records import GenerationTold
    >>> background = Background(Prints(), print)
    >>> background.on_record(GenerationTold(0), History())
    >>> background.close()
    GenerationTold(generation=0) 1
    closed
    """

    def __init__(
        self, listener: Listener, warn: Callable[[str], None], cure: str = REBUILT
    ) -> None:
        # Warnings are of the whole process: only the thread of the search gives them.
        self._told: Final[SimpleQueue[str]] = SimpleQueue()
        self._guarded = Guarded(listener, self._told.put, cure)
        self._warn = warn
        self._records: Final[SimpleQueue[Record | None]] = SimpleQueue()
        # A daemon: who interrupts the wait at the end does not want to wait at the exit.
        self._thread = threading.Thread(target=self._tell, name="evoact-tracker", daemon=True)
        self._switch = sys.getswitchinterval()

    def on_record(self, record: Record, history: History) -> None:  # noqa: ARG002  # the thread has its own
        """Have a record told."""
        if not self._thread.ident:
            sys.setswitchinterval(min(_SWITCH, self._switch))
            self._thread.start()
        self._records.put(record)
        self._pass_warnings_on()

    def close(self) -> None:
        """Wait until every record was told, and close the listener."""
        if self._thread.is_alive():
            self._records.put(None)
            self._thread.join()
            sys.setswitchinterval(self._switch)
        self._guarded.close()
        self._pass_warnings_on()

    def _tell(self) -> None:
        history = History()
        while (record := self._records.get()) is not None:
            history.apply(record)
            self._guarded.on_record(record, history)

    def _pass_warnings_on(self) -> None:
        while True:
            try:
                self._warn(self._told.get_nowait())
            except Empty:
                return
