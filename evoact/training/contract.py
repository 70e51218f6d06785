"""What a user's task must fulfil, tried on it: by `evoact doctor`, and before a search."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from evoact.errors import EvoactError, InputError
from evoact.language import resolve
from evoact.nn import Activation
from evoact.records import Candidate, Cohort, Evaluation, TaskSpec
from evoact.tasks import (
    SAME_WIDTH,
    Splits,
    Task,
    checked_splits,
    code_folder,
    make_user_task,
    seeded,
)
from evoact.training.environment import generator
from evoact.training.making import why_alone
from evoact.training.network import WEIGHTS
from evoact.training.resident import task_of

OK, WARNING, FAILED = "ok", "warning", "failed"
_STEPS: Final = 30
_EPOCHS: Final = 2
_IMPORT_SECONDS: Final = 60.0
_FUNCTION: Final = "x * sigmoid(x)"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one test of a task or an installation found.

    Attributes:
        what: was tested.
        verdict: `ok`, `warning` or `failed`.
        told: what was found.
        cure: what to do; empty if nothing.
    """

    what: str
    verdict: str
    told: str
    cure: str = ""


def check_step(task: Task, spec: TaskSpec) -> None:
    """Raise `InputError` if a model cannot be made, or gives no loss for a first batch."""
    name = f"task.use {spec.use!r}"
    try:
        model, places = _model(task)
        _loss(task, model, *_batch(task, spec))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except Exception as error:  # anything may happen in a user's model
        raise InputError(f"{name}: a first batch fails: {_said(error)}") from error
    if not places:
        raise InputError(
            f"{name}: no activation of model(activation) is among its modules; wanted "
            "activation(channels) as a layer wherever there is an activation"
        )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _model(task: Task, seed: int = 0) -> tuple[nn.Module, list[nn.Module]]:
    """Return a model with activations, and those that are among its modules."""
    made: list[nn.Module] = []

    def factory(channels: int, channel_dim: int) -> nn.Module:
        made.append(Activation(_FUNCTION, channels, channel_dim))
        return made[-1]

    with seeded(generator(seed, 0, WEIGHTS)):
        model = task.network(factory, SAME_WIDTH)
    modules = set(model.modules())
    lost = len([one for one in made if one not in modules])
    if lost:
        raise InputError(
            f"{lost} of {len(made)} activations are no modules of the model; wanted them as "
            "attributes, or in nn.Sequential or nn.ModuleList"
        )
    return model, made


def _batch(task: Task, spec: TaskSpec) -> tuple[Tensor, Tensor]:
    train = task.splits.train
    x, y = (torch.from_numpy(of[: spec.batch_size].copy()) for of in (train.x, train.y))
    return x, y


class _One:
    """One model as a stack of one."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __call__(self, x: Tensor) -> Tensor:
        output = self.network(x)
        if not isinstance(output, Tensor) or output.ndim == 0 or len(output) != len(x):
            got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise InputError(
                f"the model gives {got} for a batch of {len(x)}; wanted a tensor with an output "
                "for each sample"
            )
        return output.unsqueeze(0)


def _loss(task: Task, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    loss = task.criterion.step(_One(model), x, y)[0]
    if not loss.requires_grad:
        raise InputError("the loss has no gradient; wanted one that torch can go back from")
    return loss


def contract(spec: TaskSpec, *, elsewhere: bool = True) -> Iterator[Finding]:
    """Yield what the tests of a user's task find, one after the other.

    Tests that need what another one could not make are left out.

    Args:
        spec: with `use`.
        elsewhere: whether to import it in another process, too.
    """
    assert spec.use is not None, "tasks of evoact are tested where they are made"
    found = _tried("imported", lambda: _imported(spec, elsewhere))
    yield found
    if found.verdict == FAILED:
        return
    for what, test in _OF_DATA.items():
        yield _tried(what, partial(test, spec))
    try:
        task = task_of(spec)
        check_step(task, spec)
    except EvoactError as error:
        yield Finding("model and loss", FAILED, str(error), "see evoact.tasks.UserTask")
        return
    yield Finding("model and loss", OK, _told_model(task, spec))
    for what, of_model in _OF_MODEL.items():
        yield _tried(what, partial(of_model, task, spec))


def _tried(what: str, test: Callable[[], Finding | str]) -> Finding:
    try:
        found = test()
    except Exception as error:  # the user's code: whatever it is, it is told
        return Finding(what, FAILED, str(error) if isinstance(error, EvoactError) else _said(error))
    return found if isinstance(found, Finding) else Finding(what, OK, found)


def _imported(spec: TaskSpec, elsewhere: bool) -> Finding | str:
    assert spec.use is not None
    make_user_task(spec.use, spec.options)
    folder = code_folder(spec.use)
    if not elsewhere:
        return f"{spec.use} of {folder}"
    module = spec.use.partition(":")[0]
    code = f"import sys; sys.path.insert(0, {folder!r}); import {module}"
    done = subprocess.run(  # noqa: S603  # this Python, as a worker does
        [sys.executable, "-c", code],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=_IMPORT_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding(
            "imported",
            FAILED,
            f"another process, as workers are, cannot import {module}: {last}",
            "name files from Path(__file__).parent, not from the working folder",
        )
    return f"{spec.use} of {folder}; another process imports it by name, nothing is pickled"


def _data_of(spec: TaskSpec, split_seed: int) -> Splits:
    assert spec.use is not None
    made = make_user_task(spec.use, spec.options)
    return checked_splits(made.data(split_seed), type(made).__name__)


def _told_data(spec: TaskSpec) -> str:
    splits = _data_of(spec, spec.split_seed)
    sizes = ", ".join(f"{len(getattr(splits, n).y)} {n}" for n in ("train", "validation", "test"))
    x, y = splits.train.x, splits.train.y
    return f"{sizes}; x {x.shape[1:]} {x.dtype}, y {y.shape[1:]} {y.dtype}"


def _repeatable(spec: TaskSpec) -> Finding | str:
    one, again = (_data_of(spec, spec.split_seed) for _ in range(2))
    other = _data_of(spec, spec.split_seed + 1)
    for part in ("train", "validation", "test"):
        if not _same(getattr(one, part), getattr(again, part)):
            return Finding(
                "data by seed",
                FAILED,
                f"{part} data differ between two calls of data({spec.split_seed})",
                "draw with np.random.default_rng(split_seed) alone",
            )
    if not np.array_equal(one.test.y, other.test.y):  # inputs may be standardised by others
        return Finding(
            "data by seed",
            WARNING,
            "the test data depend on the split seed: tasks of other seeds saw them in training",
            "keep one test part, as evoact.tasks.split does",
        )
    if _same(one.validation, other.validation):
        return "the same at every call; another seed splits no other way"
    return "the same at every call, another split for another seed, one test part"


def _same(one: Any, other: Any) -> bool:
    return np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)


def _apart(spec: TaskSpec) -> Finding | str:
    splits = _data_of(spec, spec.split_seed)
    rows = {n: {x.tobytes() for x in getattr(splits, n).x} for n in ("train", "validation", "test")}
    for part in ("validation", "test"):
        both = len(rows["train"] & rows[part])
        if both:
            return Finding(
                "parts are apart",
                WARNING,
                f"{both} of {len(rows[part])} different {part} inputs are training inputs too",
                "drop duplicates before data are split",
            )
    return "no training input is in another part"


_OF_DATA: Final[dict[str, Callable[[TaskSpec], Finding | str]]] = {
    "data": _told_data,
    "data by seed": _repeatable,
    "parts are apart": _apart,
}


def _told_model(task: Task, spec: TaskSpec) -> str:
    model, places = _model(task)
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return f"{len(places)} activations, {count:,} weights, batches of {spec.batch_size}"


def _seeded_model(task: Task, _: TaskSpec) -> Finding | str:
    one, again, other = (_model(task, seed)[0].state_dict() for seed in (0, 0, 1))
    different = [name for name in one if not torch.equal(one[name], again[name])]
    if different:
        return Finding(
            "weights by seed",
            FAILED,
            f"{different[0]} differs between two models made from one seed",
            "draw weights by torch, numpy or random, and keep no state between models",
        )
    if one and all(torch.equal(one[name], other[name]) for name in one):
        return Finding(
            "weights by seed",
            WARNING,
            "models of all seeds start with the same weights, so fresh seeds say little",
            "let model() draw its weights; do not set a seed in it",
        )
    return "the same for one seed, others for another"


def _reached(task: Task, spec: TaskSpec) -> Finding | str:
    model, places = _model(task)
    seen: set[nn.Module] = set()
    for place in places:
        place.register_forward_hook(lambda module, *_: seen.add(module))
    _loss(task, model, *_batch(task, spec)).backward()
    missed = [n for n, module in model.named_modules() if module in places and module not in seen]
    if missed:
        return Finding(
            "activations reached",
            FAILED,
            f"{', '.join(missed)} of {len(places)} activations see no data",
            "call each in forward, or make no activation for what is not used",
        )
    idle = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    if idle:
        return Finding(
            "activations reached",
            WARNING,
            f"the loss has no gradient for {', '.join(idle[:3])}",
            "freeze what is not trained: requires_grad_(False)",
        )
    return f"all {len(places)}, and the loss has a gradient for all weights"


def _learns(task: Task, spec: TaskSpec) -> Finding | str:
    model, _ = _model(task)
    x, y = _batch(task, spec)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    with seeded(generator(0, 0, WEIGHTS)):
        for _step in range(_STEPS):
            loss = _loss(task, model, x, y)
            losses.append(loss.item())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    first, last = losses[0], min(losses[-3:])
    if not last < first:
        return Finding(
            "steps lower the loss",
            FAILED,
            f"{first:.4g} before and {last:.4g} after {_STEPS} steps on one batch",
            "look at loss(output, y): its sign, and whether output and y fit each other",
        )
    return f"{first:.4g} before, {last:.4g} after {_STEPS} steps on one batch"


def _trained(spec: TaskSpec, *texts: str) -> list[Evaluation]:
    from evoact.training.cohort import train_cohort

    short = spec.model_copy(update={"epochs": _EPOCHS})
    candidates = tuple(Candidate(resolve(text)) for text in texts)
    return train_cohort(Cohort(candidates, short, seed=0, test=True))


def _evaluated(_: Task, spec: TaskSpec) -> Finding | str:
    first, second = _trained(spec, _FUNCTION, "tanh(x)")
    for one in (first, second):
        if not one.is_ok:
            return Finding("training", FAILED, f"{one.status}: {one.reason}", "see above")
    (alone,) = _trained(spec, "tanh(x)")
    plain = [replace(one, seconds=0.0).to_dict() for one in (second, alone)]
    if plain[0] != plain[1]:
        return Finding(
            "training",
            FAILED,
            "a second training of one function gives other numbers",
            "keep no state between models, and draw only by torch, numpy or random",
        )
    measured = {**first.objectives, **first.test}
    for name, value in measured.items():
        if name.endswith("accuracy") and not 0.0 <= value <= 1.0:
            return Finding("training", FAILED, f"{name} is {value:g}; wanted 0 to 1", "see measure")
    listed = ", ".join(f"{n} {v:.4g}" for n, v in first.objectives.items() if n.startswith("val_"))
    return f"{_EPOCHS} epochs: {listed}; the same bits again, whoever else is trained"


def _speed(task: Task, spec: TaskSpec) -> str:
    model, _ = _model(task)
    x, y = _batch(task, spec)
    times = []
    for _step in range(5):
        start = time.perf_counter()
        _loss(task, model, x, y).backward()
        times.append(time.perf_counter() - start)
    reason = why_alone(task)
    how = f"trained one at a time: {reason}" if reason else "trained in stacks"
    steps = math.ceil(len(task.splits.train.y) / spec.batch_size)
    return f"{1000 * min(times):.3g} ms a step, {steps} steps an epoch; {how}"


_OF_MODEL: Final[dict[str, Callable[[Task, TaskSpec], Finding | str]]] = {
    "weights by seed": _seeded_model,
    "activations reached": _reached,
    "steps lower the loss": _learns,
    "training": _evaluated,
    "speed": _speed,
}
