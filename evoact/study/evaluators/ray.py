"""Training on a Ray cluster: one Tune run, one trial a worker.

A worker asks a mailbox for cohorts until the search ends; so data, imports and
compiled code stay in its process, and it does not wait for Tune between two of
them. Tune keeps actors and resources, and starts another worker for one that is
lost.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import ray
from ray import tune
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from evoact.errors import InputError, StudyError
from evoact.records import DTYPE, THREADS, Cohort, Evaluation
from evoact.study.asha import Reached
from evoact.study.evaluators.base import Evaluator
from evoact.study.evaluators.cluster import connect
from evoact.study.evaluators.head import HeadWatch, cluster_lost
from evoact.study.evaluators.mailbox import Mailbox, Result
from evoact.study.evaluators.nodes import Share, room, terms_of
from evoact.study.evaluators.trials import CohortTrainable, Workers, make_tuner

_WATCH_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 15.0
_CALLS: Final = 100_000  # each worker that waits is one; by default a thousand would be all


class RayEvaluator(Evaluator):
    """Trains cohorts on the workers of a Ray cluster.

    A connection to Ray that the process has already is used, and left open.

    Nodes may join and leave meanwhile; what was lost with one is trained by another.

    Args:
        workers: how many cohorts are trained at once; None for as many as there is
            room for on the nodes that are there, now and later.
        cpus, gpus: what a worker reserves; of a share of a GPU also its memory.
        address: a running cluster; None starts one on this machine.
        paths: folders of Python that workers import the user's tasks from; a cluster
            that runs already is sent a copy.
        one_model: whether all GPUs must be of one model.
        files: of data that workers read, which all nodes must have alike.

    Raises:
        InputError: the address does not answer, is given though the process is
            connected already, no node has what a worker reserves, or nodes
            differ in versions, models or files.
    """

    trainable = CohortTrainable

    def __init__(
        self,
        workers: int | None = None,
        cpus: int = 1,
        gpus: float = 0.0,
        address: str | None = None,
        paths: Sequence[str] = (),
        *,
        one_model: bool = True,
        files: Sequence[str] = (),
    ) -> None:
        self._owns_connection = not ray.is_initialized()
        if self._owns_connection:
            connect(address, workers, cpus, paths)
        elif address is not None:
            raise InputError(
                f"address is {address!r}, but this process is connected to a Ray cluster "
                "already; leave the address out, or call ray.shutdown() first"
            )
        self._asked, self._share = workers, Share(cpus, gpus)
        started_here = self._owns_connection and address is None
        try:
            terms = terms_of(
                self._share, files=files, one_model=one_model, foreign=not started_here
            )
        except InputError:
            self._disconnect()
            raise
        if self._count() > (there := room(self._share)):
            warnings.warn(
                f"evaluate.workers is {workers}, but the nodes of the Ray cluster have room for "
                f"{there}; the others wait until nodes join",
                stacklevel=2,
            )
        self._storage = Path(tempfile.mkdtemp(prefix="evoact-tune-"))
        self._mailbox = _mailbox_here()
        self._worker = tune.with_parameters(
            self.trainable,
            mailbox=self._mailbox,
            terms=terms,
            share=self._share,
            paths=tuple(paths),
        )
        self._next: Any = None
        self._searcher = Workers(self._count, self._lost)
        self._failure: BaseException | None = None
        self._head = HeadWatch(ray.get_runtime_context().gcs_address)
        self._cluster_lost = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _count(self) -> int:
        """Return how many workers there are to be now."""
        self.workers = self._asked or max(1, room(self._share))
        return self.workers

    def submit(self, cohort: Cohort) -> None:
        """Put a cohort into the mailbox, for the next worker that is free."""
        self._mailbox.submit.remote(json.dumps(cohort.to_dict()), self.trainable.slack)

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
            if "unfit" in result:
                self._leave_out(result["unfit"], result["reason"])
            elif "lost" in result:
                return _failed(Cohort.from_dict(json.loads(text)), result["lost"])
            elif "refused" in result:
                raise StudyError(result["refused"])
            else:
                return [Evaluation.from_dict(data) for data in result["evaluations"]]

    def _leave_out(self, worker: str, reason: str) -> None:
        """Do without a worker that must not train: of a node that joined later, mostly."""
        if self._searcher.replace_unfit(worker) >= max(1, room(self._share)):
            raise StudyError(f"no worker of the Ray cluster may train: its node {reason}")
        warnings.warn(
            f"a node of the Ray cluster is of no use, as it {reason}; the search goes on without",
            stacklevel=2,
        )

    def usage(self) -> tuple[float, float]:
        """Return the seconds that all workers together had cohorts, and those that passed.

        Counted from the first cohort that a worker took to the last that came back.
        """
        found: tuple[float, float] = ray.get(self._mailbox.usage.remote())
        return found

    def _next_result(self) -> tuple[str, Result]:
        with self._while_there():
            # Kept when the wait is interrupted: the mailbox answers each call once.
            self._next = self._next or self._mailbox.result.remote()
            while not ray.wait([self._next], timeout=_WATCH_SECONDS)[0]:
                self._head.check()
                if not self._thread.is_alive():
                    raise cluster_lost(f"Ray Tune stopped: {self._failure}") from self._failure
            found: tuple[str, Result] = ray.get(self._next)
        self._next = None
        return found

    @contextmanager
    def _while_there(self) -> Iterator[None]:
        """Remember that the cluster is lost: nothing is asked of it then, it would hang."""
        try:
            yield
        except RayError as error:  # the mailbox is on the node of this process, and lasts as long
            self._cluster_lost = True
            raise cluster_lost(str(error).partition("\n")[0]) from error
        except StudyError:
            self._cluster_lost = True
            raise

    def _lost(self, worker: str) -> None:
        self._mailbox.lose.remote(worker)

    def close(self) -> None:
        """Stop the workers, and the cluster if it was started here."""
        self._searcher.closed.set()
        if not self._cluster_lost:
            self._stop_workers()
        self._disconnect()
        shutil.rmtree(self._storage, ignore_errors=True)

    def _stop_workers(self) -> None:
        self._mailbox.close.remote()
        # Before the connection goes: Tune's thread would make itself another.
        self._thread.join(timeout=_STOP_SECONDS)
        ray.kill(self._mailbox)

    def _disconnect(self) -> None:
        if self._owns_connection:
            ray.shutdown()

    def _run(self) -> None:
        try:
            make_tuner(self._worker, self._share, self._searcher, self._storage).fit()
        except BaseException as error:  # the loop's thread must learn of it
            self._failure = error


def _mailbox_here() -> Any:
    """Start the mailbox on the node of this process, whose end is its end."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    actor: Any = ray.remote(Mailbox)
    return actor.options(num_cpus=0, max_concurrency=_CALLS, scheduling_strategy=here).remote()


def _failed(cohort: Cohort, reason: str) -> list[Evaluation]:
    """Return failures; of a whole cohort where rungs make its results depend on each other."""
    others = len(cohort.candidates) - 1
    if others:
        reason += f"; it was compared with {others} others at evaluate.rungs"
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
