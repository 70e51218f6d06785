"""The lines of a journal: which are whole, and which are damaged."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evoact.errors import InputError
from evoact.language import LANGUAGE_VERSION
from evoact.records import (
    JOURNAL_VERSION,
    SPEC_VERSION,
    Record,
    StudyStarted,
    decode,
    encode,
)
from evoact.study.space import load_space

NAME: Final = "journal.jsonl"
SPACE: Final = "space.yaml"

_TYPE: Final = re.compile(rb'"type": "([a-z_]+)"')


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a journal as it stands there, and what it says."""

    text: bytes
    records: list[Record]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a journal.

    `whole` begins with a line that says how the study was started: the journal's own, or
    one made of `space.yaml`. `damaged` are the others, by number; `torn` is what follows the
    last line break.
    """

    whole: list[Line]
    damaged: dict[int, bytes]
    torn: bytes

    @property
    def started(self) -> StudyStarted:
        """How the study was started."""
        first = self.whole[0].records[0]
        assert isinstance(first, StudyStarted), "made again where it is missing"
        return first

    @property
    def damage(self) -> str:
        """Which lines are damaged, in words, with what they seem to have said."""
        numbers = ", ".join(f"{n} ({_kind(text)})" for n, text in self.damaged.items())
        many = len(self.damaged) > 1
        return f"line{'s' * many} {numbers} {'are' if many else 'is'} damaged"


def read_lines(folder: Path) -> Lines:
    """Read the lines of a study's journal.

    Raises:
        InputError: there is no study, or it is of a newer evoact.
    """
    path = folder / NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = b""  # the process ended before its first line
    except OSError as error:
        raise InputError(f"{folder} is no study: cannot read {path}: {error.strerror}") from error
    *texts, torn = data.split(b"\n")
    if texts:
        _refuse_newer(path, texts[0])
    whole, damaged = [], {}
    for number, text in enumerate(texts, 1):
        try:
            whole.append(Line(text, decode(text.decode())))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            damaged[number] = text
    if not whole or not isinstance(whole[0].records[0], StudyStarted):
        first = _started(folder)
        whole.insert(0, Line(encode(first).encode(), [first]))
    return Lines(whole, damaged, torn)


def _refuse_newer(path: Path, first: bytes) -> None:
    """Refuse what an older version cannot read: it would take it for damage."""
    try:
        data = json.loads(first)
        found = {
            "journal_version": (data["journal_version"], JOURNAL_VERSION),
            "spec_version": (data["spec"]["spec_version"], SPEC_VERSION),
            "language_version": (int(data["versions"]["language"]), LANGUAGE_VERSION),
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return  # damaged, or of a version before these
    for what, (version, known) in found.items():
        if isinstance(version, int) and version > known:
            raise InputError(
                f"{path} has {what} {version}, but this evoact reads up to {known}; "
                "install a newer evoact"
            )


def _started(folder: Path) -> StudyStarted:
    """Make the first line of a journal again; `space.yaml` says the same."""
    path = folder / SPACE
    if not path.is_file():
        raise InputError(f"{folder} is no study: it has no {NAME} that begins as one, nor {SPACE}")
    spec = load_space(path)
    if spec.run is None:
        raise InputError(f"{folder} is no study: {path} does not say how it was resolved")
    data = spec.model_dump(mode="json")
    return StudyStarted(folder.name, spec.run.seed, data, spec.run.versions)


def _kind(text: bytes) -> str:
    names = dict.fromkeys(match.decode() for match in _TYPE.findall(text))
    return ", ".join(names).replace("_", " ") or "nothing that can be read"
