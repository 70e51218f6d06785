"""Connecting to a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import ray
from ray._private import ray_constants
from ray.exceptions import AuthenticationError

from evoact.errors import InputError

_CONNECT_SECONDS: Final = 5.0
_SETTINGS_FRAME: Final = b"\x04"  # what an HTTP/2 peer must say first


def connect(address: str | None, workers: int | None, cpus: int, paths: Sequence[str] = ()) -> None:
    """Connect to a cluster, or start one here that listens on loopback only.

    The folders `paths` are sent to a cluster that runs already, for its other machines.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is not None:
        check_answers(address)
        try:
            with _our_sigterm():
                ray.init(address=address, **common, **_code(paths))
        except (ConnectionError, RuntimeError, ValueError, AuthenticationError) as error:
            raise _no_head(address, re.split(r"\n|\. ", str(error))[0]) from error
        return
    here = len(os.sched_getaffinity(0))
    with _our_sigterm(), _on_loopback():
        ray.init(
            address="local",  # not $RAY_ADDRESS, nor one that Ray remembers to have started
            num_cpus=max(here, (workers or 1) * cpus),
            include_dashboard=False,
            **common,
        )


def _code(paths: Sequence[str]) -> dict[str, Any]:
    """Return what sends the user's code along: the folder that it is imported from."""
    if not paths:
        return {}
    if len(paths) > 1:
        raise InputError(
            f"tasks are imported from {' and '.join(paths)}, but a cluster is sent one folder; "
            "wanted their modules in one, or installed on its machines"
        )
    excludes = ["runs/", ".git/", ".venv/"]
    return {"runtime_env": {"working_dir": paths[0], "excludes": excludes}}


@contextmanager
def _our_sigterm() -> Iterator[None]:
    """Keep what SIGTERM does: Ray makes it an exit with code 15."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Let a cluster that is started meanwhile listen on 127.0.0.1 alone.

    By default it would listen on all interfaces of a Linux machine, whatever
    `_node_ip_address` says. On Windows and macOS Ray does as wanted here, by
    `RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER`, which is read once, at its import.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


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
        "`ray start --head`, set RAY_AUTH_MODE here as there (`ray start` takes token), with the "
        "token in ~/.ray/auth_token or the file RAY_AUTH_TOKEN_PATH, or leave --address out to "
        "run on this machine"
    )
