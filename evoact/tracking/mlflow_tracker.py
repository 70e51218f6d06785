"""A study in MLflow: one parent run, one level of runs for its best candidates."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from evoact.errors import StudyError
from evoact.records import (
    Candidate,
    GenerationTold,
    History,
    Record,
    StudyFinished,
    StudyStarted,
    encode,
)
from evoact.tracking.confirmation import confirmation_columns, confirmation_rows
from evoact.tracking.describe import csv_text, spec_of
from evoact.tracking.figures import function_figure, save_figure
from evoact.tracking.hall_of_fame import hall_of_fame_columns, hall_of_fame_rows
from evoact.tracking.mlflow_content import (
    Child,
    Point,
    child_name,
    child_params,
    child_points,
    child_tags,
    children,
    generation_points,
    main_evaluation,
    study_params,
    winner_points,
)
from evoact.tracking.mlflow_store import check_reachable, prepare_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MAX_METRICS: Final = 900  # MLflow takes 1000 metrics a call, and tags count too
_COMPLETE: Final = "evoact.complete"
_STUDY_ID: Final = "evoact.study_id"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_MARK: Final = "evaluated"  # logged with every generation, so its steps say which are there


class MlflowTracker:
    """Logs a study to MLflow, from the process of the search alone.

    Replaying a journal continues the study's run instead of making another:
    what is already there is not logged twice, what is missing is made up for.
    So a record that failed is repaired by the next one that succeeds.

    Args:
        uri: a tracking URI, see `tracking_uri`; `prepare_store` it beforehand
            when other processes may touch it.
        study_dir: the folder of the study.
        live: whether the search runs in this process; else a run that is there
            already keeps its state.

    Attributes:
        sent: how many runs, metrics and artifacts were logged.

    Errors of MLflow are raised; wrap the tracker in `Guarded`.
    """

    def __init__(self, uri: str, study_dir: str | Path, *, live: bool = True) -> None:
        self._uri, self._folder = uri, Path(study_dir).absolute()
        self._live = live
        self.sent: Counter[str] = Counter()
        self._client: MlflowClient | None = None
        self._experiment = ""
        self._run_id = ""
        self._logged: set[int] = set()
        self._complete = False

    def on_record(self, record: Record, history: History) -> None:
        """Log what a record adds, and what earlier ones left out."""
        if isinstance(record, StudyStarted | GenerationTold | StudyFinished):
            self.catch_up(history)

    def catch_up(self, history: History) -> None:
        """Log what a study's run lacks."""
        client = self._connected(history)
        if self._complete:
            return
        self._log_generations(client, history)
        if history.finished:
            self._log_children(client, history)
            self._finish(client, history)

    def close(self) -> None:
        """Mark the run of a study that did not finish as stopped."""
        if not self._client or not self._run_id or self._complete:
            return
        if self._live or self._client.get_run(self._run_id).info.status == "RUNNING":
            self._client.set_terminated(self._run_id, "KILLED")

    def _connected(self, history: History) -> MlflowClient:
        if self._client is None:
            check_reachable(self._uri)  # MLflow tries for an hour to open a database
            self._experiment = prepare_store(self._uri)
            from mlflow import MlflowClient

            self._client = MlflowClient(tracking_uri=self._uri)
        if not self._run_id:
            run = self._find(self._client, history) or self._create(self._client, history)
            if not self._complete:
                self._describe(self._client, run.info.run_id, history)
            self._run_id = run.info.run_id
        return self._client

    def _find(self, client: MlflowClient, history: History) -> Run | None:
        """Return the run that an earlier process made of this study, and continue it."""
        wanted = f"tags.`{_STUDY_ID}` = '{self._study_id(history)}'"
        runs: list[Run] = client.search_runs([self._experiment], wanted, max_results=1)
        if not runs:
            return None
        run = runs[0]
        self._complete = _COMPLETE in run.data.tags
        steps = client.get_metric_history(run.info.run_id, _MARK)
        self._logged = {metric.step for metric in steps}
        if self._live and not self._complete:
            client.update_run(run.info.run_id, status="RUNNING")
        return run

    def _study_id(self, history: History) -> str:
        """Tell studies apart: the folder, and the journal's first line."""
        assert history.started is not None
        identity = f"{self._folder}\n{encode(history.started)}"
        return hashlib.sha256(identity.encode()).hexdigest()

    def _create(self, client: MlflowClient, history: History) -> Run:
        assert history.started is not None
        tags = {
            _STUDY_ID: self._study_id(history),
            "evoact.role": "study",
            "evoact.study": history.started.name,
            "evoact.seed": str(history.started.seed),
            "evoact.folder": str(self._folder),
        }
        tags |= {f"evoact.versions.{k}": str(v) for k, v in history.started.versions.items()}
        run: Run = client.create_run(self._experiment, tags=tags, run_name=history.started.name)
        self.sent["runs"] += 1
        return run

    def _describe(self, client: MlflowClient, run_id: str, history: History) -> None:
        """Log the specification; logging equal parameters again changes nothing."""
        assert history.started is not None
        _log(client, run_id, params=study_params(history.started.spec))
        space = self._folder / "space.yaml"
        there = {artifact.path for artifact in client.list_artifacts(run_id)}
        if space.is_file() and space.name not in there:
            client.log_artifact(run_id, str(space))
            self.sent["artifacts"] += 1

    def _log_generations(self, client: MlflowClient, history: History) -> None:
        missing = sorted(history.told - self._logged)
        if missing:
            # First, as it is the points that say what is there.
            columns = hall_of_fame_columns(spec_of(history))
            table = csv_text(columns, hall_of_fame_rows(history))
            self._log_text(client, table, "hall_of_fame.csv")
        for generation in missing:
            self._log_points(client, self._run_id, generation_points(history, generation))
            self._logged.add(generation)

    def _log_text(self, client: MlflowClient, text: str, name: str) -> None:
        client.log_text(self._run_id, text, name)
        self.sent["artifacts"] += 1

    def _log_points(
        self,
        client: MlflowClient,
        run_id: str,
        points: Sequence[Point],
        params: Mapping[str, str] = _NOTHING,
        tags: Mapping[str, str] = _NOTHING,
    ) -> None:
        _log(client, run_id, points, params, tags)
        self.sent["metrics"] += len(points)

    def _log_children(self, client: MlflowClient, history: History) -> None:
        there = self._complete_children(client)
        for child in children(history):
            if child.candidate.id not in there:
                self._log_child(client, child, history)

    def _complete_children(self, client: MlflowClient) -> set[str]:
        """Return the candidates that have their run; half-made runs are deleted."""
        wanted = f"tags.`mlflow.parentRunId` = '{self._run_id}'"
        done = set()
        for run in client.search_runs([self._experiment], wanted, max_results=1000):
            if _COMPLETE in run.data.tags:
                done.add(run.data.tags["evoact.candidate"])
            else:
                client.delete_run(run.info.run_id)
        return done

    def _log_child(self, client: MlflowClient, child: Child, history: History) -> None:
        tags = child_tags(child, history) | {"mlflow.parentRunId": self._run_id}
        evaluation = main_evaluation(child.candidate, history)
        # The time that the training took, not the time that it took to log it.
        seconds = evaluation.seconds if evaluation else 0.0
        start = _now() - int(1000 * seconds)
        run = client.create_run(self._experiment, start, tags, child_name(child))
        run_id = run.info.run_id
        points = child_points(child.candidate, history)
        self._log_points(client, run_id, points, child_params(child.candidate))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "function.png"
            trained = self._trained(child.candidate, history)
            save_figure(function_figure(child.candidate.late, params=trained), path)
            client.log_artifact(run_id, str(path))
        self.sent.update(runs=1, artifacts=1)
        client.set_tag(run_id, _COMPLETE, "true")
        ok = evaluation is not None and evaluation.is_ok
        client.set_terminated(run_id, "FINISHED" if ok else "FAILED")

    def _trained(self, candidate: Candidate, history: History) -> dict[str, dict[str, Any]]:
        """Return trained parameters; a study whose files were lost is shown without."""
        try:
            return history.trained_params(candidate, self._folder)
        except StudyError:
            return {}

    def _finish(self, client: MlflowClient, history: History) -> None:
        assert history.finished is not None
        rows = confirmation_rows(history)
        if rows:
            table = csv_text(confirmation_columns(history), rows)
            self._log_text(client, table, "confirmation.csv")
        points: list[Point] = []
        if history.finished.winner is not None:
            winner = history.candidates[history.finished.winner]
            client.set_tag(self._run_id, "evoact.winner", winner.text)
            there = client.get_run(self._run_id).data.metrics
            points = [p for p in winner_points(winner, history) if p[0] not in there]
        client.set_terminated(self._run_id, "FINISHED")
        # Last, and with the mark in the same call: a replay after a crash repeats nothing.
        self._log_points(client, self._run_id, points, tags={_COMPLETE: "true"})
        self._complete = True


def _now() -> int:
    return int(1000 * time.time())


def _log(
    client: MlflowClient,
    run_id: str,
    points: Sequence[Point] = (),
    params: Mapping[str, str] = _NOTHING,
    tags: Mapping[str, str] = _NOTHING,
) -> None:
    """Log to a run in as few calls as MLflow's limits allow; the last one holds the tags."""
    from mlflow.entities import Metric, Param, RunTag

    now = _now()
    metrics = [Metric(name, value, now, step) for name, value, step in points]
    while len(metrics) > MAX_METRICS:
        client.log_batch(run_id, metrics[:MAX_METRICS], synchronous=True)
        metrics = metrics[MAX_METRICS:]
    if params:  # apart, as params and metrics share a limit of entities a call
        entries = [Param(name, value) for name, value in params.items()]
        client.log_batch(run_id, params=entries, synchronous=True)
    marks = [RunTag(name, value) for name, value in tags.items()]
    client.log_batch(run_id, metrics, tags=marks, synchronous=True)
