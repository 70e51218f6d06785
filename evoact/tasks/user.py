"""Tasks by the user: a class with data and a model, trained as the shipped tasks are."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.errors import InputError, integer
from evoact.tasks.criterion import Networks
from evoact.tasks.data import Splits, global_rng_kept
from evoact.tasks.networks import CHANNEL_DIM, SAME_WIDTH, ActivationFactory
from evoact.tasks.width import Width


class MakeActivation(Protocol):
    """Makes the activation of one place of a model."""

    def __call__(self, channels: int, channel_dim: int = CHANNEL_DIM) -> nn.Module:
        """Return a module for inputs with so many channels in that dimension.

        Its `out_channels` are those that leave it: others than `channels` only
        where `language.widths` allows functions that change the width.
        """
        ...


class UserTask(ABC):
    """A task of your own: what candidates are trained on, in evoact's training loop.

    Write `data` and `model`; `loss`, `metrics` and `measure` have defaults for
    classification (integer targets: cross-entropy, accuracy) and for regression (mean
    squared error, `r2`). Name the class in a search space as `task: my_module:MyTask`, or
    with `task: {use: "my_module:MyTask", options: {...}}`, whose options are the
    arguments of the class; `evoact doctor --task my_module:MyTask` tests it.

    Attributes:
        metrics: names of what `measure` returns, and whether more (`"max"`) or less
            (`"min"`) of each is better; the first counts. In a search space they are
            objectives with `val_` before their names.

    >>> class Parity(UserTask):
    ...     def data(self, split_seed):
    ...         x = np.random.default_rng(0).integers(2, size=(400, 8))
    ...         return split(x.astype("float32"), x.sum(axis=1) % 2, split_seed)
    ...
    ...     def model(self, activation):
    ...         return nn.Sequential(nn.Linear(8, 16), activation(16), nn.Linear(16, 2))
    >>> from evoact.tasks import split
    >>> len(Parity().data(0).train.y)
    240
    """

    metrics: Mapping[str, str] = MappingProxyType({"accuracy": "max"})

    @abstractmethod
    def data(self, split_seed: int) -> Splits:
        """Return the data: `evoact.tasks.split(x, y, split_seed)`, or `Splits` of your making.

        Arrays or tensors `(samples, ...)`, the same at every call with one seed. The test
        part should not depend on the seed: it is read for the final report alone.
        """

    @abstractmethod
    def model(self, activation: MakeActivation) -> nn.Module:
        """Return a new model, with `activation(channels)` wherever it has an activation.

        With channels elsewhere than in dimension 1: `activation(channels, channel_dim=-1)`.
        The first weights are those that it is made with. torch, numpy and `random` are
        seeded before, so that all candidates start alike.
        """

    def loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar; `output` is what the model gave."""
        if y.is_floating_point():
            return F.mse_loss(output, y)
        return F.cross_entropy(output, y)

    def measure(self, output: Tensor, y: Tensor) -> Mapping[str, float]:
        """Return the `metrics`, of the outputs on a whole part of the data."""
        found: dict[str, Callable[[Tensor, Tensor], float]] = {"accuracy": accuracy, "r2": r2}
        unknown = [name for name in self.metrics if name not in found]
        if unknown:
            raise InputError(
                f"{type(self).__name__}.metrics has {unknown[0]!r}; write measure(output, y), "
                f"which returns it: only {' and '.join(found)} are there by default"
            )
        return {name: found[name](output, y) for name in self.metrics}

    def step_loss(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """Return the loss from which weights are trained; that of the outputs by default.

        Write it for losses that need more than outputs: derivatives by `x`, several
        passes. Models are then trained one at a time.
        """
        return self.loss(model(x), y)


def accuracy(output: Tensor, y: Tensor) -> float:
    """Return the share of samples whose largest output is that of their class.

    >>> accuracy(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1]))
    0.5
    """
    return float((output.argmax(dim=1) == y).float().mean())


def r2(output: Tensor, y: Tensor) -> float:
    """Return R squared, 1 for what is right and 0 for the mean.

    >>> r2(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 3.0]))
    1.0
    """
    wrong, spread = (output - y).double().square().sum(), (y - y.mean()).double().square().sum()
    return float(1.0 - wrong / spread) if spread > 0 else float(-wrong)


class UserCriterion:
    """The loss and the metrics of a user's task, network by network.

    Each is given tensors of its own, aligned alike wherever the network stands in a
    stack, so that it gives the same bits.
    """

    def __init__(self, task: UserTask) -> None:
        self.task = task
        self.metrics: Mapping[str, str] = dict(task.metrics)
        self.is_of_outputs = type(task).step_loss is UserTask.step_loss

    def step(self, networks: Networks, x: Tensor, y: Tensor) -> Tensor:
        """Return the losses `(K,)` of a batch."""
        if not self.is_of_outputs:
            network: nn.Module = networks.network  # type: ignore[attr-defined]  # trained alone
            return _scalar(self.task.step_loss(network, x, y), "step_loss").unsqueeze(0)
        return self._losses(networks(x), y)

    def _losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        each = [self.task.loss(output.clone(), y) for output in outputs.unbind(0)]
        return torch.stack([_scalar(loss, "loss") for loss in each])

    def scores(self, outputs: Tensor, y: Tensor) -> list[dict[str, float]]:
        """Return the metrics and the loss of each network."""
        losses = self._losses(outputs, y).tolist()
        return [
            {**self._measured(output.clone(), y), "loss": loss}
            for output, loss in zip(outputs.unbind(0), losses, strict=True)
        ]

    def _measured(self, output: Tensor, y: Tensor) -> dict[str, float]:
        found = self.task.measure(output, y)
        who = f"{type(self.task).__name__}.measure"
        if not isinstance(found, Mapping) or set(found) != set(self.metrics):
            raise InputError(f"{who} gave {found!r:.200}; wanted the metrics {list(self.metrics)}")
        return {name: float(found[name]) for name in self.metrics}


def _scalar(loss: Any, method: str) -> Tensor:
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        got = f"of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)[:80]
        raise InputError(f"{method} of the task gave {got}; wanted a tensor of one number")
    return loss.reshape(())


class UserNetwork:
    """Makes the models of a user's task."""

    def __init__(self, task: UserTask) -> None:
        self._task = task

    def __call__(self, activation: ActivationFactory, width: Width = SAME_WIDTH, /) -> nn.Module:
        """Build a model, its weights drawn as the model draws them.

        Raises:
            InputError: it is none that can be trained.
        """

        def made(channels: int, channel_dim: int = CHANNEL_DIM) -> nn.Module:
            channels = integer(channels, "channels of activation(channels)", 64)
            module = activation(channels, channel_dim)
            module.out_channels = _after(channels, width.ratio)  # type: ignore[assignment]  # for the model's next layer
            return module

        model = self._task.model(made)
        _check_model(model, type(self._task).__name__)
        return model


def _after(channels: int, ratio: Fraction) -> int:
    after = channels * ratio
    if after.denominator != 1:
        raise InputError(
            f"the model has {channels} channels before an activation of width {ratio}, which "
            f"does not divide them; wanted a multiple of {ratio.denominator}"
        )
    return int(after)


def _check_model(model: Any, name: str) -> None:
    if not isinstance(model, nn.Module):
        raise InputError(f"{name}.model gave {model!r:.80}; wanted a torch.nn.Module")
    for parameter, value in model.named_parameters():
        if isinstance(value, nn.UninitializedParameter):
            raise InputError(f"{name}.model: {parameter} is lazy; wanted layers with given sizes")
        if value.requires_grad and value.dtype != torch.float32:
            raise InputError(f"{name}.model: {parameter} is {value.dtype}; wanted torch.float32")


_SEEDS: Final = 2**32


@contextmanager
def seeded(generator: torch.Generator) -> Iterator[None]:
    """Seed torch, numpy and `random` by the seed of a generator; put them back afterwards."""
    seed = generator.initial_seed()
    with global_rng_kept(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % _SEEDS)  # the one that models may draw from
        yield


def check_metrics(task: UserTask) -> None:
    """Raise `InputError` for `metrics` that are not names and directions."""
    found = task.metrics
    right = isinstance(found, Mapping) and found and all(
        isinstance(name, str) and name.isidentifier() and name.islower() and name != "loss"
        and direction in ("max", "min")
        for name, direction in found.items()
    )  # fmt: skip
    if not right:
        raise InputError(
            f"{type(task).__name__}.metrics is {found!r}; wanted names in lower case and "
            "'max' or 'min' for each, such as {'accuracy': 'max'}"
        )
