"""Activations that a model calls as functions, where no module can be replaced."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode

from evoact.nn.swap.roles import CLASSES, Target, is_activation, matcher, plain
from evoact.nn.swap.snapshot import unchanged

# Frames between the line that a user can change and our own.
_INNER: Final = ("torch/fx/", "torch/overrides.py", "torch/nn/functional.py", "torch/_tensor.py")


@dataclass(frozen=True, slots=True)
class FunctionalCall:
    """An activation that swap cannot reach, as no module stands for it.

    Args:
        module: qualified name of the module whose `forward` calls it; "" is the model.
        call: such as `F.relu`.
        at: file and line, where they are known.
        cure: what to change.
    """

    module: str
    call: str
    at: str
    cure: str

    def __str__(self) -> str:
        place = f"{self.module!r}" if self.module else "the model"
        return f"{self.call} in {place}{f' at {self.at}' if self.at else ''}: {self.cure}"


class Notes:
    """The functional calls that were seen, each once."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self._calls: dict[tuple[str, str, str], FunctionalCall] = {}

    def see(self, function: object, module: str) -> None:
        """Note a call, if it is one of the activations, with the line that makes it."""
        name = function if isinstance(function, str) else getattr(function, "__name__", "")
        known = plain(name)
        if known in self._names:
            cure = (
                f"make self.act = nn.{CLASSES[known]}() in __init__, call self.act(x) there, "
                "and swap again"
            )
            call = FunctionalCall(module, _spell(function, name), _line(), cure)
            self._calls[module, known, call.at] = call

    def keep(self, model: nn.Module) -> None:
        """Note the functions that modules keep as attributes, as `nn.TransformerEncoderLayer`."""
        for name, module in model.named_modules():
            if is_activation(module):
                continue
            for key, value in vars(module).items():
                known = plain(getattr(value, "__name__", ""))
                if known in self._names and _is_torchs(value):
                    # The same function, seen at work in the same module, is cured by this.
                    for seen in [seen for seen in self._calls if seen[:2] == (name, known)]:
                        del self._calls[seen]
                    path = f"{name}.{key}" if name else key
                    cure = f"set model.{path} = nn.{CLASSES[known]}() and swap again"
                    call = FunctionalCall(name, _spell(value, value.__name__), "", cure)
                    self._calls[name, known, key] = call

    def calls(self) -> tuple[FunctionalCall, ...]:
        """Return what was seen."""
        return tuple(self._calls.values())


class Watcher(TorchFunctionMode):
    """Notes activations that a running model calls as functions."""

    def __init__(self, notes: Notes, running: list[tuple[str, nn.Module]]) -> None:
        super().__init__()
        self._notes, self._running = notes, running

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Note a function and call it."""
        if not any(is_activation(module) for _, module in self._running):
            self._notes.see(func, self._running[-1][0] if self._running else "")
        return func(*args, **(kwargs or {}))


def trace(model: nn.Module, target: Target, notes: Notes) -> str:
    """Note the functional calls of a model without running it, by symbolic tracing.

    Returns:
        Why it cannot be traced; nothing if it can.
    """
    try:
        with unchanged(model), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _Tracer(notes, target).trace(model)
    except Exception as error:  # what a forward does with a proxy can fail in any way
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return ""


class _Tracer(fx.Tracer):
    def __init__(self, notes: Notes, target: Target) -> None:
        super().__init__()
        self._notes, self._matches = notes, matcher(target)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        leaf = self._matches(m) or is_activation(m)
        return leaf or super().is_leaf_module(m, module_qualified_name)

    def create_node(self, kind: str, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        if kind in ("call_function", "call_method"):
            self._notes.see(target, self.scope.module_path)
        return super().create_node(kind, target, *args, **kwargs)


@contextmanager
def followed(model: nn.Module) -> Iterator[list[tuple[str, nn.Module]]]:
    """Give a list that holds, while the model runs, the modules that are running."""
    running: list[tuple[str, nn.Module]] = []
    handles = []

    def leave(*_: Any) -> None:
        running.pop()

    try:
        for name, module in model.named_modules():

            def enter(module: nn.Module, _: Any, name: str = name) -> None:
                running.append((name, module))

            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(leave))
        yield running
    finally:
        for handle in handles:
            handle.remove()


def _is_torchs(value: object) -> bool:
    name = getattr(value, "__name__", "")
    return any(getattr(home, name, None) is value for home in (F, torch))


def _spell(function: object, name: str) -> str:
    """Return how a call is written: `F.relu`, `torch.relu` or `x.relu()`."""
    if isinstance(function, str) or getattr(Tensor, name, None) is function:
        return f"x.{name}()"
    return f"torch.{name}" if getattr(torch, name, None) is function else f"F.{name}"


def _line() -> str:
    """Return file and line of the call that is running, outside of torch's machinery."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        path = file.replace("\\", "/")
        if file != __file__ and not any(inner in path for inner in _INNER):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
