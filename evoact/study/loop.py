"""The search loop: candidates, then confirmation, then the end.

The loop is the same for a new study and a resumed one. Evolution is replayed
from the seed, with the evaluations that the journal holds; only what is
missing is trained.
"""

from __future__ import annotations

from evoact.records import StudyFinished
from evoact.study.cohorts import remove_checkpoints, replicate
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
    remove_checkpoints(study)


def _confirm(study: Study, evaluator: Evaluator) -> None:
    """Train finalists and baselines with fresh seeds, all replicates at once."""
    asked = study.history.confirmation
    if asked is None:
        asked = confirmation(study, evaluator)
        study.record(asked)
    everyone = [*asked.finalists.values(), *asked.baselines.values()]
    replicate(study, evaluator, everyone, asked.replicates)


def _control(study: Study, evaluator: Evaluator, winner: str | None) -> None:
    """Train the winner's controls with the seeds that it was confirmed with."""
    asked = study.history.controls
    if asked is None:
        asked = controls(study, winner)
        if asked is None:
            return
        study.record(asked)
    assert study.history.confirmation is not None, "the winner was confirmed"
    replicates = study.history.confirmation.replicates
    replicate(study, evaluator, [*asked.controls.values()], replicates)
