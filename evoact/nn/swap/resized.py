"""Layers made anew for another number of channels."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Final

import torch
from torch import Tensor, nn

# The attribute that is the number of channels of the input, and the dimension of each
# tensor that has as many of them.
_TENSORS: Final = ("weight", "bias", "running_mean", "running_var")
_OF_NORM: Final = dict.fromkeys(_TENSORS, 0)
_KINDS: Final[dict[type[nn.Module], tuple[str, dict[str, int]]]] = {
    nn.Linear: ("in_features", {"weight": 1}),
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), ("in_channels", {"weight": 1})),
    **dict.fromkeys(
        (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), ("in_channels", {"weight": 0})
    ),
    **dict.fromkeys(
        (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
        ("num_features", _OF_NORM),
    ),
    **dict.fromkeys(
        (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), ("num_features", _OF_NORM)
    ),
    nn.GroupNorm: ("num_channels", _OF_NORM),
    nn.LayerNorm: ("normalized_shape", _OF_NORM),
    nn.RMSNorm: ("normalized_shape", _OF_NORM),
}


def channels_in(layer: nn.Module) -> int | None:
    """Return how many channels a layer takes; None if it cannot be made for others.

    >>> channels_in(nn.Conv2d(4, 8, 3)), channels_in(nn.Conv2d(4, 8, 3, groups=4))
    (4, None)
    """
    kind = _KINDS.get(type(layer))
    hooks = layer._forward_hooks or layer._forward_pre_hooks  # such as those of spectral_norm
    if kind is None or hooks or getattr(layer, "groups", 1) != 1:
        return None
    size = getattr(layer, kind[0])
    if isinstance(size, tuple):
        return size[0] if len(size) == 1 else None
    assert isinstance(size, int), "torch's layers count channels"
    return size


def is_norm(layer: nn.Module) -> bool:
    """Return whether a layer gives as many channels as it takes."""
    return type(layer) in _KINDS and _KINDS[type(layer)][1] is _OF_NORM


def resized(layer: nn.Module, ratio: Fraction) -> nn.Module:
    """Return a layer like one, for `ratio` times the channels, with fresh weights.

    They are drawn as its class draws them, from torch's global generator.

    >>> resized(nn.Linear(4, 3), Fraction(1, 2))
    Linear(in_features=2, out_features=3, bias=True)
    """
    attribute, dims = _KINDS[type(layer)]
    old = channels_in(layer)
    assert old is not None, "the caller has looked"
    size = int(old * ratio)
    new = copy.deepcopy(layer)
    setattr(new, attribute, (size,) if isinstance(getattr(layer, attribute), tuple) else size)
    for name, dim in dims.items():
        tensor: Tensor | None = getattr(new, name, None)
        if tensor is None:
            continue
        shape = [*tensor.shape]
        shape[dim] = size
        fresh = tensor.detach().new_zeros(shape)
        trained = nn.Parameter(fresh, tensor.requires_grad)
        setattr(new, name, trained if isinstance(tensor, nn.Parameter) else fresh)
    with torch.no_grad():
        new.reset_parameters()  # type: ignore[operator]  # all of _KINDS have it
    return new
