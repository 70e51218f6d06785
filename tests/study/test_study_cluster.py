"""Searches on a cluster of several nodes: what is asked of them, and what happens if they go."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from services import free_port
from study_runs import searched

from evoact.errors import InputError
from evoact.language import named
from evoact.records import Candidate, Cohort, Evaluated, Halving, SearchSpec, TaskSpec
from evoact.study import InlineEvaluator, make_evaluator
from evoact.study.journal import read_journal

pytestmark = [
    pytest.mark.ray,
    # Ray's own, as in test_study_ray.py.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SHORT = TaskSpec(name="digits", epochs=1, batch_size=256)
FOUR = tuple(Candidate(named(name)) for name in ("relu", "tanh", "silu", "gelu"))
FOLDER = "EVOACT_TEST_CLUSTER"
SLACK = 900.0
_START_SECONDS = 500.0


class Mark(NamedTuple):
    """What a worker said when it took a cohort."""

    node: str
    pid: int
    ids: tuple[str, ...]


class Stage:
    """The folder where workers say what they take, and find what they are to do with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hold, self.poison = folder / "hold", folder / "poison"
        self.hang = folder / "hang"

    def marks(self) -> list[Mark]:
        """What was taken so far, in this order."""
        lines = [path.read_text().split() for path in sorted(self.folder.glob("*.mark"))]
        return [Mark(node, int(pid), tuple(ids)) for node, pid, *ids in lines]

    def until(self, condition: Callable[[list[Mark]], object]) -> list[Mark]:
        """Wait until what was taken fulfils a condition.

        A worker takes its first cohort once three processes were started, one after
        the other (two of them Ray's own), and torch was imported: seconds of the
        processor, of which a test may get a twentieth.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not condition(found := self.marks()):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found


def agent_ports() -> dict[str, int]:
    """Ports for the agents of a node: where they choose their own, the node waits for them.

    It ends itself if they have not chosen within 15 seconds, which nothing can change. On a
    busy machine they need longer to start: such a node joins, and is gone.
    """
    agents = ("metrics_agent", "metrics_export", "runtime_env_agent", "dashboard_agent_listen")
    return {f"{name}_port": free_port() for name in agents}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head that trains nothing; tests add nodes, and take them away."""
    import ray
    from ray._private import ray_constants
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(tmp_path_factory.mktemp("cluster")))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # A busy machine takes longer than Ray has patience: else it ends a node whose agent
        # does not answer yet, and starts workers again and again.
        patch.setenv("RAY_agent_register_timeout_ms", "600000")
        patch.setenv("RAY_worker_register_timeout_seconds", "600")
        patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)  # on loopback alone
        cluster = Cluster()
        try:
            cluster.add_node(num_cpus=0, include_dashboard=False, **agent_ports())
            ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


@pytest.fixture
def stage(cluster):
    stage = Stage(Path(os.environ[FOLDER]))
    yield stage
    for path in stage.folder.iterdir():
        path.unlink()


@pytest.fixture
def add(cluster):
    """Adds a node; all of them are taken away after the test."""

    def added(**more):
        return cluster.add_node(**{"num_cpus": 1, **agent_ports(), **more})

    yield added
    for node in list(cluster.worker_nodes):
        cluster.remove_node(node, allow_graceful=False)


@pytest.fixture
def evaluator(cluster, stage):
    """Makes an evaluator whose workers say what they take, hold on, and die of poison."""
    from evoact.study.evaluators.ray import RayEvaluator
    from evoact.study.evaluators.trials import CohortTrainable

    class Marking(CohortTrainable):  # here, so that Ray sends it by value
        slack = SLACK

        def trained(self, text):
            import json
            import os
            import signal
            import time
            from pathlib import Path

            import ray

            folder = Path(os.environ["EVOACT_TEST_CLUSTER"])
            ids = [candidate["id"] for candidate in json.loads(text)["candidates"]]
            node = ray.get_runtime_context().get_node_id()
            path = folder / f"{time.time_ns()}"
            path.write_text(f"{node} {os.getpid()} {' '.join(ids)}")
            path.rename(path.with_suffix(".mark"))
            while (folder / "hold").exists():
                time.sleep(0.05)
            if (folder / "poison").exists() and (folder / "poison").read_text() in ids:
                os.kill(os.getpid(), signal.SIGKILL)
            while (folder / "hang").exists() and (folder / "hang").read_text() in ids:
                time.sleep(0.05)
            return super().trained(text)

    class MarkingEvaluator(RayEvaluator):
        trainable = Marking

    made = []

    def make(slack=SLACK, **more):
        Marking.slack = slack
        made.append(MarkingEvaluator(**more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.slow
@pytest.mark.timeout(1500)  # machines may be busy
def test_what_dies_and_who_joins_changes_no_result(
    tiny: SearchSpec, tmp_path, cluster, add, stage, evaluator
) -> None:
    """A worker is killed and a node is taken away, each in mid-cohort; another node joins late."""
    undisturbed = searched(tiny, tmp_path, "undisturbed", InlineEvaluator())
    nodes = {node.node_id: node for node in (add(), add())}
    stage.hold.touch()

    with ThreadPoolExecutor(1) as pool:  # Ray starts nodes from the main thread alone
        search = pool.submit(searched, tiny, tmp_path, "disturbed", evaluator())
        first, second = stage.until(lambda marks: len(marks) == 2)
        os.kill(first.pid, signal.SIGKILL)
        cluster.remove_node(nodes[second.node], allow_graceful=False)
        late = add().node_id
        # Another worker for the one that was killed, and one on the new node.
        stage.until(lambda marks: {first.node, late} <= {mark.node for mark in marks[2:]})
        stage.hold.unlink()
        study = search.result()

    ours, theirs = (s.folder / "hall_of_fame.csv" for s in (study, undisturbed))
    assert ours.read_bytes() == theirs.read_bytes()
    assert study.winner() == undisturbed.winner()
    records = read_journal(study.folder)
    evaluated = Counter(
        (r.evaluation.candidate_id, r.evaluation.replicate)
        for r in records
        if isinstance(r, Evaluated)
    )
    assert set(evaluated.values()) == {1}
    assert evaluated.keys() == undisturbed.history.evaluations.keys()
    with_worker, with_node, *later = stage.marks()
    assert with_node.ids in {mark.ids for mark in later}  # as it was
    halves = [mark.ids for mark in later if set(mark.ids) & set(with_worker.ids)][:2]
    assert sorted(halves) == sorted((one,) for one in with_worker.ids)


@pytest.mark.slow
def test_poison_is_found_by_halving(add, stage, evaluator) -> None:
    add()
    poison = FOUR[1].id
    stage.poison.write_text(poison)
    found = [e for some in evaluator().evaluate([Cohort(FOUR, SHORT, seed=3)]) for e in some]
    assert sorted(e.candidate_id for e in found) == sorted(c.id for c in FOUR)
    (failed,) = [e for e in found if not e.is_ok]
    assert failed.candidate_id == poison
    assert failed.status == "failed"
    assert "crashed its worker 2 times" in failed.reason
    assert "Worker unexpectedly exits" in failed.reason
    assert failed.environment["threads"] == 1
    crashed = [len(mark.ids) for mark in stage.marks() if poison in mark.ids]
    assert crashed == [4, 2, 1, 1]
    assert sum(mark.ids == (FOUR[0].id,) for mark in stage.marks()) == 1


@pytest.mark.slow
def test_a_worker_that_hangs_ends_and_its_cohort_goes_on(add, stage, evaluator) -> None:
    add()
    stage.hang.write_text(FOUR[1].id)
    short = evaluator(slack=20.0)
    cohort = Cohort(FOUR[:2], SHORT, seed=3, timeout=1.0)
    found = {e.candidate_id: e for some in short.evaluate([cohort]) for e in some}
    assert found[FOUR[0].id].is_ok
    failed = found[FOUR[1].id]
    assert failed.status == "failed"
    assert "crashed its worker 2 times, at last: it has not answered for" in failed.reason
    assert [len(mark.ids) for mark in stage.marks() if FOUR[1].id in mark.ids] == [2, 1, 1]


@pytest.mark.slow
def test_poison_takes_those_with_it_that_rungs_compare(add, stage, evaluator) -> None:
    add()
    stage.poison.write_text(FOUR[1].id)
    halving = Halving((1,), 2, "val_accuracy", maximise=True)
    task = SHORT.model_copy(update={"epochs": 2})
    (found,) = evaluator().evaluate([Cohort(FOUR[:2], task, seed=3, halving=halving)])
    assert [e.status for e in found] == ["failed", "failed"]
    assert all("compared with 1 others at evaluate.rungs" in e.reason for e in found)
    assert [len(mark.ids) for mark in stage.marks()] == [2, 2, 2]


def other_version(folder: Path, package: str) -> dict[str, str]:
    """The environment of a node where a package is of another version."""
    about = folder / f"{package}-0.0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.0.1\n")
    return {"PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}


def test_nodes_that_are_not_like_this_one_are_refused(
    tmp_path, monkeypatch, add, evaluator
) -> None:
    """One has another torch, and does not see the data: a relative path means another file."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    other = add(env_vars=other_version(tmp_path, "torch"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    add()
    with pytest.raises(InputError) as error:
        evaluator(files=["data.csv"])
    said = str(error.value)
    assert "has torch 0.0.1 instead of 2." in said
    assert "has file data.csv not read (No such file or directory) instead of" in said
    assert said.count("instead of") == 2
    assert other.node_id[:8] in said
    assert "on storage that all nodes see" in said


def test_gpus_of_several_models_are_for_who_asks_for_them(tiny, add, cluster) -> None:
    from evoact.study.evaluators.nodes import alive

    nodes = {
        model: add(num_gpus=1, resources={f"accelerator_type:{model}": 1})
        for model in ("A100", "H100")
    }
    evaluate = {"executor": "ray", "gpus_per_worker": 0.5}

    def asked(mode: str = "generational", **more) -> SearchSpec:
        data = tiny.model_dump(mode="json")
        data["evolution"] |= {"mode": mode}
        data["evaluate"] |= evaluate | more
        return SearchSpec.model_validate(data)

    with pytest.raises(InputError) as error:
        make_evaluator(asked())
    assert "A100 on" in str(error.value)
    assert "H100 on" in str(error.value)
    assert "set evaluate.allow_mixed_devices to true" in str(error.value)
    for spec in (asked(allow_mixed_devices=True), asked(mode="steady_state")):
        allowed = make_evaluator(spec)
        allowed.close()
        assert allowed.workers == 2  # one CPU each
    cluster.remove_node(nodes["H100"], allow_graceful=False)
    deadline = time.monotonic() + 60
    while len(alive()) > 2:  # the head learns of it
        assert time.monotonic() < deadline
        time.sleep(0.1)
    make_evaluator(asked()).close()
    with pytest.raises(InputError, match=r"gpus_per_worker is 2, but no node .* 1 GPUs on one"):
        make_evaluator(asked(gpus_per_worker=2))


def test_workers_without_room_are_told(add, evaluator) -> None:
    add()
    with pytest.warns(UserWarning, match="evaluate.workers is 3, but .* have room for 1"):
        evaluator(workers=3)


@pytest.mark.slow
def test_a_node_that_joins_with_other_versions_trains_nothing(
    tmp_path, add, stage, evaluator
) -> None:
    add()
    stage.hold.touch()
    results = evaluator().evaluate([Cohort((c,), SHORT, seed=3) for c in FOUR])
    stage.until(lambda marks: len(marks) == 1)
    other = add(env_vars=other_version(tmp_path, "torch"))
    releasing = threading.Timer(20.0, stage.hold.unlink)
    releasing.start()
    with pytest.warns(UserWarning, match="it has torch 0.0.1 .* goes on without"):
        found = [e for some in results for e in some]
    releasing.join()
    assert len(found) == len(FOUR)
    assert other.node_id not in {mark.node for mark in stage.marks()}
