"""The journal on disk: one line a record, durable before anyone is told."""

from __future__ import annotations

import fcntl
import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from evoact.errors import InputError, StudyError, integer
from evoact.files import sync_folder
from evoact.records import (
    JOURNAL_VERSION,
    ComparisonStarted,
    History,
    Record,
    StudyStarted,
    decode,
    encode,
)

NAME = "journal.jsonl"


def read_journal(folder: Path) -> list[Record]:
    """Return the records of a study's journal.

    A last line that was not written whole (the process was killed) is left
    out with a warning.

    Raises:
        InputError: there is no journal, or it is of a newer evoact.
        StudyError: a line before the last is not a record.
    """
    path = folder / NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{folder} is no study: cannot read {path}: {error.strerror}") from error
    *lines, torn = data.split(b"\n")
    if torn:
        warnings.warn(f"{path}: the last line was not written whole; left out", stacklevel=2)
    if lines:
        _refuse_newer(path, lines[0])
    decoded = (_decode(path, number, line) for number, line in enumerate(lines, 1))
    return [record for records in decoded for record in records]


def read_history(folder: Path) -> History:
    """Return what a study's journal says.

    Raises:
        InputError: there is no study, or it is of a newer evoact.
        StudyError: the journal is damaged, or its lines do not fit together.
    """
    records = read_journal(folder)
    if records and isinstance(records[0], ComparisonStarted):
        raise InputError(
            f"{folder} is a comparison, no study: the same `evoact compare` goes on with it, "
            "or shows what it found"
        )
    if not records or not isinstance(records[0], StudyStarted):
        raise InputError(f"{folder} is no study: its journal has no first line")
    history = History.of(records)
    try:
        history.check()
    except ValueError as error:
        raise StudyError(f"{folder / NAME} does not fit together: {error}") from error
    return history


def _decode(path: Path, number: int, line: bytes) -> list[Record]:
    try:
        return decode(line.decode())
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{path}:{number}: not a line of a journal ({error!r})") from error


def _refuse_newer(path: Path, first: bytes) -> None:
    try:
        version = integer(json.loads(first)["journal_version"], "journal_version", JOURNAL_VERSION)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StudyError(f"{path}:1: not the first line of a journal") from error
    if version > JOURNAL_VERSION:
        raise InputError(
            f"{path} has journal_version {version}, but this evoact reads up to "
            f"{JOURNAL_VERSION}; install a newer evoact"
        )


class JournalWriter:
    """Appends records to a study's journal, as its only writer.

    Raises:
        StudyError: another process is writing it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file = open(self._path, "ab+")  # noqa: SIM115  # closed by close()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise StudyError(f"{folder} is in use: another process runs this study") from error
        self._cut_torn_line()
        sync_folder(folder)  # the name of a new journal, too, must survive

    def _cut_torn_line(self) -> None:
        self._file.seek(0)
        data = self._file.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._file.truncate(whole)

    def append(self, *records: Record) -> None:
        """Write a line of records; they are on the disk when this returns, or none is."""
        self.append_lines([records])

    def append_lines(self, lines: Sequence[Sequence[Record]]) -> None:
        """Write lines of records, each whole or not at all; waiting for the disk once."""
        self._file.write(b"".join(encode(*records).encode() + b"\n" for records in lines))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file, and let others write."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
