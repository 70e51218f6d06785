"""The journal of a comparison: trainings are kept as they end, and not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from evoact.comparison.plan import Plan, Setting
from evoact.errors import InputError
from evoact.records import (
    Candidate,
    ComparisonFinished,
    ComparisonStarted,
    Evaluated,
    Evaluation,
    Record,
    TrainingsAsked,
)
from evoact.study import (
    JOURNAL,
    JournalWriter,
    check_name,
    read_journal,
    versions_here,
    warn_of_other_versions,
)
from evoact.training import resolve_kernels

_CURE: Final = (
    "nothing is overwritten: choose another name, or leave it out for one that follows from "
    "what is compared"
)


class ComparisonJournal:
    """Where the trainings of a comparison are kept: `RUNS_DIR/compare-NAME/journal.jsonl`.

    Opening it makes the folder, or reads what is there already; then it is its
    only writer until it is closed. Its format is that of a study's journal.

    Args:
        runs_dir: where studies and comparisons live.
        plan: what is compared.
        name: of the comparison; by default one that follows from the plan, so
            that the same plan is gone on with.

    Attributes:
        folder: where it is.
        latency: as journalled at the end; None until then.

    Raises:
        InputError: the name is no file name, or that of something else.
        StudyError: another process writes it, or it is damaged.
    """

    def __init__(self, runs_dir: str | Path, plan: Plan, name: str | None = None) -> None:
        check_name(name)
        self.folder = Path(runs_dir) / f"compare-{name or name_of(plan)}"
        self.latency: Mapping[str, Mapping[str, float]] | None = None
        self._evaluations: dict[tuple[str, Setting, int], Evaluation] = {}
        self._settings: Mapping[str, Setting] = {}
        _make_or_check(self.folder, plan)
        self._writer = JournalWriter(self.folder)
        records = self._writer.said()  # what another process wrote before, too
        if not records:
            versions = versions_here(resolve_kernels(plan.kernels))
            self._writer.append(ComparisonStarted(self.folder.name, plan.to_dict(), versions))
        for record in records:
            self._apply(record)

    def _apply(self, record: Record) -> None:
        match record:
            case TrainingsAsked():
                self._settings = {of: Setting(**data) for of, data in record.settings.items()}
            case Evaluated(evaluation):
                of = evaluation.candidate_id
                self._evaluations[of, self._settings[of], evaluation.replicate] = evaluation
            case ComparisonFinished():
                self.latency = record.latency

    def evaluation(
        self, candidate: Candidate, setting: Setting, replicate: int
    ) -> Evaluation | None:
        """Return what a training gave, if it has ended."""
        return self._evaluations.get((candidate.id, setting, replicate))

    def ask(self, chosen: Mapping[Candidate, Setting], replicates: Sequence[int]) -> None:
        """Say what is trained next; evaluations do not say of which setting they are."""
        settings = {candidate.id: asdict(setting) for candidate, setting in chosen.items()}
        self._record([TrainingsAsked(settings, tuple(replicates))])

    def record(self, evaluations: Sequence[Evaluation]) -> None:
        """Keep evaluations; they are on the disk when this returns."""
        self._record([Evaluated(evaluation) for evaluation in evaluations])

    def finish(self, latency: Mapping[str, Mapping[str, float]]) -> None:
        """Keep the times of the functions, which end a comparison."""
        self._record([ComparisonFinished(latency)])

    def _record(self, records: Sequence[Record]) -> None:
        """Write records, a line each, waiting for the disk once."""
        self._writer.append_lines([[record] for record in records])
        for record in records:
            self._apply(record)

    def close(self) -> None:
        """Let others write."""
        self._writer.close()


def name_of(plan: Plan) -> str:
    """Return the name of a comparison that was given none: equal plans have equal ones."""
    digest = hashlib.sha256(json.dumps(plan.to_dict(), sort_keys=True).encode()).hexdigest()
    return f"{plan.task.name}-{digest[:8]}"


def _make_or_check(folder: Path, plan: Plan) -> None:
    """Make the folder; one that is there must be that of this comparison, or empty."""
    if (folder / JOURNAL).exists():
        _check(folder, plan)
    elif folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} exists and has no journal; {_CURE}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"runs_dir: {folder} cannot be made: {error.strerror}") from error


def _check(folder: Path, plan: Plan) -> None:
    """Refuse what is not a comparison of this plan, before anything is opened for writing."""
    records = read_journal(folder)
    first = records[0] if records else None
    if isinstance(first, ComparisonStarted):
        _refuse_other_plan(folder, first.plan, _plain(plan))
        warn_of_other_versions(f"comparison {folder.name}", first.versions, plan.kernels)
    elif first is not None:
        raise InputError(f"{folder} is no comparison; {_CURE}")


def _plain(plan: Plan) -> dict[str, Any]:
    """Return a plan as a journal gives it back."""
    data: dict[str, Any] = json.loads(json.dumps(plan.to_dict()))
    return data


def _refuse_other_plan(folder: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    different = [
        f"{key} {_told(there.get(key))} there, {_told(value)} here"
        for key, value in here.items()
        if there.get(key) != value
    ]
    if different:
        raise InputError(f"{folder} is another comparison ({'; '.join(different)}); {_CURE}")


def _told(value: Any) -> str:
    """Return one part of a plan in few words."""
    if isinstance(value, Mapping):
        return " ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return ", ".join(str(item["label"]) for item in value)
    return str(value)
