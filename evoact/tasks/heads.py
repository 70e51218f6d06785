"""What the outputs of a network are taken for: heads, each with its loss.

A head gives the error that training starts from, at the outputs z of the last layer, for
targets t that are 1 for the class and 0 for the others. `softmax` is that of the
cross-entropy, `softmax(z) - t`. The others are functions of each output by itself whose
derivative is left out ("straight through"), `h(z) - t`: in the sense of gradient boosting
each is the gradient of another loss (Oland, Bansal, Dannenberg & Raj 2017, "Be Careful What
You Backpropagate: A Case For Linear Output Activations & Gradient Boosting", arXiv
1707.04199). The class is that of the largest output, whatever the head.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from evoact.errors import InputError, nearest
from evoact.tasks.criterion import LANES, Classification, Criterion

SOFTMAX: Final = "softmax"
ALPHA: Final = 0.1
"""The factor of expGB and pow3GB; with it an output of 1 is at z of about 2."""


@dataclass(frozen=True)
class StraightThrough(Classification):
    """Accuracy, and the loss whose gradient at the outputs is `h(z) - t`.

    It is `H(z) - t z` in each output, for the integral H of h, less its least value for
    these targets: 0 for what is right. Where |z| is over `most`, h stays as it is there, and
    the loss goes on as a straight line: nothing overflows, and no gradient vanishes.

    Args:
        error: h, of the outputs.
        integral: H.
        least: of a sample, the sum over the classes of the least `H(z) - t z`.
        most: see above.

    >>> outputs = torch.tensor([[[1.0, 0.5]]])
    >>> HEADS["linear"].scores(outputs, torch.tensor([0]))
    [{'accuracy': 1.0, 'loss': 0.125}]
    """

    error: Callable[[Tensor], Tensor]
    integral: Callable[[Tensor], Tensor]
    least: float
    most: float

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the mean over samples of the loss, summed over classes, of each network `(K,)`.

        As in `cross_entropies`, samples are filled up to whole vectors.
        """
        _, samples, classes = outputs.shape
        filled = F.pad(outputs, (0, 0, 0, -samples % LANES))
        targets = F.pad(F.one_hot(y, classes).to(outputs.dtype), (0, 0, 0, -samples % LANES))
        z = filled.clamp(-self.most, self.most)
        each = self.integral(z) + self.error(z).detach() * (filled - z) - targets * filled
        return each[:, :samples].flatten(1).sum(dim=1) / samples - self.least


def _exponential(z: Tensor) -> Tensor:
    return ALPHA * torch.exp(z)


HEADS: Final[Mapping[str, Criterion]] = MappingProxyType(
    {
        SOFTMAX: Classification(),
        # h = z: squared errors, halved.
        "linear": StraightThrough(lambda z: z, lambda z: 0.5 * z * z, -0.5, 1e4),
        # h = alpha exp(z), which is 1 at log(1 / alpha), and comes to 0 for the others.
        "expgb": StraightThrough(_exponential, _exponential, 1.0 + math.log(ALPHA), 10.0),
        # h = alpha z^3, which is 1 at alpha ** -(1/3).
        "pow3gb": StraightThrough(
            lambda z: ALPHA * z * z * z,
            lambda z: 0.25 * ALPHA * (z * z) * (z * z),
            -0.75 * ALPHA ** (-1.0 / 3.0),
            10.0,
        ),
    }
)
"""By what a task calls them; those of Oland et al. with `alpha = .1` and `beta = 0`."""


def with_head(criterion: Criterion, head: str) -> Criterion:
    """Return what networks with a head learn.

    Args:
        criterion: of the task, with its own head.
        head: one of `HEADS`; `softmax` is the task's own.

    Raises:
        InputError: there is no such head, or the task's outputs are no scores of classes.

    >>> with_head(Classification(), "linear") is HEADS["linear"]
    True
    """
    if head not in HEADS:
        raise InputError(f"head is {head!r}{nearest(head, HEADS)}; wanted {', '.join(HEADS)}")
    if head == SOFTMAX:
        return criterion
    if type(criterion) is not Classification:
        raise InputError(f"head is {head!r}, which is for classes; wanted {SOFTMAX} for this task")
    return HEADS[head]
