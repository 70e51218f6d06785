"""Smooth rectifiers: softplus, its relatives and mollified kinks."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="smooth")
_VALLES = "Valles-Perez et al., Empirical Study of the Modulus as Activation, arXiv 2301.05993"
_KUNC = "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092"
_BISWAS = "Biswas et al., SMU: Smooth Activation Function, arXiv 2111.04682"

ROWS: Final = (
    _named(
        "softplus",
        "softplus(x)",
        2000,
        "Dugas et al., Incorporating Second-Order Functional Knowledge, NIPS 2000",
        aliases=("smooth_relu",),
        torch="Softplus()",
    ),
    _named(
        "parametric_softplus",
        "1.5 * (softplus(x) - log(2.0))",
        2020,
        "Sun et al., Improving Convolutional Neural Networks by Parametric Softplus",
        aliases=("psoftplus",),
    ),
    _named(
        "sharp_softplus",
        "softplus(beta * x) / beta where beta = 1.0",
        2024,
        _KUNC,
        note="softplus with its sharpness learned",
    ),
    _named(
        "soft_plus_plus",
        "softplus(x) + x / 2.0 - log(2.0)",
        2020,
        "Ciuparu et al., Soft++, a Multi-parametric Non-saturating Function",
        aliases=("softpp",),
        note="k = 1, c = 2",
    ),
    _named(
        "resp",
        "1.7 * max(x, 0.0) + softplus(min(x, 0.0))",
        2024,
        _KUNC,
        aliases=("rectified_softplus",),
    ),
    _named(
        "squareplus",
        "(x + sqrt(square(x) + 4.0)) / 2.0",
        2021,
        "Barron, Squareplus: A Softplus-Like Algebraic Rectifier, arXiv 2112.11687",
        note="b = 4",
    ),
    _named(
        "smelu",
        "square(clamp(x + 1.0, 0.0, 2.0)) / 4.0 + max(x - 1.0, 0.0)",
        2022,
        "Shamir et al., Real World Large Scale Recommendation Systems, arXiv 2202.06499",
        note="beta = 1",
    ),
    _named(
        "sqsoftplus",
        "square(clamp(x + 0.5, 0.0, 1.0)) / 2.0 + max(x - 0.5, 0.0)",
        2021,
        "Wuraola et al., Efficient Activation Functions for Embedded Inference Engines",
        note="softplus by squares",
    ),
    _named(
        "smu",
        "(1.25 * x + 0.75 * x * erf(mu * 0.75 * x)) / 2.0 where mu = 25.0",
        2021,
        _BISWAS,
        note="alpha = 0.25; the sharpness mu is learned",
    ),
    _named(
        "smu1",
        "(1.25 * x + sqrt(0.5625 * square(x) + square(mu))) / 2.0 where mu = 1.0",
        2021,
        _BISWAS,
        note="alpha = 0.25; starts at mu = 1, smoother than the paper's",
    ),
    _named(
        "sau",
        "0.15 * x + 0.85 * (x * erfc(-b * x / sqrt(2.0)) / 2.0 "
        "+ exp(-square(b * x) / 2.0) / (b * sqrt(2.0 * pi))) where b = 1.0",
        2021,
        "Biswas et al., SAU: Smooth Activation Function, arXiv 2109.13210",
        note="leaky ReLU (0.15) convolved with a normal density; starts at sharpness 1",
    ),
    _named(
        "gaussian_rectifier",
        "x * erfc(-x / sqrt(2.0)) / 2.0 + exp(-square(x) / 2.0) / sqrt(2.0 * pi)",
        1999,
        "Frey & Hinton, Variational Learning in Nonlinear Gaussian Belief Networks",
        note="ReLU convolved with N(0, 1)",
    ),
    _named(
        "soft_modulus_q",
        "square(min(abs(x), 1.0)) * (2.0 - min(abs(x), 1.0)) + max(abs(x) - 1.0, 0.0)",
        2023,
        _VALLES,
    ),
    _named("soft_modulus_t", "x * tanh(x / 0.01)", 2023, _VALLES),
    _named(
        "log_cosh",
        "abs(x) + softplus(-2.0 * abs(x)) - log(2.0)",
        1999,
        "Hyvarinen, Fast and Robust Fixed-point Algorithms for ICA (contrast function)",
    ),
    _named(
        "prenu",
        "relu(x) - 0.25 * log1p(relu(x))",
        2021,
        "El Jaafari et al., Parametric Rectified Nonlinear Unit for Convolution Neural Networks",
    ),
    _named(
        "nlrelu",
        "log1p(relu(x))",
        2019,
        "Liu et al., Natural-Logarithm-Rectified Activation Function, arXiv 1908.03682",
        note="beta = 1",
    ),
    _named(
        "sine_relu",
        "if_positive(x, x, 0.0025 * (sin(x) - cos(x)))",
        2018,
        "Rodrigues, SineReLU (published as code)",
        note="epsilon = 0.0025",
    ),
    _named(
        "isrlu",
        "max(x, 0.0) + min(x, 0.0) / sqrt(1.0 + square(min(x, 0.0)))",
        2017,
        "Carlile et al., Improving Deep Learning by ISRLUs, arXiv 1710.09967",
    ),
    _named(
        "sqlu",
        "max(x, 0.0) + clamp(x, -2.0, 0.0) + square(clamp(x, -2.0, 0.0)) / 4.0",
        2021,
        "Wuraola et al., Efficient Activation Functions for Embedded Inference Engines",
    ),
    _named(
        "squish",
        "max(x, 0.0) + square(max(x, 0.0)) / 32.0 "
        "+ clamp(x, -2.0, 0.0) + square(clamp(x, -2.0, 0.0)) / 2.0",
        2021,
        "Wuraola et al., Efficient Activation Functions for Embedded Inference Engines",
    ),
    _named(
        "signrelu",
        "max(x, 0.0) + softsign(min(x, 0.0))",
        2018,
        "Lin & Shen, Research on CNN Based on Improved ReLU Piecewise Activation Function",
        aliases=("polylu", "dlu"),
        note="PolyLU (Feng & Yang, 2020), 1 / (1 - x) - 1 below zero, is the same function",
    ),
    _named(
        "polu",
        "max(x, 0.0) + (1.0 - min(x, 0.0)) ** -2.0 - 1.0",
        2018,
        "Li et al., Improving Deep Neural Network with Power Linear Unit, arXiv 1802.00212",
        aliases=("power_linear_unit",),
        note="n = 2",
    ),
    _named(
        "fpflu",
        "x + square(min(x, 0.0)) / sqrt(1.0 + square(x))",
        2021,
        "Zhu et al., PFLU and FPFLU: Two Novel Non-monotonic Activation Functions",
    ),
)
