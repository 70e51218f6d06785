"""Executors: who trains the cohorts of a study."""

from collections.abc import Sequence

from evoact.errors import InputError
from evoact.records import SearchSpec
from evoact.study.evaluators.base import Evaluator
from evoact.study.evaluators.inline import InlineEvaluator


def make_evaluator(
    spec: SearchSpec, address: str | None = None, paths: Sequence[str] = ()
) -> Evaluator:
    """Return the evaluator that a specification asks for; Ray is imported only then.

    Args:
        spec: its section `evaluate` decides.
        address: of a running Ray cluster.
        paths: folders of Python that hold the user's tasks, for workers to import.

    Raises:
        InputError: the cluster does not answer or has not what is asked for.
    """
    asked = spec.evaluate
    if asked.executor == "inline":
        if address is not None:
            raise InputError(f"--address is {address!r}, but the executor is inline; use ray")
        _require_device(asked.device)
        return InlineEvaluator()
    from evoact.study.evaluators.ray import RayEvaluator

    workers = None if asked.workers == "auto" else asked.workers
    return RayEvaluator(
        workers,
        asked.cpus_per_worker,
        asked.gpus_per_worker,
        address,
        paths,
        one_model=spec.evolution.mode == "generational" and not asked.allow_mixed_devices,
        files=[task.arrays for task in spec.all_tasks if task.arrays is not None],
    )


def _require_device(device: str) -> None:
    if device == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise InputError(
            "evaluate.gpus_per_worker is over 0, but torch finds no GPU here; set it to 0, or "
            "use a cluster that has one"
        )


__all__ = ["Evaluator", "InlineEvaluator", "make_evaluator"]
