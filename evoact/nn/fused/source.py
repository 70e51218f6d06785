"""The torch functions that the table of primitives gives for an expression."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from evoact.language import Expression, torch_slopes

Slope = Tensor | float


@cache
def value_function(expression: Expression) -> Callable[..., Tensor]:
    """Return `f(x, *parameters)`, and `dim` if it is groupwise, of plain operations."""
    function: Callable[..., Tensor] = _compiled(expression, expression.source("activation"))
    return function


@cache
def slope_function(expression: Expression) -> Callable[..., tuple[Slope, ...]]:
    """Return `f(x, *parameters)`: the derivatives by `x` and by each parameter."""
    function: Callable[..., tuple[Slope, ...]] = _compiled(
        expression, torch_slopes(expression, "activation")
    )
    return function


@cache
def joint_function(expression: Expression) -> Callable[..., tuple[Slope, ...]]:
    """Return `f(x, *parameters)`: the value, then the derivatives."""
    function: Callable[..., tuple[Slope, ...]] = _compiled(
        expression, torch_slopes(expression, "activation", value=True)
    )
    return function


def _compiled(expression: Expression, source: str) -> Any:
    scope: dict[str, Any] = {"torch": torch, "F": F}
    exec(compile(source, f"<{expression}>", "exec"), scope)  # noqa: S102  # our own templates and numbers, no user text
    return scope["activation"]
