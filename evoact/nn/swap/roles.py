"""What modules are activations: torch's, evoact's and those of other libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import nn

from evoact.nn.activation import Activation
from evoact.nn.annealed import Annealed

Target = type[nn.Module] | tuple[type[nn.Module], ...] | str
Matches = Callable[[nn.Module], bool]

_NO_FUNCTIONS: Final = {"MultiheadAttention", "Softmax", "Softmax2d", "Softmin", "LogSoftmax"}
# "leakyrelu" -> "LeakyReLU"
CLASSES: Final = {
    name.lower(): name for name in torch.nn.modules.activation.__all__ if name not in _NO_FUNCTIONS
}
GATES: Final = frozenset({"sigmoid", "hardsigmoid"})
_MODULES: Final = tuple(getattr(nn, name) for name in torch.nn.modules.activation.__all__)


def plain(name: str) -> str:
    """Return a name as those of functions and of classes compare.

    >>> plain("leaky_relu"), plain("LeakyReLU")
    ('leakyrelu', 'leakyrelu')
    """
    return name.replace("_", "").lower()


def is_activation(module: nn.Module) -> bool:
    """Return whether a module is an activation of torch, of evoact or of another library.

    timm and transformers have classes of their own, in modules called `activations`.
    """
    return isinstance(module, (Activation, Annealed, *_MODULES)) or _is_foreign(module)


def _is_foreign(module: nn.Module) -> bool:
    homes = (base.__module__.rpartition(".")[2] for base in type(module).__mro__)
    if not any(home.startswith("activation") for home in homes):
        return False
    return not any(True for child in module.children() for _ in child.parameters())


def kin(kind: type[nn.Module]) -> set[str]:
    """Return the plain names of torch's activations that a class is one of, or is named after.

    >>> kin(nn.LeakyReLU), kin(nn.Linear)
    ({'leakyrelu'}, set())
    """
    names = [plain(base.__name__).removesuffix("activation") for base in kind.__mro__]
    found = set(names) & set(CLASSES)
    if not found and kind.__module__.rpartition(".")[2].startswith("activation"):
        # "NewGELU" ends like two of them.
        found = set(sorted((known for known in CLASSES if names[0].endswith(known)), key=len)[-1:])
    return found


def is_gate(module: nn.Module) -> bool:
    """Return whether a module is an activation that scales what another part computes."""
    return is_activation(module) and bool(kin(type(module)) & GATES)


def _is_hidden(module: nn.Module) -> bool:
    others = (Annealed, nn.GLU, *(getattr(nn, name) for name in _NO_FUNCTIONS))
    return is_activation(module) and not isinstance(module, others) and not is_gate(module)


ROLES: Final[dict[str, Matches]] = {"activation": _is_hidden, "gate": is_gate}


def classes_of(target: Target) -> tuple[type[nn.Module], ...]:
    """Return the classes of a target, none for a role."""
    if isinstance(target, str):
        return ()
    return target if isinstance(target, tuple) else (target,)


def matcher(target: Target) -> Matches:
    """Return what tells whether a module is meant by a target."""
    if isinstance(target, str):
        return ROLES[target]
    return lambda module: isinstance(module, target)


def twins(target: Target) -> set[str]:
    """Return the functions that do what modules of a target do; all if none is known.

    >>> twins(nn.LeakyReLU)
    {'leakyrelu'}
    >>> sorted(twins("gate"))
    ['hardsigmoid', 'sigmoid']
    """
    if isinstance(target, str):
        return set(GATES) if target == "gate" else set(CLASSES) - GATES - {"glu"}
    found = {name for one in classes_of(target) for name in kin(one)}
    return found or set(CLASSES)
