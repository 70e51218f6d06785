"""Signals that end a search as Ctrl-C does, so that it says how to go on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from evoact.cli.main import INTERRUPTED

# What schedulers and systems send, and a terminal that is closed.
_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


class Signalled(KeyboardInterrupt):
    """A signal that asks the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let signals end what runs here as Ctrl-C does; ignored ones (`nohup`) stay ignored."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    heard = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


def _interrupt(number: int, frame: FrameType | None) -> Any:  # noqa: ARG001  # a handler's signature
    raise Signalled(number)


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """Return the code that tells a shell which signal ended a process.

    >>> exit_code(Signalled(signal.SIGTERM)), exit_code(KeyboardInterrupt())
    (143, 130)
    """
    return 128 + interrupt.number if isinstance(interrupt, Signalled) else INTERRUPTED
