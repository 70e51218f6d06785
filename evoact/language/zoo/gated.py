"""The input times a fixed gate of itself: x g(x)."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="gated")
_ELFWING = "Elfwing et al., Sigmoid-Weighted Linear Units, arXiv 1702.03118"
_HENDRYCKS = "Hendrycks & Gimpel, Gaussian Error Linear Units, arXiv 1606.08415"
_ZHU = "Zhu et al., Logish: A New Nonlinear Nonmonotonic Activation Function, 2021"
_BISWAS = "Biswas et al., EIS: Exponential, ISRU and Softplus, arXiv 2009.13501"
_TANHSOFT = "Biswas et al., TanhSoft, arXiv 2009.03863"
_KUNC = "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092"

ROWS: Final = (
    _named("silu", "silu(x)", 2017, _ELFWING, aliases=("swish1", "sil"), torch="SiLU()"),
    _named("gelu", "gelu(x)", 2016, _HENDRYCKS, torch="GELU()"),
    _named(
        "gelu_tanh",
        "0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * cube(x))))",
        2016,
        _HENDRYCKS,
        aliases=("fast_gelu", "sielu"),
        torch="GELU(approximate='tanh')",
    ),
    _named(
        "gelu_sigmoid",
        "x * sigmoid(1.702 * x)",
        2016,
        _HENDRYCKS,
        aliases=("quick_gelu",),
    ),
    _named(
        "mish",
        "x * tanh(softplus(x))",
        2019,
        "Misra, Mish: A Self Regularized Non-Monotonic Function, arXiv 1908.08681",
        torch="Mish()",
    ),
    _named(
        "e_swish",
        "1.5 * silu(x)",
        2018,
        "Alcaide, E-swish: Adjusting Activations to Different Network Depths, arXiv 1801.07145",
        note="beta = 1.5; the paper advises 1 to 2",
    ),
    _named(
        "aptx",
        "0.5 * (1.0 + tanh(x)) * x",
        2022,
        "Kumar, APTx: Better Activation Function than Mish, Swish and ReLU, arXiv 2209.06119",
        note="alpha = 1, beta = 1, gamma = 1/2: x sigmoid(2 x)",
    ),
    _named(
        "serf",
        "x * erf(softplus(x))",
        2021,
        "Nag & Bhattacharyya, Serf: Log-Softplus Error Activation, arXiv 2108.09598",
    ),
    _named(
        "tanhexp",
        "x * tanh(safe_exp(x))",
        2020,
        "Liu & Di, TanhExp: A Smooth Activation Function, arXiv 2003.09855",
        aliases=("telu",),
        note="TeLU (Fernandez & Mali, 2024) is the same function",
    ),
    _named("tanhsoft1", "tanh(0.87 * x) * softplus(x)", 2020, _TANHSOFT),
    _named("tanhsoft2", "x * tanh(0.6 * safe_exp(x))", 2020, _TANHSOFT),
    _named("logish", "x * log1p(sigmoid(x))", 2021, _ZHU),
    _named("plogish", "x * log1p(sigmoid(10.0 * x))", 2021, _ZHU),
    _named(
        "smish",
        "x * tanh(log1p(sigmoid(x)))",
        2022,
        "Wang et al., Smish: A Novel Activation Function for Deep Learning Methods",
    ),
    _named(
        "phish",
        "x * tanh(gelu(x))",
        2022,
        "Naveen, Phish: A Novel Hyper-Optimizable Activation Function",
    ),
    _named(
        "gish",
        "x * log(2.0 - exp(-safe_exp(x)))",
        2023,
        "Kaytan et al., Gish: A Novel Activation Function for Image Classification",
    ),
    _named("loglogish", "-x * expm1(-safe_exp(x))", 2024, _KUNC),
    _named(
        "golu",
        "x * exp(-safe_exp(-x))",
        2025,
        "Das et al., Gompertz Linear Units, arXiv 2502.03654",
        aliases=("expexpish",),
    ),
    _named(
        "lisht",
        "x * tanh(x)",
        2019,
        "Roy et al., LiSHT: Linearly Scaled Hyperbolic Tangent, arXiv 1901.05894",
    ),
    _named("self_arctan", "x * atan(x)", 2024, _KUNC),
    _named(
        "rehsec",
        "x / cosh(clamp(x, -40.0, 40.0))",
        2016,
        "Njikam & Zhao, A Novel Activation Function for Multilayer Feed-forward Neural Networks",
    ),
    _named(
        "calu",
        "x * (atan(x) / pi + 0.5)",
        2024,
        "Huang, Expanded Gating Ranges Improve Activation Functions, arXiv 2405.20768",
        aliases=("atlu", "arctan_gelu", "cauchy_linear"),
        note="gate: the Cauchy distribution",
    ),
    _named(
        "lalu",
        "x * if_positive(x, 1.0 - 0.5 * exp(-abs(x)), 0.5 * exp(-abs(x)))",
        2024,
        _KUNC,
        aliases=("laplace_linear",),
        note="gate: the Laplace distribution",
    ),
    _named(
        "pflu",
        "0.5 * x * (1.0 + x / sqrt(1.0 + square(x)))",
        2021,
        "Zhu et al., PFLU and FPFLU: Two Novel Non-monotonic Activation Functions",
        note="gate: Student's t distribution with 2 degrees of freedom, scaled",
    ),
    _named(
        "swim",
        "0.5 * x * (1.0 + 0.5 * x / sqrt(1.0 + square(x)))",
        2023,
        "Abdool & Dear, Swim: A General-Purpose, High-Performing Activation Function, "
        "arXiv 2303.00838",
    ),
    _named(
        "symmetric_gelu",
        "x * erf(x / sqrt(2.0))",
        2019,
        "Yu & Su, Symmetrical Gaussian Error Linear Units, arXiv 1911.03925",
        aliases=("sgelu",),
    ),
    _named("eanaf", "x * sigmoid(x - log(2.0))", 2024, _KUNC, note="x e^x / (e^x + 2)"),
    _named("sinsig", "x * sin(pi / 2.0 * sigmoid(x))", 2024, _KUNC),
    _named(
        "colu",
        "x / (1.0 - x * exp(-(max(x, -40.0) + safe_exp(x))))",
        2021,
        "Vagerwal, Deeper Learning with CoLU Activation, arXiv 2112.12078",
    ),
    _named("tsrelu", "x * tanh(sigmoid(x))", 2024, _KUNC),
    _named("tbsrelu", "x * tanh(tanh(x / 2.0))", 2024, _KUNC),
    _named("sechsig", "(x + 1.0 / cosh(clamp(x, -40.0, 40.0))) * sigmoid(x)", 2024, _KUNC),
    _named("tanhsig", "(x + tanh(x)) * sigmoid(x)", 2024, _KUNC),
    _named("dsilu", "sigmoid(x) * (1.0 + x * sigmoid(-x))", 2017, _ELFWING),
    _named("double_silu", "x * sigmoid(silu(x))", 2024, _KUNC),
    _named("tsilu", "tanh(silu(x))", 2024, _KUNC),
    _named("asilu", "atan(silu(x))", 2024, _KUNC),
    _named("swat", "x * sigmoid(atan(x))", 2024, _KUNC),
    _named("oaf", "relu(x) + silu(x)", 2024, _KUNC),
    _named(
        "nipuna",
        "max(x, silu(x))",
        2023,
        "Madhu et al., NIPUNA: A Novel Optimizer Activation Function",
        note="beta = 1",
    ),
    _named(
        "sara",
        "if_positive(x, x, x / (1.0 + 0.5 * exp(-0.7 * min(x, 0.0))))",
        2024,
        _KUNC,
        note="alpha = 0.5, beta = 0.7",
    ),
    _named(
        "flatten_t_swish",
        "relu(x) * sigmoid(x) - 0.2",
        2018,
        "Chieng et al., Flatten-T Swish: A Thresholded ReLU-Swish-like Function, arXiv 1812.06247",
        note="T = -0.2",
    ),
    _named(
        "pats",
        "x * atan(0.625 * pi * sigmoid(x))",
        2020,
        "Zheng & Wang, PATS: A New Neural Network Activation Function with Parameter",
        note="its evaluation form: the mean of U(1/2, 3/4)",
    ),
    _named(
        "aria2",
        "x * exp(1.5 * log_sigmoid(2.0 * x))",
        2018,
        "Patwardhan et al., ARiA: Utilizing Richard's Curve, arXiv 1805.08878",
        note="alpha = 1.5, beta = 2",
    ),
    _named("eis1", "x * softplus(x) / (x + 1.16 * exp(-max(x, -40.0)))", 2020, _BISWAS),
    _named("eis2", "x * softplus(x) / sqrt(1.0 + square(x))", 2020, _BISWAS),
    _named(
        "puaf",
        "x * (10.0 + clamp(x, -10.0, 10.0)) ** 5.0 / "
        "((10.0 + clamp(x, -10.0, 10.0)) ** 5.0 + (10.0 - clamp(x, -10.0, 10.0)) ** 5.0)",
        2023,
        "Hwang & Kim, A Universal Activation Function for Deep Learning",
        note="a = 1, b = 5, c = 10",
    ),
    _named(
        "hclsh",
        "max(x, 0.0) + log((1.0 + exp(-2.0 * max(x, 0.0)) "
        "+ max(x, 0.0) * (exp(-0.5 * max(x, 0.0)) + exp(-1.5 * max(x, 0.0)))) / 2.0) "
        "+ softplus(2.0 * min(x, 0.0)) - log(2.0)",
        2023,
        "Abdel-Nabi et al., HcLSH: A Novel Non-Linear Monotonic Activation Function",
    ),
)
