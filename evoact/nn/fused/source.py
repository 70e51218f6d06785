"""What can be made of an expression: torch functions by its source, a kernel by its C."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from evoact.language import Expression, saved_elements, torch_slopes
from evoact.nn.kernels import Kernel, kernels_of

Slope = Tensor | float


class Made:
    """The functions of one expression, each made when it is first used."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    @cached_property
    def value(self) -> Callable[..., Tensor]:
        """`f(x, *parameters)`, and `dim` if it is groupwise, of plain operations."""
        function: Callable[..., Tensor] = self._compiled(self.expression.source("activation"))
        return function

    @cached_property
    def slopes(self) -> Callable[..., tuple[Slope, ...]]:
        """`f(x, *parameters)`: the derivatives by `x` and by each parameter."""
        function: Callable[..., tuple[Slope, ...]] = self._compiled(
            torch_slopes(self.expression, "activation")
        )
        return function

    @cached_property
    def joint(self) -> Callable[..., tuple[Slope, ...]]:
        """`f(x, *parameters)`: the value, then the derivatives."""
        function: Callable[..., tuple[Slope, ...]] = self._compiled(
            torch_slopes(self.expression, "activation", value=True)
        )
        return function

    @cached_property
    def kernel(self) -> Kernel:
        """Values and backward pass in C."""
        return kernels_of([self.expression], frozenset({"values", "pull"}))[0]

    @cached_property
    def keeps_slopes(self) -> bool:
        """Whether to compute slopes in the forward pass, and keep them with `x`.

        That is quicker: what value and slopes have in common is computed once.
        It is done where no more than half of what autograd would keep is kept.
        """
        kept = 2 + len(self.expression.parameters)
        return bool(2.0 * kept <= saved_elements(self.expression).value)

    def _compiled(self, source: str) -> Any:
        scope: dict[str, Any] = {"torch": torch, "F": F}
        exec(compile(source, f"<{self.expression}>", "exec"), scope)  # noqa: S102  # our own templates and numbers, no user text
        return scope["activation"]


made = lru_cache(maxsize=512)(Made)  # a worker meets thousands, one cohort after the other
