"""Training on a Ray cluster: one Tune run, one trial a cohort.

Tune asks a searcher for trials; ours hands out the cohorts that the study's
loop has put into a queue, and puts results into another. So the loop is the
same whoever trains, and Tune keeps actors, resources and lost nodes.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import socket
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import ray
from ray import tune
from ray.tune.search import Searcher

from evoact.errors import InputError, StudyError
from evoact.records import DTYPE, THREADS, Cohort, Evaluation
from evoact.study.evaluators.base import Evaluator

_CONNECT_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05
_LOST_NODE_RETRIES: Final = 2
_STOP_SECONDS: Final = 15.0
_SETTINGS_FRAME: Final = b"\x04"  # what an HTTP/2 peer must say first


class CohortTrainable(tune.Trainable):
    """A Tune trial that trains one cohort; its actor stays for the next."""

    def setup(self, config: dict[str, Any]) -> None:
        """Take the first cohort."""
        self.text = config["cohort"]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another cohort; data and imports stay in the process."""
        self.text = new_config["cohort"]
        return True

    def step(self) -> dict[str, Any]:
        """Train the cohort and report all of it at once."""
        from evoact.training import train_cohort

        try:
            evaluations = train_cohort(Cohort.from_dict(json.loads(self.text)))
        except StudyError as error:  # no other try would end otherwise
            return {"refused": str(error), "done": True}
        return {"evaluations": [e.to_dict() for e in evaluations], "done": True}


class _Feed(Searcher):
    """A searcher that suggests what the study's loop has queued."""

    def __init__(self) -> None:
        super().__init__(metric=None, mode=None)
        self.closed = threading.Event()
        self.pending: queue.Queue[str] = queue.Queue()
        self.results: queue.Queue[tuple[str, dict[str, Any] | None]] = queue.Queue()
        self._running: dict[str, str] = {}

    def suggest(self, trial_id: str) -> Any:
        """Return the next cohort; nothing while there is none; an end when closed."""
        # While trials run, Tune must go on with them. While none does, waiting
        # here is better than Tune's own sleep of a second.
        try:
            text = self.pending.get(block=not self._running, timeout=_POLL_SECONDS)
        except queue.Empty:
            return Searcher.FINISHED if self.closed.is_set() else None
        if self.closed.is_set():
            return Searcher.FINISHED
        self._running[trial_id] = text
        return {"cohort": text}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing: a trial reports once, at its end."""

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Pass on what a cohort gave, or that its worker was lost."""
        text = self._running.pop(trial_id)
        self.results.put((text, None if error else result or None))

    def __reduce__(self) -> tuple[type[_Feed], tuple[()]]:
        """Be pickled as empty: Tune stores its searcher, queues cannot be."""
        return _Feed, ()

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the truth, Tune's state is disposable."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, as for `save`."""


class _StopWhenClosed(tune.Stopper):
    """Ends the run, trials in training included, once the feed is closed."""

    def __init__(self, feed: _Feed) -> None:
        self.feed = feed

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:  # noqa: ARG002  # Tune's signature
        return False

    def stop_all(self) -> bool:
        """Whether to stop all trials now."""
        return self.feed.closed.is_set()


class RayEvaluator(Evaluator):
    """Trains cohorts on the workers of a Ray cluster.

    A connection to Ray that the process has already is used, and left open.

    Args:
        workers: how many cohorts are trained at once; None for as many as the
            CPUs of the cluster allow.
        cpus, gpus: what a worker reserves; a share of a GPU is a count for
            scheduling, not a limit on its memory.
        address: a running cluster; None starts one on this machine.

    Raises:
        InputError: the address does not answer, is given though the process is
            connected already, or no node has what a worker reserves.
    """

    def __init__(
        self,
        workers: int | None = None,
        cpus: int = 1,
        gpus: float = 0.0,
        address: str | None = None,
    ) -> None:
        _quieten_tune()
        self._owns_connection = not ray.is_initialized()
        if self._owns_connection:
            _connect(address, workers, cpus)
        elif address is not None:
            raise InputError(
                f"address is {address!r}, but this process is connected to a Ray cluster "
                "already; leave the address out, or call ray.shutdown() first"
            )
        total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # untyped in ray
        self.workers = workers or max(1, int(total.get("CPU", 1)) // cpus)
        self._require(cpus, gpus)
        self._storage = Path(tempfile.mkdtemp(prefix="evoact-tune-"))
        self._feed = _Feed()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(cpus, gpus), daemon=True)
        self._thread.start()

    def _require(self, cpus: int, gpus: float) -> None:
        """Refuse to wait forever for a worker that fits on no node."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]  # untyped in ray
        if any(n.get("CPU", 0.0) >= cpus and n.get("GPU", 0.0) >= gpus for n in nodes):
            return
        self._disconnect()
        most = {
            kind: max((n.get(kind, 0.0) for n in nodes), default=0.0) for kind in ("CPU", "GPU")
        }
        raise InputError(
            f"evaluate.cpus_per_worker is {cpus} and gpus_per_worker is {gpus:g}, but no node of "
            f"the Ray cluster has both: the most are {most['CPU']:g} CPUs and {most['GPU']:g} GPUs "
            "on one; lower them or add a node"
        )

    def submit(self, cohort: Cohort) -> None:
        """Queue a cohort for the next worker that is free."""
        self._feed.pending.put(json.dumps(cohort.to_dict()))

    def next_evaluations(self) -> list[Evaluation]:
        """Wait until a worker has finished a cohort."""
        while True:
            text, result = self._next_result()
            if result is None:
                cohort = Cohort.from_dict(json.loads(text))
                if cohort.halving is not None or len(cohort.candidates) == 1:
                    return _lost(cohort)
                for single in _singles(cohort):
                    self.submit(single)
            elif "refused" in result:
                raise StudyError(result["refused"])
            else:
                return [Evaluation.from_dict(data) for data in result["evaluations"]]

    def _next_result(self) -> tuple[str, dict[str, Any] | None]:
        while True:
            try:
                return self._feed.results.get(timeout=_POLL_SECONDS * 20)
            except queue.Empty:
                if not self._thread.is_alive():
                    raise StudyError(
                        f"Ray Tune stopped: {self._failure}; what was evaluated is in the "
                        "journal, resume the study when the cluster is well"
                    ) from self._failure

    def close(self) -> None:
        """Stop the workers, and the cluster if it was started here."""
        self._feed.closed.set()
        # Before the connection goes: Tune's thread would make itself another.
        self._thread.join(timeout=_STOP_SECONDS)
        self._disconnect()
        shutil.rmtree(self._storage, ignore_errors=True)

    def _disconnect(self) -> None:
        if self._owns_connection:
            ray.shutdown()

    def _run(self, cpus: int, gpus: float) -> None:
        try:
            self._tuner(cpus, gpus).fit()
        except BaseException as error:  # the loop's thread must learn of it
            self._failure = error

    def _tuner(self, cpus: int, gpus: float) -> tune.Tuner:
        return tune.Tuner(
            tune.with_resources(CohortTrainable, {"cpu": cpus, "gpu": gpus}),
            tune_config=tune.TuneConfig(
                search_alg=self._feed,
                num_samples=-1,
                max_concurrent_trials=self.workers,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="cohorts",
                stop=_StopWhenClosed(self._feed),
                storage_path=str(self._storage),
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=_LOST_NODE_RETRIES),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )


def _singles(cohort: Cohort) -> list[Cohort]:
    """Cut a lost cohort: one may have killed the worker; the others must not pay for it."""
    return [replace(cohort, candidates=(candidate,)) for candidate in cohort.candidates]


def _lost(cohort: Cohort) -> list[Evaluation]:
    """Return failures; of a whole cohort where rungs make its results depend on each other."""
    reason = f"its worker died or failed {_LOST_NODE_RETRIES + 1} times (see Ray's logs)"
    others = len(cohort.candidates) - 1
    if others:
        reason += f", while it was compared with {others} others at evaluate.rungs"
    return [
        Evaluation.failed(
            candidate,
            reason,
            replicate=cohort.replicate,
            epochs=cohort.task.epochs,
            environment={
                "device": cohort.device,
                "dtype": DTYPE,
                "threads": THREADS,
                "kernels": cohort.kernels,
            },
        )
        for candidate in cohort.candidates
    ]


def _quieten_tune() -> None:
    """Turn off Tune's display and its files of results; the journal holds them."""
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("TUNE_PRINT_ALL_TRIAL_ERRORS", "0")
    # Tune's newer output prints a box even with verbose=0.
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")


def _connect(address: str | None, workers: int | None, cpus: int) -> None:
    """Connect to a cluster, or start one here that listens on loopback only."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is not None:
        _check_answers(address)
        try:
            ray.init(address=address, **common)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _no_head(address, str(error).partition("\n")[0]) from error
        return
    here = len(os.sched_getaffinity(0))
    ray.init(num_cpus=max(here, (workers or 1) * cpus), include_dashboard=False, **common)


def _check_answers(address: str) -> None:
    """Raise `InputError` soon when no Ray head answers: Ray itself waits for minutes."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(
            f"--address is {address!r}; wanted HOST:PORT such as 127.0.0.1:6379, or auto"
        )
    try:
        with socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS) as connection:
            answer = b"" if os.environ.get("RAY_USE_TLS") == "1" else _greet(connection)
    except (OSError, OverflowError) as error:
        raise _no_head(address, str(error)) from error
    if answer[3:4] not in (b"", _SETTINGS_FRAME):
        raise _no_head(address, "what listens there is no Ray head")


def _greet(connection: socket.socket) -> bytes:
    """Return how a server answers the greeting of HTTP/2, which Ray's heads speak."""
    connection.sendall(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + _SETTINGS_FRAME + b"\0" * 5
    )
    answer = connection.recv(9)
    return answer or b"nothing"


def _no_head(address: str, reason: str) -> InputError:
    return InputError(
        f"--address is {address!r}, but no Ray head answers there ({reason}); start one with "
        "`ray start --head`, set RAY_AUTH_MODE here as there (`ray start` takes token), or leave "
        "--address out to run on this machine"
    )
