"""Bumps and radial functions: local units, wavelets, functions of a distance.

Where `preactivation` is "distance", x is the distance of the input to a
centre, never negative; where it is "conic", the sum of an inner product and
a distance (Duch & Jankowski 1999).
"""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="radial")
_distance = partial(Named, family="radial", preactivation="distance")
_DUCH = "Duch & Jankowski, Survey of Neural Transfer Functions, 1999"
_DUCH_1997 = "Duch & Jankowski, New Neural Transfer Functions, 1997"
_POGGIO = "Poggio & Girosi, Networks for Approximation and Learning, 1990"
_KUNC = "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092"
_RAMASINGHE = "Ramasinghe & Lucey, Beyond Periodicity, arXiv 2111.15135"

ROWS: Final = (
    _named(
        "gaussian",
        "gaussian(x)",
        1988,
        "Broomhead & Lowe, Multivariable Functional Interpolation and Adaptive Networks",
        aliases=("radial_basis",),
    ),
    _named(
        "normal_bump",
        "exp(-square(x) / 2.0)",
        2021,
        _RAMASINGHE,
        note="Gaussian of standard deviation 1",
    ),
    _named("lorentzian", "1.0 / (1.0 + square(x))", 1999, _DUCH, aliases=("cauchy",)),
    _named("laplacian", "exp(-abs(x))", 2021, _RAMASINGHE),
    _named("logistic_bump", "2.0 - 2.0 * sigmoid(square(x))", 1999, _DUCH, aliases=("g1",)),
    _named("tanh_bump", "1.0 - tanh(square(x))", 1999, _DUCH, aliases=("g2",)),
    _named(
        "logistic_derivative",
        "sigmoid(x) * sigmoid(-x)",
        1999,
        _DUCH,
        aliases=("dsigmoid",),
    ),
    _named(
        "sech", "1.0 / cosh(clamp(x, -40.0, 40.0))", 2024, _KUNC, aliases=("hyperbolic_secant",)
    ),
    _named("inverse_multiquadric", "1.0 / sqrt(1.0 + square(x))", 1990, _POGGIO),
    _named("multiquadric", "sqrt(1.0 + square(x))", 1971, "Hardy, Multiquadric Equations"),
    _named(
        "parabolic_bump",
        "max(1.0 - square(x), 0.0)",
        1969,
        "Epanechnikov, Non-parametric Estimation of a Multivariate Probability Density",
        aliases=("epanechnikov",),
    ),
    _named(
        "cubic_bspline",
        "(cube(max(2.0 - abs(x), 0.0)) - 4.0 * cube(max(1.0 - abs(x), 0.0))) / 6.0",
        1999,
        _DUCH,
        note="spline approximation of a Gaussian",
    ),
    _named(
        "mexican_hat",
        "(1.0 - square(x)) * exp(-square(x) / 2.0)",
        1992,
        "Zhang & Benveniste, Wavelet Networks",
        aliases=("ricker",),
    ),
    _named(
        "gaussian_wavelet",
        "-x * exp(-square(x) / 2.0)",
        1992,
        "Zhang & Benveniste, Wavelet Networks",
    ),
    _named(
        "morlet",
        "cos(1.75 * x) * exp(-square(x) / 2.0)",
        1992,
        "Szu et al., Neural Network Adaptive Wavelets for Signal Representation",
    ),
    _named(
        "wire",
        "cos(10.0 * x) * exp(-square(10.0 * x))",
        2023,
        "Saragadam et al., WIRE: Wavelet Implicit Neural Representations, arXiv 2301.05187",
        aliases=("real_gabor",),
        note="the real form; omega = s = 10",
    ),
    _named(
        "elephant",
        "1.0 / (1.0 + square(square(x)))",
        2023,
        "Lan & Mahmood, Elephant Neural Networks, arXiv 2310.01365",
        note="a = 1, d = 4",
    ),
    _named(
        "tent",
        "max(a - abs(x), 0.0) where a = 1.0",
        2019,
        "Rozsa & Boult, Improved Adversarial Robustness by Tent Activations, arXiv 1908.02435",
    ),
    _named(
        "bicentral",
        "sigmoid(exp(s) * (x - t + exp(b))) * sigmoid(-exp(s) * (x - t - exp(b))) "
        "where s = 0.0 per channel, t = 0.0 per channel, b = 0.0 per channel",
        1997,
        _DUCH_1997,
        aliases=("biradial",),
        note="slope and width as exponentials; one factor of the product over dimensions",
    ),
    _named(
        "bicentral_two_slopes",
        "sigmoid(exp(s) * (x - t + exp(b))) * sigmoid(-exp(r) * (x - t - exp(b))) "
        "where s = 0.0 per channel, t = 0.0 per channel, b = 0.0 per channel, "
        "r = 0.0 per channel",
        1999,
        _DUCH,
        aliases=("bicentral_2s",),
    ),
    _named(
        "semi_bicentral",
        "(p + sigmoid(exp(s) * (x - t + exp(b)))) * (1.0 - q * sigmoid(exp(s) * (x - t - exp(b)))) "
        "where p = 0.0 per channel, s = 0.0 per channel, t = 0.0 per channel, "
        "b = 0.0 per channel, q = 1.0 per channel",
        1999,
        _DUCH,
        note="bicentral at p = 0, q = 1; a sigmoid at p = q = 0",
    ),
    _named(
        "bicentral_difference",
        "sigmoid(x + 1.0) - sigmoid(x - 1.0)",
        1999,
        _DUCH,
        note="window made of a difference of two sigmoids",
    ),
    _distance(
        "gaussian_rbf",
        "gaussian(x)",
        1989,
        "Moody & Darken, Fast Learning in Networks of Locally-tuned Processing Units",
        note="gaussian, of a distance",
    ),
    _distance(
        "multiquadric_rbf",
        "sqrt(square(x) + square(b)) where b = 1.0 per channel",
        1990,
        _POGGIO,
    ),
    _distance(
        "inverse_multiquadric_rbf",
        "1.0 / sqrt(square(x) + square(b)) where b = 1.0 per channel",
        1990,
        _POGGIO,
    ),
    _distance(
        "thin_plate_spline",
        "square(x) * log(max(abs(x), 0.000000000001))",
        1976,
        "Duchon, Interpolation des fonctions de deux variables; " + _POGGIO,
    ),
    _distance("cubic_rbf", "cube(abs(x))", 1990, _POGGIO),
    _distance(
        "distance_sigmoid",
        "sigmoid(b - x) where b = 1.0 per channel",
        1999,
        _DUCH,
        note="soft ball of radius b",
    ),
    Named(
        "conic_sigmoid",
        "sigmoid(x)",
        1994,
        "Dorffner, A Unified Framework for MLPs and RBFNs: Conic Section Function Networks",
        "radial",
        preactivation="conic",
        note="sigmoid, of an inner product plus a distance",
    ),
)
