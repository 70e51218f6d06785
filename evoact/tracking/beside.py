"""The process in which a tracker works beside a search: what `Background` starts.

Lines come in: a store's URI; a study's folder, with the cure for what is missed; then the
records, as a journal has them, and a word when there are no more. Lines of JSON go out: that
the store is ready, or refused; warnings; that all was told.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Final

from evoact.errors import InputError
from evoact.records import History, decode
from evoact.tracking.guarded import Guarded
from evoact.tracking.mlflow_files import prepare_drawing
from evoact.tracking.mlflow_store import (
    StoreUnreachable,
    check_reachable,
    prepare_environment,
    prepare_store,
)
from evoact.tracking.mlflow_tracker import MlflowTracker

CLOSE: Final = "close"


def main() -> None:
    """Tell a store what comes in on standard input, until the word that there is no more."""
    for name in ("SIGTERM", "SIGHUP"):  # a job's end comes to all: the search's process sees to it
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    answer, lines = _answers(), _incoming(os.fdopen(os.dup(0), "rb"))
    prepare_environment()
    import mlflow  # noqa: F401  # it takes a second, in which the URI has not come

    uri = next(lines)
    answer(_prepared(uri))
    with suppress(Exception):  # what cannot be drawn is told where it is wanted
        prepare_drawing()
    _collect_less()
    study: dict[str, str] = json.loads(next(lines))
    tracker = MlflowTracker(uri, Path(study["folder"]))
    guarded = Guarded(tracker, lambda text: answer({"warning": text}), study["cure"])
    history = History()
    for line in lines:
        for record in decode(line):
            history.apply(record)
            guarded.on_record(record, history)
    guarded.close()
    answer({"done": time.process_time()})
    os._exit(0)  # a thread waits for lines that will not come


def _incoming(stream: IO[bytes]) -> Iterator[str]:
    """Give the lines that come until the word that there are no more.

    When the other process ends without it (it was killed), this one ends too, whatever it
    is at: whoever goes on with the study tells all of it.
    """
    lines: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in stream:
            lines.put(line.decode().rstrip("\n"))
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    while (line := lines.get()) != CLOSE:
        yield line


def _answers() -> Callable[[dict[str, Any]], None]:
    """Return what sends a line to the other process; prints of libraries go elsewhere."""
    stream = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        stream.write(json.dumps(content).encode() + b"\n")

    return answer


def _prepared(uri: str) -> dict[str, Any]:
    try:
        check_reachable(uri)
        prepare_store(uri)
    except InputError as error:
        return {"refused": str(error), "is_outage": isinstance(error, StoreUnreachable)}
    return {"ready": True}


def _collect_less() -> None:
    """Look for garbage seldom, and never in what was imported: it is a tenth of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
