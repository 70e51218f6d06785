"""Thresholds: piecewise constant, trained with the gradient of a surrogate.

In torch the value is the threshold's and the gradient the surrogate's:
`hard + (soft - soft.detach())`, plain operations that every export keeps.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from evoact.language.primitives.row import K, Primitive, Traits, V, unary


def _multistep(x: Any, k: Any) -> Any:
    return np.clip(np.ceil(0.5 * (k * x + k - 1.0)), 0.0, k) / k + 0.0  # no -0


def _window(x: Any) -> Any:
    size = np.abs(x)
    return np.where(size < 1.0, 1.0, size * 0.0)  # NaN where x is not a number


# Not by sympy's Heaviside: that becomes a Piecewise in numerical code, and fails as a
# condition of another.
THRESHOLDS: Final[tuple[Primitive, ...]] = (
    unary("step", "1 where x > 0, else 0", lambda x: np.heaviside(x, 0.0),
          "({0:p} > 0) + ({s} - {s}.detach())", 4.1,
          c="step_({0})", saves="t", flops=4, surrogate="sigmoid(x)",
          sympy=lambda s, a: s.Max(s.sign(a), 0), derivative=("0.0",),
          definition="if_positive(a, 1.0, 0.0)", latex=r"\operatorname{{step}}\left({0}\right)",
          traits=Traits(slope=(0.0, 0.0), range=(0.0, 1.0), jumps=(0.0,)),
          jax="({0:p} > 0) + ({s} - jax.lax.stop_gradient({s}))",
          keras="ops.cast({0:p} > 0, {s}.dtype) + ({s} - ops.stop_gradient({s}))"),
    unary("sign", "-1, 0 or 1 by the sign of x", np.sign,
          "torch.sign({0}) + ({s} - {s}.detach())", 5.5,
          c="step_({0}) - step_(-{0:p})", saves="t", flops=4, surrogate="tanh(x)",
          sympy=lambda s, a: s.sign(a), derivative=("0.0",),
          definition="if_positive(a, 1.0, 0.0) - if_positive(-a, 1.0, 0.0)",
          latex=r"\operatorname{{sign}}\left({0}\right)",
          traits=Traits("odd", slope=(0.0, 0.0), range=(-1.0, 1.0), jumps=(0.0,)),
          jax="jnp.sign({0}) + ({s} - jax.lax.stop_gradient({s}))",
          keras="ops.sign({0}) + ({s} - ops.stop_gradient({s}))"),
    Primitive("multistep", "from 0 to 1 in k equal steps, at (2i - k - 1) / k", (V, K), _multistep,
              "torch.clamp(torch.ceil(0.5 * ({1} * {0:p} + {1} - 1)), 0, {1}) / {1}"
              " + ({s} - {s}.detach())", 11.0,
              c="min_(max_(ceil_(0.5f * ({1:p} * {0:p} + {1:p} - 1.0f)), 0.0f), {1}) / {1:p}",
              saves="tt", flops=10, surrogate="sigmoid(2.0 * x)",
              sympy=lambda s, a, k: s.Min(s.Max(s.ceiling((k * a + k - 1) / 2), 0), k) / k,
              latex=r"\operatorname{{multistep}}_{{{1}}}\left({0}\right)", derivative=("0.0",),
              jax="jnp.clip(jnp.ceil(0.5 * ({1} * {0:p} + {1} - 1)), 0, {1}) / {1} + ({s} - "
                  "jax.lax.stop_gradient({s}))",
              keras="ops.clip(ops.ceil(0.5 * ({1} * {0:p} + {1} - 1)), 0, {1}) / {1} + ({s} "
                    "- ops.stop_gradient({s}))"),
    unary("window", "1 where |x| < 1, else 0", _window,
          "(torch.abs({0}) < 1) + ({s} - {s}.detach())", 7.7,
          c="step_(1.0f - fabs_({0}))", saves="0t", flops=5,
          surrogate="gaussian(x)", derivative=("0.0",),
          sympy=lambda s, a: s.Max(s.sign(1 - s.Abs(a)), 0),
          definition="if_positive(1.0 - abs(a), 1.0, 0.0)",
          latex=r"\operatorname{{window}}\left({0}\right)",
          traits=Traits("even", (0.0,), (0.0, 0.0), (0.0, 1.0), jumps=(-1.0, 1.0)),
          jax="(jnp.abs({0}) < 1) + ({s} - jax.lax.stop_gradient({s}))",
          keras="ops.cast(ops.abs({0}) < 1, {s}.dtype) + ({s} - ops.stop_gradient({s}))"),
)  # fmt: skip
