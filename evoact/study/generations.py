"""A search generation by generation: all of one are told before the next is bred."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Final

from evoact.errors import StudyError
from evoact.evolution import Evolution
from evoact.records import Candidate, Evaluation, GenerationAsked, GenerationTold
from evoact.study.cohorts import cohorts_of
from evoact.study.evaluators import Evaluator
from evoact.study.study import Study

_KEYS: Final = {"seed": "evolution.seeds", "warm": "evolution.warm_start"}


def by_generations(study: Study, evaluator: Evaluator) -> None:
    """Search to the last generation, or until the space is exhausted.

    That a generation is over is told when the next one is bred and sent off:
    trackers take their time while workers train.

    Raises:
        StudyError: as for `check_bred` and `told`.
    """
    evolution = Evolution(study.spec, study.run.seed)
    for generation in range(study.spec.evolution.generations):
        candidates = evolution.ask()
        if not candidates:
            break  # the space is exhausted
        asked = GenerationAsked(generation, tuple(candidates), tuple(evolution.rejected))
        if (before := study.history.asked.get(generation)) is None:
            record_asked(study, asked)
        else:
            check_bred(study, before, asked)
        coming = evaluator.evaluate(cohorts_of(study, candidates, replicate=0))
        _close_generations(study, generation)
        for evaluations in coming:
            study.record_evaluations(evaluations)
        evolution.tell(told(study, generation))
    _close_generations(study, len(study.history.asked))


def _close_generations(study: Study, before: int) -> None:
    """Say that the generations before this one are over; all of them are evaluated."""
    for generation in range(before):
        if generation not in study.history.told:
            study.record(GenerationTold(generation))


def record_asked(study: Study, asked: GenerationAsked) -> None:
    """Journal what was asked, and warn of functions that the user gave and the search rejects."""
    study.record(asked)
    for item in asked.rejected:
        if (key := _KEYS.get(item.origin)) is not None:
            warnings.warn(
                f"{key}: {item.text!r} is not trained: {item.reason}; other functions take its "
                "place. evolution.screens says what is rejected",
                stacklevel=2,
            )


def check_bred(study: Study, journalled: GenerationAsked, bred: GenerationAsked) -> None:
    """Compare what was bred from the journal's evaluations with what it says was bred.

    Raises:
        StudyError: they are not the same candidates.
    """
    if (journalled.generation, journalled.candidates) != (bred.generation, bred.candidates):
        raise StudyError(
            f"generation {journalled.generation} of {study.name} would be bred otherwise now; "
            f"resume it with the versions it was begun with: {study.run.versions}"
        )


def told(study: Study, generation: int) -> list[Evaluation]:
    """Return the evaluations of a generation, which are all there.

    Raises:
        StudyError: it is the first one, and no candidate could be trained.
    """
    asked: Sequence[Candidate] = study.history.asked[generation].candidates
    evaluations = [study.history.evaluations[candidate.id, 0] for candidate in asked]
    if generation > 0 or any(evaluation.is_ok for evaluation in evaluations):
        return evaluations
    reason, count = Counter(f"{e.status}: {e.reason}" for e in evaluations).most_common(1)[0]
    raise StudyError(
        f"none of the {len(evaluations)} candidates of the first generation could be trained; "
        f"{count} of them: {reason}"
    )
