"""An expression as a torch module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from evoact.errors import InputError, integer, nearest
from evoact.language import Expression, Scope, check_channels, parse
from evoact.nn.fused import (
    BACKENDS,
    TRITON,
    C,
    analytic,
    chosen,
    compiled,
    is_traced,
    made,
    takes,
    triton_takes,
)
from evoact.nn.kernels import backend as kernel_backend
from evoact.nn.kernels import triton_backend


class Activation(nn.Module):
    """An activation function given by an expression, with its own parameters.

    Args:
        expression: an `Expression`, or its text.
        channels: channels of the input; needed only for parameters per channel
            and for groupwise expressions.
        channel_dim: which dimension of the input holds the channels.
        inplace: accepted and ignored, so that it fits where `nn.ReLU` does.
        backend: how it is computed; can be set later, as `module.backend`.
            `"torch"`: plain operations and autograd. `"analytic"`: the backward
            pass by the generated derivative, keeping `x` alone. `"c"`: generated
            and compiled C, for float32 on the CPU. `"triton"`: generated Triton
            kernels, for float32 on CUDA. `"auto"`: on the CPU C where there is
            a compiler and torch works with one thread; else analytic for more
            than one operation; else torch. What a way cannot take (other
            devices and types, gradients of gradients) goes by the next simpler
            one, and groupwise expressions by torch. While a model is compiled,
            exported, traced or transformed, all are plain operations.

    Shapes: any input; where channels matter `input.shape[channel_dim] ==
    channels`, and the output has `channels * expression.width` of them.
    The parameters bear the names of the expression's parameters; their shape
    is `()` per layer, and per channel `(n,)` with the channels of the node that
    uses them.

    Raises:
        InputError: `channels` is missing, no integer, not positive or does not
            fill the groups, a parameter's name is taken by `nn.Module`, or the
            backend is unknown, or needs a compiler or Triton that there is not.

    >>> act = Activation("x * sigmoid(beta * x) where beta = 1.0")
    >>> round(act(torch.tensor(2.0)).item(), 4)
    1.7616
    >>> [name for name, _ in act.named_parameters()]
    ['beta']
    >>> Activation("left(x) * sigmoid(right(x))", channels=6)(torch.ones(2, 6)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        expression: Expression | str,
        channels: int | None = None,
        channel_dim: int = 1,
        *,
        inplace: bool = False,  # noqa: ARG002  # part of the interface of torch's activations
        backend: str = "torch",
    ) -> None:
        super().__init__()
        self.backend = backend
        self._expression = parse(expression) if isinstance(expression, str) else expression
        self.channels = None if channels is None else integer(channels, "channels", 64)
        self.channel_dim = integer(channel_dim, "channel_dim", 1)
        self._made = made(self._expression)
        self._function = self._made.value
        self._reads_channels = self._check_channels()
        names, uses = self._expression.names, self._expression.layout.parameters
        for name, parameter, width in zip(names, self._expression.parameters, uses, strict=True):
            if hasattr(self, name):
                raise InputError(
                    f"parameter name {name!r} is taken by torch.nn.Module; "
                    "rename it in the expression, or use expression.canonical()"
                )
            per_channel = parameter.scope is Scope.CHANNEL
            shape = (int((self.channels or 0) * width),) if per_channel else ()
            self.register_parameter(name, nn.Parameter(torch.full(shape, parameter.initial)))

    def _check_channels(self) -> bool:
        """Return whether it matters which dimension holds how many channels."""
        per_channel = [
            name
            for name, p in zip(self._expression.names, self._expression.parameters, strict=True)
            if p.scope is Scope.CHANNEL
        ]
        if not per_channel and not self._expression.is_groupwise:
            return False
        if self.channels is None or self.channels < 1:
            why = "the expression is groupwise"
            if per_channel:
                why = f"parameter {per_channel[0]!r} is per channel"
            raise InputError(
                f"channels is {self.channels}, but {why}; "
                "pass the number of channels, as in Activation(e, channels=64)"
            )
        check_channels(self._expression, self.channels)
        return True

    @property
    def backend(self) -> str:
        """How it is computed, see the class."""
        return self._backend

    @backend.setter
    def backend(self, backend: str) -> None:
        if backend not in BACKENDS:
            raise InputError(
                f"backend is {backend!r}; wanted one of {', '.join(map(repr, BACKENDS))}"
                f"{nearest(str(backend), BACKENDS)}"
            )
        if backend == "c" and kernel_backend().name != "c":
            raise InputError(
                f"backend is 'c', but {kernel_backend().reason}; or use 'auto' or 'analytic'"
            )
        if backend == "triton" and triton_backend().name != "triton":
            raise InputError(
                f"backend is 'triton', but {triton_backend().reason}; or use 'auto' or 'analytic'"
            )
        self._backend = backend

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of `x`: of its shape, but for a changed width."""
        names = self._expression.names
        if not self._reads_channels:
            return self._pointwise(x, [getattr(self, name).to(x.dtype) for name in names])
        dim = self._channel_dim(x)
        values = [self._broadcast(name, x, dim) for name in names]
        if not self._expression.is_groupwise:
            return self._pointwise(x, values)
        return self._function(x, *values, dim)

    def _pointwise(self, x: Tensor, values: list[Tensor]) -> Tensor:
        # The order matters: what is compiled must not see what is not torch's.
        # A derivative that is written out has steps beyond the range of float16.
        if self._backend == "torch" or x.dtype is torch.float16 or is_traced(x):
            return self._function(x, *values)
        backend = chosen(self._backend, self._expression, x.device.type)
        if backend == "torch":
            return self._function(x, *values)
        if backend == "c" and kernel_backend().name == "c" and takes(x, values):
            return compiled(C, self._made, x, values)
        if backend == "triton" and triton_backend().name == "triton" and triton_takes(x, values):
            return compiled(TRITON, self._made, x, values)
        return analytic(self._made, x, values)

    def _channel_dim(self, x: Tensor) -> int:
        """Return the dimension of the channels, not negative, if there are as many."""
        dim = self.channel_dim + (self.channel_dim < 0) * x.dim()
        if not 0 <= dim < x.dim() or x.shape[dim] != self.channels:
            raise InputError(
                f"input has shape {tuple(x.shape)}; wanted {self.channels} channels in "
                f"dimension {self.channel_dim} (channel_dim)"
            )
        return dim

    def _broadcast(self, name: str, x: Tensor, dim: int) -> Tensor:
        parameter: Tensor = getattr(self, name)
        parameter = parameter.to(x.dtype)
        if parameter.dim() == 0:
            return parameter
        shape = [1] * x.dim()
        shape[dim] = -1
        return parameter.view(shape)

    @property
    def initial(self) -> Expression:
        """The expression with the values that its parameters started from."""
        return self._expression

    def expression(self) -> Expression:
        """Return the expression, with the trained values of per-layer parameters.

        Per-channel parameters keep their initial values: they have no single
        one; so do those on the device `meta`, which have none.
        """
        values = tuple(
            p.initial
            if p.scope is Scope.CHANNEL or getattr(self, name).is_meta
            else float(getattr(self, name).detach())
            for name, p in zip(self._expression.names, self._expression.parameters, strict=True)
        )
        return self._expression.with_values(values)

    def extra_repr(self) -> str:
        """Return what stands between the parentheses when the module is printed."""
        return str(self.expression())

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the compiled functions, which cannot be pickled."""
        left_out = ("_made", "_function")
        return {key: value for key, value in self.__dict__.items() if key not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Compile the functions again."""
        state.setdefault("_backend", "torch")  # of modules pickled before there were others
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._made = made(self._expression)
        self._function = self._made.value
