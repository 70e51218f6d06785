"""How many channels an activation gets, and in which dimension."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import torch
from torch import nn

from evoact.nn.activation import Activation
from evoact.nn.annealed import Annealed
from evoact.nn.preactivation import Conic, Distance
from evoact.nn.swap.places import Place

_CONVOLUTIONS: Final = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
# What tells the channels of its output, in which attribute, and their dimension.
_TELLS: Final[tuple[tuple[tuple[type[nn.Module], ...], str, int], ...]] = (
    ((nn.Linear, nn.Bilinear), "out_features", -1),
    ((nn.Embedding, nn.EmbeddingBag), "embedding_dim", -1),
    ((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm), "num_features", 1),
    ((nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), "num_features", 1),
    ((nn.GroupNorm,), "num_channels", 1),
)
# The modules of torch.nn whose classes give as many channels as they get.
_KEEPERS: Final = tuple(
    f"torch.nn.modules.{name}" for name in ("activation", "dropout", "padding", "pooling")
)
_CHANGERS: Final = (nn.GLU, nn.MultiheadAttention)


@dataclass(frozen=True, slots=True)
class Layout:
    """Channels of a tensor, and the dimension that holds them."""

    channels: int
    dim: int


def told_by(module: nn.Module) -> Layout | None:
    """Return the channels of a layer's output; of a convolution, counted from the end.

    >>> told_by(nn.Linear(2, 3)), told_by(nn.Conv2d(3, 8, 1)), told_by(nn.ReLU())
    (Layout(channels=3, dim=-1), Layout(channels=8, dim=-3), None)
    """
    if isinstance(module, _CONVOLUTIONS):
        return Layout(module.out_channels, -1 - len(module.kernel_size))
    if isinstance(module, nn.LayerNorm | nn.RMSNorm) and len(module.normalized_shape) == 1:
        return Layout(module.normalized_shape[0], -1)
    if isinstance(module, Distance | Conic):
        centre = module if isinstance(module, Distance) else module.distance
        return Layout(centre.out_features, -1)
    for classes, attribute, dim in _TELLS:
        if isinstance(module, classes):
            return Layout(getattr(module, attribute), dim)
    return None


def seen_in(shape: torch.Size, source: nn.Module | None) -> Layout | None:
    """Return the channels of a tensor of that shape that a layer gave.

    Where the layer is not known, or its channels are not found in the shape,
    four and more dimensions are taken for images, fewer for `(batch, ..., channels)`.

    Args:
        shape: of the tensor.
        source: the last layer before it.

    >>> seen_in(torch.Size([2, 7, 16]), nn.Linear(4, 16)).dim
    -1
    >>> seen_in(torch.Size([2, 16, 7]), nn.Conv1d(4, 16, 1)).dim
    1
    """
    rank = len(shape)
    if rank == 0:
        return None
    told = told_by(source) if source is not None else None
    guess = 1 if rank >= 4 else -1
    if told is not None:
        own = told.dim + rank if told.dim < -1 else told.dim
        own = own if -1 <= own < rank else -1
        for dim in (own, 1 if own == -1 else -1):
            if dim < rank and shape[dim] == told.channels:
                return Layout(told.channels, dim)
        guess = 1 if rank >= 4 else own
    return Layout(shape[guess], guess)


def before(place: Place) -> Layout | None:
    """Return the channels that the layers before a place tell, as far as their order is certain.

    It is in a `Sequential`; in other modules the order of calls is not that of
    registration.
    """
    for parent, key in reversed(place.path):
        if not _is_sequential(parent):
            return None
        children = list(parent._modules.items())
        here = [name for name, _ in children].index(key)
        found = _last(child for _, child in children[:here][::-1] if child is not None)
        if found is not _KEEPS:
            return found
    return None


_KEEPS: Final = Layout(0, 0)


def _last(modules: Iterable[nn.Module]) -> Layout | None:
    """Return what the first of the modules tells that does not just keep its channels."""
    for module in modules:
        told = told_by(module)
        if told is not None:
            return Layout(told.channels, 1 if told.dim < -1 else told.dim)
        if _is_sequential(module):
            told = _last(child for child in reversed(list(module.children())))
            if told is not _KEEPS:
                return told
        elif not keeps_channels(module):
            return None
    return _KEEPS


def _is_sequential(module: nn.Module) -> bool:
    # Some libraries derive blocks from Sequential and call them in another order.
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def keeps_channels(module: nn.Module) -> bool:
    """Return whether a module is known to give as many channels as it gets."""
    if isinstance(module, Activation | Annealed):
        return width_of(module) == 1
    if isinstance(module, nn.Identity):
        return True
    homes = {base.__module__ for base in type(module).__mro__}
    return not isinstance(module, _CHANGERS) and not homes.isdisjoint(_KEEPERS)


def width_of(module: nn.Module) -> Fraction:
    """Return output over input channels, as far as the module tells; otherwise 1."""
    if isinstance(module, Annealed):
        return width_of(module.late)
    if isinstance(module, Activation):
        return module.expression().width
    return Fraction(1, 2) if isinstance(module, nn.GLU) else Fraction(1)
