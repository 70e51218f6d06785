"""Whether a new module fits into a place, and how it is made at home there."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from evoact.errors import InputError
from evoact.nn.activation import Activation
from evoact.nn.annealed import Annealed, writers
from evoact.nn.swap.layout import Layout, before, width_of
from evoact.nn.swap.neighbours import Change
from evoact.nn.swap.places import Place
from evoact.nn.swap.probe import Sighting
from evoact.nn.swap.snapshot import unchanged


def layout_of(place: Place, sighting: Sighting | None, why: str) -> Layout | None:
    """Return the channels of a place: from the run, from the old module, or from the layers before.

    Raises:
        InputError: channels matter, and the place is called with several numbers of them.
    """
    if sighting is not None and sighting.layouts:
        if len(sighting.layouts) == 1:
            return sighting.layouts[0]
        if why:
            several = " and ".join(f"{x.channels} (dimension {x.dim})" for x in sighting.layouts)
            raise InputError(
                f"{place} is called with several numbers of channels, {several}, but {why}; "
                "wanted one: use a pointwise expression with parameters per layer, or leave the "
                "module out by where"
            )
        return None
    old = place.module
    if isinstance(old, Activation) and old.channels is not None:
        return Layout(old.channels, old.channel_dim)
    if isinstance(old, nn.PReLU) and old.num_parameters > 1:
        return Layout(old.num_parameters, 1)
    return before(place)


def change_of(place: Place, new: nn.Module, layout: Layout | None) -> Change | None:
    """Return how a new module changes the width of what a place gives; None if it does not.

    Raises:
        InputError: it does, and the channels are not known.
    """
    old_width, new_width = width_of(place.module), width_of(new)
    if new_width == old_width:
        return None
    if layout is None:
        raise InputError(width_text(place, new, "its channels are not known"))
    return Change(place, int(layout.channels * old_width), new_width / old_width)


def width_text(place: Place, new: nn.Module, reason: str) -> str:
    """Return what is wrong where a width changes, and nothing can be done about it."""
    return (
        f"{place}: the new function has width {width_of(new)} (output over input channels), the "
        f"old one {width_of(place.module)}, and what comes after cannot be adapted: {reason}; "
        "wanted equal widths, or build the model for the new width, as with evoact.Activation"
    )


def check_shape(
    place: Place, new: nn.Module, sighting: Sighting | None, change: Change | None
) -> None:
    """Refuse a module that gives another shape than it must: the layers after it would fail.

    Raises:
        InputError: it does, or it fails on an input of the place's shape.
    """
    if sighting is None or sighting.blank is None:
        return
    shape, wanted = _trial(place, new, sighting), sighting.result
    if wanted is None or change is not None:  # the layers made for the change are run
        return
    if shape != wanted:
        raise InputError(
            f"{place}: the new function gives shape {tuple(shape)} where the old one gives "
            f"{tuple(wanted)}; wanted a function that keeps it"
        )


def _trial(place: Place, new: nn.Module, sighting: Sighting) -> Any:
    assert sighting.blank is not None, "the caller has looked"
    with torch.no_grad(), unchanged(new):
        new.eval()
        try:
            return new(sighting.blank.contiguous()).shape
        except Exception as error:  # a user's module can fail in any way
            raise InputError(
                f"{place}: the new module fails on an input of shape "
                f"{tuple(sighting.blank.shape)}: {type(error).__name__}: {error}"
            ) from error


def settle(place: Place, new: nn.Module) -> None:
    """Give a new module the device, the dtype and the mode of its place."""
    home = place.home()
    if home is not None:
        new.to(device=home[0], dtype=home[1])
    new.train(place.module.training)


def anneal(place: Place, new: nn.Module) -> Annealed:
    """Return the way from the module of a place, which itself stays as it is, to a new one."""
    old = place.module
    # Copies where some write over their input, which Annealed turns on and off.
    early, late = (_double(one) if writers(one) else one for one in (old, new))
    annealed = Annealed(early, late)
    home = place.home()
    if home is not None:
        annealed.to(device=home[0])  # not the dtype: g needs its 24 bits
    annealed.training = old.training
    return annealed


def _double(module: nn.Module) -> nn.Module:
    """Return a copy with the same parameters and buffers."""
    tensors = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
