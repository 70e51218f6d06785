"""Does an exported module compute what was scored?

Three functions are compared:

* the oracle: the expression in numpy, float64;
* the reference: the `Activation`, in float32 as it was trained, and in float64;
* the exported module, in float32.

The exported module must agree with the reference at normal inputs, at edges
such as 0 and at far ones; a groupwise expression is given other values in each
channel, so that none passes for another. Both must agree with the oracle, except where results
hang on how a library rounds to zero: at far inputs, in poles, and at a few
others. What float32 itself costs at an input is known from the two references,
so an expression that cancels or overflows in float32 is neither refused nor
waved through.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evoact.errors import EvoactError
from evoact.language import FloatArray
from evoact.nn import Activation

TOLERANCE: Final = 1e-6  # exported against Activation, relative and absolute
_FLOAT32: Final = 1e-5  # exported against the oracle, beside what float32 costs there
_FLOAT64: Final = 1e-7  # Activation against the oracle; torch's softplus is off by 2e-9 at 20
# A pole in a tail that torch rounds to zero, such as 1 / gelu(-30), may be anything:
# the oracle is not asked beyond this, and may be alone at this share of inputs.
_POLE: Final = 1e12
_ALONE: Final = 0.05
_STEP: Final = 1e-12  # how far inputs move to see how ill-conditioned the oracle is
_EDGES: Final = (-4.0, -1.0, 0.0, 1.0, 4.0)
_FAR: Final = (-30.0, -10.0, 10.0, 30.0)
_FEATURES: Final = 5
_GOLDEN: Final = 0.6180339887498949  # its multiples fill an interval without meeting


class ExportError(EvoactError, RuntimeError):
    """Something cannot be exported, or its export would not compute the same."""


def check_parity(module: nn.Module, reference: Activation, *, what: str) -> None:
    """Compare an exported module with the activation that was scored.

    Args:
        module: the exported module; takes `(batch, features)`, float32, and
            has parameters of the same names as the reference.
        reference: the activation, float32, with the same values; where channels
            matter, they are the features and `channel_dim` is 1.
        what: what is checked, for the message.

    Raises:
        ExportError: values differ, or gradients with respect to the input or
            a parameter do.

    >>> act = Activation("x * sigmoid(x)")
    >>> check_parity(nn.SiLU(), act, what="silu")
    >>> check_parity(nn.GELU(), act, what="gelu")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    evoact.export.parity.ExportError: gelu: result is 0.069... where the Activation gives 0.066...
    """
    _check_parameters(module, reference, what)
    normal, edges, far = inputs(reference, mixed=reference.expression().is_groupwise)
    for x in (normal, edges, far):
        try:
            expected, got = derive(reference, x), derive(module, x)
            exact = _result(copy.deepcopy(reference).double(), x.double())
        except RuntimeError as error:  # such as a constant beyond float32
            raise ExportError(f"{what}: does not run in float32: {error}") from error
        for name, value in expected.items():
            allowed = TOLERANCE * (1.0 + np.abs(value))
            _compare(got[name], value, allowed, f"{what}: {name}", "the Activation")
        if x is not far:
            _check_oracle(reference, x, exact, expected["result"], got["result"], what)


def _check_parameters(module: nn.Module, reference: Activation, what: str) -> None:
    wanted, got = (
        {name: _array(p) for name, p in one.named_parameters()} for one in (reference, module)
    )
    check_values(got, wanted, what)


def check_values(
    got: Mapping[str, FloatArray], wanted: Mapping[str, FloatArray], what: str
) -> None:
    """Compare parameters by their names, shapes and values.

    Raises:
        ExportError: they are not the same.
    """
    if {n: v.shape for n, v in got.items()} != {n: v.shape for n, v in wanted.items()}:
        raise ExportError(
            f"{what}: parameters are {', '.join(got) or 'none'}; "
            f"wanted {', '.join(wanted) or 'none'}, of the same shapes"
        )
    for name, values in wanted.items():
        if not np.array_equal(values, got[name]):
            raise ExportError(f"{what}: parameter {name!r} holds other values than were trained")


def inputs(reference: Activation, *, mixed: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return normal, edge and far inputs; apart, so that an infinity hides no gradient."""
    features = reference.channels or _FEATURES
    normal = np.random.default_rng(0).standard_normal((32, features))
    spread = _mixed if mixed else _even
    parts = (normal, spread(_EDGES, features), spread(_FAR, features))
    first, second, third = (torch.tensor(part, dtype=torch.float32) for part in parts)
    return first, second, third


def _even(values: Sequence[float], features: int) -> FloatArray:
    """Each value in all features."""
    return np.repeat(np.array(values)[:, None], features, axis=1)


def _mixed(values: Sequence[float], features: int) -> FloatArray:
    """Each value in each feature, beside each other one, and never twice in a row.

    Equal channels would hide which is which, and which of them is the largest.
    """
    count, channel = len(values), np.arange(features)
    again = 0.1 * (channel // count * _GOLDEN % 1.0)  # 0 at first: the edges themselves
    start = np.arange(count)[:, None]
    steps = [step for step in range(1, count) if math.gcd(step, count) == 1]
    rows = [np.array(values)[(start + step * channel) % count] + again for step in steps]
    return np.concatenate(rows)


def derive(module: nn.Module, x: Tensor) -> dict[str, FloatArray]:
    """Return the result and the gradient with respect to the input and each parameter."""
    leaf = x.clone().requires_grad_()
    parameters = dict(module.named_parameters())
    with torch.enable_grad():
        result: Tensor = module(leaf)
        if not result.requires_grad:  # a constant; its gradients are zeros
            result = result + 0.0 * leaf.sum()
        gradients = torch.autograd.grad(
            (result * _weights(result)).sum(),
            [leaf, *parameters.values()],
            allow_unused=True,
            materialize_grads=True,
        )
    found = {"result": _array(result), "gradient of x": _array(gradients[0])}
    for name, gradient in zip(parameters, gradients[1:], strict=True):
        found[f"gradient of {name}"] = _array(gradient)
    return found


def _weights(result: Tensor) -> Tensor:
    """Unequal weights, so that errors of opposite sign do not cancel in a sum."""
    count = torch.arange(result.numel(), dtype=result.dtype, device=result.device)
    return (1.0 + 0.5 * torch.sin(count)).view(result.shape)


def _result(module: nn.Module, x: Tensor) -> FloatArray:
    with torch.no_grad():
        return _array(module(x))


def _array(tensor: Tensor) -> FloatArray:
    return tensor.detach().double().cpu().numpy()


def _check_oracle(
    reference: Activation,
    x: Tensor,
    exact: FloatArray,
    rounded: FloatArray,
    got: FloatArray,
    what: str,
) -> None:
    """Hold the reference in float64, then the exported module, to numpy."""
    wanted, unsure = _oracle(reference, x)
    with np.errstate(all="ignore"):
        known = np.isfinite(unsure) & (np.abs(wanted) < _POLE)
        tight = _FLOAT64 * (1.0 + np.abs(wanted)) + unsure
        loose = _FLOAT32 * (1.0 + np.abs(wanted)) + 4.0 * np.abs(rounded - exact) + unsure
    agree = _agree(exact, wanted, tight)
    if (known & ~agree).sum() > _ALONE * known.sum():
        _compare(exact[known], wanted[known], tight[known], f"{what}: Activation", "numpy")
    known &= agree & np.isfinite(rounded)
    _compare(got[known], wanted[known], loose[known], f"{what}: result", "numpy")


def _oracle(reference: Activation, x: Tensor) -> tuple[FloatArray, FloatArray]:
    """Return the values in numpy, and how unsure they are in float64 themselves."""
    expression = reference.expression()
    values = [_array(reference.get_parameter(name)) for name in expression.names]
    function, inputs = expression.numpy(), _array(x)
    step = _STEP * (1.0 + np.abs(inputs))
    wanted = function(inputs, values, channel_dim=1)
    with np.errstate(all="ignore"):
        up, down = (function(inputs + sign * step, values, channel_dim=1) for sign in (1.0, -1.0))
        return wanted, np.abs(up - wanted) + np.abs(down - wanted)


def _compare(
    got: FloatArray, wanted: FloatArray, allowed: FloatArray, what: str, whose: str
) -> None:
    if got.shape != wanted.shape:
        raise ExportError(f"{what} has shape {got.shape}; {whose} has {wanted.shape}")
    agree = _agree(got, wanted, allowed)
    if not agree.all():
        first = np.flatnonzero(~agree)[0]
        raise ExportError(
            f"{what} is {float(got.flat[first])!r} where {whose} gives "
            f"{float(wanted.flat[first])!r}: "
            "they do not compute the same"
        )


def _agree(got: FloatArray, wanted: FloatArray, allowed: FloatArray) -> npt.NDArray[np.bool_]:
    """Where two arrays are near enough; NaN is NaN, infinity itself."""
    with np.errstate(all="ignore"):
        near = (np.abs(got - wanted) <= allowed) & np.isfinite(wanted)
    same: npt.NDArray[np.bool_] = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    return near | same
