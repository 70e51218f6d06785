"""A study: one search, its folder, its journal, its hall of fame."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final, Self

from evoact.errors import InputError
from evoact.files import sync_folder, umask, write_atomically
from evoact.language import Expression
from evoact.records import (
    Candidate,
    Evaluated,
    Evaluation,
    History,
    Listener,
    Record,
    RunSpec,
    SearchSpec,
    save_params,
)
from evoact.study.journal import JournalWriter, disk_told, history_of, read_told
from evoact.study.lines import SPACE, Lines
from evoact.study.space import dump_space
from evoact.study.versions import resolved_run, warn_of_other_versions
from evoact.study.warm import warmed

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate of the hall of fame, with its evaluation in the search."""

    rank: int
    candidate: Candidate
    evaluation: Evaluation

    @property
    def expression(self) -> Expression:
        """The late expression, at its initial parameters."""
        return self.candidate.late


class Study:
    """One search in its folder: what its journal says, and its files.

    Make one with `evoact.search` or `Study.create`, open one with `Study.load`.
    """

    def __init__(self, folder: Path, history: History) -> None:
        self.folder, self.history = folder, history
        self._spec = history.spec
        self._lines: Lines | None = None
        self._writer: JournalWriter | None = None
        self._listeners: tuple[Listener, ...] = ()

    @classmethod
    def create(cls, spec: SearchSpec, runs_dir: Path, name: str | None, seed: int) -> Self:
        """Make the folder of a new study and the first line of its journal.

        Args:
            spec: what to search; resolved here, once and for all.
            runs_dir: where studies live.
            name: of the study; None for the space's name, numbered if taken.
            seed: decides everything random.

        Raises:
            InputError: a study of this name exists, the name is no file name,
                `evolution.warm_start` cannot be read, or `evaluate.kernels`
                cannot be had.
            StudyError: the folder cannot be written, and is gone again.
        """
        refuse_existing(runs_dir, name)
        spec = warmed(spec)
        run = resolved_run(spec, seed)
        resolved = spec.model_copy(update={"run": run})
        folder = _new_folder(runs_dir, name or spec.name, dump_space(resolved))
        try:
            JournalWriter(folder).close()  # its first line says what the space does
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls.load(folder)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Open a study from its folder.

        Raises:
            InputError: there is no study, or it is of a newer evoact.
        """
        folder = Path(folder)
        lines = read_told(folder)
        study = cls(folder, history_of(folder, lines))
        study._lines = lines
        return study

    @property
    def spec(self) -> SearchSpec:
        """What is searched and how, every default resolved."""
        return self._spec

    @property
    def name(self) -> str:
        """The name of the study: that of its folder."""
        return self.folder.name

    @property
    def run(self) -> RunSpec:
        """What was resolved before the first evaluation."""
        assert self.spec.run is not None, "a study is resolved when it is created"
        return self.spec.run

    @property
    def is_finished(self) -> bool:
        """Whether the search came to its end, confirmation included."""
        return self.history.finished is not None

    def best(self, n: int | None = None) -> list[Found]:
        """Return the best `n` of the hall of fame, best first."""
        best = self.history.hall_of_fame(self.spec, n)
        return [
            Found(rank, candidate, self.history.evaluations[candidate.id, 0])
            for rank, candidate in enumerate(best, 1)
        ]

    def winner(self) -> Candidate | None:
        """Return the candidate that the confirmation chose, if it is done."""
        finished = self.history.finished
        if finished is None or finished.winner is None:
            return None
        return self.history.candidates[finished.winner]

    def trained_params(self, candidate: Candidate) -> dict[str, dict[str, Any]]:
        """Return trained activation parameters, see `History.trained_params`."""
        return self.history.trained_params(candidate, self.folder)

    # Writing

    def open(self, listeners: Iterable[Listener]) -> None:
        """Become the journal's writer, and tell listeners what it says so far."""
        # Another process may have written since `load`; if none has, nothing is read again.
        self._writer = JournalWriter(self.folder, self._lines)
        self._lines = None
        self._listeners = tuple(listeners)
        warn_of_other_versions(
            f"study {self.name}", self.run.versions, self.run.kernels, self.run.device
        )
        self.history = History()
        for record in self._writer.said():
            self._tell(record)

    def record(self, *records: Record) -> None:
        """Write records to the journal, in one line; then tell the listeners."""
        self._record_lines([records])

    def _record_lines(self, lines: Sequence[Sequence[Record]]) -> None:
        assert self._writer is not None, "open() the study first"
        self._writer.append_lines(lines)
        for record in chain.from_iterable(lines):
            self._tell(record)

    def _tell(self, record: Record) -> None:
        self.history.apply(record)
        for listener in self._listeners:
            listener.on_record(record, self.history)

    def record_evaluations(self, evaluations: Sequence[Evaluation]) -> None:
        """Write evaluations; their trained parameters first, to files of their own.

        Those of a search with rungs depend on each other, and are one line.
        """
        with disk_told(self.folder):
            files = save_params(self.folder / "params", *(e.params for e in evaluations))
        records = [
            Evaluated(replace(evaluation, params={}), file)
            for evaluation, file in zip(evaluations, files, strict=True)
        ]
        together = self.spec.evaluate.rungs and evaluations[0].replicate == 0
        self._record_lines([records] if together else [[record] for record in records])

    def close(self) -> None:
        """Close the listeners and let others write the journal."""
        for listener in self._listeners:
            listener.close()
        if self._writer is not None:
            self._writer.close()
        self._listeners, self._writer = (), None


def refuse_existing(runs_dir: Path, name: str | None) -> None:
    """Raise `InputError` if a study cannot have this name.

    None, for a name of evoact's choice, is always well.
    """
    check_name(name)
    if name is not None and (runs_dir / name).exists():
        raise InputError(
            f"--name is {name!r}, but {runs_dir / name} exists; nothing is overwritten: choose "
            f"another name, or go on with it by `evoact resume {runs_dir / name}`"
        )


def check_name(name: str | None) -> None:
    """Raise `InputError` for what is no name of a study; None is of evoact's choice."""
    if name is not None and not _NAME.fullmatch(name):
        raise InputError(
            f"--name is {name!r}; wanted letters, digits, '.', '_' and '-', at most 64"
        )


def _new_folder(runs_dir: Path, name: str, space: str) -> Path:
    """Make a folder that did not exist, with a number behind its name if need be.

    It appears with its `space.yaml`, from which a study can be gone on with.
    """
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=runs_dir))
    except OSError as error:
        raise InputError(f"--runs-dir {runs_dir} cannot be written: {error}") from error
    try:
        with disk_told(runs_dir):
            new.chmod(0o777 & ~umask())  # mkdtemp's 0700 would hide it from other users
            write_atomically(new / SPACE, space.encode(), durable=True)
            folder = _renamed(new, runs_dir, name)
            sync_folder(runs_dir)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return folder


def _renamed(new: Path, runs_dir: Path, name: str) -> Path:
    for candidate in (name, *(f"{name}-{i}" for i in range(2, 10_000))):
        folder = runs_dir / candidate
        if folder.exists():
            continue
        try:
            return new.rename(folder)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:  # else another was faster
                raise
    raise InputError(f"{runs_dir} has {name} and ten thousand more; choose another --name")
