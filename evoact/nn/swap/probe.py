"""What each place of a model gets and gives, seen in a run on example inputs."""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter
from torch.utils.weak import WeakTensorKeyDictionary

from evoact.errors import InputError
from evoact.nn.swap.functional import Notes, Watcher, followed
from evoact.nn.swap.layout import Layout, seen_in, told_by
from evoact.nn.swap.places import Place
from evoact.nn.swap.roles import is_activation
from evoact.nn.swap.snapshot import unchanged


@dataclass(slots=True)
class Sighting:
    """The calls of one place.

    Args:
        layouts: channels of the inputs, without repetitions.
        blank: zeros like the last input, in the memory of one.
        result: the shape of the last result.
    """

    layouts: list[Layout] = field(default_factory=list)
    blank: Tensor | None = None
    result: torch.Size | None = None


def look(
    model: nn.Module, places: list[Place], example_inputs: object, notes: Notes
) -> dict[str, Sighting]:
    """Run the model on the example and return what each place that was called saw.

    It runs in eval mode without gradients, and is left as it was found.

    Raises:
        InputError: the example is no tensor, tuple or dict, the model fails on
            it, or has parameters without a shape.
    """
    args, kwargs = _arguments(example_inputs)
    lazy = [n for n, p in model.named_parameters() if isinstance(p, UninitializedParameter)]
    if lazy:
        raise InputError(
            f"parameter {lazy[0]!r} of model has no shape yet; run the model once, then swap"
        )
    seen = {place.name: Sighting() for place in places}
    with unchanged(model), torch.no_grad(), _watched(model, places, seen, notes):
        model.eval()
        try:
            model(*args, **kwargs)
        except Exception as error:
            raise InputError(
                f"example_inputs: the model fails on them: {type(error).__name__}: {error}; "
                "wanted a tensor, a tuple of positional or a dict of keyword arguments, on the "
                "model's device"
            ) from error
    return {name: sighting for name, sighting in seen.items() if sighting.blank is not None}


def runs(model: nn.Module, example_inputs: object) -> str:
    """Run the model on the example, as `look` does; return why it fails, nothing if it does not."""
    args, kwargs = _arguments(example_inputs)
    with unchanged(model), torch.no_grad():
        model.eval()
        try:
            model(*args, **kwargs)
        except Exception as error:  # a user's module can fail in any way
            return f"{type(error).__name__}: {error}"
    return ""


def _arguments(example: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, Tensor):
        return (example,), {}
    if isinstance(example, tuple):
        return example, {}
    if isinstance(example, Mapping):
        return (), dict(example)
    raise InputError(
        f"example_inputs is a {type(example).__name__}; wanted a tensor, a tuple of positional "
        "or a dict of keyword arguments of the model"
    )


@contextmanager
def _watched(
    model: nn.Module, places: list[Place], seen: dict[str, Sighting], notes: Notes
) -> Iterator[None]:
    """Hook all that is needed to fill `seen` and `notes`."""
    times = Counter(id(place.module) for place in places)
    sources = _Sources(model)
    try:
        for place in places:
            module = place.module
            if times[id(module)] > 1:
                module = double(module)
                place.put(module)
            sources.watch(module, seen[place.name])
        with followed(model) as running, Watcher(notes, running):
            yield
    finally:
        sources.remove()


def double(module: nn.Module) -> nn.Module:
    """Return a module that does the same with hooks of its own: a shared one cannot tell places."""
    double = copy.copy(module)
    for name, value in vars(module).items():
        if "hooks" in name and isinstance(value, OrderedDict):
            vars(double)[name] = value.copy()
    return double


def _has_weights(module: nn.Module) -> bool:
    return bool(module._parameters) and not is_activation(module)


class _Sources:
    """Knows which layer gave a tensor."""

    def __init__(self, model: nn.Module) -> None:
        self._of = WeakTensorKeyDictionary()
        self._last: nn.Module | None = None
        # Those of classes that are not known too: what they give is not of the layer before.
        layers = [m for m in model.modules() if told_by(m) is not None or _has_weights(m)]
        self._handles = [layer.register_forward_hook(self._gave) for layer in layers]

    def _gave(self, layer: nn.Module, _: Any, result: Any) -> None:
        self._last = layer
        if isinstance(result, Tensor):
            self._of[result] = layer

    def watch(self, module: nn.Module, sighting: Sighting) -> None:
        """Fill a sighting with what the module gets and gives."""

        def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            tensors = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)]
            if tensors:
                x = tensors[0]
                layout = seen_in(x.shape, self._of.get(x, self._last))
                if layout is not None and layout not in sighting.layouts:
                    sighting.layouts.append(layout)
                sighting.blank = x.new_zeros(()).expand(x.shape)

        def after(_: nn.Module, __: Any, result: Any) -> None:
            sighting.result = result.shape if isinstance(result, Tensor) else None

        self._handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
        self._handles.append(module.register_forward_hook(after))

    def remove(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()
