"""MLflow down at the start, in the middle, throughout: searches go on, `sync` sends the rest."""

import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager, suppress
from itertools import cycle

import pytest

from evoact import api
from evoact.errors import InputError, StudyError
from evoact.records import GenerationTold, StudyStarted
from evoact.study import Study
from evoact.study.journal import JournalWriter
from evoact.tracking.generation import generation_points
from evoact.tracking.mlflow_content import child_points, children, winner_points

pytestmark = [
    # MLflow's own use of SQLAlchemy, and connections that it leaves to the collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# What differs between two stores of one journal: where it lies, and when it was logged.
OWN_TAGS = ("evoact.study_id", "evoact.folder", "mlflow.parentRunId", "mlflow.user")


def tracked(spec, uri):
    return spec.model_copy(update={"tracking": spec.tracking.model_copy(update={"mlflow": uri})})


def contents(uri):
    """What a store holds of evoact: runs by what they are of, without ids and times."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("evoact").experiment_id
    found = {}
    for run in client.search_runs([experiment], max_results=1000):
        tags, id_ = run.data.tags, run.info.run_id
        points = [
            (metric.key, metric.step, metric.value)
            for name in run.data.metrics
            for metric in client.get_metric_history(id_, name)
        ]
        key = tags["evoact.study"], tags.get("evoact.candidate", "")
        assert key not in found, "a run was made twice"
        params = {k: v for k, v in run.data.params.items() if k != "tracking.mlflow"}
        found[key] = {
            "name": run.info.run_name,
            "status": run.info.status,
            "tags": {k: v for k, v in tags.items() if k not in OWN_TAGS},
            "params": params,
            "points": sorted(points),
            "artifacts": sorted(files(client, id_)),
        }
    return found


def untimed(found):
    """Without the metric that tells how long trainings took: two searches differ in it."""
    timed = "evaluations_per_worker_hour"
    return {
        key: {**run, "points": [point for point in run["points"] if point[0] != timed]}
        for key, run in found.items()
    }


def files(client, run_id, folder=None):
    """The paths of all files of a run."""
    for found in client.list_artifacts(run_id, folder):
        if found.is_dir:
            yield from files(client, run_id, found.path)
        else:
            yield found.path


def times(uri):
    """When runs and points were logged: nothing is logged again if it stays the same."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("evoact").experiment_id
    runs = client.search_runs([experiment], max_results=1000)
    return sorted(
        (r.info.run_id, r.info.start_time, r.info.end_time, m.key, m.step, m.timestamp)
        for r in runs
        for name in r.data.metrics
        for m in client.get_metric_history(r.info.run_id, name)
    )


def counts_of_journal(folder):
    """How much the journal says that a tracker should hold."""
    history = Study.load(folder).history
    those = children(history)
    points = [generation_points(history, generation) for generation in history.told]
    points += [child_points(child.candidate, history) for child in those]
    points.append(winner_points(history.candidates[history.finished.winner], history))
    return {"runs": 1 + len(those), "metrics": sum(map(len, points))}


def counts_of(found):
    return {
        "runs": len(found),
        "metrics": sum(len(run["points"]) for run in found.values()),
        "artifacts": sum(len(run["artifacts"]) for run in found.values()),
    }


@contextmanager
def jumping_clock():
    """Let the time of day jump by hours at each look, back and forth, as a mended clock does."""
    now, jumps = time.time, cycle((0, 7200, -7200))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now() + next(jumps))
        yield


def test_a_store_that_is_down_throughout_is_made_up_for(tiny, tmp_path, store, fresh_store):
    """What `sync` sends equals what a search logs live, though the clock jumps meanwhile."""
    nowhere = "http://127.0.0.1:1"
    with pytest.warns(UserWarning, match="goes on") as told:
        study = api.search(tracked(tiny, nowhere), tmp_path / "down", "tiny", 7)
    assert study.is_finished
    said = " ".join(str(warning.message) for warning in told)
    assert "tracking.mlflow is 'http://127.0.0.1:1': [Errno 111] Connection refused" in said
    assert f"evoact sync {study.folder} --to {nowhere}" in said
    with pytest.raises(InputError, match=r"--to is 'http://127\.0\.0\.1:1'"):
        api.sync(study.folder, nowhere)

    sent = api.sync(study.folder, store)
    synced, logged = contents(store), times(store)
    assert counts_of(synced) == sent
    assert counts_of_journal(study.folder).items() <= sent.items()
    assert api.sync(study.folder, store) == {"runs": 0, "metrics": 0, "artifacts": 0}
    assert (contents(store), times(store)) == (synced, logged)

    live = f"sqlite:///{tmp_path}/live.db"
    (tmp_path / "live.db").write_bytes(fresh_store.read_bytes())
    with jumping_clock():
        api.search(tracked(tiny, live), tmp_path / "live", "tiny", 7)
    assert untimed(contents(live)) == untimed(synced)


class Stop:
    """Interrupts a search at the end of its second generation."""

    def on_record(self, record, history):
        if record == GenerationTold(1):
            raise KeyboardInterrupt

    def close(self):
        pass


def test_a_study_that_was_stopped_can_be_sent_and_completed_later(tiny, tmp_path, store):
    with suppress(KeyboardInterrupt):
        api.search(tiny, tmp_path / "runs", "tiny", 7, listeners=[Stop()])
    folder = tmp_path / "runs" / "tiny"
    assert api.sync(folder, store)["runs"] == 1
    (run,) = contents(store).values()
    assert run["status"] == "KILLED"
    before = contents(store), times(store)
    assert not any(api.sync(folder, store).values())
    assert (contents(store), times(store)) == before
    api.resume(folder)
    api.sync(folder, store)
    assert counts_of_journal(folder).items() <= counts_of(contents(store)).items()
    assert contents(store)["tiny", ""]["status"] == "FINISHED"


def test_a_study_that_runs_is_not_sent_beside(tiny, tmp_path, store):
    study = Study.create(tiny, tmp_path / "runs", "tiny", 7)
    with JournalWriter(study.folder), pytest.raises(StudyError, match="runs this study"):
        api.sync(study.folder, store)
    with pytest.raises(InputError, match="--to is 'off'"):
        api.sync(study.folder, "off")


def test_a_store_that_fails_is_told_in_one_sentence(tiny, tmp_path, store):
    study = Study.create(tiny, tmp_path / "runs", "tiny", 7)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON params BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    with pytest.raises(StudyError, match=r"no room\. What was sent .* the same command"):
        api.sync(study.folder, store)


class Trouble:
    """Kills a server when a record says so, by default the first; starts it at another."""

    def __init__(self, server, down, up=None):
        self.server, self.down, self.up = server, down, up

    def on_record(self, record, history):
        if self.down is None and isinstance(record, StudyStarted):
            self.server.kill()
        if record == self.down:
            _wait_for_the_first(self.server.uri)
            self.server.kill()
        if record == self.up:
            self.server.start()

    def close(self):
        pass


def _wait_for_the_first(uri):
    """Wait until a server has heard of a study: a search does not wait for that."""
    deadline = time.monotonic() + 120.0
    while not contents(uri):
        assert time.monotonic() < deadline
        time.sleep(0.2)


SERVERS = pytest.mark.parametrize("mlflow_server", ["sqlite", "postgresql"], indirect=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # machines may be busy
@SERVERS
def test_a_server_killed_for_the_whole_middle_of_a_search(tiny, tmp_path, mlflow_server):
    """It is gone from the first generation on; `sync` completes the record, once."""
    mlflow_server.start()
    spec = tracked(tiny, mlflow_server.uri)
    trouble = [Trouble(mlflow_server, GenerationTold(0))]
    with pytest.warns(UserWarning, match="MlflowTracker failed"):
        study = api.search(spec, tmp_path / "runs", "tiny", 7, listeners=trouble)
    assert study.is_finished
    mlflow_server.start()
    found = contents(mlflow_server.uri)
    assert list(found) == [("tiny", "")]  # begun, and left behind
    sync = ["-m", "evoact", "sync", str(study.folder), "--to", mlflow_server.uri]
    first, second = (
        subprocess.run([sys.executable, *sync], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first.startswith("sent ")
    assert second == "nothing was missing\n"
    found = contents(mlflow_server.uri)
    assert counts_of_journal(study.folder).items() <= counts_of(found).items()
    assert Counter(run["status"] for run in found.values())["RUNNING"] == 0


@pytest.mark.slow
@pytest.mark.timeout(1200)  # machines may be busy
@pytest.mark.parametrize("mlflow_server", ["sqlite"], indirect=True)
def test_a_server_without_its_database_is_down(tiny, tmp_path, mlflow_server):
    """It answers that it is well, and fails at all else: the search goes on without it."""
    mlflow_server.start()
    database = tmp_path / "mlflow.db"
    whole = database.read_bytes()
    database.write_bytes(b"no database" * 1000)
    with pytest.warns(UserWarning, match="The search goes on"):
        study = api.search(tracked(tiny, mlflow_server.uri), tmp_path / "runs", "tiny", 7)
    assert study.is_finished
    database.write_bytes(whole)
    assert api.sync(study.folder, mlflow_server.uri)["runs"] > 0
    found = counts_of(contents(mlflow_server.uri))
    assert counts_of_journal(study.folder).items() <= found.items()


@pytest.mark.slow
@pytest.mark.timeout(1200)  # machines may be busy
@SERVERS
def test_a_server_that_comes_up_in_the_middle_is_told_all(tiny, tmp_path, mlflow_server):
    spec = tracked(tiny, mlflow_server.uri)
    trouble = [Trouble(mlflow_server, None, GenerationTold(1))]
    with pytest.warns(UserWarning, match="The search goes on"):
        study = api.search(spec, tmp_path / "runs", "tiny", 7, listeners=trouble)
    found = counts_of(contents(mlflow_server.uri))
    assert counts_of_journal(study.folder).items() <= found.items()
    assert not any(api.sync(study.folder, mlflow_server.uri).values())
