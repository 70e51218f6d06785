"""The Ray evaluator: in a process that uses Ray for itself, and when workers die."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from evoact.errors import InputError, StudyError
from evoact.language import named
from evoact.records import Candidate, Cohort, Halving, TaskSpec
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


@contextmanager
def workers_killed(times: int) -> Iterator[list[int]]:
    """Kill the worker with SIGKILL as soon as it trains, this many times."""
    killed: list[int] = []

    def kill() -> None:
        deadline = time.monotonic() + 40
        while len(killed) < times and time.monotonic() < deadline:
            for process in psutil.Process().children(recursive=True):
                if process.pid not in killed and _is_training(process):
                    time.sleep(0.3)  # until it has its cohort; it imports torch then
                    process.kill()
                    killed.append(process.pid)
            time.sleep(0.02)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    yield killed
    thread.join(timeout=5)


def _is_training(process: psutil.Process) -> bool:
    try:
        return "Trainable.train" in " ".join(process.cmdline())
    except psutil.Error:
        return False


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


@pytest.mark.slow
def test_candidates_that_rungs_compare_are_not_trained_apart(evaluator):
    halving = Halving((60,), 2, "val_accuracy", maximise=True)
    with workers_killed(3):
        ((one, other),) = evaluator.evaluate([Cohort(PAIR, LONG, seed=3, halving=halving)])
    for evaluation in (one, other):
        assert evaluation.status == "failed"
        assert "compared with 1 others at evaluate.rungs" in evaluation.reason


@pytest.mark.slow
def test_a_cohort_whose_worker_keeps_dying_is_trained_candidate_by_candidate(evaluator):
    with workers_killed(3) as killed:
        evaluations = [e for found in evaluator.evaluate([Cohort(PAIR, LONG, 3)]) for e in found]
    assert len(killed) == 3
    assert sorted(e.candidate_id for e in evaluations) == sorted(c.id for c in PAIR)
    assert all(e.is_ok for e in evaluations)


@pytest.mark.slow
def test_a_candidate_whose_worker_keeps_dying_is_a_failure(evaluator):
    with workers_killed(3):
        ((evaluation,),) = evaluator.evaluate([Cohort(PAIR[:1], LONG, seed=3)])
    assert evaluation.status == "failed"
    assert "died or failed 3 times" in evaluation.reason
    assert evaluation.environment["threads"] == 1
    assert evaluation.epochs == LONG.epochs


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
