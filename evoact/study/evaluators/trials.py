"""Workers as trials of one Ray Tune run."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import ray
from ray import tune
from ray.tune.search import Searcher

from evoact.errors import StudyError
from evoact.records import Cohort
from evoact.study.evaluators.deadline import SLACK, ending_process, seconds_allowed
from evoact.study.evaluators.mailbox import Result
from evoact.study.evaluators.nodes import Share, Terms, unfit

_STARTING: Final = 1000  # workers at once
_COUNT_SECONDS: Final = 2.0  # between two looks at how many workers there is room for


class CohortTrainable(tune.Trainable):
    """A Tune trial that is a worker: it trains cohorts until there are none.

    One that hangs ends itself, and its cohort goes to others.
    """

    slack: float = SLACK
    """Seconds that it may take for a cohort beyond what training may."""

    def setup(  # as Tune calls it
        self,
        config: dict[str, Any],  # noqa: ARG002  # Tune's signature
        mailbox: Any = None,
        terms: Terms | None = None,
        share: Share | None = None,
        paths: Sequence[str] = (),
    ) -> None:
        """Keep where cohorts come from, and see whether this worker may train.

        What training imports is imported here: no cohort waits for it in a
        worker while another worker is free.

        Args:
            config: of Tune; empty.
            mailbox: an actor.
            terms: what a worker must be like.
            share: what it takes of its node.
            paths: folders that hold the user's tasks, for Python to import.
        """
        self.mailbox = mailbox
        mailbox.hello.remote(self.trial_id, ray.get_runtime_context().get_actor_id())
        self.reason = unfit(terms or Terms())
        if self.reason is not None:
            return
        import sklearn.model_selection  # noqa: F401  # for its time alone

        sys.path[:0] = [path for path in paths if path not in sys.path]
        from evoact.training import limit_memory

        try:
            limit_memory((share or Share()).gpus)
        except StudyError as error:
            self.reason = str(error)

    def step(self) -> dict[str, Any]:
        """Train what the mailbox gives."""
        if self.reason is not None:
            ray.get(self.mailbox.refuse.remote(self.trial_id, self.reason))
            return {"done": True}
        while (text := ray.get(self.mailbox.take.remote(self.trial_id))) is not None:
            with ending_process(seconds_allowed(text, self.slack)):
                result = self.trained(text)
            ray.get(self.mailbox.give.remote(self.trial_id, result))
        return {"done": True}

    def trained(self, text: str) -> Result:
        """Train a cohort, and return what it gave."""
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
        except Exception as error:
            # The process ends with it: what is left of a GPU's state serves nobody.
            reason = f"{type(error).__name__}: {error}"
            ray.get(self.mailbox.crash.remote(self.trial_id, reason))
            raise
        return {"evaluations": [evaluation.to_dict() for evaluation in evaluations]}


class Workers(Searcher):
    """A searcher that suggests a trial for every worker that is missing.

    Args:
        room: how many workers there are to be now; asked again and again, as nodes
            join and leave.
        lost: told of workers that ended by a fault.
    """

    def __init__(
        self,
        room: Callable[[], int] = lambda: 0,
        lost: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(metric=None, mode=None)
        self.closed = threading.Event()
        self._room, self._lost = room, lost
        self._count, self._counted = 0, -_COUNT_SECONDS
        self._running: set[str] = set()
        self._useless: set[str] = set()

    def suggest(self, trial_id: str) -> Any:
        """Return an empty configuration; nothing while all workers are there."""
        if self.closed.is_set():
            return Searcher.FINISHED
        if time.monotonic() - self._counted >= _COUNT_SECONDS:
            self._count, self._counted = self._room(), time.monotonic()
        if len(self._running - self._useless) >= self._count:
            return None
        self._running.add(trial_id)
        return {}

    def replace_unfit(self, trial_id: str) -> int:
        """Let another worker be started for one that must not train; return how many are so."""
        self._useless.add(trial_id)
        return len(self._useless)

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
        self._useless.discard(trial_id)
        if error:
            self._lost(trial_id)

    def __reduce__(self) -> tuple[type[Workers], tuple[()]]:
        """Be pickled as empty: Tune stores its searcher, events cannot be."""
        return Workers, ()

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the truth, Tune's state is disposable."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, as for `save`."""


class _StopWhenClosed(tune.Stopper):
    """Ends the run, trials in training included, once the search is over."""

    def __init__(self, workers: Workers) -> None:
        self.workers = workers

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:  # noqa: ARG002  # Tune's signature
        return False

    def stop_all(self) -> bool:
        """Whether to stop all trials now."""
        return self.workers.closed.is_set()


def make_tuner(trainable: Any, share: Share, workers: Workers, storage: Path) -> tune.Tuner:
    """Return a Tune run that keeps workers alive.

    Args:
        trainable: what a worker does, its parameters included.
        share: what each takes of its node.
        workers: says how many there are to be.
        storage: a folder of this machine for what Tune must write; workers do not use it.
    """
    _configure_tune()
    return tune.Tuner(
        tune.with_resources(trainable, {"cpu": share.cpus, "gpu": share.gpus}),
        tune_config=tune.TuneConfig(
            search_alg=workers,
            num_samples=-1,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="workers",
            stop=_StopWhenClosed(workers),
            storage_path=str(storage),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )


def _configure_tune() -> None:
    """Turn off Tune's display and its files of results; the journal holds them.

    And let all workers start at once: else Tune starts one after the other.
    """
    os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", str(_STARTING))
    logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)  # which workers were lost
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("TUNE_PRINT_ALL_TRIAL_ERRORS", "0")
    # Tune's newer output prints a box even with verbose=0.
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
