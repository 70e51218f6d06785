"""A tracker that a search does not wait for: it works in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, Final, Self

from evoact.errors import InputError
from evoact.records import History, Record, encode
from evoact.tracking.beside import CLOSE
from evoact.tracking.guarded import REBUILT
from evoact.tracking.mlflow_store import StoreUnreachable, check_reachable

# As `python -m` would find evoact, wherever the process of the search has it from.
_START: Final = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); " + (
    "from evoact.tracking.beside import main; main()"
)


class Background:
    """Tells MLflow of a study's records from another process, in their order.

    What is slow there (importing MLflow, making its store, figures, a server far away)
    takes no time of the interpreter that hands work to workers, and what ends that
    process does not end the search. It builds a history of its own, so that the tracker
    sees with each record what was known then.

    The process starts at once, and touches nothing yet. `prepare` has it make the store ready,
    while workers start; `ready` waits for that; `follow` says whose records will come, `finish`
    that all did. `close` waits until all was told; an interrupt ends the wait, and the process.
    As a context manager it ends the process where it was not closed.

    Args:
        uri: of the store, see `tracking_uri`.

    Attributes:
        uri: likewise.
        seconds: of the processor, that its process took; once it was closed.

    Raises:
        InputError: it is no tracking URI, or its file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Background(f"sqlite:///{folder}/mlflow.db") as background:
    ...         background.prepare()
    ...         background.ready()
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['mlflow.db']
    """

    def __init__(self, uri: str) -> None:
        self.uri: Final = uri
        self.seconds = 0.0
        self._outage = _outage(uri)
        self._errors: Final = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "OMP_NUM_THREADS": "1"},  # workers have the other cores
            process_group=0,  # Ctrl-C is for the search, which ends this in order
        )
        self._lines: Final[SimpleQueue[str | Record | None]] = SimpleQueue()
        self._answers: Final[SimpleQueue[dict[str, Any]]] = SimpleQueue()
        self._warn: Callable[[str], None] = lambda _: None
        self._cure = REBUILT
        self._is_over = False
        # Daemons: a process that forgot to close this must not wait for them at its exit.
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._write, self._read)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def prepare(self) -> None:
        """Have the store made ready."""
        self._lines.put(self.uri)

    def ready(self) -> None:
        """Wait until the store is ready.

        Raises:
            InputError: the store refuses, or its experiment was deleted.
            StoreUnreachable: nobody answers there, or a server fails itself; the tracker will
                try again.
        """
        if self._outage:
            raise self._outage
        answer = self._answers.get()
        if "ended" in answer:
            self._is_over = True
            raise StoreUnreachable(f"MLflow cannot be told: {answer['ended']}{self._last_words()}")
        if text := answer.get("refused"):
            raise (StoreUnreachable if answer["is_outage"] else InputError)(text)

    def follow(self, folder: Path, warn: Callable[[str], None], cure: str = REBUILT) -> None:
        """Say whose records will come.

        Args:
            folder: of the study.
            warn: told of the first error, as `Guarded` tells it, by the thread of the search.
            cure: how to make up for what was missed.
        """
        self._warn, self._cure = warn, cure
        self._lines.put(json.dumps({"folder": str(folder.absolute()), "cure": cure}))

    def on_record(self, record: Record, history: History) -> None:  # noqa: ARG002  # the process has its own
        """Have a record told."""
        self._lines.put(record)
        self._pass_warnings_on()

    def finish(self) -> None:
        """Say that there are no more records, and that other views of the study are complete."""
        self._lines.put(CLOSE)

    def close(self) -> None:
        """Wait until every record was told, and end the process."""
        self.finish()
        with self:
            while not self._is_over:
                self._take(self._answers.get())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over = True
        self._lines.put(None)
        self._process.kill()
        for thread in self._threads:
            thread.join()
        self._errors.close()

    def _write(self) -> None:
        """Pass lines on: a pipe that is full would keep the search waiting."""
        with suppress(OSError), _pipe(self._process.stdin) as pipe:
            while (line := self._lines.get()) is not None:
                text = line if isinstance(line, str) else encode(line)
                pipe.write(text.encode() + b"\n")
                pipe.flush()
            return
        while self._lines.get() is not None:  # the process ended, which its silence says
            pass

    def _read(self) -> None:
        with _pipe(self._process.stdout) as pipe:
            for line in pipe:
                self._answers.put(json.loads(line))
        self._answers.put({"ended": f"its process ended with {self._process.wait()}"})

    def _pass_warnings_on(self) -> None:
        while True:
            try:
                self._take(self._answers.get_nowait())
            except Empty:
                return

    def _take(self, answer: dict[str, Any]) -> None:
        """Heed what the process says."""
        if text := answer.get("warning"):
            self._warn(text)
        if "done" in answer:
            self.seconds = float(answer["done"])
            self._is_over = True
        elif "ended" in answer and not self._is_over:
            self._is_over = True
            self._warn(
                f"MlflowTracker failed: {answer['ended']}{self._last_words()}. "
                f"The search goes on; {self._cure}."
            )

    def _last_words(self) -> str:
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {said[-1]}" if said else ""


def _outage(uri: str) -> StoreUnreachable | None:
    try:
        check_reachable(uri)
    except StoreUnreachable as error:
        return error
    return None


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None, "it was asked for as a pipe"
    return stream
