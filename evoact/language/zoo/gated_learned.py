"""The input times a gate whose shape is learned."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="gated")
_ACON = "Ma et al., Activate or Not: Learning Customized Activation, arXiv 2009.04759"
_BISWAS = "Biswas et al., ErfAct and Pserf, arXiv 2109.04386"
_HUANG = "Huang, Expanded Gating Ranges Improve Activation Functions, arXiv 2405.20768"
_KUNC = "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092"
_APA = "Alexandridis et al., Adaptive Parametric Activation, arXiv 2407.08567"
_PISHCHIK = "Pishchik, Trainable Activations for Image Classification, 2023"

ROWS: Final = (
    _named(
        "swish",
        "x * sigmoid(beta * x) where beta = 1.0",
        2017,
        "Ramachandran et al., Searching for Activation Functions, arXiv 1710.05941",
        aliases=("acon_a",),
    ),
    _named(
        "acon_b",
        "(1.0 - p) * x * sigmoid(beta * (1.0 - p) * x) + p * x "
        "where p = 0.25 per channel, beta = 1.0 per channel",
        2021,
        _ACON,
    ),
    _named(
        "acon_c",
        "(p - q) * x * sigmoid(beta * (p - q) * x) + q * x "
        "where p = 1.0 per channel, q = 0.0 per channel, beta = 1.0 per channel",
        2021,
        _ACON,
        aliases=("acon",),
        note="starts as SiLU; the paper draws p and q from N(0, 1)",
    ),
    _named(
        "ahaf",
        "a * x * sigmoid(b * x) where a = 1.0, b = 1.0",
        2022,
        "Bodyanskiy & Kostiuk, Adaptive Hybrid Activation Function for Deep Neural Networks",
    ),
    _named(
        "leaf",
        "(a * x + b) * sigmoid(c * x) + d where a = 1.0, b = 0.0, c = 1.0, d = 0.0",
        2023,
        "Bodyanskiy & Kostiuk, Learnable Extended Activation Function (LEAF)",
        note="starts as SiLU",
    ),
    _named(
        "tswish",
        "max(x, 0.0) + a * min(x, 0.0) * sigmoid(b * min(x, 0.0)) where a = 1.0, b = 1.0",
        2024,
        _KUNC,
        note="threshold 0; elsewhere the function has a jump",
    ),
    _named(
        "pssilu",
        "x * (sigmoid(a * x) - b) / (1.0 - b) where a = 1.0, b = 0.5",
        2024,
        _KUNC,
    ),
    _named(
        "parametric_gelu",
        "0.5 * x * erfc(-x / (sqrt(2.0) * a)) where a = 1.0 per channel",
        2020,
        "Duan et al., Parametric Gaussian Error Linear Units",
        aliases=("pgelu",),
    ),
    _named(
        "lau",
        "x * log1p(a * sigmoid(b * x)) where a = 1.0, b = 1.0",
        2024,
        _KUNC,
        aliases=("logmoid",),
    ),
    _named(
        "erfact",
        "x * erf(a * safe_exp(b * x)) where a = 0.75, b = 0.75",
        2021,
        _BISWAS,
    ),
    _named("pserf", "x * erf(c * softplus(d * x)) where c = 1.25, d = 0.85", 2021, _BISWAS),
    _named(
        "psgu",
        "x * tanh(a * sigmoid(x)) where a = 1.0",
        2024,
        _KUNC,
    ),
    _named(
        "tbsrelu_learned",
        "x * tanh(a * tanh(x / 2.0)) where a = 0.5",
        2024,
        _KUNC,
        aliases=("tbsrelul",),
    ),
    _named(
        "parametric_hardswish",
        "2.0 * x * clamp(0.2 * b * x + 0.5, 0.0, 1.0) where b = 1.0",
        2019,
        "Avenash & Viswanath, Semantic Segmentation of Satellite Images using Hard-Swish",
    ),
    _named(
        "aqulu",
        "x * clamp(a * x + b, 0.0, 1.0) where a = 0.2, b = 0.1",
        2024,
        _KUNC,
    ),
    _named(
        "sinlu",
        "(x + a * sin(b * x)) * sigmoid(x) where a = 1.0, b = 1.0",
        2022,
        "Paul et al., SinLU: Sinu-Sigmoidal Linear Unit",
    ),
    _named(
        "coslu",
        "(x + a * cos(b * x)) * sigmoid(x) where a = 1.0, b = 1.0",
        2023,
        _PISHCHIK,
    ),
    _named(
        "delu",
        "if_positive(x, (n + 0.5) * x - expm1(-max(x, 0.0)), silu(x)) where n = 1.0",
        2023,
        _PISHCHIK,
    ),
    _named(
        "xsilu",
        "x * ((1.0 + 2.0 * a) * sigmoid(x) - a) where a = 0.0",
        2024,
        _HUANG,
    ),
    _named(
        "xgelu",
        "x * ((1.0 + 2.0 * a) * erfc(-x / sqrt(2.0)) / 2.0 - a) where a = 0.0",
        2024,
        _HUANG,
    ),
    _named(
        "xatlu",
        "x * ((1.0 + 2.0 * a) * (atan(x) / pi + 0.5) - a) where a = 0.0",
        2024,
        _HUANG,
    ),
    _named(
        "aglu",
        "x * exp(-softplus(log(lam) - kappa * x) / lam) where lam = 1.0, kappa = 1.0",
        2024,
        _APA,
        note="lam must stay positive",
    ),
    _named(
        "pfts",
        "relu(x) * sigmoid(x) + t where t = -0.2",
        2020,
        "Chieng et al., Parametric Flatten-T Swish, arXiv 2011.03155",
    ),
    _named(
        "pstanh",
        "a * x * (1.0 + tanh(b * x)) where a = 0.5, b = 1.0",
        2024,
        _KUNC,
    ),
    _named(
        "eapcu",
        "if_positive(x, b * x, a * x * tanh(softplus(a * x))) "
        "where a = 1.0 per channel, b = 1.0 per channel",
        2024,
        _KUNC,
    ),
)
