"""Which way an activation is computed."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import _get_current_dispatch_mode

from evoact.language import Call, Expression
from evoact.nn.kernels import available

BACKENDS: Final = ("torch", "analytic", "c", "triton", "auto")


def chosen(backend: str, expression: Expression, device: str = "cpu") -> str:
    """Return what `auto` stands for: `c`, `triton`, `analytic` or `torch`.

    On the CPU `c` where kernels can be compiled and torch works with one
    thread, as it does in evoact's workers: a kernel is run by one. Else `analytic`
    where autograd would keep results of several operations, and `torch` where it
    is one. `triton` is for those who ask for it: on an H200 it takes a tenth to a
    third of autograd's time for bred functions, torch.compile .45 to .84 of that.
    """
    if backend != "auto":
        return backend
    if device == "cpu" and torch.get_num_threads() == 1 and available():
        return "c"
    root = expression.root
    single = not isinstance(root, Call) or not any(isinstance(arg, Call) for arg in root.args)
    return "torch" if single else "analytic"


def is_traced(x: Tensor) -> bool:
    """Return whether operations are recorded or transformed, and so must be plain ones."""
    return (
        torch.compiler.is_compiling()
        or type(x) not in (Tensor, torch.nn.Parameter)
        or torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
        or _get_current_dispatch_mode() is not None
        or forward_ad._current_level >= 0
        or torch.is_autocast_enabled(x.device.type)
    )
