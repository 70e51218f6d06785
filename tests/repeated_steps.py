"""CUDA graphs where there is no GPU: steps that are repeated on the memory they had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _disable_current_modes,
    _get_current_dispatch_mode,
)
from torch.utils._pytree import tree_leaves

from evoact.nn.kernels.triton_program import Program


class Repeater(TorchDispatchMode):
    """What a CUDA graph is, on a CPU: operations that are repeated on the memory they had.

    Numbers that an operation was given by the host stay what they were, and
    nothing may be read on the host: a step that does either gives other results.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Callable[..., Any], Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        return self.do(func, args, kwargs or {})

    def do(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        with _disable_current_modes():
            done = func(*args, **kwargs)
        self._calls.append((func, args, kwargs, done))
        return done

    @torch.no_grad()
    def __call__(self) -> None:
        for func, args, kwargs, before in self._calls:
            done = func(*args, **kwargs)
            for old, new in zip(tree_leaves(before), tree_leaves(done), strict=True):
                if old is not None and _memory(old) != _memory(new):  # neither a view nor in place
                    old.copy_(new)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class OnCpu:
    """Captures steps on a CPU; as the first one is repeated, so that it is taken once."""

    def __init__(self) -> None:
        self.captures = self.repeated = 0

    def __call__(self, function: Callable[[], None]) -> Callable[[], None]:
        self.captures += 1
        captured: list[Repeater] = []

        def again() -> None:
            if captured:
                self.repeated += 1
                captured[0]()
                return
            captured.append(Repeater())
            with captured[0]:
                function()

        return again


def let_kernels_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let kernels in Triton's interpreter be captured: they are no operations of torch."""
    for name in ("values", "pulls", "gather"):
        monkeypatch.setattr(Program, name, _repeatable(getattr(Program, name)))


def _repeatable(kernel: Callable[..., None]) -> Callable[..., None]:
    def launch(*args: Any) -> None:
        mode = _get_current_dispatch_mode()
        if isinstance(mode, Repeater):
            mode.do(kernel, args, {})
        else:
            kernel(*args)

    return launch
