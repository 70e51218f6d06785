"""Training on a Ray cluster: one Tune run, one trial a worker.

A worker asks a mailbox for cohorts until the search ends; so data, imports and
compiled code stay in its process, and it does not wait for Tune between two of
them. Tune keeps actors and resources, and starts another worker for one that is
lost.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import ray
from ray import tune
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from evoact.errors import InputError, StudyError
from evoact.records import DTYPE, THREADS, Cohort, Evaluation
from evoact.study.asha import Reached
from evoact.study.evaluators.base import Evaluator
from evoact.study.evaluators.cluster import connect
from evoact.study.evaluators.mailbox import Mailbox, Result

_TRIES: Final = 3
_WATCH_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 15.0


class CohortTrainable(tune.Trainable):
    """A Tune trial that is a worker: it trains cohorts until there are none."""

    def setup(
        self,
        config: dict[str, Any],  # noqa: ARG002  # Tune's signature
        mailbox: Any = None,
        paths: Sequence[str] = (),
    ) -> None:
        """Keep where cohorts come from; `mailbox` is an actor.

        What training imports is imported here: no cohort waits for it in a
        worker while another worker is free.
        """
        import sklearn.model_selection  # noqa: F401  # for its time alone

        import evoact.training  # noqa: F401  # for its time alone

        sys.path[:0] = [path for path in paths if path not in sys.path]
        self.mailbox = mailbox

    def step(self) -> dict[str, Any]:
        """Train what the mailbox gives."""
        while (text := ray.get(self.mailbox.take.remote(self.trial_id))) is not None:
            ray.get(self.mailbox.give.remote(self.trial_id, self._trained(text)))
        return {"done": True}

    def _trained(self, text: str) -> Result:
        from evoact.training import train_cohort

        cohort = Cohort.from_dict(json.loads(text))
        reduction = cohort.halving.reduction if cohort.halving else 0

        def goes_on(*reached: Any) -> bool:
            answer: bool = ray.get(self.mailbox.reaches.remote(reduction, reached))
            return answer

        try:
            evaluations = train_cohort(cohort, goes_on)
        except StudyError as error:  # no other try would end otherwise
            return {"refused": str(error)}
        return {"evaluations": [evaluation.to_dict() for evaluation in evaluations]}


class _Workers(Searcher):
    """A searcher that suggests a trial for every worker that is missing."""

    def __init__(self, count: int = 0, lost: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(metric=None, mode=None)
        self.closed = threading.Event()
        self._count, self._lost = count, lost
        self._running: set[str] = set()

    def suggest(self, trial_id: str) -> Any:
        """Return an empty configuration; nothing while all workers are there."""
        if self.closed.is_set():
            return Searcher.FINISHED
        if len(self._running) >= self._count:
            return None
        self._running.add(trial_id)
        return {}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing: workers report to the mailbox."""

    def on_trial_complete(
        self,
        trial_id: str,
        result: dict[str, Any] | None = None,  # noqa: ARG002  # Tune's signature
        error: bool = False,
    ) -> None:
        """Say that a worker was lost; the next suggestion replaces it."""
        self._running.discard(trial_id)
        if error:
            self._lost(trial_id)

    def __reduce__(self) -> tuple[type[_Workers], tuple[()]]:
        """Be pickled as empty: Tune stores its searcher, events cannot be."""
        return _Workers, ()

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the truth, Tune's state is disposable."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, as for `save`."""


class _StopWhenClosed(tune.Stopper):
    """Ends the run, trials in training included, once the search is over."""

    def __init__(self, workers: _Workers) -> None:
        self.workers = workers

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:  # noqa: ARG002  # Tune's signature
        return False

    def stop_all(self) -> bool:
        """Whether to stop all trials now."""
        return self.workers.closed.is_set()


class RayEvaluator(Evaluator):
    """Trains cohorts on the workers of a Ray cluster.

    A connection to Ray that the process has already is used, and left open.

    Args:
        workers: how many cohorts are trained at once; None for as many as the
            CPUs of the cluster allow.
        cpus, gpus: what a worker reserves; a share of a GPU is a count for
            scheduling, not a limit on its memory.
        address: a running cluster; None starts one on this machine.
        paths: folders of Python that workers import the user's tasks from; a cluster
            that runs already is sent a copy.

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
        paths: Sequence[str] = (),
    ) -> None:
        _quieten_tune()
        self._paths = tuple(paths)
        self._owns_connection = not ray.is_initialized()
        if self._owns_connection:
            connect(address, workers, cpus, self._paths)
        elif address is not None:
            raise InputError(
                f"address is {address!r}, but this process is connected to a Ray cluster "
                "already; leave the address out, or call ray.shutdown() first"
            )
        total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # untyped in ray
        self.workers = workers or max(1, int(total.get("CPU", 1)) // cpus)
        self._require(cpus, gpus)
        self._storage = Path(tempfile.mkdtemp(prefix="evoact-tune-"))
        self._mailbox = _mailbox_here()
        self._next: Any = None
        self._searcher = _Workers(self.workers, self._lost)
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
        """Put a cohort into the mailbox, for the next worker that is free."""
        self._mailbox.submit.remote(json.dumps(cohort.to_dict()))

    def remember(self, reached: Sequence[Reached]) -> None:
        """Tell the mailbox what candidates reached at rungs before; wait until it knows."""
        ray.get(self._mailbox.remember.remote(list(reached)))

    def next_evaluations(self) -> list[Evaluation]:
        """Wait until a worker has finished a cohort."""
        found = self._next_evaluations()
        failed = [evaluation.candidate_id for evaluation in found if not evaluation.is_ok]
        if failed:
            self._mailbox.forget.remote(failed)
        return found

    def _next_evaluations(self) -> list[Evaluation]:
        while True:
            text, result = self._next_result()
            if result is None:
                cohort = Cohort.from_dict(json.loads(text))
                if cohort.halving is not None or len(cohort.candidates) == 1:
                    return _failed(cohort)
                for single in _singles(cohort):
                    self.submit(single)
            elif "refused" in result:
                raise StudyError(result["refused"])
            else:
                return [Evaluation.from_dict(data) for data in result["evaluations"]]

    def usage(self) -> tuple[float, float]:
        """Return the seconds that all workers together had cohorts, and those that passed.

        Counted from the first cohort that a worker took to the last that came back.
        """
        found: tuple[float, float] = ray.get(self._mailbox.usage.remote())
        return found

    def _next_result(self) -> tuple[str, Result | None]:
        # Kept when the wait is interrupted: the mailbox answers each call once.
        self._next = self._next or self._mailbox.result.remote()
        while not ray.wait([self._next], timeout=_WATCH_SECONDS)[0]:
            if not self._thread.is_alive():
                raise StudyError(
                    f"Ray Tune stopped: {self._failure}; what was evaluated is in the "
                    "journal, resume the study when the cluster is well"
                ) from self._failure
        found: tuple[str, Result | None] = ray.get(self._next)
        self._next = None
        return found

    def _lost(self, worker: str) -> None:
        self._mailbox.lose.remote(worker, "see Ray's logs")

    def close(self) -> None:
        """Stop the workers, and the cluster if it was started here."""
        self._mailbox.close.remote()
        self._searcher.closed.set()
        # Before the connection goes: Tune's thread would make itself another.
        self._thread.join(timeout=_STOP_SECONDS)
        ray.kill(self._mailbox)
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
        worker = tune.with_parameters(CohortTrainable, mailbox=self._mailbox, paths=self._paths)
        return tune.Tuner(
            tune.with_resources(worker, {"cpu": cpus, "gpu": gpus}),
            tune_config=tune.TuneConfig(
                search_alg=self._searcher,
                num_samples=-1,
                max_concurrent_trials=self.workers,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="workers",
                stop=_StopWhenClosed(self._searcher),
                storage_path=str(self._storage),
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )


def _mailbox_here() -> Any:
    """Start the mailbox on the node of this process, whose end is its end."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    actor: Any = ray.remote(Mailbox)
    return actor.options(num_cpus=0, scheduling_strategy=here).remote(_TRIES)


def _singles(cohort: Cohort) -> list[Cohort]:
    """Cut a lost cohort: one may have killed the worker; the others must not pay for it."""
    return [replace(cohort, candidates=(candidate,)) for candidate in cohort.candidates]


def _failed(cohort: Cohort) -> list[Evaluation]:
    """Return failures; of a whole cohort where rungs make its results depend on each other."""
    reason = f"its worker died or failed {_TRIES} times (see Ray's logs)"
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
    logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)  # which workers were lost
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("TUNE_PRINT_ALL_TRIAL_ERRORS", "0")
    # Tune's newer output prints a box even with verbose=0.
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
