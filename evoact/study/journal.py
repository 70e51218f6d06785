"""The journal on disk: one line a record, durable before anyone is told."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from evoact.errors import InputError, StudyError
from evoact.files import sync_folder
from evoact.records import ComparisonStarted, History, Record, StudyStarted, encode
from evoact.study.lines import NAME, PACKED, Lines, is_packed, read_lines
from evoact.study.lock import StudyLock
from evoact.study.mending import mend, records_of


def read_journal(folder: Path) -> list[Record]:
    """Return the records of a study's journal; see `read_told`."""
    return records_of(read_told(folder))


def read_told(folder: Path) -> Lines:
    """Return the lines of a study's journal.

    A last line that was not written whole (the process was killed) is left
    out with a warning, as are lines that are damaged, with what depends on them.
    A study's first line that is not there or damaged is made again from `space.yaml`.

    Raises:
        InputError: there is no journal, or it is of a newer evoact.
    """
    lines = read_lines(folder)
    if lines.torn:
        warnings.warn(
            f"{folder / NAME}: the last line was not written whole; left out", stacklevel=2
        )
    if lines.damaged:
        warnings.warn(
            f"{folder / NAME}: {lines.damage}; left out. When the study is resumed they are put "
            "aside, and what they said is done again",
            stacklevel=2,
        )
    return lines


def read_history(folder: Path) -> History:
    """Return what a study's journal says; see `history_of`."""
    return history_of(folder, read_told(folder))


def history_of(folder: Path, lines: Lines) -> History:
    """Return what the lines of a study's journal say.

    Raises:
        InputError: there is no study, or it is of a newer evoact.
        StudyError: the journal's lines do not fit together.
    """
    records = records_of(lines)
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


class JournalWriter:
    """Appends records to a study's journal, as its only writer.

    A journal that was damaged is mended first, and a study's that has no first line
    yet gets it, from `space.yaml`.

    Args:
        folder: of the study or comparison.
        before: the journal's lines as they were read before, so that they need not be again.

    Raises:
        InputError: the journal, or `space.yaml`, is of a newer evoact.
        StudyError: another process is writing it, or it cannot be written,
            or it is packed.
    """

    def __init__(self, folder: Path, before: Lines | None = None) -> None:
        if is_packed(folder):
            raise StudyError(
                f"{folder} has a packed journal, which is only read; to go on with the study, "
                f"unpack it: gunzip {folder / PACKED}"
            )
        self._path = folder / NAME
        self._lock = StudyLock(folder)
        try:
            with disk_told(self._path):
                self._before: Lines | None = mend(folder, before)
                # Unbuffered: what a full disk refuses must not come again at the end.
                self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115  # closed by close()
                sync_folder(folder)  # the name of a new journal, too, must survive
        except BaseException:
            self._lock.release()
            raise

    def said(self) -> list[Record]:
        """Return the records that were there; once, as they take much memory."""
        assert self._before is not None, "they were returned already"
        records, self._before = records_of(self._before), None
        return records

    def append(self, *records: Record) -> None:
        """Write a line of records; they are on the disk when this returns, or none is."""
        self.append_lines([records])

    def append_lines(self, lines: Sequence[Sequence[Record]]) -> None:
        """Write lines of records, each whole or not at all; waiting for the disk once.

        Raises:
            StudyError: they cannot be written; none of them is.
        """
        data = b"".join(encode(*records).encode() + b"\n" for records in lines)
        before = os.fstat(self._file.fileno()).st_size
        with disk_told(self._path):
            try:
                self._write(data)
            except OSError:
                self._file.truncate(before)
                raise

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file, and let others write."""
        self._file.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def disk_told(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that says what to do.

    Raises:
        StudyError: `path` cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise StudyError(
            f"{path} cannot be written: {error.strerror or error}. All that the journal holds is "
            "kept: make room, or mend what is wrong, and resume the study"
        ) from error
