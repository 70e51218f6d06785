"""Searches on a real local Ray: in steady state, interrupted and resumed, and with rungs."""

from __future__ import annotations

from collections import Counter

import pytest
from study_runs import searched

import evoact
from evoact import api
from evoact.records import Evaluated, GenerationAsked, SearchSpec
from evoact.study import InlineEvaluator, Study
from evoact.study.journal import read_journal

pytestmark = [
    pytest.mark.ray,
    # Ray's own, as in test_study_ray.py.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ON_RAY = {"executor": "ray", "workers": 2}
POPULATION, GENERATIONS = 6, 3


@pytest.fixture(scope="module", autouse=True)
def ray():
    import ray

    # For two evaluators of two workers each, which they keep until they are closed.
    ray.init(
        address="local",
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
    )
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def pair(ray):
    """Two workers, which all searches to the end may share."""
    from evoact.study.evaluators.ray import RayEvaluator

    evaluator = RayEvaluator(workers=2)
    yield evaluator
    evaluator.close()


class Interrupting:
    """A listener that presses Ctrl-C when so many evaluations were journalled."""

    def __init__(self, after: int) -> None:
        self.left = after

    def on_record(self, record, history):
        self.left -= isinstance(record, Evaluated)
        if self.left == 0:
            raise KeyboardInterrupt

    def close(self):
        pass


@pytest.fixture
def steady(tiny) -> SearchSpec:
    shape = {"mode": "steady_state", "population": POPULATION, "generations": GENERATIONS}
    fewer = tiny.evaluate.confirm.model_copy(update={"top": 1, "baselines": (), "controls": False})
    return tiny.model_copy(
        update={
            "evolution": tiny.evolution.model_copy(update=shape),
            "evaluate": tiny.evaluate.model_copy(update={"confirm": fewer}),
        }
    )


def check_once(study):
    """Every candidate was asked once and evaluated once."""
    records = read_journal(study.folder)
    evaluations = [r.evaluation for r in records if isinstance(r, Evaluated)]
    assert set(Counter((e.candidate_id, e.replicate) for e in evaluations).values()) == {1}
    asked = [c.id for r in records if isinstance(r, GenerationAsked) for c in r.candidates]
    assert len(set(asked)) == len(asked) == POPULATION * GENERATIONS
    assert {e.candidate_id for e in evaluations if e.replicate == 0} == set(asked)
    assert study.history.told == set(range(GENERATIONS))
    assert study.winner() is not None
    assert Study.load(study.folder).best() == study.best()


def test_in_steady_state_each_candidate_is_evaluated_once(steady, tmp_path, pair):
    check_once(searched(steady, tmp_path, "a", pair))


@pytest.mark.slow
def test_interrupted_in_steady_state_and_resumed(steady, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        evoact.search(steady, tmp_path, "a", 7, listeners=[Interrupting(9)], **ON_RAY)
    before = read_journal(tmp_path / "a")
    assert sum(isinstance(record, Evaluated) for record in before) == 9
    study = api.resume(tmp_path / "a", **ON_RAY)
    check_once(study)
    assert read_journal(study.folder)[: len(before)] == before


def test_with_rungs_the_hall_of_fame_is_that_of_this_process(tiny, tmp_path, pair):
    data = tiny.model_dump(mode="json") | {
        "task": {"name": "digits", "epochs": 3, "batch_size": 359},
        "anneal": {"early": "none"},
        "evolution": {"population": 8, "generations": 2, "cohort": 4},
    }
    data["evaluate"] |= {"rungs": [1, 2]}
    spec = SearchSpec.model_validate(data)
    here = searched(spec, tmp_path, "here", InlineEvaluator())
    there = searched(spec, tmp_path, "there", pair)
    ours, theirs = (study.folder / "hall_of_fame.csv" for study in (here, there))
    assert ours.read_bytes() == theirs.read_bytes()
    assert {found.evaluation.rung for found in there.best()} == {0, 1, 2}
    assert here.winner() == there.winner()
    assert here.run == there.run
    said = [{str(e.environment["kernels"]) for _, e in s.history.searched()} for s in (here, there)]
    assert said[0] == said[1]
    assert len(said[0]) == 1


def test_asha_stops_trials_across_workers(steady, tmp_path, ray):
    """Each is compared with those of the other worker, too: they meet in the mailbox."""
    from evoact.study.evaluators.ray import RayEvaluator

    data = steady.model_dump(mode="json") | {
        "task": {"name": "digits", "epochs": 3, "batch_size": 359},
        "anneal": {"early": "none"},
    }
    data["evolution"] |= {"cohort": 1}
    data["evaluate"] |= {"rungs": [1, 2], "halving": "asha"}
    evaluator = RayEvaluator(workers=2)  # its own: a mailbox knows the rungs of one search
    try:
        study = searched(SearchSpec.model_validate(data), tmp_path, "a", evaluator)
    finally:
        evaluator.close()
    check_once(study)
    ended = [evaluation for _, evaluation in study.history.searched() if evaluation.is_ok]
    assert {(e.rung, e.epochs) for e in ended} == {(0, 1), (1, 2), (2, 3)}
    # At most half, and the first ones, go on if none gets there out of turn.
    first = [e for e in ended if e.rung == 0]
    assert len(ended) / 4 < len(first)
