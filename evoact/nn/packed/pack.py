"""Turning a network into a stack of networks."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from evoact.nn.packed.bank import Bank
from evoact.nn.packed.layers import FORMS, PackedLayer, is_plain


def unpackable(network: nn.Module) -> str | None:
    """Return what of a network has no packed form, or None if it can be packed.

    The layers of `FORMS` have one. Other modules with parameters or a forward
    pass of their own must say, by an attribute `leading_dims = True`, that
    their forward pass counts dimensions from the end and has its channels
    last.

    >>> unpackable(nn.Sequential(nn.Linear(2, 2), nn.Dropout()))
    "module '1' (Dropout)"
    """
    for name, module in network.named_modules():
        if not (isinstance(module, Bank) or is_plain(module) or _takes_leading_dims(module)):
            return f"module {name!r} ({type(module).__name__})"
    return None


def _takes_leading_dims(module: nn.Module) -> bool:
    # A list of modules has no forward pass.
    if type(module).forward in (nn.Sequential.forward, nn.Module.forward):
        return True
    own = next(module.parameters(recurse=False), None) is not None
    return getattr(module, "leading_dims", False) and not own


def pack(network: nn.Module) -> nn.Module:
    """Replace the layers of a network by their packed forms, in place.

    Inputs become `(K, batch, ...)`; the layers want to be bound to rows first.
    """
    assert unpackable(network) is None, "look before you pack"
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            form = FORMS.get(type(child))
            if form is not None:
                setattr(module, name, form(child))
    return network


def own_row(network: nn.Module) -> Tensor:
    """Return the weights that a network was made with as a row of its stack: look before packing.

    In the order of the layers, weight before bias, each in its packed form's layout.
    """
    parts = [part.reshape(-1) for part in _parts(network)]
    return torch.cat(parts) if parts else torch.zeros(0)


def set_row(network: nn.Module, row: Tensor) -> None:
    """Give a network the weights that `own_row` would return; what is left of a row is not read."""
    start = 0
    for part in _parts(network):
        part.copy_(row[start : start + part.numel()].view(part.shape))
        start += part.numel()


def _parts(network: nn.Module) -> Iterator[Tensor]:
    for module in network.modules():
        form = FORMS.get(type(module), nn.Module)
        if issubclass(form, PackedLayer):
            yield from (part.detach() for part in form.parts_of(module))


def packed_layers(network: nn.Module) -> Iterator[tuple[str, PackedLayer]]:
    """Yield the layers with weights, by name, in the order of the network."""
    for name, module in network.named_modules():
        if isinstance(module, PackedLayer):
            yield name, module


def banks(network: nn.Module) -> Iterator[tuple[str, Bank]]:
    """Yield the places of activations, by name."""
    for name, module in network.named_modules():
        if isinstance(module, Bank):
            yield name, module
