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
    fit,
    score,
    steps_per_epoch,
)

_WEIGHTS, _ORDER = 0, 1  # streams of randomness within a replicate


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
    total = spec.epochs * steps_per_epoch(len(train), spec.batch_size)
    genes = candidate.anneal
    schedule = Schedule(genes.schedule, genes.start, genes.end) if genes else Schedule(end=0.0)
    scheduler = AnnealScheduler(network, schedule, total)
    order = generator(cohort.seed, cohort.replicate, _ORDER)
    curve = fit(network, scheduler, train, validation, budget, order)
    assert scheduler.get_last_g() == 1.0, "candidates are scored at g = 1 only"
    objectives = score(network, validation, "val")
    if not all(map(_is_finite, objectives.values())):
        raise Diverged(f"validation gave {objectives}")
    objectives |= {"cost": candidate.late.cost, "nodes": float(candidate.late.nodes)}
    return {
        "status": Status.OK,
        "objectives": objectives,
        "test": score(network, test, "test") if cohort.test else {},
        "curve": tuple(curve),
        "params": trained_parameters(network),
    }


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
        if candidate.early is None:
            return Activation(late, channels, channel_dim)
        return Annealed(candidate.early, late, channels, channel_dim)

    early = candidate.early or late
    multiple = math.lcm(early.channel_multiple, late.channel_multiple)
    network = task.network(activation, Width(late.width, multiple, width))
    first = early if genes and genes.end > 0.0 else late
    gain = initialisation_gain(first)
    draw_weights(network, gain, generator(seed, replicate, _WEIGHTS))
    return network


def trained_parameters(network: nn.Module) -> dict[str, dict[str, Any]]:
    """Return the parameters of the late activations, `{layer: {name: values}}`."""
    found: dict[str, dict[str, Any]] = {}
    for layer, module in network.named_modules():
        if isinstance(module, Activation) and layer.rpartition(".")[2] != "early":
            values = {name: p.detach().cpu().tolist() for name, p in module.named_parameters()}
            if values:
                found[layer.removesuffix(".late")] = values
    return found
