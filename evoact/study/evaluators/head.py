"""Whether the head of a Ray cluster is still there."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from evoact.errors import StudyError

_CONNECT_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 20.0  # after 60 Ray ends the process itself, without a word of ours


class HeadWatch:
    """Notices that a cluster's head is gone, before Ray ends this process because of it.

    Args:
        address: HOST:PORT of the head; one that does not answer from here at
            first (behind a proxy) is not watched.
        patience: seconds without an answer until it counts as gone.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        address: str,
        patience: float = _PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._patience, self._clock = address, patience, clock
        self._watched = _listens(address)
        self._seen = clock()

    def check(self) -> None:
        """Look whether the head answers.

        Raises:
            StudyError: it has not for too long.
        """
        if not self._watched:
            return
        if _listens(self._address):
            self._seen = self._clock()
        elif self._clock() - self._seen > self._patience:
            raise cluster_lost(f"its head at {self._address} has stopped answering")


def cluster_lost(reason: str) -> StudyError:
    """Return the error for a cluster that is gone in the middle of a search."""
    return StudyError(
        f"the Ray cluster was lost: {reason}; what was evaluated is in the journal, resume the "
        "study when the cluster is well, or with --executor inline"
    )


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with suppress(OSError, ValueError, OverflowError):
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
        return True
    return False
