"""Does a function that runs outside of torch compute what was scored?

Another library rounds otherwise than torch does, so its values are held to numpy in
float64: within what rounding can do to the expression there, see `rounding`. Gradients
are held to those of torch in float64 at normal inputs: at a kink libraries choose
otherwise, and each of them may.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Final, Protocol

import numpy as np
import torch

from evoact.export.parity import ExportError, check_values, derive, inputs
from evoact.export.rounding import rounded
from evoact.language import FloatArray
from evoact.nn import Activation

_MOST: Final = 8192  # values a check: of many channels fewer rows are tried
TAILS: Final = 2.0 * float(torch.finfo(torch.float32).eps)  # onnxruntime: sigmoid(-30) is 0
_SLOPE: Final = 1e-4  # of gradients, beside what float32 costs in torch
_ALONE: Final = 0.05  # of them may be beside a jump or a kink


class Foreign(Protocol):
    """A function as another library computes it, from float32 to float32."""

    def parameters(self) -> Mapping[str, FloatArray]:
        """Return its parameters, by the names of the expression's."""

    def values(self, x: FloatArray) -> FloatArray:
        """Return the values at `(batch, features)`."""

    def gradients(self, x: FloatArray, weights: FloatArray) -> Mapping[str, FloatArray] | None:
        """Return the gradients of `(weights * values).sum()`; None if it has none.

        They are named as `parity.derive` names them.
        """


def check_foreign(found: Foreign, reference: Activation, *, what: str) -> None:
    """Compare a function that runs outside of torch with the activation that was scored.

    Args:
        found: what was exported.
        reference: the activation, float32, with the same values.
        what: what is checked, for the message.

    Raises:
        ExportError: values, parameters or gradients differ.
    """
    wanted = {name: p.detach().double().numpy() for name, p in reference.named_parameters()}
    expression = reference.expression()
    parts = [
        part[: max(1, _MOST // part.shape[1])]
        for part in inputs(reference, mixed=expression.is_groupwise)
    ]
    x = torch.cat(parts)
    values = [wanted[name] for name in expression.names]
    known = rounded(expression, x.double().numpy(), values, torch.float32, tails=TAILS)
    got = found.values(x.numpy())
    check_values(found.parameters(), wanted, what)
    if got.shape != known.values.shape:
        raise ExportError(f"{what}: result has shape {got.shape}; wanted {known.values.shape}")
    wrong = np.argwhere(known.differs(got))
    if len(wrong):
        at = tuple(wrong[0])
        raise ExportError(
            f"{what}: result is {float(got[at])!r} where numpy gives "
            f"{float(known.values[at])!r}: they do not compute the same"
        )
    _check_gradients(found, reference, parts[0], what)


def _check_gradients(found: Foreign, reference: Activation, x: torch.Tensor, what: str) -> None:
    with torch.no_grad():
        count = reference(x)
    weights = (1.0 + 0.5 * np.sin(np.arange(count.numel()))).reshape(count.shape)
    got = found.gradients(x.numpy(), weights)
    if got is None:
        return
    single = derive(reference, x)
    exact = derive(copy.deepcopy(reference).double(), x.double())
    for name, wanted in exact.items():
        if name == "result":
            continue
        with np.errstate(all="ignore"):
            allowed = _SLOPE * (1.0 + np.abs(wanted)) + 8.0 * np.abs(single[name] - wanted)
            known = np.isfinite(wanted) & np.isfinite(allowed)
            if name != "gradient of x":  # a sum: of large parts little may be left
                allowed = allowed + _SLOPE * np.abs(exact["gradient of x"]).sum()
            wrong = known & ~(np.abs(got[name] - wanted) <= allowed)
        if got[name].shape != wanted.shape or wrong.sum() > _ALONE * max(known.sum(), 20):
            raise ExportError(
                f"{what}: {name} is {got[name].flat[0]!r}..., in torch {wanted.flat[0]!r}...: "
                "they do not train the same"
            )
