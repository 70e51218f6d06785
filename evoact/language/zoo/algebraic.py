"""Polynomials and rational functions."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="algebraic")
_NOEL = "Noel et al., Biologically Inspired Oscillating Activation Functions, arXiv 2111.04020"
_LOKHANDE = "Lokhande et al., Generating Accurate Pseudo-labels by Hermite, arXiv 1909.05479"
_KUNC = "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092"

ROWS: Final = (
    _named(
        "square",
        "square(x)",
        2014,
        "Livni et al., On the Computational Efficiency of Training, arXiv 1410.1141; "
        "CryptoNets, 2016",
    ),
    _named(
        "cube",
        "cube(x)",
        2014,
        "Chen & Manning, A Fast and Accurate Dependency Parser using Neural Networks",
    ),
    _named(
        "squ",
        "square(x) + x",
        2021,
        _NOEL,
        aliases=("shifted_quadratic",),
    ),
    _named("ncu", "x - cube(x)", 2021, _NOEL, aliases=("nonmonotonic_cubic",)),
    _named(
        "quadratic",
        "a * square(x) + b * x + c where a = 0.0, b = 1.0, c = 0.0",
        2024,
        _KUNC,
        note="trainable quadratic; starts as the identity",
    ),
    _named(
        "slaf",
        "a0 + a1 * x + a2 * square(x) + a3 * cube(x) + a4 * square(square(x)) "
        "+ a5 * x * square(square(x)) "
        "where a0 = 0.0, a1 = 1.0, a2 = 0.0, a3 = 0.0, a4 = 0.0, a5 = 0.0",
        2019,
        "Goyal et al., Learning Activation Functions: A New Paradigm, arXiv 1906.09529",
        aliases=("taylor_polynomial",),
        note="degree 5; starts as the identity",
    ),
    _named(
        "chebyshev",
        "a0 + a1 * x + a2 * (2.0 * square(x) - 1.0) + a3 * (4.0 * cube(x) - 3.0 * x) "
        "where a0 = 0.0, a1 = 1.0, a2 = 0.0, a3 = 0.0",
        2024,
        _KUNC,
        aliases=("chpaf",),
        note="degree 3; starts as the identity",
    ),
    _named(
        "legendre",
        "a0 + a1 * x + a2 * (1.5 * square(x) - 0.5) + a3 * (2.5 * cube(x) - 1.5 * x) "
        "where a0 = 0.0, a1 = 1.0, a2 = 0.0, a3 = 0.0",
        2024,
        _KUNC,
        aliases=("lpaf",),
        note="degree 3; starts as the identity",
    ),
    _named(
        "hermite",
        "a0 + a1 * x + a2 * (square(x) - 1.0) / sqrt(2.0) "
        "+ a3 * (cube(x) - 3.0 * x) / sqrt(6.0) "
        "+ a4 * (square(square(x)) - 6.0 * square(x) + 3.0) / sqrt(24.0) "
        "where a0 = 0.3989422804014327, a1 = 0.5, a2 = 0.28209479177387814, a3 = 0.0, "
        "a4 = -0.08143375198381998",
        2019,
        _LOKHANDE,
        aliases=("hpaf",),
        note="degree 4, orthonormal under N(0, 1); starts at the coefficients of ReLU",
    ),
    _named(
        "polyrelu",
        "a0 + a1 * relu(x) + a2 * square(relu(x)) + a3 * cube(relu(x)) "
        "where a0 = 0.0, a1 = 0.3333333333333333, a2 = 0.3333333333333333, "
        "a3 = 0.3333333333333333",
        2024,
        "Zhuo et al., Polynomial Composition Activations, arXiv 2411.03884",
    ),
    _named(
        "star_relu",
        "s * square(relu(x)) + b where s = 0.8944271909999159, b = -0.4472135954999579",
        2022,
        "Yu et al., MetaFormer Baselines for Vision, arXiv 2210.13452",
    ),
    _named(
        "pau",
        "(a0 + x * (a1 + x * (a2 + x * (a3 + x * (a4 + x * a5))))) "
        "/ (1.0 + abs(x * (b1 + x * (b2 + x * (b3 + x * b4))))) "
        "where a0 = 0.02996348, a1 = 0.61690165, a2 = 2.37539147, a3 = 3.06608078, "
        "a4 = 1.52474449, a5 = 0.25281987, "
        "b1 = 1.19160814, b2 = 4.40811795, b3 = 0.91111034, b4 = 0.34885983",
        2019,
        "Molina et al., Pade Activation Units, arXiv 1907.06732",
        aliases=("safe_pau", "pade"),
        note="degree 5/4; starts close to leaky ReLU on [-3, 3]",
    ),
    _named(
        "rational",
        "(p0 + x * (p1 + x * (p2 + x * p3))) / (q0 + x * (q1 + x * q2)) "
        "where p0 = 0.0218, p1 = 0.5, p2 = 1.5957, p3 = 1.1915, q0 = 1.0, q1 = 0.0, q2 = 2.383",
        2020,
        "Boulle et al., Rational Neural Networks, arXiv 2004.01902",
        note="degree 3/2; starts close to ReLU on [-1, 1]; poles once q1^2 > 4 q0 q2",
    ),
    _named(
        "blu",
        "b * (sqrt(square(x) + 1.0) - 1.0) + x where b = 0.5 per channel",
        2019,
        "Godfrey, An Evaluation of Parametric Activation Functions for Deep Learning",
        aliases=("bendable_linear",),
        note="starts as bent_identity",
    ),
    _named(
        "scaled_softsign",
        "a * x / (b + abs(x)) where a = 1.0, b = 1.0",
        2023,
        "Pishchik, Trainable Activations for Image Classification",
    ),
)
