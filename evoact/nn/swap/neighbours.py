"""The layers that take what an activation gives, where its width changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from torch import fx, nn

from evoact.nn.activation import Activation
from evoact.nn.annealed import Annealed
from evoact.nn.swap.layout import keeps_channels
from evoact.nn.swap.places import Place, all_places
from evoact.nn.swap.probe import double
from evoact.nn.swap.resized import channels_in, is_norm, resized
from evoact.nn.swap.roles import is_activation
from evoact.nn.swap.snapshot import unchanged

_KEEPING: Final = (  # how the names of functions begin that keep channels apart
    *(f"{kind}_pool" for kind in ("max", "avg", "lp", "adaptive_max", "adaptive_avg")),
    *("contiguous", "dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"),
)
_FLATTENING: Final = frozenset({"flatten", "view", "reshape"})


class Unknown(Exception):
    """Who takes the result of an activation cannot be known, and why.

    Attributes:
        place: of the activation.
    """

    place: Place


@dataclass(frozen=True, slots=True)
class Change:
    """A place whose new module changes the width.

    Args:
        place: where.
        width: channels that the old module gives.
        ratio: those of the new one over them.
    """

    place: Place
    width: int
    ratio: Fraction


def neighbours(model: nn.Module, changes: Sequence[Change]) -> list[tuple[Place, nn.Module]]:
    """Return new layers for the places that take what changes its width; `model` is as it was.

    Raises:
        Unknown: of a place it is not known who they are, or they cannot be made for
            another width.
    """
    found: dict[Place, Fraction] = {}
    for change in changes:
        try:
            for place in _homes(model, change, [other.place for other in changes]):
                if any(place.module is other.module for other in found):
                    raise Unknown(f"{place} takes the results of several")
                found[place] = change.ratio
        except Unknown as error:
            error.place = change.place
            raise
    return [(place, resized(place.module, ratio)) for place, ratio in found.items()]


def _homes(model: nn.Module, change: Change, changing: Sequence[Place]) -> Iterator[Place]:
    """Yield the places of the layers that take the result."""
    for layer in _takers(change, changing):
        places = [place for place in all_places(model) if place.module is layer]
        if len(places) != 1:
            raise Unknown(f"{places[0]} after it is used at several places")
        if shared := _shared(model, layer):
            raise Unknown(f"{places[0]} after it shares its {shared} with another layer")
        yield places[0]


def _shared(model: nn.Module, layer: nn.Module) -> str:
    """Return the parameter of a layer that another one has too, such as tied embeddings."""
    others = {id(p) for m in model.modules() if m is not layer for p in m._parameters.values()}
    return next((n for n, p in layer._parameters.items() if p is not None and id(p) in others), "")


def _takers(change: Change, changing: Sequence[Place]) -> list[nn.Module]:
    """Return the layers that take the result, in the widest holder that tells.

    A model that cannot be traced as a whole may have parts that can.
    """
    reason = ""
    for holder, _ in change.place.path:
        try:
            return _Flow(change, holder, changing).layers()
        except Unknown as error:
            reason = reason or str(error)
        except Exception as error:  # what a forward does with a proxy can fail in any way
            reason = reason or f"the model cannot be traced ({type(error).__name__}: {error})"
    raise Unknown(reason.partition("\n")[0])


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return is_activation(m) or super().is_leaf_module(m, module_qualified_name)


class _Flow:
    """How the result of an activation flows through a holder, to the layers that take it."""

    def __init__(self, change: Change, holder: nn.Module, changing: Sequence[Place]) -> None:
        self.change = change
        with unchanged(holder):
            # A module that is shared cannot tell its places; a copy of each can.
            inside = [place for place in changing if any(one is holder for one, _ in place.path)]
            doubles = {double(place.module): place for place in inside}
            for one, place in doubles.items():
                place.put(one)
            self.graph = _Tracer().trace(holder)
            named = dict(holder.named_modules(remove_duplicate=False))
        self.calls = {n: named[str(n.target)] for n in self.graph.nodes if n.op == "call_module"}
        self.places = {node: doubles.get(module) for node, module in self.calls.items()}
        self.found: list[nn.Module] = []

    def layers(self) -> list[nn.Module]:
        """Return the layers that must be made for the new width, norms on the way included."""
        waiting = [(n, False) for n, place in self.places.items() if place is self.change.place]
        if not waiting:
            raise Unknown("it is not called in the forward of the model")
        seen: set[tuple[fx.Node, bool]] = set()
        while waiting:
            node, flat = waiting.pop()
            for user in node.users:
                for step in self.steps(node, user, flat):
                    if step not in seen:
                        seen.add(step)
                        waiting.append(step)
        return self.found

    def steps(self, node: fx.Node, user: fx.Node, flat: bool) -> Iterator[tuple[fx.Node, bool]]:
        """Note a layer that takes a value, or yield where the value goes on."""
        alone = user.all_input_nodes == [node] and user.args[:1] == (node,)
        if user.op == "call_module" and alone:
            yield from self.through(user, self.calls[user], flat)
        elif user.op in ("call_function", "call_method"):
            name = getattr(user.target, "__name__", user.target)
            yield from _called(str(name), node, user, flat, alone)
        else:
            raise Unknown(
                "its result is what the model returns" if user.op == "output" else _both(user)
            )

    def through(
        self, user: fx.Node, module: nn.Module, flat: bool
    ) -> Iterator[tuple[fx.Node, bool]]:
        if self.places[user] is not None or _has_channels(module):
            raise Unknown(f"{user.target!r} ({type(module).__name__}) after it has channels too")
        if isinstance(module, nn.Flatten):
            if module.start_dim not in (0, 1) or module.end_dim != -1:
                raise Unknown(f"{user.target!r} does not flatten all dimensions")
            yield user, True
        elif keeps_channels(module):
            yield user, flat
        else:
            self.take(user, module, flat)
            if is_norm(module):
                yield user, flat

    def take(self, user: fx.Node, module: nn.Module, flat: bool) -> None:
        what, size = f"{user.target!r} ({type(module).__name__}) after it", channels_in(module)
        if size is None:
            raise Unknown(f"{what} is none that can be made for another width")
        if size % self.change.width if flat else size != self.change.width:
            raise Unknown(f"{what} takes {size} channels, where it gives {self.change.width}")
        if size * self.change.ratio % getattr(module, "num_groups", 1):
            raise Unknown(f"{what} has groups that the new channels do not fill")
        if sum(module is other for other in self.calls.values()) > 1:
            raise Unknown(f"{what} is called several times")
        self.found.append(module)


def _called(
    name: str, node: fx.Node, user: fx.Node, flat: bool, alone: bool
) -> Iterator[tuple[fx.Node, bool]]:
    """Yield where a value goes on after a function; raise if its channels are not known there."""
    given: Sequence[Any] = user.args[1:]
    if name == "size" and tuple(given) == (0,):  # of the batch
        return
    if name == "getattr" and all(one.args[1:] == (0,) for one in user.users):  # shape[0]
        return
    if name in _FLATTENING and user.args[:1] == (node,):
        whole = tuple(given) in ((1,), (1, -1)) or user.kwargs == {"start_dim": 1}
        rest = len(given) == 2 and isinstance(given[0], fx.Node) and given[1] == -1
        if not (whole if name == "flatten" else rest):
            raise Unknown(f"{name}{tuple(given)} after it may take its channels apart")
        yield user, True
    elif alone and (name.startswith(_KEEPING) or _is_mean_of_image(name, given)):
        yield user, flat
    else:
        raise Unknown(_both(user))


def _is_mean_of_image(name: str, given: Sequence[Any]) -> bool:
    return name == "mean" and bool(given) and given[0] in ((2, 3), [2, 3])


def _both(user: fx.Node) -> str:
    return f"its result is used by {user.name!r}, where its channels meet others or are not known"


def _has_channels(module: nn.Module) -> bool:
    """Return whether an activation has parameters for each channel."""
    if isinstance(module, Annealed):
        return _has_channels(module.early) or _has_channels(module.late)
    if isinstance(module, Activation):
        return module.channels is not None
    return isinstance(module, nn.PReLU) and module.num_parameters > 1
