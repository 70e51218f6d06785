"""How often units of a layer are active: sparsity, dead units, activation probability.

All take the outputs of a layer as `(samples, units)`, see `Layer.units`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from evoact.errors import InputError


@dataclass(frozen=True, slots=True)
class Activity:
    """How active the units of a layer are.

    Attributes:
        zero_fraction: the share of outputs that are exactly 0 (Glorot, Bordes & Bengio
            2011, "Deep sparse rectifier neural networks"): .5 for ReLU of symmetric
            inputs, 0 for tanh.
        dead: how many units give exactly 0 for every sample.
        constant: how many units give one value for every sample, dead ones included:
            saturated ones tell as little.
        probability: the mean over units of the share of samples for which the output
            is above 0 (Maas, Hannun & Ng 2013, "Rectifier nonlinearities improve
            neural network acoustic models").
        dispersion: the standard deviation of that share over units (likewise): 0
            where all units share the work, large where few are active for all samples.
    """

    zero_fraction: float
    dead: int
    constant: int
    probability: float
    dispersion: float


def activity(outputs: Tensor) -> Activity:
    """Return how active units are.

    Args:
        outputs: of a layer, `(samples, units)`.

    Raises:
        InputError: there are none.

    >>> import torch
    >>> activity(torch.tensor([[0.0, 1.0, 0.0], [0.0, 2.0, 3.0]]))
    Activity(zero_fraction=0.5, dead=1, constant=1, probability=0.5, dispersion=0.408248)
    """
    if outputs.dim() != 2 or not outputs.numel():
        raise InputError(
            f"outputs are of shape {tuple(outputs.shape)}; wanted (samples, units), one or more"
        )
    zero, active = outputs == 0, (outputs > 0).double().mean(dim=0)
    same = outputs == outputs[0]
    return Activity(
        zero_fraction=round(float(zero.double().mean()), 6),
        dead=int(zero.all(dim=0).sum()),
        constant=int(same.all(dim=0).sum()),
        probability=round(float(active.mean()), 6),
        dispersion=round(float(active.std(correction=0)), 6),
    )
