"""The Ray evaluator: in a process that uses Ray for itself."""

import os
import subprocess
import sys

import pytest

from evoact.errors import InputError, StudyError
from evoact.language import named
from evoact.records import Candidate, Cohort, TaskSpec
from evoact.training import train_cohort

SHORT = TaskSpec(name="digits", epochs=1, batch_size=256)
LONG = TaskSpec(name="digits", epochs=120)
PAIR = (Candidate(named("relu")), Candidate(named("tanh")))

pytestmark = [
    pytest.mark.ray,
    # Ray's own: deprecations, and log files that it leaves to the collector.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def ray():
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CC", "no-such-compiler")  # the workers' compiler
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
        )
    yield ray
    ray.shutdown()


@pytest.fixture
def evaluator(ray):
    from evoact.study.evaluators.ray import RayEvaluator

    evaluator = RayEvaluator(workers=1)
    yield evaluator
    evaluator.close()
    assert ray.is_initialized()  # the user's connection is left open


def test_results_are_those_of_this_process(evaluator):
    cohorts = [Cohort((candidate,), SHORT, seed=3) for candidate in PAIR]
    found = {e.candidate_id: dict(e.objectives) for [e] in evaluator.evaluate(cohorts)}
    for cohort in cohorts:
        (here,) = train_cohort(cohort)
        assert found[here.candidate_id] == here.objectives


def test_a_worker_without_what_the_study_resolved_ends_the_search(evaluator):
    evaluator.submit(Cohort(PAIR, SHORT, seed=3, kernels="c"))
    with pytest.raises(StudyError, match=r"a worker has none: \$CC is 'no-such-compiler'"):
        evaluator.next_evaluations()


def test_closing_stops_what_trains_and_what_waits(ray):
    from evoact.study.evaluators.ray import RayEvaluator

    evaluator = RayEvaluator(workers=1)
    results = evaluator.evaluate([Cohort(PAIR, SHORT, seed=0), *[Cohort(PAIR, LONG, seed=0)] * 50])
    assert all(evaluation.is_ok for evaluation in next(results))
    evaluator.close()
    assert not evaluator._thread.is_alive()


def test_what_cannot_be_had_is_refused(ray):
    from evoact.study.evaluators.ray import RayEvaluator

    with pytest.raises(InputError, match="no node of the Ray cluster has both"):
        RayEvaluator(workers=1, gpus=1.0)
    with pytest.raises(InputError, match="no node of the Ray cluster has both"):
        RayEvaluator(workers=1, cpus=3)
    with pytest.raises(InputError, match="leave the address out"):
        RayEvaluator(workers=1, address="127.0.0.1:6379")


def test_another_cluster_of_this_machine_is_left_alone() -> None:
    """Ray itself would join one that RAY_ADDRESS, or a file of `ray start`, tells of."""
    code = """if True:
        from evoact.study.evaluators.ray import RayEvaluator

        evaluator = RayEvaluator(workers=1)
        print("workers:", evaluator.workers)
        evaluator.close()
    """
    env = {**os.environ, "RAY_ADDRESS": "127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "workers: 1" in done.stdout, done.stderr
