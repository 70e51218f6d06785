"""The lines of a journal: which are whole, and which are damaged."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import IO, Final

from evoact.errors import InputError, StudyError
from evoact.language import LANGUAGE_VERSION
from evoact.records import (
    JOURNAL_VERSION,
    SPEC_VERSION,
    ComparisonStarted,
    Record,
    StudyStarted,
    decode,
)
from evoact.study.space import load_space

NAME: Final = "journal.jsonl"
PACKED: Final = f"{NAME}.gz"
"""A journal that is kept where size matters: read as if it were unpacked, written by nobody."""
SPACE: Final = "space.yaml"

# Where a journal's first line says of which version it is, and the newest that is read.
_VERSIONS: Final = {
    "journal_version": (("journal_version",), JOURNAL_VERSION),
    "spec_version": (("spec", "spec_version"), SPEC_VERSION),
    "language_version": (("versions", "language"), LANGUAGE_VERSION),
}
Stamp = tuple[int, int, int] | None
_TYPE: Final = re.compile(rb'"type": "([a-z_]+)"')


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a journal: its number, 0 for one that is not there, and what it says."""

    number: int
    records: list[Record]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a journal.

    `whole` are those that can be read; a study's begin with the one that says how it was
    started, the journal's own or one made of `space.yaml`. `damaged` are the others, by
    number; `torn` is what follows the last line break. `stamp` is that of the file that
    was read.
    """

    whole: list[Line]
    damaged: dict[int, bytes]
    torn: bytes = b""
    stamp: Stamp = None

    @property
    def is_well(self) -> bool:
        """Whether they stand in the file as they are here, and nothing else does."""
        return not self.torn and not self.damaged and all(line.number for line in self.whole[:1])

    @property
    def first(self) -> Record | None:
        """What a journal begins with."""
        return self.whole[0].records[0] if self.whole else None

    @property
    def damage(self) -> str:
        """Which lines are damaged, in words, with what they seem to have said."""
        numbers = ", ".join(f"{n} ({_kind(text)})" for n, text in self.damaged.items())
        many = len(self.damaged) > 1
        return f"line{'s' * many} {numbers} {'are' if many else 'is'} damaged"


def read_lines(folder: Path) -> Lines:
    """Read the lines of a study's or comparison's journal.

    Raises:
        InputError: there is none, or it is of a newer evoact.
        StudyError: it is packed, and cannot be unpacked.
    """
    whole, damaged, torn = list[Line](), dict[int, bytes](), b""
    with _opened(folder) as file:
        stamp = stamp_of(folder)  # before it is read: who writes meanwhile changes it
        for number, text in enumerate(file, 1):
            if not text.endswith(b"\n"):
                torn = text
                break
            if number == 1:
                _refuse_newer(folder / NAME, text)
            try:
                whole.append(Line(number, decode(text.decode())))
            except (ValueError, RecursionError):
                damaged[number] = text.removesuffix(b"\n")
    begun = whole and isinstance(whole[0].records[0], StudyStarted | ComparisonStarted)
    if not begun and (folder / SPACE).is_file():
        whole.insert(0, Line(0, [_started(folder)]))
    return Lines(whole, damaged, torn, stamp)


@contextmanager
def _opened(folder: Path) -> Iterator[Iterable[bytes]]:
    """Open a journal, packed or not: it is read line by line, as it may be large."""
    path = folder / (PACKED if is_packed(folder) else NAME)
    try:
        with gzip.open(path) if path.name == PACKED else _there(folder) as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        if path.name == PACKED:
            raise StudyError(f"{path} cannot be unpacked: {error}") from error
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{folder} is no study: cannot read {path}: {reason}") from error


def _there(folder: Path) -> IO[bytes]:
    path = folder / NAME
    if not path.exists() and (folder / SPACE).is_file():
        return io.BytesIO()  # the process ended before the first line
    return path.open("rb")


def stamp_of(folder: Path) -> Stamp:
    """Return what tells a journal from what it was before: it is appended to, or replaced."""
    with suppress(FileNotFoundError):
        found = (folder / NAME).stat()
        return found.st_ino, found.st_size, found.st_mtime_ns
    return None


def is_packed(folder: Path) -> bool:
    """Whether a study has a packed journal alone."""
    return not (folder / NAME).exists() and (folder / PACKED).exists()


def is_study(text: str) -> bool:
    """Whether a text is the path of a folder with a journal, packed or not.

    >>> is_study("x * sigmoid(x)")
    False
    """
    # Path raises on long texts, which an expression may be.
    return any(os.path.exists(os.path.join(text, name)) for name in (NAME, PACKED))


def _refuse_newer(path: Path, first: bytes) -> None:
    """Refuse what an older version cannot read: it would take it for damage."""
    for what, (where, known) in _VERSIONS.items():
        version = _version(first, where)
        if version > known:
            raise InputError(
                f"{path} has {what} {version}, but this evoact reads up to {known}; "
                "install a newer evoact"
            )


def _version(first: bytes, where: tuple[str, ...]) -> int:
    """Return a version that a journal's first line names; 0 if it is damaged, or names none."""
    with suppress(ValueError, LookupError, TypeError, RecursionError):
        return int(reduce(getitem, where, json.loads(first)))
    return 0


def _started(folder: Path) -> StudyStarted:
    """Make the first line of a study's journal again; `space.yaml` says the same."""
    spec = load_space(folder / SPACE)
    if spec.run is None:
        raise InputError(f"{folder} is no study: its {SPACE} does not say how it was resolved")
    data = spec.model_dump(mode="json")
    return StudyStarted(folder.name, spec.run.seed, data, spec.run.versions)


def _kind(text: bytes) -> str:
    names = dict.fromkeys(match.decode() for match in _TYPE.findall(text))
    return ", ".join(names).replace("_", " ") or "nothing that can be read"
