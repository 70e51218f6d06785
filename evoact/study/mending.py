"""Mending a journal of which lines were damaged, so that its study can go on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

from evoact.files import write_atomically
from evoact.records import (
    ComparisonFinished,
    ComparisonStarted,
    ConfirmationAsked,
    ControlsAsked,
    GenerationTold,
    RaceAsked,
    Record,
    StudyFinished,
    StudyStarted,
    TrainingsAsked,
    encode,
)
from evoact.study.lines import NAME, SPACE, Line, Lines, read_lines, stamp_of

# What follows from the evaluations before; with some lost, it may not have followed yet.
_CONCLUSIONS = (
    GenerationTold,
    RaceAsked,
    ConfirmationAsked,
    ControlsAsked,
    StudyFinished,
    ComparisonFinished,
)


def mend(folder: Path, before: Lines | None = None) -> Lines:
    """Make a journal whole, for its one writer; return its lines.

    One that is whole stays as it is. A last line that was not written whole is cut off, and
    a study's first line that is missing is made again from `space.yaml`. Of a journal with
    damaged lines the whole file is put aside, and what is `kept` of it is the journal from
    then on.

    Args:
        folder: of the study or comparison.
        before: its lines as they were read before: if they are still those, they are not
            read again.

    Raises:
        InputError: the journal, or `space.yaml`, is of a newer evoact.
        OSError: it cannot be written.
    """
    path = folder / NAME
    if not path.exists() and not (folder / SPACE).exists():
        return Lines([], {})  # a comparison begins with an empty journal
    lines = before if before and before.stamp == stamp_of(folder) else read_lines(folder)
    if lines.is_well:
        return lines
    data = path.read_bytes() if path.exists() else b""
    texts = data.split(b"\n")
    mended = [
        texts[line.number - 1] if line.number else encode(*line.records).encode()
        for line in kept(lines)
    ]
    if lines.damaged:
        aside = _aside(folder)
        write_atomically(aside, data, durable=True)
        warnings.warn(_told(lines, path, aside), stacklevel=2)
    write_atomically(path, b"".join(text + b"\n" for text in mended), durable=True)
    return lines


def records_of(lines: Lines) -> list[Record]:
    """Return what the lines of a journal say that still hold."""
    return [record for line in kept(lines) for record in line.records]


def kept(lines: Lines) -> Sequence[Line]:
    """Return the lines of a journal that still hold, though others are damaged.

    Those are all that say what was asked and evaluated, but not the conclusions that were
    drawn of all of it: a search by generations is replayed, trains again what it lacks, and
    comes to the same conclusions. In steady state nothing could be replayed, so all that is
    whole is kept. In a comparison evaluations belong to the trainings that were asked
    before; after a damaged line that may be another, so they count from the next asked.
    """
    if not lines.damaged or _in_steady_state(lines):
        return lines.whole
    sure = lines.whole
    if isinstance(lines.first, ComparisonStarted):
        sure = [line for line in sure if _is_of_what_was_asked(line, lines)]
    return [line for line in sure if not all(map(_is_conclusion, line.records))]


def _is_of_what_was_asked(line: Line, lines: Lines) -> bool:
    """Whether no line is damaged between one of a comparison and what it was asked by."""
    asked = [
        other.number
        for other in lines.whole
        if other.number <= line.number
        and isinstance(other.records[0], TrainingsAsked | ComparisonStarted)
    ]
    return not any(asked[-1] < number < line.number for number in lines.damaged)


def _is_conclusion(record: Record) -> bool:
    return isinstance(record, _CONCLUSIONS)


def _in_steady_state(lines: Lines) -> bool:
    """Whether what was bred depends on the order in which all trainings ended."""
    first = lines.first
    if not isinstance(first, StudyStarted):
        return False
    evolution = first.spec.get("evolution")
    return isinstance(evolution, Mapping) and evolution.get("mode") == "steady_state"


def _aside(folder: Path) -> Path:
    numbered = (folder / f"journal.damaged-{number}.jsonl" for number in count(1))
    return next(path for path in numbered if not path.exists())


def _told(lines: Lines, path: Path, aside: Path) -> str:
    lost = "what they said is lost, and will be trained or decided again"
    if _in_steady_state(lines):
        lost = (
            "what they said is lost. The study can be looked at, exported and sent to a tracker; a "
            "search in steady state that lost what it bred from cannot go on"
        )
    return f"{path}: {lines.damage}; the journal as it was is kept in {aside.name}, and {lost}"
