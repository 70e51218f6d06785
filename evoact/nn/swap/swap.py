"""New activations in a model that exists."""

from __future__ import annotations

import warnings
from types import MappingProxyType
from typing import Any

from torch import nn

from evoact.errors import InputError
from evoact.nn.schedules import Schedule
from evoact.nn.swap.factory import Factory, Maker
from evoact.nn.swap.fitting import anneal as annealed_from
from evoact.nn.swap.fitting import change_of, check_shape, layout_of, settle, width_text
from evoact.nn.swap.functional import Notes, trace
from evoact.nn.swap.layout import Layout
from evoact.nn.swap.neighbours import Change, Unknown, neighbours
from evoact.nn.swap.places import Place, Where, all_places, choose
from evoact.nn.swap.probe import Sighting, look, runs
from evoact.nn.swap.report import SwapReport, SwapWarning
from evoact.nn.swap.roles import Target, classes_of, is_activation, twins

Pairs = list[tuple[Place, nn.Module]]


def swap(
    model: nn.Module,
    target: Target,
    factory: Factory,
    *,
    example_inputs: Any = None,
    where: Where = None,
    per_layer: bool = True,
    anneal: Schedule | str | bool | None = None,
) -> SwapReport:
    """Replace activation modules of a model, in place; on any error it stays as it was.

    Each new module gets device, dtype and mode of its place. An optimiser that
    exists does not know the new parameters: swap first.

    Where a new function changes the width, the layers that take what it gives (linear and
    convolutional ones, norms on the way) are made anew for it, with fresh weights; through
    dropout, pooling and flattening. Where they are not known, it is an error.

    Args:
        model: any torch model.
        target: the class of the modules to replace, with its subclasses, or a
            tuple of classes; or a role. `"activation"`: all activations of torch,
            evoact, timm and transformers but gates, softmax, GLU and what is
            annealed. `"gate"`: sigmoids, such as those of squeeze and excitation.
        factory: an expression or its text; a module, copied for each place; or
            a callable that makes one, called with the number of channels if it
            takes one (and with `channel_dim`, if it takes that).
        example_inputs: a tensor, or a tuple of positional or a dict of keyword
            arguments of the model, which runs on it once, in eval mode. It
            tells channels, and calls that no module stands for. Without it the
            channels are those of the layers before in an `nn.Sequential`.
        where: which of them: a function of (qualified name, module), a pattern
            such as `"layers.*.act"`, or a list of patterns.
        per_layer: whether each place gets a module of its own, also where one
            was shared; otherwise all share one.
        anneal: a schedule or its name: each place starts with its old module,
            so that the model computes what it did, and
            `report.scheduler(total_steps)` takes it to the new one. `True`:
            the default schedule.

    Returns:
        What was done, and what could not be, with the cure; `undo()` reverts it.

    Raises:
        InputError: an argument is not what it must be, channels are needed and
            not known, or a new function changes the width and what comes after
            cannot be adapted.

    Warns:
        SwapWarning: nothing was replaced.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> print(swap(model, nn.ReLU, "max(x, a * x) where a = 0.25 per channel"))
    replaced 1
      1: ReLU() -> Activation(max(x, a * x) where a = 0.25 per channel)
    >>> model[1].a.shape
    torch.Size([3])
    """
    schedule, maker = _schedule(anneal), Maker(factory)
    chosen, skipped = choose(model, target, where)
    notes = Notes(twins(target))
    seen, untraced = _look(model, target, chosen, example_inputs, notes)
    pairs, changes = _make(chosen, maker, seen, per_layer)
    adapted = _adapted(model, pairs, changes, schedule)
    replaced = {place.name: _describe(place, new, schedule) for place, new in pairs}
    if schedule is not None:
        pairs = [(place, annealed_from(place, new)) for place, new in pairs]
    if not pairs:
        _warn(model, target, skipped, notes)
    report = SwapReport(
        replaced=MappingProxyType(replaced),
        adapted=MappingProxyType({place.name: _describe(place, new) for place, new in adapted}),
        skipped=MappingProxyType(skipped),
        functional=notes.calls(),
        untraced=untraced,
        _model=model,
        _places=(*chosen, *(place for place, _ in adapted)),
        _schedule=schedule,
        _switches=_put([*pairs, *adapted]),  # nothing was changed until here
    )
    # Nothing can fail from here on, but layers that were adapted to what is no matter of width.
    if adapted and example_inputs is not None and (reason := runs(model, example_inputs)):
        report.undo()
        place, new = next((place, new) for place, new in pairs if place is changes[0].place)
        raise InputError(width_text(place, new, f"with new layers the model fails: {reason}"))
    return report


def _adapted(
    model: nn.Module, pairs: Pairs, changes: list[Change], schedule: Schedule | None
) -> Pairs:
    """Return new layers for those that take what changes its width; the model is not touched.

    Raises:
        InputError: they are not known, or the change was to be gradual.
    """
    new = dict(pairs)
    if changes and schedule is not None:
        place = changes[0].place
        raise InputError(width_text(place, new[place], "annealing is between equal widths"))
    try:
        return neighbours(model, changes)
    except Unknown as error:
        raise InputError(width_text(error.place, new[error.place], str(error))) from error


def _look(
    model: nn.Module, target: Target, chosen: list[Place], example_inputs: Any, notes: Notes
) -> tuple[dict[str, Sighting], str]:
    """Return what the places saw, and why functional calls are not known; note those."""
    seen: dict[str, Sighting] = {}
    untraced = ""
    if example_inputs is None:
        untraced = trace(model, target, notes)
    else:
        seen = look(model, chosen, example_inputs, notes)
    notes.keep(model)
    return seen, untraced


def _schedule(anneal: Schedule | str | bool | None) -> Schedule | None:
    if anneal is None or anneal is False:
        return None
    if anneal is True:
        return Schedule()
    if isinstance(anneal, Schedule):
        return anneal
    if isinstance(anneal, str):
        return Schedule(anneal)
    raise InputError(f"anneal is {anneal!r}; wanted None, True, a Schedule or the name of one")


def _make(
    chosen: list[Place], maker: Maker, seen: dict[str, Sighting], per_layer: bool
) -> tuple[Pairs, list[Change]]:
    """Return a new module for each place, and which change the width; the model is not touched."""
    pairs: Pairs = []
    changes: list[Change] = []
    shared: Layout | None = None
    for place in chosen:
        sighting = seen.get(place.name)
        layout = layout_of(place, sighting, maker.why_channels)
        if per_layer or not pairs:
            new, shared = maker(place, layout), layout
            settle(place, new)
        else:
            _check_shared(pairs[0][0], place, shared, layout, maker)
            new = pairs[0][1]
        change = change_of(place, new, layout)
        check_shape(place, new, sighting, change)
        changes += [change] if change else []
        pairs.append((place, new))
    return pairs, changes


def _check_shared(
    first: Place, place: Place, shared: Layout | None, layout: Layout | None, maker: Maker
) -> None:
    if maker.why_channels and shared != layout:
        raise InputError(
            f"per_layer is False, but {first} has {shared} and {place} has {layout}, and "
            f"{maker.why_channels}; wanted per_layer=True, or a where that leaves one of them out"
        )
    if first.home() != place.home():
        raise InputError(
            f"per_layer is False, but {first} is at {first.home()} and {place} at {place.home()} "
            "(device, dtype); wanted per_layer=True"
        )


def _put(pairs: Pairs) -> tuple[tuple[nn.Module, str, Any], ...]:
    """Put the new modules in; return what was set besides, with its old values."""
    switches = []
    for place, new in pairs:
        place.put(new)
        for holder, _ in place.path:
            # In eval mode torch's own kernel would compute ReLU or GELU, whatever stands there.
            for owner, name, off in (
                (nn.TransformerEncoderLayer, "activation_relu_or_gelu", 0),
                (nn.TransformerEncoder, "use_nested_tensor", False),
            ):
                if isinstance(holder, owner) and getattr(holder, name, off) != off:
                    switches.append((holder, name, getattr(holder, name)))
                    setattr(holder, name, off)
    return tuple(switches)


def _describe(place: Place, new: nn.Module, schedule: Schedule | None = None) -> str:
    old, text = (" ".join(repr(module).split()) for module in (place.module, new))
    return f"{old} -> {text}" + (f", annealed ({schedule.name})" if schedule else "")


def _warn(model: nn.Module, target: Target, skipped: dict[str, str], notes: Notes) -> None:
    wanted = [one.__name__ for one in classes_of(target)] or [str(target)]
    held = sorted(
        {type(place.module).__name__ for place in all_places(model) if is_activation(place.module)}
    )
    text = f"nothing was replaced: no {' or '.join(wanted)} in the model"
    if skipped:
        text = "nothing was replaced: " + "; ".join(f"{n!r}: {why}" for n, why in skipped.items())
    text += f"; it holds the activations {', '.join(held)}" if held else "; it holds no activation"
    text += "".join(f"; {call}" for call in notes.calls())
    warnings.warn(text, SwapWarning, stacklevel=3)
