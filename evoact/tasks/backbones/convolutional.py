"""Thirteen convolutions and nothing else: to see what activations do to the space of features.

Oyallon 2017, "Building a Regular Decision Boundary with Deep Networks", arXiv 1703.01775.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

from evoact.errors import InputError
from evoact.tasks.user import MakeActivation

LAYERS: Final = 13
_HALVING: Final = (5, 9)  # layers, from 0 on, that halve rows and columns


def oyallon_network(
    activation: MakeActivation, inputs: int, outputs: int, width: int = 32
) -> nn.Sequential:
    """Return Oyallon's network of one width on images `(batch, inputs, rows, columns)`.

    Thirteen 3x3 convolutions without biases, each normalised over the batch without scale
    or shift and followed by an activation; the sixth and the tenth have stride 2. There
    is no pooling but the mean over all places before the linear classifier, whose biases
    are the only ones. The paper has width 512 and, with `partial(relu(x), alpha)` as its
    activation, asks what share alpha of channels need a nonlinearity. Weights are
    He's, and the dropout of the paper is left out.

    Args:
        activation: makes the activations.
        inputs: channels of the images.
        outputs: classes.
        width: channels of each convolution.

    Raises:
        InputError: `width` is not positive.
    """
    if width < 1:
        raise InputError(f"width is {width}; wanted 1 or more, such as 32")
    layers: list[nn.Module] = []
    for place in range(LAYERS):
        conv = nn.Conv2d(inputs, width, 3, 2 if place in _HALVING else 1, padding=1, bias=False)
        nn.init.kaiming_normal_(conv.weight)
        act = activation(width)
        layers += [conv, nn.BatchNorm2d(width, affine=False), act]
        inputs = int(act.out_channels)  # type: ignore[arg-type]  # a number, see `MakeActivation`
    return nn.Sequential(*layers, MeanOfPlaces(), nn.Linear(inputs, outputs))


class MeanOfPlaces(nn.Module):
    """The mean over all places; torch's own pooling has no deterministic gradient on CUDA.

    >>> import torch
    >>> MeanOfPlaces()(torch.ones(2, 3, 4, 4)).shape
    torch.Size([2, 3])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return `(batch, channels)`."""
        return x.mean(dim=(2, 3))
