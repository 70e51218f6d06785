"""A study in MLflow: one parent run, one level of runs for its best candidates."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from evoact.records import (
    Candidate,
    GenerationTold,
    History,
    Record,
    StudyFinished,
    StudyStarted,
)
from evoact.tracking.generation import Point, generation_points
from evoact.tracking.mlflow_content import (
    STUDY_ID,
    Child,
    child_name,
    child_params,
    child_points,
    child_tags,
    children,
    main_evaluation,
    result_tags,
    run_tags,
    study_id,
    study_params,
    winner_points,
)
from evoact.tracking.mlflow_data import dataset_inputs
from evoact.tracking.mlflow_files import (
    EXPORT,
    HALL_OF_FAME_CSV,
    Files,
    candidate_files,
    hall_of_fame_text,
    put_export,
    study_files,
    write_files,
)
from evoact.tracking.mlflow_model import link_model, linked_models, log_model, register
from evoact.tracking.mlflow_store import check_reachable, prepare_store
from evoact.tracking.winners import STEM

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MAX_METRICS: Final = 900  # MLflow takes 1000 metrics a call, and tags count too
_COMPLETE: Final = "evoact.complete"
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
        self._finished: History | None = None
        self._has_figures = self._complete = False

    def on_record(self, record: Record, history: History) -> None:
        """Log what a record adds, and what earlier ones left out.

        Of a study that finished all but its winner, whose export other views may be writing.
        """
        if isinstance(record, StudyStarted | GenerationTold | StudyFinished):
            self._finished = history if history.finished else None
            self._log_known(history)

    def close(self) -> None:
        """Log the rest of a study that finished; mark the run of another as stopped."""
        if self._finished:
            self.catch_up(self._finished)
        if not self._client or not self._run_id or self._complete:
            return
        if self._live or self._client.get_run(self._run_id).info.status == "RUNNING":
            self._client.set_terminated(self._run_id, "KILLED")

    def catch_up(self, history: History) -> None:
        """Log what a study's run lacks."""
        self._log_known(history)
        if history.finished and not self._complete:
            self._finish(self._connected(history), history)

    def _log_known(self, history: History) -> None:
        """Log all but the winner, and that the study is complete."""
        client = self._connected(history)
        if self._complete:
            return
        self._log_generations(client, history)
        if history.finished and not self._has_figures:
            others = [c for c in children(history) if not _is_winner(c.candidate, history)]
            self._log_children(client, history, others)
            self._log_files(client, self._run_id, study_files(history))
            self._has_figures = True

    def _connected(self, history: History) -> MlflowClient:
        if self._client is None:
            check_reachable(self._uri)  # MLflow tries for an hour to open a database
            self._experiment = prepare_store(self._uri)
            from mlflow import MlflowClient

            self._client = MlflowClient(tracking_uri=self._uri)
        if not self._run_id:
            run = self._find(self._client, history) or self._create(self._client, history)
            if not self._complete:
                self._describe(self._client, run, history)
            self._run_id = run.info.run_id
        return self._client

    def _find(self, client: MlflowClient, history: History) -> Run | None:
        """Return the run that an earlier process made of this study, and continue it."""
        wanted = f"tags.`{STUDY_ID}` = '{study_id(history, self._folder)}'"
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

    def _create(self, client: MlflowClient, history: History) -> Run:
        assert history.started is not None
        own = {STUDY_ID: study_id(history, self._folder), "evoact.folder": str(self._folder)}
        tags = {**run_tags(history), **own}
        run: Run = client.create_run(self._experiment, tags=tags, run_name=history.started.name)
        self.sent["runs"] += 1
        return run

    def _describe(self, client: MlflowClient, run: Run, history: History) -> None:
        """Log the specification; logging equal parameters again changes nothing."""
        assert history.started is not None
        run_id = run.info.run_id
        _log(client, run_id, params=study_params(history.started.spec))
        inputs = dataset_inputs(history)
        if inputs and not (run.inputs and run.inputs.dataset_inputs):
            client.log_inputs(run_id, inputs)
        space = self._folder / "space.yaml"
        there = {artifact.path for artifact in client.list_artifacts(run_id)}
        if space.is_file() and space.name not in there:
            client.log_artifact(run_id, str(space))
            self.sent["artifacts"] += 1

    def _log_generations(self, client: MlflowClient, history: History) -> None:
        missing = sorted(history.told - self._logged)
        if missing and not history.finished:
            # First, as it is the points that say what is there.
            client.log_text(self._run_id, self._hall_of_fame(history), HALL_OF_FAME_CSV)
            self.sent["artifacts"] += 1
        for generation in missing:
            self._log_points(client, self._run_id, generation_points(history, generation))
            self._logged.add(generation)

    def _hall_of_fame(self, history: History) -> str:
        """Return the table; of a search in this moment what its file shows, as names take time."""
        written = self._folder / HALL_OF_FAME_CSV
        if self._live and written.is_file():
            return written.read_text(encoding="utf-8")
        return hall_of_fame_text(history)

    def _log_files(self, client: MlflowClient, run_id: str, files: Files) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_files(files, Path(folder))
            self._log_folder(client, run_id, Path(folder))

    def _log_folder(self, client: MlflowClient, run_id: str, folder: Path) -> None:
        files = [path for path in folder.rglob("*") if path.is_file()]
        if files:
            client.log_artifacts(run_id, str(folder))
        self.sent["artifacts"] += len(files)

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

    def _log_children(self, client: MlflowClient, history: History, those: Sequence[Child]) -> None:
        there = self._complete_children(client)
        for child in reversed(those):  # MLflow's pages show the newest first
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
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "files"
            write_files(candidate_files(child.candidate, history, self._folder), folder)
            if _is_winner(child.candidate, history):
                put_export(child.candidate, history, self._folder, folder / EXPORT)
                program, model = folder / EXPORT / f"{STEM}.pt2", Path(name) / "model"
                log_model(client, run, child.candidate, program, model)
            self._log_folder(client, run_id, folder)
        self.sent["runs"] += 1
        points, params = child_points(child.candidate, history), child_params(child.candidate)
        self._log_points(client, run_id, points, params, tags={_COMPLETE: "true"})
        ok = evaluation is not None and evaluation.is_ok
        client.set_terminated(run_id, "FINISHED" if ok else "FAILED")

    def _finish(self, client: MlflowClient, history: History) -> None:
        assert history.finished is not None
        self._log_children(client, history, children(history))  # the winner is left
        points: list[Point] = []
        if history.finished.winner is not None:
            winner = history.candidates[history.finished.winner]
            self._register(client, history)
            there = client.get_run(self._run_id).data.metrics
            points = [p for p in winner_points(winner, history) if p[0] not in there]
        client.set_terminated(self._run_id, "FINISHED")
        # Last, and with the mark in the same call: a replay after a crash repeats nothing.
        tags = {**result_tags(history), _COMPLETE: "true"}
        self._log_points(client, self._run_id, points, tags=tags)
        self._complete = True

    def _register(self, client: MlflowClient, history: History) -> None:
        """Register the winner's model, and link it to the run of the study."""
        assert history.finished is not None
        wanted = (
            f"tags.`mlflow.parentRunId` = '{self._run_id}' "
            f"AND tags.`evoact.candidate` = '{history.finished.winner}'"
        )
        for run in client.search_runs([self._experiment], wanted, max_results=1):
            for model in linked_models(client, run):
                link_model(client, client.get_run(self._run_id), model)
                register(client, model, run.info.run_id, history, study_id(history, self._folder))


def _is_winner(candidate: Candidate, history: History) -> bool:
    return history.finished is not None and candidate.id == history.finished.winner


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
    entries = [Param(name, value) for name, value in params.items()]
    if len(metrics) + len(entries) > MAX_METRICS:  # they share a limit of entities a call
        client.log_batch(run_id, params=entries, synchronous=True)
        entries = []
    marks = [RunTag(name, value) for name, value in tags.items()]
    client.log_batch(run_id, metrics, params=entries, tags=marks, synchronous=True)


def study_page(uri: str, folder: str | Path, history: History) -> str | None:
    """Return the page of a study on MLflow's pages, such as `#/experiments/1/runs/RUN`.

    Args:
        uri: of a store that is there, see `tracking_uri`.
        folder: of the study.
        history: of it.

    Returns:
        None where the store has no run of it.

    Raises:
        InputError: the store refuses, or its experiment was deleted.
    """
    experiment = prepare_store(uri)
    from mlflow import MlflowClient

    wanted = f"tags.`{STUDY_ID}` = '{study_id(history, Path(folder))}'"
    runs = MlflowClient(tracking_uri=uri).search_runs([experiment], wanted, max_results=1)
    return f"#/experiments/{experiment}/runs/{runs[0].info.run_id}" if runs else None
