"""What networks are trained to do, and how it is measured: of many networks at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, Final, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

Networks = Callable[[Tensor], Tensor]
"""Networks evaluated as one: `(batch, ...)` in, `(K, batch, ...)` out."""

LANES: Final = 64  # a multiple of what any processor's vectors hold


class Criterion(Protocol):
    """A loss, and the metrics by which networks are compared.

    Attributes:
        metrics: their names, besides `loss`, and whether `"max"` or `"min"` is better;
            the first is the one that counts.
    """

    @property
    def metrics(self) -> Mapping[str, str]: ...  # noqa: D102  # an attribute, told above

    def step(self, networks: Networks, x: Tensor, y: Tensor) -> Tensor:
        """Return the losses `(K,)` of a batch, from which weights are trained."""
        ...

    def scores(self, outputs: Tensor, y: Tensor) -> list[dict[str, float]]:
        """Return the metrics and the `loss` of each network, of all its outputs on a part."""
        ...


class Classification:
    """Outputs `(K, batch, classes)`, of which the largest tells the class; accuracy.

    The loss is the cross-entropy of logits.
    """

    metrics: ClassVar[Mapping[str, str]] = MappingProxyType({"accuracy": "max"})

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of each network, `(K,)`."""
        return cross_entropies(outputs, y)

    def step(self, networks: Networks, x: Tensor, y: Tensor) -> Tensor:
        """Return the losses `(K,)` of a batch."""
        return self.losses(networks(x), y)

    def scores(self, outputs: Tensor, y: Tensor) -> list[dict[str, float]]:
        """Return accuracy and mean loss of each network."""
        accuracies = (outputs.argmax(dim=-1) == y).float().mean(dim=-1).tolist()
        losses = self.losses(outputs, y).tolist()
        return [
            {"accuracy": accuracy, "loss": loss}
            for accuracy, loss in zip(accuracies, losses, strict=True)
        ]


class Regression:
    """Mean squared error of outputs `(K, batch, targets)`; R squared and root mean square error.

    Args:
        scale: of each target, in its own units: what one unit of it in training is.
    """

    metrics: Mapping[str, str] = MappingProxyType({"r2": "max", "rmse": "min"})

    def __init__(self, scale: Tensor) -> None:
        self._scale = scale.double()

    def step(self, networks: Networks, x: Tensor, y: Tensor) -> Tensor:
        """Return the losses `(K,)` of a batch."""
        return _squared_errors(networks(x), y)

    def scores(self, outputs: Tensor, y: Tensor) -> list[dict[str, float]]:
        """Return the mean over targets of R squared and of the error in their own units."""
        wrong = (outputs - y).double().square().mean(dim=1)
        spread = y.double().var(dim=0, correction=0)
        # Of a target that never changes, all that can be asked is to hit it.
        r2 = torch.where(spread > 0, 1.0 - wrong / spread, -wrong).mean(dim=-1).tolist()
        rmse = (wrong.sqrt() * self._scale.to(wrong.device)).mean(dim=-1).tolist()
        losses = _squared_errors(outputs, y).tolist()
        return [
            {"r2": one, "rmse": error, "loss": loss}
            for one, error, loss in zip(r2, rmse, losses, strict=True)
        ]


def _squared_errors(outputs: Tensor, y: Tensor) -> Tensor:
    return (outputs - y).square().flatten(1).mean(dim=1)


def cross_entropies(logits: Tensor, y: Tensor) -> Tensor:
    """Return the mean cross-entropy of each network.

    With the classes first: a softmax over the last dimension takes five times as
    long. What is left over at the end of a vector is computed by other code, so
    each network's samples are filled up to whole vectors, to have the same bits
    wherever the network stands.
    """
    count, samples, classes = logits.shape
    if logits.is_cuda:  # where the other form may have no deterministic algorithm
        each = F.cross_entropy(logits.flatten(0, 1), y.repeat(count), reduction="none")
        return each.view(count, samples).mean(dim=1)
    filled = F.pad(logits, (0, 0, 0, -samples % LANES)).movedim(-1, 0)
    labels = F.pad(y, (0, -samples % LANES)).repeat(count)
    flat = filled.reshape(1, classes, -1)
    each = F.cross_entropy(flat, labels.unsqueeze(0), reduction="none").view(count, -1)
    return each[:, :samples].mean(dim=1)
