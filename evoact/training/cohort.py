"""A cohort in, evaluations out."""

from __future__ import annotations

import math
import time
from functools import cache
from typing import Any

import torch
from torch import nn

from evoact.language import initialisation_gain
from evoact.nn import Activation, Annealed, AnnealScheduler, Schedule
from evoact.records import Candidate, Cohort, Evaluation, Status
from evoact.tasks import Task, Width, draw_weights, make_task
from evoact.training.environment import describe, generator, reproducible
from evoact.training.loop import (
    Budget,
    Diverged,
    OnDevice,
    TimedOut,
    Training,
    score,
    steps_per_epoch,
)
from evoact.training.prefix import Prefixes, prefix_epochs

_WEIGHTS, _ORDER = 0, 1  # streams of randomness within a replicate
_PREFIXES = Prefixes()  # of a worker, for all its cohorts


def train_cohort(cohort: Cohort) -> list[Evaluation]:
    """Train each candidate of a cohort from the same seed, and score it.

    What happens to one candidate (divergence, timeout, lack of memory, an
    error) is its status and leaves the others as they are. An evaluation does
    not depend on which other candidates are in the cohort.

    Returns:
        One evaluation for each candidate, in their order.
    """
    with reproducible(cohort.device):
        return [_evaluate(candidate, cohort) for candidate in cohort.candidates]


def _evaluate(candidate: Candidate, cohort: Cohort) -> Evaluation:
    start = time.perf_counter()
    common: dict[str, Any] = {
        "replicate": cohort.replicate,
        "epochs": cohort.task.epochs,
        "environment": describe(cohort.device),
    }
    try:
        found = _train(candidate, cohort)
    except (Diverged, TimedOut, MemoryError, torch.OutOfMemoryError) as error:
        status = {Diverged: Status.DIVERGED, TimedOut: Status.TIMEOUT}.get(
            type(error), Status.OUT_OF_MEMORY
        )
        found = {"status": status, "reason": str(error) or "out of memory"}
    except Exception as error:  # any fault of one candidate must not stop a search
        found = {"status": Status.FAILED, "reason": f"{type(error).__name__}: {error}"}
    seconds = time.perf_counter() - start
    return Evaluation(candidate.id, seconds=seconds, **common, **found)


def _train(candidate: Candidate, cohort: Cohort) -> dict[str, Any]:
    spec = cohort.task
    task, train, validation, test = _task_on(
        spec.name, spec.network, spec.split_seed, cohort.device
    )
    network = build_network(candidate, task, cohort.seed, cohort.replicate, spec.width)
    network.to(cohort.device)
    budget = Budget(spec.epochs, spec.batch_size, spec.learning_rate, cohort.timeout)
    in_epoch = steps_per_epoch(len(train), spec.batch_size)
    scheduler = AnnealScheduler(
        network, _schedule(candidate), spec.epochs * in_epoch, steps_per_epoch=in_epoch
    )
    order = generator(cohort.seed, cohort.replicate, _ORDER)
    apart = _late_parameters(network)
    training = Training(network, scheduler, train, validation, budget, order, apart)
    shared = _shared_prefix(training, candidate, cohort) if cohort.share_prefix else 0
    training.run(spec.epochs)
    assert scheduler.get_last_g() == 1.0, "candidates are scored at g = 1 only"
    objectives = score(network, validation, "val")
    if not all(map(_is_finite, objectives.values())):
        raise Diverged(f"validation gave {objectives}")
    objectives |= {"cost": candidate.late.cost, "nodes": float(candidate.late.nodes)}
    return {
        "status": Status.OK,
        "objectives": objectives,
        "test": score(network, test, "test") if cohort.test else {},
        "curve": tuple(training.curve),
        "steps": spec.epochs * in_epoch,
        "shared_steps": shared * in_epoch,
        "params": trained_parameters(network),
    }


def _schedule(candidate: Candidate) -> Schedule:
    genes = candidate.anneal
    if genes is None:
        return Schedule(end=0.0)
    return Schedule(genes.schedule, genes.start, genes.end, genes.layers, genes.by)


def _late_parameters(network: nn.Module) -> list[nn.Parameter]:
    annealed = [module for module in network.modules() if isinstance(module, Annealed)]
    return [p for module in annealed for p in module.late.parameters()]


def _shared_prefix(training: Training, candidate: Candidate, cohort: Cohort) -> int:
    """Train while g is 0, or take over what another candidate had trained so far.

    Returns:
        The number of epochs that were taken over.
    """
    genes = candidate.anneal
    if genes is None or genes.path == "ladder":  # whose early function is the late one's own
        return 0
    key = (
        str(candidate.early),
        _width(candidate, cohort.task.width),
        cohort.task.model_dump_json(),
        cohort.seed,
        cohort.replicate,
        cohort.device,
    )
    epochs = prefix_epochs(training.scheduler.schedule.start, cohort.task.epochs)
    return _PREFIXES.run(training, key, epochs)


def _is_finite(value: float) -> bool:
    return value - value == 0.0


@cache
def _task_on(
    name: str, network: str, split_seed: int, device: str
) -> tuple[Task, OnDevice, OnDevice, OnDevice]:
    """Keep the task and its data resident in a worker."""
    task = make_task(name, network, split_seed)
    splits = task.splits
    parts = (splits.train, splits.validation, splits.test)
    train, validation, test = (OnDevice.of(part, device) for part in parts)
    return task, train, validation, test


def build_network(
    candidate: Candidate,
    task: Task,
    seed: int,
    replicate: int,
    width: str = "equal_parameters",
) -> nn.Module:
    """Return the network that a candidate is trained in, with its first weights.

    The weights are scaled for the function that the network starts with: the
    early one of an annealed candidate. `width` is the policy of `Width`.

    Raises:
        InputError: the policy is `strict` and a layer's channels do not suit.
    """
    late, genes = candidate.late, candidate.anneal

    def activation(channels: int, channel_dim: int) -> nn.Module:
        if genes is None:
            return Activation(late, channels, channel_dim)
        return Annealed(genes.early or "auto", late, channels, channel_dim, path=genes.path)

    network = task.network(activation, _width(candidate, width))
    early = candidate.early
    first = early if genes and early and genes.end > 0.0 else late
    draw_weights(network, initialisation_gain(first), generator(seed, replicate, _WEIGHTS))
    return network


def _width(candidate: Candidate, policy: str) -> Width:
    early, late = candidate.early or candidate.late, candidate.late
    return Width(late.width, math.lcm(early.channel_multiple, late.channel_multiple), policy)


def trained_parameters(network: nn.Module) -> dict[str, dict[str, Any]]:
    """Return the parameters of the late activations, `{layer: {name: values}}`."""
    found: dict[str, dict[str, Any]] = {}
    for layer, module in network.named_modules():
        if isinstance(module, Activation) and layer.rpartition(".")[2] != "early":
            values = {name: p.detach().cpu().tolist() for name, p in module.named_parameters()}
            if values:
                found[layer.removesuffix(".late")] = values
    return found
