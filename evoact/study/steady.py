"""A search in steady state: what a worker takes next is bred of all that is known then.

No worker waits for the others of a generation. So what is bred depends on which
training ended first; the journal holds that order, and a resumed study replays
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evoact.evolution import Evolution
from evoact.records import Candidate, Evaluation, GenerationAsked, GenerationTold
from evoact.study.asha import Reached, reached_by
from evoact.study.cohorts import cohorts_of, halving_of
from evoact.study.evaluators import Evaluator
from evoact.study.generations import check_bred, record_asked, told
from evoact.study.study import Study

# Cohorts in reserve: a worker that is free takes it while the next is bred.
_RESERVE: Final = 1


class SteadyState:
    """Asks for a cohort whenever one ended, until `population * generations` were asked.

    A generation is every `population` candidates, in the order that they were
    asked; it is asked cohort by cohort, none of which is of two generations.

    Args:
        study: an open study.
        evaluator: trains its cohorts.
    """

    def __init__(self, study: Study, evaluator: Evaluator) -> None:
        self._study, self._evaluator = study, evaluator
        self._evolution = Evolution(study.spec, study.run.seed)
        self._asked = self._submitted = 0
        self._exhausted = False
        self._open: dict[int, set[str]] = {}  # cohorts by number: who is not evaluated yet
        self._cohort_of: dict[str, int] = {}

    def run(self) -> None:
        """Search to the end.

        Raises:
            StudyError: no candidate of the first generation could be trained, or
                the journal is of a search that this version would do otherwise.
        """
        self._replay()
        self._fill()
        while self._open:
            self._take(self._evaluator.next_evaluations())
            self._fill()  # first of all: trackers are told while workers train
            self._close_generations()
        self._close_generations()

    def _replay(self) -> None:
        """Do again what the journal says, and submit what it lacks."""
        asked, reached, halving = [], list[Reached](), halving_of(self._study.spec)
        history = self._study.history
        for event in history.order:
            if isinstance(event, GenerationAsked):
                bred = self._ask()
                check_bred(self._study, event, bred)
                asked.append(bred.candidates)
            else:
                evaluation = history.evaluations[event, 0]
                self._evolution.tell([evaluation])
                if halving and halving.across:
                    reached += reached_by(evaluation, halving)
        self._evaluator.remember(reached)
        for candidates in asked:
            self._submit(candidates)

    @property
    def _goes_on(self) -> bool:
        """Whether there is more to ask for."""
        spec = self._study.spec.evolution
        history = self._study.history
        ended = self._exhausted or history.race or history.confirmation is not None
        return not ended and self._asked < spec.population * spec.generations

    def _ask(self) -> GenerationAsked:
        """Breed the next cohort; its size follows from how many were asked before."""
        population = self._study.spec.evolution.population
        generation, position = divmod(self._asked, population)
        size = min(self._study.run.cohort, population - position)
        candidates = tuple(self._evolution.ask(size))
        self._asked += len(candidates)
        return GenerationAsked(generation, candidates, tuple(self._evolution.rejected))

    def _fill(self) -> None:
        """Ask until all workers have something to do, and there is one cohort in reserve."""
        while self._goes_on and len(self._open) < self._evaluator.workers + _RESERVE:
            asked = self._ask()
            if not asked.candidates:
                self._exhausted = True
                return
            record_asked(self._study, asked)
            self._submit(asked.candidates)

    def _submit(self, candidates: Sequence[Candidate]) -> None:
        cohorts = cohorts_of(self._study, candidates, replicate=0)
        evaluations = self._study.history.evaluations
        missing = {c.id for c in candidates if (c.id, 0) not in evaluations}
        if missing:
            number = self._submitted
            self._submitted += 1
            self._open[number] = missing
            self._cohort_of |= dict.fromkeys(missing, number)
        for cohort in cohorts:
            self._evaluator.submit(cohort)

    def _take(self, evaluations: Sequence[Evaluation]) -> None:
        self._study.record_evaluations(evaluations)
        for evaluation in evaluations:
            self._evolution.tell([evaluation])
            self._close_candidate(evaluation.candidate_id)

    def _close_candidate(self, candidate_id: str) -> None:
        """Take a candidate off its cohort, and the cohort off those that wait, if it is the last.

        One of a cohort that rungs compare, and that is trained again whole, may not wait.
        """
        number = self._cohort_of.pop(candidate_id, None)
        if number is not None:
            self._open[number].discard(candidate_id)
            if not self._open[number]:
                del self._open[number]

    def _done(self, candidates: Sequence[Candidate]) -> bool:
        return all((c.id, 0) in self._study.history.evaluations for c in candidates)

    def _close_generations(self) -> None:
        """Say which generations were evaluated to the last candidate, in their order."""
        history, population = self._study.history, self._study.spec.evolution.population
        while (asked := history.asked.get(len(history.told))) is not None:
            whole = len(asked.candidates) == population or not self._goes_on
            if not whole or not self._done(asked.candidates):
                return
            told(self._study, asked.generation)
            self._study.record(GenerationTold(asked.generation))
