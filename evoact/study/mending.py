"""Mending a journal of which lines were damaged, so that its study can go on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from evoact.files import write_atomically
from evoact.records import (
    ConfirmationAsked,
    ControlsAsked,
    GenerationTold,
    RaceAsked,
    Record,
    SearchSpec,
    StudyFinished,
)
from evoact.study.lines import NAME, Line, Lines, read_lines

# What follows from the evaluations of a search; with some lost, it may not have followed yet.
_CONCLUSIONS = (GenerationTold, RaceAsked, ConfirmationAsked, ControlsAsked, StudyFinished)


def mend(folder: Path) -> None:
    """Make a study's journal whole, for its one writer; a journal that is whole stays as it is.

    A last line that was not written whole is cut off, and a first line that is missing is
    made again from `space.yaml`. Of a journal with damaged lines the whole file is kept
    aside, and its whole lines are the journal from then on, without the conclusions that
    were drawn of all of them: a search by generations is replayed, trains again what it
    lacks, and comes to the same conclusions.

    Raises:
        InputError: the journal, or `space.yaml`, is of a newer evoact.
        OSError: it cannot be written.
    """
    lines, path = read_lines(folder), folder / NAME
    data = path.read_bytes() if path.exists() else b""
    kept = _kept(lines)
    mended = b"".join(line.text + b"\n" for line in kept)
    if mended == data:
        return
    if lines.damaged:
        aside = _aside(folder)
        write_atomically(aside, data, durable=True)
        warnings.warn(_told(lines, path, aside), stacklevel=2)
    write_atomically(path, mended, durable=True)


def _kept(lines: Lines) -> Sequence[Line]:
    if not lines.damaged or _in_steady_state(lines):
        return lines.whole
    return [line for line in lines.whole if not all(map(_is_conclusion, line.records))]


def _is_conclusion(record: Record) -> bool:
    return isinstance(record, _CONCLUSIONS)


def _in_steady_state(lines: Lines) -> bool:
    """Whether what was bred depends on the order in which all trainings ended."""
    return SearchSpec.model_validate(lines.started.spec).evolution.mode == "steady_state"


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
