"""The search loop: candidates, then confirmation, then the end.

The loop is the same for a new study and a resumed one. Evolution is replayed
from the seed, with the evaluations that the journal holds; only what is
missing is trained.
"""

from __future__ import annotations

from collections.abc import Sequence

from evoact.records import Candidate, StudyFinished
from evoact.study.cohorts import cohorts_of, train
from evoact.study.confirm import choose_winner, confirmation, controls
from evoact.study.evaluators import Evaluator
from evoact.study.generations import by_generations
from evoact.study.steady import SteadyState
from evoact.study.study import Study


def run(study: Study, evaluator: Evaluator) -> None:
    """Bring an open study to its end.

    Raises:
        StudyError: no candidate of the first generation could be trained, or
            the journal is of a search that this version would do otherwise.
    """
    if study.is_finished:
        return
    if study.spec.evolution.mode == "steady_state":
        SteadyState(study, evaluator).run()
    else:
        by_generations(study, evaluator)
    _confirm(study, evaluator)
    winner = choose_winner(study)
    _control(study, evaluator, winner)
    study.record(StudyFinished(winner))


def _confirm(study: Study, evaluator: Evaluator) -> None:
    """Train finalists and baselines with fresh seeds, all replicates at once."""
    asked = study.history.confirmation
    if asked is None:
        asked = confirmation(study)
        study.record(asked)
    _replicate(study, evaluator, [*asked.finalists.values(), *asked.baselines.values()])


def _control(study: Study, evaluator: Evaluator, winner: str | None) -> None:
    """Train the winner's controls with the seeds that it was confirmed with."""
    asked = study.history.controls
    if asked is None:
        asked = controls(study, winner)
        if asked is None:
            return
        study.record(asked)
    _replicate(study, evaluator, [*asked.controls.values()])


def _replicate(study: Study, evaluator: Evaluator, candidates: Sequence[Candidate]) -> None:
    """Train candidates, each once, with all fresh seeds; what is there already stays."""
    assert study.history.confirmation is not None
    contestants = list({c.id: c for c in candidates}.values())
    replicates = study.history.confirmation.replicates
    cohorts = [c for r in replicates for c in cohorts_of(study, contestants, r)]
    train(study, evaluator, cohorts)
