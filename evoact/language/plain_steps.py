"""Functions that a library lacks, or computes coarsely, in its plain operations.

The steps are those of the generated kernels, so float32 is what they are exact in.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from evoact.language.lane_functions import LaneFunction, lane_functions, read_function
from evoact.language.primitives import Primitive
from evoact.language.source import TORCH

_OWN: Final = (
    "fma_(a, b, c): a * b + c",
    "copysign_(a, b): select_(b < 0.0f, -fabs_(a), fabs_(a))",
    # Kahan: the errors of `u` in both factors cancel.
    "expm1_(a): u = exp_(a); v = u - 1.0f; w = select_(u == 1.0f, 2.0f, u); "
    "r = select_(u == 1.0f, a, v * a / log_(w)); "
    "select_(v == -1.0f, v, select_(u > 1e30f, u, r))",
    "log1p_(a): u = 1.0f + a; w = select_(u == 1.0f, 2.0f, u); "
    "r = select_(u == 1.0f, a, log_(w) * a / (w - 1.0f)); "
    "select_((u > 1e30f) | (u == 0.0f), log_(u), r)",
)
_ALL: Final = "erfc_( bessel_i0e_( bessel_i1e_("

TORCH_NAMES: Final = MappingProxyType(
    {name: f"torch.{name}" for name in ("exp", "log", "sqrt", "abs", "where")}
)
KERAS_NAMES: Final = MappingProxyType({name: f"ops.{name}" for name in TORCH_NAMES})

# What ONNX lacks, and where 1 - erf(x), exp(x) - 1 and log(1 + x) are too coarse.
_COARSE: Final = MappingProxyType(
    {
        "bessel_i0e": "bessel_i0e_({0})",
        "bessel_i1e": "bessel_i1e_({0})",
        "erfc": "erfc_({0})",
        "expm1": "expm1_({0})",
        "log1p": "log1p_({0})",
        "signed_log": "log1p_(F.relu({0})) - log1p_(F.relu(-{0:p}))",
        "log_sigmoid": "(torch.clamp({0}, max=0.0) - log1p_(torch.exp(-torch.abs({0}))))",
    }
)


def _plain(row: Primitive) -> str:
    return _COARSE.get(row.name, row.torch)


PLAIN_TORCH: Final = dataclasses.replace(TORCH, template=_plain, widened="{0}", narrowed="{0}")
"""torch in float32 and operations that ONNX has too; `step_functions` must stand before it."""


def step_functions(text: str, names: Mapping[str, str]) -> str:
    """Return the functions that a text calls, each after those that it calls itself.

    Args:
        text: Python, written by a dialect.
        names: of exp, log, sqrt, abs and where in the library.
    """
    known = [*map(read_function, _OWN), *map(_differentiable, lane_functions(_ALL))]
    used: list[str] = []
    for function in reversed(known):
        if re.search(rf"\b{function.name}\(", "\n".join([text, *used])):
            used.insert(0, _written(function, names))
    return "\n\n\n".join(used)


def _differentiable(function: LaneFunction) -> LaneFunction:
    """Keep the branch that is not taken finite: autograd multiplies its slope by zero."""
    far = "select_(b > 8.0f, b, 8.0f)"
    steps = tuple(
        (name, text.replace("16.0f / b", f"16.0f / {far}").replace("sqrt_(b)", f"sqrt_({far})"))
        for name, text in function.steps
    )
    return dataclasses.replace(function, steps=steps)


def _written(function: LaneFunction, names: Mapping[str, str]) -> str:
    lines = [f"    {name} = {_python(text, names)}" for name, text in function.steps]
    head = f"def {function.name}({', '.join(function.arguments)}):"
    return "\n".join([head, *lines, f"    return {_python(function.result, names)}"])


def _python(text: str, names: Mapping[str, str]) -> str:
    """Return an expression of the steps as one of Python on the library's tensors."""
    text = re.sub(r"(?<![A-Za-z_\d])(\d+\.?\d*(?:e[+-]?\d+)?)f\b", r"\1", text)
    for step, name in (("exp_", "exp"), ("log_", "log"), ("sqrt_", "sqrt"), ("fabs_", "abs"),
                       ("select_", "where")):  # fmt: skip
        text = re.sub(rf"\b{step}\(", f"{names[name]}(", text)
    return text
