"""Oscillating functions."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="periodic")
_NOEL = "Noel et al., Biologically Inspired Oscillating Activation Functions, arXiv 2111.04020"
_EGER = "Eger et al., Is it Time to Swish?, EMNLP 2018"
_KUNC = "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092"

ROWS: Final = (
    _named(
        "sine",
        "sin(x)",
        1987,
        "Lapedes & Farber, Nonlinear Signal Processing Using Neural Networks",
        aliases=("sin",),
    ),
    _named(
        "cosine",
        "cos(x)",
        1988,
        "Gallant & White, There Exists a Neural Network That Does Not Make Avoidable Mistakes",
        aliases=("cos",),
    ),
    _named(
        "cosine_squasher",
        "(1.0 + sin(clamp(x, -1.5707963267948966, 1.5707963267948966))) / 2.0",
        1988,
        "Gallant & White, There Exists a Neural Network That Does Not Make Avoidable Mistakes",
    ),
    _named(
        "siren",
        "sin(30.0 * x)",
        2020,
        "Sitzmann et al., Implicit Neural Representations with Periodic Activations, "
        "arXiv 2006.09661",
        note="omega = 30",
    ),
    _named(
        "finer",
        "sin(30.0 * (abs(x) + 1.0) * x)",
        2023,
        "Liu et al., FINER: Flexible Spectral-bias Tuning, arXiv 2312.02434",
        note="omega = 30",
    ),
    _named(
        "spder",
        "sin(x) * safe_sqrt(x)",
        2023,
        "Shah & Sitawarin, SPDER: Semiperiodic Damping-Enabled Object Representation, "
        "arXiv 2306.15242",
        note="sqrt(|x|) as sqrt(|x| + 1e-6)",
    ),
    _named(
        "learned_sine",
        "a * sin(b * x + c) where a = 1.0, b = 1.0, c = 0.0",
        1999,
        "Sopena et al., Neural Networks with Periodic and Monotonic Activation Functions",
    ),
    _named(
        "snake",
        "x + square(sin(a * x)) / a where a = 1.0",
        2020,
        "Ziyin et al., Neural Networks Fail to Learn Periodic Functions, arXiv 2006.08195",
    ),
    _named(
        "snake_beta",
        "x + square(sin(exp(a) * x)) / (exp(b) + 0.000000001) "
        "where a = 0.0 per channel, b = 0.0 per channel",
        2022,
        "Lee et al., BigVGAN: A Universal Neural Vocoder, arXiv 2206.04658",
        note="frequency and magnitude as exponentials",
    ),
    _named(
        "x_plus_sin",
        "x + sin(x)",
        2020,
        "Ziyin et al., Neural Networks Fail to Learn Periodic Functions, arXiv 2006.08195",
    ),
    _named(
        "sincos",
        "sin(x) + cos(x)",
        2020,
        "Ziyin et al., arXiv 2006.08195; " + _KUNC,
    ),
    _named("one_minus_cos", "1.0 - cos(x)", 2024, _KUNC),
    _named("sinp", "sin(x) - x", 2024, _KUNC, note="SinP[N] at N = 1"),
    _named("cosid", "cos(x) - x", 2018, _EGER),
    _named("minsin", "min(x, sin(x))", 2018, _EGER),
    _named("arctid", "square(atan(x)) - x", 2018, _EGER),
    _named(
        "gcu",
        "x * cos(x)",
        2021,
        "Noel et al., Growing Cosine Unit, arXiv 2108.12943",
    ),
    _named(
        "asu",
        "x * sin(x)",
        2023,
        "Rahman et al., Amplifying Sine Unit, arXiv 2304.09759",
    ),
    _named("sinc", "sinc(x)", 2017, "Ramachandran et al., arXiv 1710.05941 (core unit)"),
    _named(
        "ssu",
        "pi * sinc((x - pi) / pi)",
        2021,
        _NOEL,
        note="the sinc without pi, sin(x) / x: the function is 0 at 0",
    ),
    _named(
        "dsu",
        "pi / 2.0 * (sinc((x - pi) / pi) - sinc((x + pi) / pi))",
        2021,
        _NOEL,
        note="the sinc without pi, sin(x) / x",
    ),
    _named("expsin", "exp(sin(x))", 2021, "Ramasinghe & Lucey, arXiv 2111.15135"),
    _named("expcos", "exp(cos(x))", 2024, _KUNC),
    _named("sigmoid_cos", "sigmoid(x) * cos(x)", 2024, _KUNC),
    _named(
        "vlu",
        "relu(x) + sin(x)",
        2021,
        "Gupta & Siddiqui, PVLU: Parametric Variational Linear Units, arXiv 2110.12246",
        note="a = b = 1",
    ),
    _named(
        "pvlu",
        "relu(x) + a * sin(b * x) where a = 0.1 per channel, b = 1.0 per channel",
        2021,
        "Gupta & Siddiqui, PVLU: Parametric Variational Linear Units, arXiv 2110.12246",
    ),
    _named(
        "fourier_series",
        "a + b1 * cos(d * x) + c1 * sin(d * x) + b2 * cos(2.0 * d * x) + c2 * sin(2.0 * d * x) "
        "+ b3 * cos(3.0 * d * x) + c3 * sin(3.0 * d * x) "
        "where a = 0.0, b1 = 0.1, d = 1.0, c1 = 0.1, b2 = 0.1, c2 = 0.1, b3 = 0.1, c3 = 0.1",
        2020,
        "Liao, Trainable Activation Function in Image Classification, arXiv 2004.13271",
        aliases=("fsa",),
        note="three harmonics",
    ),
    _named(
        "rowdy",
        "relu(x) + a1 * sin(x) + a2 * sin(2.0 * x) + a3 * sin(3.0 * x) "
        "where a1 = 0.0, a2 = 0.0, a3 = 0.0",
        2022,
        "Jagtap et al., Deep Kronecker Neural Networks, arXiv 2105.09513",
        note="on ReLU, three terms",
    ),
)
