"""ASHA: trials of one candidate, each compared with those that came to the rung before it."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from study_runs import gone_on, searched

from evoact.records import Evaluated, Evaluation, Halving, SearchSpec, Status
from evoact.study import InlineEvaluator
from evoact.study.asha import Rungs, reached_by
from evoact.study.cohorts import halving_of
from evoact.study.journal import read_journal

RUNGS, REDUCTION = (1, 2), 2


@pytest.fixture
def asha(tiny) -> SearchSpec:
    data = tiny.model_dump(mode="json") | {
        "task": {"name": "digits", "epochs": 3, "batch_size": 359},
        "anneal": {"early": "none"},
        "evolution": {
            "population": 6, "generations": 2, "cohort": 1, "mode": "steady_state",
        },
    }  # fmt: skip
    data["evaluate"] |= {"rungs": RUNGS, "reduction": REDUCTION, "halving": "asha"}
    return SearchSpec.model_validate(data)


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("reduction", [2, 3, 4])
def test_the_rule_is_that_of_tune(reduction: int, mode: str) -> None:
    """Its real scheduler, asked the same, of trials that get to rungs in any order."""
    from ray.tune.schedulers import AsyncHyperBandScheduler

    top = reduction**3
    theirs = AsyncHyperBandScheduler(
        metric="v",
        mode=mode,
        max_t=top + 1,
        grace_period=1,
        reduction_factor=reduction,
        stop_last_trials=False,
    )
    halving = Halving((1, reduction, reduction**2, top), reduction, "v", maximise=mode == "max")
    rungs, rng, answers = Rungs(), random.Random(reduction), []
    running: dict[str, tuple[SimpleNamespace, int]] = {}
    for number in range(150):
        trial = SimpleNamespace(trial_id=str(number))
        theirs.on_trial_add(None, trial)
        running[trial.trial_id] = trial, 0
        for _ in range(2):
            name = rng.choice(list(running))
            trial, rung = running.pop(name)
            value = round(rng.random(), 2)  # with ties
            result = {"training_iteration": halving.rungs[rung], "v": value}
            answer = rungs.reaches(reduction, (name, rung, halving.merit(value)))
            assert answer == (theirs.on_trial_result(None, trial, result) == theirs.CONTINUE)
            answers.append(answer)
            if answer and rung + 1 < len(halving.rungs):
                running[name] = trial, rung + 1
            if not running:
                break
    assert min(answers.count(True), answers.count(False)) > 50


def test_one_that_comes_again_is_not_counted_twice() -> None:
    rungs = Rungs()
    assert rungs.reaches(2, ("a", 0, 0.5))
    for _ in range(5):
        assert rungs.reaches(2, ("b", 0, 0.7))
    # Of .5 and .7 the median is .6; of .5 and five times .7 it would be .7.
    assert rungs.reaches(2, ("c", 0, 0.65))
    assert rungs.reaches(2, ("a", 0, 0.5)), "its worker was lost; it gets the answer it had"


def test_one_that_failed_later_on_raises_no_bar() -> None:
    """As after a resume: the journal has no curve of it."""
    rungs, halving = Rungs(), Halving((1,), 2, "val_accuracy", maximise=True)
    assert rungs.reaches(2, ("a", 0, 0.5))
    assert rungs.reaches(2, ("b", 0, 0.9))
    rungs.forget("b")
    assert rungs.reaches(2, ("c", 0, 0.6))
    assert reached_by(Evaluation("b", Status.DIVERGED, "loss nan"), halving) == ()


def test_what_is_no_number_stops_and_raises_no_bar() -> None:
    rungs = Rungs()
    assert not rungs.reaches(2, ("a", 0, float("-inf")))
    assert not rungs.reaches(2, ("b", 0, float("nan")))
    assert rungs.reaches(2, ("c", 0, -5.0))


def check(study) -> None:
    """The journal says of each candidate what the rule says, in the order of their ends."""
    halving, rungs = halving_of(study.spec), Rungs()
    records = read_journal(study.folder)
    ended = [r.evaluation for r in records if isinstance(r, Evaluated)]
    ended = [e for e in ended if e.replicate == 0 and e.is_ok]
    for evaluation in ended:  # one worker: they got to rungs in the order of their ends
        for reached in reached_by(evaluation, halving):
            assert rungs.reaches(REDUCTION, reached) == (evaluation.rung > reached[1])
        assert evaluation.epochs == [*RUNGS, 3][evaluation.rung]
    assert len({e.candidate_id for e in ended}) == len(ended)
    assert {e.rung for e in ended} == {0, 1, 2}
    assert sum(e.epochs for e in ended) < 0.8 * 3 * len(ended)


def test_a_search_stops_trials_and_confirms_at_full_length(asha, tmp_path) -> None:
    study = searched(asha, tmp_path, "a", InlineEvaluator())
    check(study)
    assert len(study.history.searched()) == 12
    rungs = [found.evaluation.rung for found in study.best()]
    assert rungs == sorted(rungs, reverse=True)
    asked = study.history.confirmation
    confirmed = [e for c in asked.finalists.values() for e in study.history.confirmed(c)]
    assert {(e.rung, e.epochs) for e in confirmed} == {(0, 3)}


def test_a_resumed_search_knows_who_was_there(asha, tmp_path, counting) -> None:
    whole = searched(asha, tmp_path / "whole", "a", InlineEvaluator())
    interrupted = counting(stop_after=7)
    with pytest.raises(KeyboardInterrupt):
        searched(asha, tmp_path / "cut", "a", interrupted)
    study = gone_on(tmp_path / "cut" / "a", counting())
    check(study)
    found = [
        [(f.candidate.id, f.evaluation.rung, f.evaluation.objectives) for f in s.best()]
        for s in (study, whole)
    ]
    assert found[0] == found[1]
    assert study.winner() == whole.winner()
