"""Connecting to a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import ray

from evoact.errors import InputError, StudyError

_CONNECT_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 20.0  # after 60 Ray ends the process itself, without a word of ours
_SETTINGS_FRAME: Final = b"\x04"  # what an HTTP/2 peer must say first


def connect(address: str | None, workers: int | None, cpus: int) -> None:
    """Connect to a cluster, or start one here that listens on loopback only."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is not None:
        check_answers(address)
        try:
            with _our_sigterm():
                ray.init(address=address, **common)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _no_head(address, str(error).partition("\n")[0]) from error
        return
    here = len(os.sched_getaffinity(0))
    with _our_sigterm():
        # "local": else Ray takes a cluster that was begun here once, though it be gone.
        ray.init(
            address="local",
            num_cpus=max(here, (workers or 1) * cpus),
            include_dashboard=False,
            **common,
        )


@contextmanager
def _our_sigterm() -> Iterator[None]:
    """Keep what SIGTERM does: Ray makes it an exit with code 15."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


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


def check_answers(address: str) -> None:
    """Raise `InputError` soon when no Ray head answers: Ray itself waits for minutes."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(
            f"--address is {address!r}; wanted HOST:PORT such as 127.0.0.1:6379, or auto"
        )
    try:
        with socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS) as connection:
            answer = b"" if os.environ.get("RAY_USE_TLS") == "1" else _greet(connection)
    except (OSError, OverflowError) as error:
        raise _no_head(address, str(error)) from error
    if answer[3:4] not in (b"", _SETTINGS_FRAME):
        raise _no_head(address, "what listens there is no Ray head")


def _greet(connection: socket.socket) -> bytes:
    """Return how a server answers the greeting of HTTP/2, which Ray's heads speak."""
    connection.sendall(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + _SETTINGS_FRAME + b"\0" * 5
    )
    answer = connection.recv(9)
    return answer or b"nothing"


def _no_head(address: str, reason: str) -> InputError:
    return InputError(
        f"--address is {address!r}, but no Ray head answers there ({reason}); start one with "
        "`ray start --head`, set RAY_AUTH_MODE here as there (`ray start` takes token), or leave "
        "--address out to run on this machine"
    )
