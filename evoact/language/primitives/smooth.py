"""Smooth and saturating functions, and activations that serve as building blocks."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from scipy import special

from evoact.language.primitives.row import POWER, PRODUCT, N, Primitive, Traits, V, unary

_SQRT2PI = "2.5066282746310002"


def _elu(x: Any) -> Any:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _roman(name: str) -> str:
    return rf"\operatorname{{{{{name}}}}}\left({{0}}\right)"


SMOOTH: Final[tuple[Primitive, ...]] = (
    unary("sigmoid", "1 / (1 + e^-x)", special.expit, "torch.sigmoid({0})", 1.6,
          c="sigmoid_({0})", saves="r",
          flops=3, sympy=lambda s, a: 1 / (1 + s.exp(-a)),
          derivative=("sigmoid(a) * sigmoid(-a)",), latex=r"\sigma\left({0}\right)",
          traits=Traits(slope=(0.0, 0.25), range=(0.0, 1.0)),
          jax="jax.nn.sigmoid({0})", keras="ops.sigmoid({0})"),
    unary("log_sigmoid", "ln(sigmoid(x))", special.log_expit, "F.logsigmoid({0})", 4.4,
          c="min_({0}, 0.0f) - log1pf(exp_(-fabs_({0})))",
          saves="0t", flops=4, sympy=lambda s, a: -s.log(1 + s.exp(-a)),
          derivative=("sigmoid(-a)",), latex=r"\ln\left(\sigma\left({0}\right)\right)",
          traits=Traits(slope=(0.0, 1.0), range=(-math.inf, 0.0)),
          jax="jax.nn.log_sigmoid({0})", keras="ops.log_sigmoid({0})"),
    unary("tanh", "tanh(x)", np.tanh, "torch.tanh({0})", 4.3, c="tanhf({0})", saves="r",
          sympy=lambda s, a: s.tanh(a), derivative=("1.0 - square(tanh(a))",),
          latex=r"\tanh\left({0}\right)",
          traits=Traits("odd", slope=(0.0, 1.0), range=(-1.0, 1.0)),
          jax="jnp.tanh({0})", keras="ops.tanh({0})"),
    unary("erf", "erf(x)", special.erf, "torch.erf({0})", 5.0,
          c="erff({0})", sympy=lambda s, a: s.erf(a),
          derivative=("1.1283791670955126 * gaussian(a)",), latex=_roman("erf"),
          traits=Traits("odd", slope=(0.0, 1.1283791670955128), range=(-1.0, 1.0)),
          jax="jax.scipy.special.erf({0})", keras="ops.erf({0})"),
    unary("erfc", "1 - erf(x)", special.erfc, "torch.erfc({0})", 5.9, c="erfc_({0})",
          sympy=lambda s, a: s.erfc(a), derivative=("-1.1283791670955126 * gaussian(a)",),
          latex=_roman("erfc"),
          traits=Traits(slope=(-1.1283791670955128, 0.0), range=(0.0, 2.0)),
          jax="jax.scipy.special.erfc({0})", keras="erfc_({0})"),
    unary("atan", "arctan(x)", np.arctan, "torch.atan({0})", 5.3,
          c="atanf({0})", sympy=lambda s, a: s.atan(a),
          derivative=("1.0 / (1.0 + square(a))",), latex=r"\arctan\left({0}\right)",
          traits=Traits("odd", slope=(0.0, 1.0), range=(-1.5707963267948968, 1.5707963267948968)),
          jax="jnp.arctan({0})", keras="ops.arctan({0})"),
    unary("asinh", "asinh(x)", np.arcsinh, "torch.asinh({0})", 31.0, c="asinhf({0})",
          sympy=lambda s, a: s.asinh(a), derivative=("1.0 / sqrt(1.0 + square(a))",),
          latex=_roman("asinh"), traits=Traits("odd", slope=(0.0, 1.0)),
          jax="jnp.arcsinh({0})", keras="ops.arcsinh({0})"),
    unary("sin", "sin(x)", np.sin, "torch.sin({0})", 4.6,
          c="sinf({0})", sympy=lambda s, a: s.sin(a),
          derivative=("cos(a)",), latex=r"\sin\left({0}\right)",
          traits=Traits("odd", None, (-1.0, 1.0), (-1.0, 1.0)),
          jax="jnp.sin({0})", keras="ops.sin({0})"),
    unary("cos", "cos(x)", np.cos, "torch.cos({0})", 4.7,
          c="cosf({0})", sympy=lambda s, a: s.cos(a),
          derivative=("-sin(a)",), latex=r"\cos\left({0}\right)",
          traits=Traits("even", None, (-1.0, 1.0), (-1.0, 1.0)),
          jax="jnp.cos({0})", keras="ops.cos({0})"),
    unary("sinc", "sin(pi x) / (pi x), 1 at 0", np.sinc, "torch.sinc({0})", 17.0,
          c="sinc_({0})", flops=3,
          sympy=lambda s, a: s.sinc(s.pi * a), latex=_roman("sinc"),
          # Near zero by its series, where the difference of cosine and sinc is rounding.
          derivative=("if_positive(abs(a) - 0.03, "
                      "(cos(3.141592653589793 * a) - sinc(a)) / "
                      "if_positive(abs(a) - 0.03, a, 1.0), "
                      "a * (square(a) * (3.246969701133414 - 1.144510944732505 * square(a)) "
                      "- 3.289868133696453))",),
          traits=Traits("even", None, (-1.3703055927694597, 1.3703055927694597),
                        (-0.21723362821122166, 1.0)),
          jax="jnp.sinc({0})", keras="ops.sinc({0})"),
    unary("softplus", "ln(1 + e^x)", lambda x: np.logaddexp(x, 0.0), "F.softplus({0})", 4.9,
          c="max_({0}, 0.0f) + log1pf(exp_(-fabs_({0})))",
          flops=3, sympy=lambda s, a: s.log(1 + s.exp(a)), derivative=("sigmoid(a)",),
          latex=_roman("softplus"), traits=Traits(slope=(0.0, 1.0), range=(0.0, math.inf)),
          jax="jax.nn.softplus({0})", keras="ops.softplus({0})"),
    unary("softsign", "x / (1 + |x|)", lambda x: x / (1 + np.abs(x)), "F.softsign({0})", 5.3,
          c="{0:p} / (1.0f + fabs_({0}))", saves="0t", flops=3, definition="a / (1.0 + abs(a))",
          derivative=("1.0 / square(1.0 + abs(a))",), latex=r"\frac{{{0}}}{{1 + \left|{0}\right|}}",
          latex_level=POWER,
          traits=Traits("odd", slope=(0.0, 1.0), range=(-1.0, 1.0)),
          jax="jax.nn.soft_sign({0})", keras="ops.softsign({0})"),
    unary("gaussian", "e^(-x^2)", lambda x: np.exp(-x * x), "torch.exp(-torch.square({0}))", 4.7,
          c="exp_(-({0:p} * {0:p}))", saves="0r", flops=3, sympy=lambda s, a: s.exp(-(a**2)),
          derivative=("-2.0 * a * gaussian(a)",), latex="e^{{-{0:p}^2}}", latex_level=POWER,
          traits=Traits("even", (0.0,), (-0.8577638849607068, 0.8577638849607068), (0.0, 1.0)),
          jax="jnp.exp(-jnp.square({0}))", keras="ops.exp(-ops.square({0}))"),
    unary("bessel_i0e", "e^-|x| I0(x)", special.i0e, "torch.special.i0e({0})", 44.0,
          c="bessel_i0e_({0})", sympy=lambda s, a: s.exp(-s.Abs(a)) * s.besseli(0, a), saves="0r",
          derivative=("bessel_i1e(a) - sign(a) * bessel_i0e(a)",),
          latex=r"e^{{-\left|{0}\right|}} I_0\left({0}\right)", latex_level=PRODUCT,
          traits=Traits("even", (0.0,), (-1.0, 1.0), (0.0, 1.0), kinks=(0.0,)),
          jax="jax.scipy.special.i0e({0})", keras="bessel_i0e_({0})"),
    unary("bessel_i1e", "e^-|x| I1(x)", special.i1e, "torch.special.i1e({0})", 43.0,
          c="bessel_i1e_({0})", sympy=lambda s, a: s.exp(-s.Abs(a)) * s.besseli(1, a), saves="0r",
          derivative=("if_positive(abs(a) - 1e-6, bessel_i0e(a) - bessel_i1e(a) * (sign(a) + "
                      "1.0 / if_positive(abs(a) - 1e-6, a, 1.0)), 0.5 - abs(a))",),
          latex=r"e^{{-\left|{0}\right|}} I_1\left({0}\right)", latex_level=PRODUCT,
          traits=Traits("odd", (-1.5451272579925427, 1.5451272579925427),
                        (-0.019625379402584575, 0.5), (-0.21909197495053095, 0.21909197495053095)),
          jax="jax.scipy.special.i1e({0})", keras="bessel_i1e_({0})"),
)  # fmt: skip

ACTIVATIONS: Final[tuple[Primitive, ...]] = (
    unary("relu", "max(x, 0)", lambda x: np.maximum(x, 0.0), "F.relu({0})", 1.0,
          c="max_({0}, 0.0f)", saves="r",
          definition="max(a, 0.0)", derivative=("step(a)",), latex=_roman("relu"),
          traits=Traits(slope=(0.0, 1.0), range=(0.0, math.inf), kinks=(0.0,)),
          jax="jax.nn.relu({0})", keras="ops.relu({0})"),
    Primitive("leaky_relu", "x if x > 0 else slope x", (V, N),
              lambda x, slope: np.where(x > 0, x, slope * x), "F.leaky_relu({0}, {1})", 0.88,
              c="select_({0:p} > 0.0f, {0}, {1:p} * {0:p})",
              flops=2, definition="max(a, 0.0) + b * min(a, 0.0)",
              derivative=("if_positive(a, 1.0, b)",),
              latex=r"\operatorname{{leakyrelu}}_{{{1}}}\left({0}\right)",
              jax="jax.nn.leaky_relu({0}, {1})", keras="ops.leaky_relu({0}, {1})"),
    unary("elu", "x if x > 0 else e^x - 1", _elu, "F.elu({0})", 4.4,
          c="elu_({0}, 1.0f)", flops=3,
          definition="max(a, 0.0) + expm1(min(a, 0.0))", derivative=("exp(min(a, 0.0))",),
          latex=_roman("elu"), traits=Traits(slope=(0.0, 1.0), range=(-1.0, math.inf)),
          jax="jax.nn.elu({0})", keras="ops.elu({0})"),
    unary("selu", "1.0507 (x if x > 0 else 1.6733 (e^x - 1))",
          lambda x: 1.0507009873554805
          * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
          "F.selu({0})", 4.0,
          c="1.0507009873554805f * elu_({0}, 1.6732632423543772f)", flops=5,
          latex=_roman("selu"),
          definition="1.0507009873554805 * (max(a, 0.0) + 1.6732632423543772 * "
                     "expm1(min(a, 0.0)))",
          derivative=("1.0507009873554805 * "
                      "if_positive(a, 1.0, 1.6732632423543772 * exp(min(a, 0.0)))",),
          traits=Traits(slope=(0.0, 1.758099340847377), range=(-1.758099340847377, math.inf),
                        kinks=(0.0,)),
          jax="jax.nn.selu({0})", keras="ops.selu({0})"),
    unary("silu", "x sigmoid(x)", lambda x: x * special.expit(x), "F.silu({0})", 2.5,
          c="{0:p} * sigmoid_({0})", flops=4,
          definition="a * sigmoid(a)",
          derivative=("sigmoid(a) * (1.0 + a * sigmoid(-a))",), latex=_roman("silu"),
          traits=Traits(None, (-1.2784645427610738,), (-0.09983932012886695, 1.0998393201288672),
                        (-0.2784645427610738, math.inf)),
          jax="jax.nn.silu({0})", keras="ops.silu({0})"),
    unary("gelu", "x Phi(x), Phi the standard normal distribution",
          lambda x: x * special.ndtr(x), "F.gelu({0})", 3.4,
          c="0.5f * {0:p} * erfc_(-0.7071067811865476f * {0:p})", flops=5,
          definition="0.5 * a * erfc(-0.7071067811865476 * a)",
          derivative=("0.5 * erfc(-0.7071067811865476 * a) + "
                      f"a * gaussian(-0.7071067811865476 * a) / {_SQRT2PI}",),
          latex=_roman("gelu"),
          traits=Traits(None, (-0.7517915246935645,), (-0.1289041451851548, 1.128904145185155),
                        (-0.1699712074799037, math.inf)),
          jax="jax.nn.gelu({0}, approximate=False)", keras="ops.gelu({0}, approximate=False)"),
    unary("hard_sigmoid", "clamp(x / 6 + 1/2, 0, 1)",
          lambda x: np.minimum(np.maximum(x / 6.0 + 0.5, 0.0), 1.0), "F.hardsigmoid({0})", 0.88,
          c="min_(max_({0:p} / 6.0f + 0.5f, 0.0f), 1.0f)",
          flops=4, definition="min(max(a / 6.0 + 0.5, 0.0), 1.0)",
          derivative=("if_positive(3.0 - abs(a), 0.16666666666666666, 0.0)",),
          latex=r"\operatorname{{hardsigmoid}}\left({0}\right)",
          traits=Traits(slope=(0.0, 0.1666666666666667), range=(0.0, 1.0), kinks=(-3.0, 3.0)),
          jax="jax.nn.hard_sigmoid({0})", keras="ops.hard_sigmoid({0})"),
)  # fmt: skip
