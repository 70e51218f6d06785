"""Where a model holds modules, and which of them a swap is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import nn

from evoact.errors import InputError
from evoact.nn.annealed import Annealed
from evoact.nn.swap.roles import ROLES, Target, classes_of, is_activation, kin, matcher

Predicate = Callable[[str, nn.Module], bool]
Where = Predicate | str | Sequence[str] | None
Home = tuple[torch.device, torch.dtype]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A module in a model under one qualified name.

    One module at two names is at two places; a block that is itself at two
    names has its places once, under the first of them.

    Args:
        path: from the model down to the holder, each with the key of the next in it.
        module: what stands there.
    """

    path: tuple[tuple[nn.Module, str], ...]
    module: nn.Module

    @property
    def name(self) -> str:
        """The qualified name, as in `model.named_modules()`."""
        return ".".join(key for _, key in self.path)

    @property
    def parent(self) -> nn.Module:
        """The module that holds it."""
        return self.path[-1][0]

    @property
    def current(self) -> nn.Module:
        """What stands there now."""
        module = self.parent._modules[self.path[-1][1]]
        assert module is not None, "a place holds a module"
        return module

    def put(self, module: nn.Module) -> None:
        """Put a module there."""
        # Not by setattr, which a parent may have overridden: this cannot fail.
        self.parent._modules[self.path[-1][1]] = module

    def __str__(self) -> str:
        return f"{self.name!r} ({type(self.module).__name__})"

    def home(self) -> Home | None:
        """Return device and dtype of the nearest parameters, if the model has any."""
        for scope in self._scopes():
            for parameter in scope.parameters():
                if parameter.is_floating_point():
                    return parameter.device, parameter.dtype
        return None

    def _scopes(self) -> Iterator[nn.Module]:
        """Yield where to look: itself, its neighbours, those before it first, its holders."""
        yield self.module
        siblings = list(self.parent._modules.items())
        here = [key for key, _ in siblings].index(self.path[-1][1])
        for _, sibling in siblings[:here][::-1] + siblings[here + 1 :]:
            if sibling is not None:
                yield sibling
        yield from (holder for holder, _ in reversed(self.path))


def all_places(model: nn.Module) -> Iterator[Place]:
    """Yield every place of a model, in the order of registration."""
    return _below(((model, ""),), set())


def _below(path: tuple[tuple[nn.Module, str], ...], seen: set[int]) -> Iterator[Place]:
    holder = path[-1][0]
    if id(holder) in seen:
        return
    seen.add(id(holder))
    for key, child in holder._modules.items():
        if child is not None:
            step = (*path[:-1], (holder, key))
            yield Place(step, child)
            yield from _below((*step, (child, "")), seen)


def choose(model: nn.Module, target: Target, where: Where) -> tuple[list[Place], dict[str, str]]:
    """Return the places to swap, and of those of the right kind but left out, why.

    Raises:
        InputError: `target` or `where` is not what it must be, or the model
            itself is of the class.
    """
    _check_target(model, target)
    chosen_by, matches = _predicate(where), matcher(target)
    names = {name for one in classes_of(target) for name in kin(one)}
    chosen: list[Place] = []
    skipped: dict[str, str] = {}
    for place in all_places(model):
        if not matches(place.module):
            if is_activation(place.module) and names & kin(type(place.module)):
                skipped[place.name] = _foreign(place.module)
            continue
        reason = _reason(place, chosen, chosen_by)
        if reason:
            skipped[place.name] = reason
        else:
            chosen.append(place)
    return chosen, skipped


def _reason(place: Place, chosen: list[Place], chosen_by: Predicate) -> str:
    """Return why a place is left out; nothing if it is not."""
    holders = [holder for holder, _ in place.path]
    for outer in chosen:
        if any(holder is outer.module for holder in holders):
            return f"within {outer.name!r}, which is replaced"
    if any(isinstance(holder, Annealed) for holder in holders):
        return "within an Annealed module; evoact.nn.finish(model) first, or target Annealed"
    return "" if chosen_by(place.name, place.module) else "left out by where"


def _foreign(module: nn.Module) -> str:
    kind = type(module)
    return (
        f"{kind.__module__}.{kind.__qualname__} is not of the target; target that class too, "
        "or the role 'activation'"
    )


def _check_target(model: nn.Module, target: Target) -> None:
    classes = target if isinstance(target, tuple) else (target,)
    known = isinstance(target, str) and target in ROLES
    for one in () if known else classes or (target,):
        if not (isinstance(one, type) and issubclass(one, nn.Module)):
            raise InputError(
                f"target is {target!r}; wanted a module class or a tuple of them, such as "
                f"torch.nn.ReLU, or a role, {' or '.join(map(repr, ROLES))}; choose by name with "
                "where='layers.*.act'"
            )
    if matcher(target)(model):
        raise InputError(
            f"model is itself a {type(model).__name__}, the target; wanted a model that holds "
            "some, such as torch.nn.Sequential(model)"
        )


def _predicate(where: Where) -> Predicate:
    if where is None:
        return lambda *_: True
    if callable(where):
        return where
    patterns = [where] if isinstance(where, str) else where
    if not isinstance(patterns, Sequence) or not all(isinstance(p, str) for p in patterns):
        raise InputError(
            f"where is {where!r}; wanted a function of (name, module), a pattern of qualified "
            "names such as 'layers.*.act', or a list of patterns"
        )
    return lambda name, _: any(fnmatchcase(name, pattern) for pattern in patterns)
