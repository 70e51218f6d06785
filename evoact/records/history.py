"""A study so far: what its journal says, as one object in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

from evoact.records.candidate import Candidate
from evoact.records.curve import compact
from evoact.records.evaluation import Evaluation, Status
from evoact.records.journal import (
    ConfirmationAsked,
    ControlsAsked,
    Evaluated,
    GenerationAsked,
    GenerationTold,
    RaceAsked,
    Record,
    Rejected,
    StudyFinished,
    StudyStarted,
)
from evoact.records.params import load_params
from evoact.records.spec import SearchSpec
from evoact.records.standings import Standings

_NOTHING: Final[dict[str, Any]] = {}


@dataclass
class History:
    """What a journal says, built record by record.

    Trackers see only this and the record that was added last, so that a view
    built live equals one rebuilt from the journal. `statuses` counts how trainings ended.
    `order` is that in which candidates were asked, and evaluated in the search (by id):
    what is bred in steady state depends on it.
    """

    started: StudyStarted | None = None
    candidates: dict[str, Candidate] = field(default_factory=dict)
    born: dict[str, int] = field(default_factory=dict)
    evaluations: dict[tuple[str, int], Evaluation] = field(default_factory=dict)
    params: dict[tuple[str, int], str] = field(default_factory=dict)
    asked: dict[int, GenerationAsked] = field(default_factory=dict)
    told: set[int] = field(default_factory=set)
    race: list[RaceAsked] = field(default_factory=list)
    confirmation: ConfirmationAsked | None = None
    controls: ControlsAsked | None = None
    finished: StudyFinished | None = None
    statuses: Counter[Status] = field(default_factory=Counter)
    order: list[GenerationAsked | str] = field(default_factory=list)
    _standings: Standings | None = field(default=None, init=False, compare=False, repr=False)
    _environments: dict[str, Mapping[str, Any]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    _new: list[str] = field(default_factory=list, init=False, compare=False, repr=False)

    @classmethod
    def of(cls, records: Iterable[Record]) -> History:
        """Return the history that a sequence of records tells."""
        history = cls()
        for record in records:
            history.apply(record)
        return history

    def apply(self, record: Record) -> None:
        """Add one record."""
        match record:
            case StudyStarted():
                self.started = record
            case GenerationAsked():
                self._bear(record)
            case Evaluated():
                self._evaluated(record)
            case GenerationTold():
                self.told.add(record.generation)
            case RaceAsked():
                self.race.append(record)
            case ConfirmationAsked():
                self.confirmation = record
                self._meet([*record.finalists.values(), *record.baselines.values()])
            case ControlsAsked():
                self.controls = record
                self._meet(record.controls.values())
            case StudyFinished():
                self.finished = record

    def _evaluated(self, record: Evaluated) -> None:
        evaluation = self._slim(record.evaluation)
        key = (evaluation.candidate_id, evaluation.replicate)
        if (before := self.evaluations.get(key)) is not None:
            self.statuses[before.status] -= 1
            self._standings = None
        self.evaluations[key] = evaluation
        self.statuses[evaluation.status] += 1
        if evaluation.replicate == 0:
            self._new.append(evaluation.candidate_id)
            self.order.append(evaluation.candidate_id)
        if record.params:
            self.params[key] = record.params

    def _slim(self, evaluation: Evaluation) -> Evaluation:
        """Return an equal evaluation in less memory: what is the same for many is one object."""
        candidate = self.candidates.get(evaluation.candidate_id)
        where = self._environments.setdefault(repr(evaluation.environment), evaluation.environment)
        return replace(
            evaluation,
            candidate_id=candidate.id if candidate else evaluation.candidate_id,
            test=evaluation.test or _NOTHING,
            params=evaluation.params or _NOTHING,
            curve=compact(evaluation.curve),
            environment=where,
        )

    def _bear(self, record: GenerationAsked) -> None:
        self.order.append(record)
        # In steady state a generation is asked cohort by cohort.
        before = self.asked.get(record.generation)
        self.asked[record.generation] = _joined(before, record) if before else record
        for candidate in record.candidates:
            self.candidates[candidate.id] = candidate
            self.born.setdefault(candidate.id, record.generation)

    def _meet(self, candidates: Iterable[Candidate]) -> None:
        """Take in candidates that may not have been part of the search."""
        for candidate in candidates:
            self.candidates.setdefault(candidate.id, candidate)

    @property
    def spec(self) -> SearchSpec:
        """The specification of the study."""
        assert self.started is not None, "the journal has no first line yet"
        return SearchSpec.model_validate(self.started.spec)

    def check(self) -> None:
        """Raise `ValueError` if records do not fit together: views would stumble over them."""
        spec = self.spec  # pydantic's errors are ValueErrors
        if spec.run is None:
            raise ValueError("the specification has no section 'run'; a study's is resolved")
        wanted = {key for name in spec.measures for key in spec.keys(name)}
        for candidate, evaluation in self.searched():
            if evaluation.is_ok and (missing := wanted - set(evaluation.objectives)):
                raise ValueError(f"candidate {candidate.short_id} has no {min(missing)}")
        if self.finished and self.finished.winner not in {None, *self.candidates}:
            raise ValueError(f"the winner {self.finished.winner!r} is no candidate")

    @property
    def rejected(self) -> list[Rejected]:
        """All offspring that were not trained."""
        return [item for asked in self.asked.values() for item in asked.rejected]

    def searched(self) -> list[tuple[Candidate, Evaluation]]:
        """Return the candidates evaluated in the search, in the order they were asked."""
        pairs = ((c, self.evaluations.get((c.id, 0))) for c in self.candidates.values())
        return [(c, evaluation) for c, evaluation in pairs if evaluation and c.id in self.born]

    def hall_of_fame(self, spec: SearchSpec, size: int | None = None) -> list[Candidate]:
        """Return the best candidates of the search, best first.

        Those that break a limit on what is measured come after all that keep
        them. Those that reached the highest rung first, as values of different
        rungs are not compared. Within a rung, with one objective: by its value.
        With more: the non-dominated candidates, by the first objective; where
        any keeps the limits, of those that do. Ties go to smaller expressions,
        then to the id.
        """
        return self._standings_by(spec).best(size)

    def leader(self, spec: SearchSpec, generation: int) -> float | None:
        """Return the best first objective of the candidates asked up to a generation.

        Of those that keep the limits, where any does, and that reached the highest rung.
        """
        return self._standings_by(spec).leader(generation)

    def _standings_by(self, spec: SearchSpec) -> Standings:
        """Return who is best by a specification, with what was evaluated since the last call."""
        standings = self._standings
        if standings is None or (standings.spec is not spec and standings.spec != spec):
            standings = self._standings = Standings(spec)
            self._new = [c.id for c, _ in self.searched()]
        for found in self._new:
            evaluation = self.evaluations[found, 0]
            if evaluation.is_ok and found in self.born:
                standings.add(self.candidates[found], evaluation, self.born[found])
        self._new = []
        return standings

    def confirmed(self, candidate: Candidate) -> list[Evaluation]:
        """Return the evaluations of a candidate under fresh seeds, by replicate."""
        replicates = self.confirmation.replicates if self.confirmation else ()
        return self._replicated(candidate, replicates)

    def raced(self, candidate: Candidate) -> list[Evaluation]:
        """Return the evaluations of a candidate in the race, by replicate."""
        return self._replicated(candidate, [r for asked in self.race for r in asked.replicates])

    def _replicated(self, candidate: Candidate, replicates: Iterable[int]) -> list[Evaluation]:
        found = (self.evaluations.get((candidate.id, replicate)) for replicate in replicates)
        return [evaluation for evaluation in found if evaluation]

    def trained_params(self, candidate: Candidate, folder: Path) -> dict[str, dict[str, Any]]:
        """Return trained activation parameters, `{layer: {name: values}}`.

        Of the first confirmation that ended well, else of the search; empty
        for a candidate without parameters.

        Args:
            candidate: whose parameters.
            folder: the folder of the study, which holds the files.
        """
        keys = sorted((key for key in self.params if key[0] == candidate.id), key=_confirmed_first)
        return load_params(folder / "params", self.params[keys[0]]) if keys else {}


def _confirmed_first(key: tuple[str, int]) -> tuple[bool, int]:
    return key[1] == 0, key[1]


def _joined(before: GenerationAsked, more: GenerationAsked) -> GenerationAsked:
    return GenerationAsked(
        before.generation,
        (*before.candidates, *more.candidates),
        (*before.rejected, *more.rejected),
    )


class Listener(Protocol):
    """Told of every record after it was written; a view of the journal."""

    def on_record(self, record: Record, history: History) -> None:
        """See a new record; `history` includes it."""

    def close(self) -> None:
        """Let go of files and connections."""
