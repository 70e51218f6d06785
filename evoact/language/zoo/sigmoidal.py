"""Monotone functions between two levels, and their unbounded relatives."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="sigmoidal")
_DUCH = "Duch & Jankowski, Survey of Neural Transfer Functions, 1999"
_GOMES = "Gomes et al., Comparison of New Activation Functions for Time Series Forecasting"
_WURAOLA = "Wuraola & Patel, SQNL: A New Computationally Efficient Activation Function"
_KUNC = "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092"

ROWS: Final = (
    _named(
        "sigmoid",
        "sigmoid(x)",
        1972,
        "Wilson & Cowan, Excitatory and Inhibitory Interactions; "
        "Rumelhart et al., Learning Representations by Back-propagating Errors, 1986",
        aliases=("logistic",),
        torch="Sigmoid()",
    ),
    _named(
        "log_sigmoid",
        "log_sigmoid(x)",
        2013,
        "Mikolov et al., Distributed Representations of Words, arXiv 1310.4546 (as loss)",
        aliases=("logsigmoid",),
        torch="LogSigmoid()",
    ),
    _named(
        "tanh",
        "tanh(x)",
        1986,
        "Rumelhart et al., Learning Internal Representations by Error Propagation",
        aliases=("hyperbolic_tangent",),
        torch="Tanh()",
    ),
    _named(
        "lecun_tanh",
        "1.7159 * tanh(2.0 / 3.0 * x)",
        1989,
        "LeCun, Generalization and Network Design Strategies",
        aliases=("stanh", "scaled_tanh"),
    ),
    _named(
        "twisted_tanh",
        "tanh(x) + 0.01 * x",
        1998,
        "LeCun et al., Efficient BackProp (twisting term)",
    ),
    _named("bipolar_sigmoid", "tanh(x / 2.0)", 1999, _DUCH, note="2 sigmoid(x) - 1"),
    _named(
        "penalized_tanh",
        "tanh(max(x, 0.0)) + 0.25 * tanh(min(x, 0.0))",
        2016,
        "Xu et al., Revise Saturated Activation Functions, arXiv 1602.05980",
        aliases=("ptanh",),
    ),
    _named(
        "rational_tanh",
        "1.7159 * (2.0 / 3.0 * x) "
        "* (1.0 + abs(2.0 / 3.0 * x) + 1.41645 * cube(abs(2.0 / 3.0 * x))) "
        "/ (1.0 + abs(2.0 / 3.0 * x) + square(2.0 / 3.0 * x) "
        "+ 1.41645 * square(square(2.0 / 3.0 * x)))",
        1993,
        "Anguita et al., Speed Improvement of the Back-propagation on Workstations",
        note="rational approximation of lecun_tanh",
    ),
    _named(
        "tanhshrink",
        "x - tanh(x)",
        2002,
        "Collobert et al., Torch",
        torch="Tanhshrink()",
    ),
    _named(
        "logit_soft_cap",
        "30.0 * tanh(x / 30.0)",
        2016,
        "Bello et al., Neural Combinatorial Optimization, arXiv 1611.09940; "
        "Gemma 2, arXiv 2408.00118",
        aliases=("soft_cap",),
        note="cap 30",
    ),
    _named("atan", "atan(x)", 1999, _DUCH, aliases=("arctan",)),
    _named("erf", "erf(x)", 1996, "Williams, Computing with Infinite Networks"),
    _named(
        "softsign",
        "softsign(x)",
        1993,
        "Elliott, A Better Activation Function for Artificial Neural Networks; "
        "Bergstra et al., Quadratic Polynomials Learn Better Image Features, 2009",
        aliases=("elliott_symmetric",),
        torch="Softsign()",
    ),
    _named(
        "elliott",
        "0.5 * softsign(x) + 0.5",
        1993,
        "Elliott, A Better Activation Function for Artificial Neural Networks",
    ),
    _named(
        "isru",
        "x / sqrt(1.0 + square(x))",
        1999,
        _DUCH + "; Carlile et al., arXiv 1710.09967",
        aliases=("algebraic_sigmoid",),
        note="alpha = 1",
    ),
    _named("rootsig", "x / (1.0 + sqrt(1.0 + square(x)))", 2024, _KUNC),
    _named(
        "sqnl",
        "clamp(x, -2.0, 2.0) * (1.0 - abs(clamp(x, -2.0, 2.0)) / 4.0)",
        2018,
        _WURAOLA,
    ),
    _named(
        "log_sqnl",
        "0.5 + clamp(x, -2.0, 2.0) * (0.5 - abs(clamp(x, -2.0, 2.0)) / 8.0)",
        2021,
        "Wuraola et al., Efficient Activation Functions for Embedded Inference Engines",
    ),
    _named(
        "linq",
        "clamp(x, -1.8, 1.8) * (1.0 - abs(clamp(x, -1.8, 1.8)) / 4.0) "
        "+ 0.1 * (x - clamp(x, -1.8, 1.8))",
        2021,
        "Wuraola et al., Efficient Activation Functions for Embedded Inference Engines",
        note="SQNL with straight tails, slope a = 0.1",
    ),
    _named(
        "hexpo",
        "-expm1(-max(x, 0.0)) + expm1(min(x, 0.0))",
        2017,
        "Kong & Takatsuka, Hexpo: A Vanishing-proof Activation Function",
        note="a = b = c = d = 1",
    ),
    _named(
        "soft_clipping",
        "(softplus(50.0 * x) - softplus(50.0 * (x - 1.0))) / 50.0",
        2018,
        "Klimek & Perelstein, Neural Network-Based Approach to Phase Space Integration, "
        "arXiv 1810.11509",
        note="p = 50",
    ),
    _named(
        "smooth_step",
        "0.5 + 1.5 * clamp(x, -0.5, 0.5) - 2.0 * cube(clamp(x, -0.5, 0.5))",
        2020,
        "Hazimeh et al., The Tree Ensemble Layer, arXiv 2002.07772",
        note="gamma = 1",
    ),
    _named(
        "improved_logistic",
        "sigmoid(clamp(x, -2.0, 2.0)) + 0.2 * (x - clamp(x, -2.0, 2.0))",
        2018,
        "Qin et al., The Improved Logistic Sigmoid (ISigmoid)",
        aliases=("isigmoid",),
        note="slope 0.2 beyond +-2",
    ),
    _named("siglin", "sigmoid(x) + 0.1 * x", 2024, _KUNC),
    _named(
        "triple_state_sigmoid",
        "sigmoid(x) + sigmoid(x - 20.0) + sigmoid(x - 40.0)",
        2024,
        _KUNC,
    ),
    _named(
        "algebraic_logistic",
        "sigmoid(x * (1.0 + abs(x)) / (1.0 + abs(x) * (1.0 + abs(x))))",
        2024,
        _KUNC,
        aliases=("sigmoid_algebraic",),
    ),
    _named("sinc_sigmoid", "sinc(sigmoid(x) / pi)", 2024, _KUNC),
    _named("sigmoid_gumbel", "sigmoid(x) * exp(-safe_exp(-x))", 2024, _KUNC),
    _named(
        "new_sigmoid",
        "tanh(x) / sqrt(1.0 + square(tanh(x)))",
        2024,
        _KUNC,
        note="sinh(x) / sqrt(cosh(2 x))",
    ),
    _named(
        "root2_sigmoid",
        "tanh(0.5 * log(2.0) * x) / sqrt(8.0 * (1.0 + square(tanh(0.5 * log(2.0) * x))))",
        2024,
        _KUNC,
    ),
    _named("loglog", "exp(-safe_exp(-x))", 2011, _GOMES, aliases=("gumbel", "gompertz")),
    _named("cloglog", "-expm1(-safe_exp(x))", 2011, _GOMES),
    _named("cloglogm", "1.0 - 2.0 * exp(-0.7 * safe_exp(x))", 2011, _GOMES),
    _named(
        "aranda_ordaz",
        "1.0 - exp(-0.5 * softplus(x + log(2.0)))",
        2011,
        _GOMES,
        note="lambda = 2",
    ),
    _named(
        "signed_log",
        "signed_log(x)",
        2000,
        "Bilski, The Backpropagation Learning with Logarithmic Transfer Function",
        aliases=("symlog", "logarithmic"),
    ),
    _named("asinh", "asinh(x)", 2017, "Ramachandran et al., arXiv 1710.05941 (core unit)"),
    _named("signed_sqrt", "signed_sqrt(x)", 2024, _KUNC, note="slope 1/2 at 0"),
    _named(
        "signed_root",
        "signed_pow(x, 0.5)",
        2024,
        _KUNC,
        aliases=("sqrt_activation",),
        note="sign(x) sqrt(|x|), its slope at 0 kept finite",
    ),
    _named(
        "m_arcsinh",
        "asinh(x) * safe_sqrt(x) / 12.0",
        2020,
        "Parisi, m-arcsinh: An Efficient and Reliable Function, arXiv 2009.07530",
        note="sqrt(|x|) as sqrt(|x| + 1e-6)",
    ),
    _named(
        "hyper_sinh",
        "sinh(max(x, 0.0)) / 3.0 + cube(min(x, 0.0)) / 4.0",
        2020,
        "Parisi et al., hyper-sinh: An Accurate and Reliable Function, arXiv 2011.07661",
    ),
    _named(
        "comb_h_sine",
        "sinh(x) + asinh(x)",
        2022,
        "Vijayaprabakaran & Sathiyamurthy, Towards Activation Function Search for LSTM",
    ),
    _named(
        "mishra",
        "0.5 * square(softsign(x)) + 0.5 * softsign(x)",
        2021,
        "Mishra et al., A Non-monotonic Activation Function",
    ),
    _named(
        "bent_identity",
        "(sqrt(square(x) + 1.0) - 1.0) / 2.0 + x",
        2024,
        _KUNC,
    ),
    _named(
        "soft_root_sign",
        "x / (x / a + exp(-x / b)) where a = 2.0, b = 3.0",
        2020,
        "Zhou et al., Soft-Root-Sign Activation Function, arXiv 2003.00547",
        aliases=("srs", "softroot"),
        note="has a pole once b > e a",
    ),
)
