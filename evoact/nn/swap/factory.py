"""From what a user gives for a new activation to a module for each place."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from evoact.errors import InputError
from evoact.language import Expression, Scope, parse
from evoact.nn.activation import Activation
from evoact.nn.swap.layout import Layout
from evoact.nn.swap.places import Place

Factory = str | Expression | nn.Module | Callable[..., nn.Module]


class Maker:
    """Makes the new module of a place.

    Args:
        factory: an expression or its text; a module, copied for each place; or
            a callable, called with `channels` (and `channel_dim`) if it takes them.

    Raises:
        InputError: the factory is none of these.
    """

    def __init__(self, factory: Factory) -> None:
        if isinstance(factory, str):
            factory = parse(factory)
        if not isinstance(factory, Expression | nn.Module) and not callable(factory):
            raise InputError(
                f"factory is {factory!r}; wanted an expression such as 'silu(x)', a module, or a "
                "callable that makes one, with the number of channels or without"
            )
        self._factory = factory
        self.why_channels = _why_channels(factory)

    def __call__(self, place: Place, layout: Layout | None) -> nn.Module:
        """Return the new module of a place.

        Raises:
            InputError: what the factory gave is no module, or the channels do
                not suit the expression.
        """
        if self.why_channels and layout is None:
            raise InputError(
                f"channels of {place} are not known, but {self.why_channels}; pass "
                "example_inputs, on which the model runs once, or leave the module out by where"
            )
        try:
            module = self._make(layout)
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
        if not isinstance(module, nn.Module):
            raise InputError(f"factory gave {module!r} for {place}; wanted a torch.nn.Module")
        return module

    def _make(self, layout: Layout | None) -> nn.Module:
        if isinstance(self._factory, nn.Module):
            return copy.deepcopy(self._factory)
        if not isinstance(self._factory, Expression):
            return _call(self._factory, layout)
        if not self.why_channels or layout is None:
            return Activation(self._factory)
        return Activation(self._factory, layout.channels, layout.dim)


def _why_channels(factory: object) -> str:
    """Return why a factory needs the number of channels; nothing if it does not."""
    if isinstance(factory, Expression):
        if factory.is_groupwise:
            return "the expression is groupwise"
        per_channel = any(p.scope is Scope.CHANNEL for p in factory.parameters)
        return "the expression has parameters per channel" if per_channel else ""
    first = _first(factory)
    return "the factory takes them" if first and first.default is first.empty else ""


def _first(factory: object) -> inspect.Parameter | None:
    """Return the parameter of a callable that is the number of channels, if there is one."""
    if isinstance(factory, nn.Module) or not callable(factory):
        return None
    parameters = _parameters(factory)
    if "channels" in parameters:
        return parameters["channels"]
    first = next(iter(parameters.values()), None)
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if first is None or first.default is not first.empty or first.kind not in by_position:
        return None
    return first


def _parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(factory).parameters)
    except (TypeError, ValueError):  # what is written in C may have no signature
        return {}


def _call(factory: Callable[..., nn.Module], layout: Layout | None) -> nn.Module:
    first = _first(factory)
    if first is None or layout is None:
        return factory()
    more = {"channel_dim": layout.dim} if "channel_dim" in _parameters(factory) else {}
    if first.kind is first.POSITIONAL_ONLY:
        return factory(layout.channels, **more)
    return factory(**{first.name: layout.channels}, **more)
