"""The zoo's texts against the formulas as their papers write them, by cases."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special

from evoact.language import named

Array = npt.NDArray[np.float64]
X: Array = np.linspace(-8.0, 8.0, 1601)  # with every half and quarter
LN2 = math.log(2.0)


def _cases(x: Array, *pieces: tuple[float, Callable[[Array], Array]]) -> Array:
    """Each piece holds from its bound up to that of the next."""
    result = np.full_like(x, np.nan)
    for bound, piece in pieces:
        result = np.where(x >= bound, piece(x), result)
    return result


def _zero(x: Array) -> Array:
    return 0.0 * x


def _one(x: Array) -> Array:
    return 0.0 * x + 1.0


def _phi(x: Array) -> Array:
    return special.ndtr(x)


LOW = -math.inf
FORMULAS: dict[str, Callable[[Array], Array]] = {
    "abslu": lambda x: _cases(x, (LOW, lambda z: 0.5 * np.abs(z)), (0, lambda z: z)),
    "acon_b": lambda x: 0.75 * x * special.expit(0.75 * x) + 0.25 * x,
    "adaptive_gumbel": lambda x: 1 - (1 + (a := math.log(1 + math.e)) * np.exp(x)) ** (-1 / a),
    "algebraic_logistic": lambda x: special.expit(
        x * (1 + np.abs(x)) / (1 + np.abs(x) * (1 + np.abs(x)))
    ),
    "apa": lambda x: (np.exp(-x) + 1) ** -1.0,
    "apl": lambda x: np.maximum(x, 0),
    "aptx": lambda x: (1 + np.tanh(x)) * x / 2,
    "aqulu": lambda x: _cases(
        x, (LOW, _zero), (-0.5, lambda z: 0.2 * z * z + 0.1 * z), (4.5, lambda z: z)
    ),
    "aranda_ordaz": lambda x: 1 - (1 + 2 * np.exp(x)) ** -0.5,
    "aria2": lambda x: x * (1 + np.exp(-2 * x)) ** -1.5,
    "autotuned_sigmoid": lambda x: 2 * (1 - np.exp(-x)) / (1 + np.exp(-x)),
    "bbfire": lambda x: np.minimum(np.where(np.abs(x) > 1, np.abs(x) - 0.5, x * x / 2), 5),
    "bfire": lambda x: np.where(np.abs(x) > 1, np.abs(x) - 0.5, x * x / 2),
    "bicentral": lambda x: special.expit(x + 1) * (1 - special.expit(x - 1)),
    "bounded_leaky_relu": lambda x: _cases(
        x, (LOW, lambda z: 0.01 * z), (0, lambda z: z), (1, lambda z: 0.01 * z + 0.99)
    ),
    "cloglog": lambda x: 1 - np.exp(-np.exp(x)),
    "cloglogm": lambda x: 1 - 2 * np.exp(-0.7 * np.exp(x)),
    "colu": lambda x: x / (1 - x * np.exp(-(x + np.exp(x)))),
    "cubic_bspline": lambda x: np.where(
        np.abs(x) < 1,
        2 / 3 - x**2 + np.abs(x) ** 3 / 2,
        np.maximum(2 - np.abs(x), 0) ** 3 / 6,
    ),
    "delu": lambda x: _cases(
        x, (LOW, lambda z: z * special.expit(z)), (0, lambda z: 1.5 * z + np.abs(np.exp(-z) - 1))
    ),
    "dsilu": lambda x: special.expit(x) * (1 + x * (1 - special.expit(x))),
    "dsu": lambda x: math.pi / 2 * (np.sinc(x / math.pi - 1) - np.sinc(x / math.pi + 1)),
    "eanaf": lambda x: x * np.exp(x) / (np.exp(x) + 2),
    "elish": lambda x: _cases(
        x, (LOW, lambda z: np.expm1(z) * special.expit(z)), (0, lambda z: z * special.expit(z))
    ),
    "fold4": lambda x: _cases(
        x,
        (LOW, lambda z: 4 * z),
        (0.25, lambda z: 2 - 4 * z),
        (0.5, lambda z: 4 * z - 2),
        (0.75, lambda z: 4 - 4 * z),
    ),
    "fpflu": lambda x: _cases(x, (LOW, lambda z: z + z * z / np.sqrt(1 + z * z)), (0, lambda z: z)),
    "gaussian_rectifier": lambda x: x * _phi(x) + np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "gish": lambda x: x * np.log(2 - np.exp(-np.exp(x))),
    "hard_elish": lambda x: _cases(
        x,
        (LOW, lambda z: np.expm1(z) * np.clip((z + 1) / 2, 0, 1)),
        (0, lambda z: z * np.clip((z + 1) / 2, 0, 1)),
    ),
    "hard_mish": lambda x: _cases(x, (LOW, _zero), (-2, lambda z: z * z / 2 + z), (0, lambda z: z)),
    "hat": lambda x: _cases(x, (LOW, _zero), (0, lambda z: z), (1, lambda z: 2 - z), (2, _zero)),
    "hclsh": lambda x: _cases(
        x,
        (LOW, lambda z: np.log(np.cosh(z)) + z),
        (0, lambda z: np.log(np.cosh(z) + np.maximum(z, 0) * np.cosh(z / 2))),
    ),
    "hexpo": lambda x: _cases(x, (LOW, lambda z: np.exp(z) - 1), (0, lambda z: -(np.exp(-z) - 1))),
    "hyper_sinh": lambda x: _cases(x, (LOW, lambda z: z**3 / 4), (0, lambda z: np.sinh(z) / 3)),
    "improved_logistic": lambda x: _cases(
        x,
        (LOW, lambda z: 0.2 * (z + 2) + special.expit(-2)),
        (-2, special.expit),
        (2, lambda z: 0.2 * (z - 2) + special.expit(2)),
    ),
    "isrlu": lambda x: _cases(x, (LOW, lambda z: z / np.sqrt(1 + z * z)), (0, lambda z: z)),
    "lalu": lambda x: _cases(
        x, (LOW, lambda z: z * np.exp(z) / 2), (0, lambda z: z * (1 - np.exp(-z) / 2))
    ),
    "legendre": lambda x: x,
    "linq": lambda x: _cases(
        x,
        (LOW, lambda z: 0.1 * z - (1 - 0.2 + 0.01)),
        (-1.8, lambda z: z * (4 - np.abs(z)) / 4),
        (1.8, lambda z: 0.1 * z + (1 - 0.2 + 0.01)),
    ),
    "log_cosh": lambda x: np.log(np.cosh(x)),
    "loglogish": lambda x: x * (1 - np.exp(-np.exp(x))),
    "log_sqnl": lambda x: _cases(
        x,
        (LOW, _zero),
        (-2, lambda z: z / 2 + z * z / 8 + 0.5),
        (0, lambda z: z / 2 - z * z / 8 + 0.5),
        (2, _one),
    ),
    "new_sigmoid": lambda x: (
        (np.exp(x) - np.exp(-x)) / np.sqrt(2 * (np.exp(2 * x) + np.exp(-2 * x)))
    ),
    "pau": lambda x: (
        np.polyval((0.25281987, 1.52474449, 3.06608078, 2.37539147, 0.61690165, 0.02996348), x)
        / (1 + np.abs(np.polyval((0.34885983, 0.91111034, 4.40811795, 1.19160814, 0), x)))
    ),
    "pdelu": lambda x: _cases(
        x, (LOW, lambda z: np.maximum(1 + 0.1 * z, 0) ** 10 - 1), (0, lambda z: z)
    ),
    "penalized_tanh": lambda x: _cases(x, (LOW, lambda z: 0.25 * np.tanh(z)), (0, np.tanh)),
    "pflu": lambda x: x * (1 + x / np.sqrt(1 + x * x)) / 2,
    "plu": lambda x: _cases(
        x, (LOW, lambda z: 0.1 * (z + 1) - 1), (-1, lambda z: z), (1, lambda z: 0.1 * (z - 1) + 1)
    ),
    "polu": lambda x: _cases(
        x, (LOW, lambda z: (1 - np.minimum(z, 0)) ** -2.0 - 1), (0, lambda z: z)
    ),
    "puaf": lambda x: x * (10 + x) ** 5 / ((10 + x) ** 5 + (10 - x) ** 5),
    "pwlu": lambda x: np.maximum(x, 0),
    "quantized_relu": lambda x: np.floor(3 * np.clip(x, 0, 1) + 0.5 - 1e-9) / 3,
    "rational_tanh": lambda x: (
        1.7159 * np.sign(y := 2 * x / 3) * (1 - 1 / (1 + np.abs(y) + y * y + 1.41645 * y**4))
    ),
    "reltanh": lambda x: _cases(
        x,
        (LOW, lambda z: (1 - math.tanh(1.5) ** 2) * (z + 1.5) - math.tanh(1.5)),
        (-1.5, np.tanh),
        (0, lambda z: z),
    ),
    "reu": lambda x: _cases(x, (LOW, lambda z: z * np.exp(z)), (0, lambda z: z)),
    "root2_sigmoid": lambda x: (
        (2 ** (x / 2) - 2 ** (-x / 2)) / (2 * math.sqrt(2) * np.sqrt(2 * (2.0**x + 2.0**-x)))
    ),
    "rsigelu": lambda x: _cases(
        x,
        (LOW, lambda z: 0.5 * np.expm1(z)),
        (0, lambda z: z),
        (1 + 1e-9, lambda z: z + 0.5 * z * special.expit(z)),
    ),
    "sara": lambda x: _cases(
        x, (LOW, lambda z: z / (1 + 0.5 * np.exp(-0.7 * z))), (0, lambda z: z)
    ),
    "sau": lambda x: 0.15 * x + 0.85 * (x * _phi(x) + np.exp(-x * x / 2) / math.sqrt(2 * math.pi)),
    "serlu": lambda x: (
        1.07862 * _cases(x, (LOW, lambda z: 2.90427 * z * np.exp(z)), (0, lambda z: z))
    ),
    "signrelu": lambda x: _cases(
        x, (LOW, lambda z: 1 / (1 - np.minimum(z, 0)) - 1), (0, lambda z: z)
    ),
    "slu": lambda x: _cases(x, (LOW, lambda z: 2 * np.log((np.exp(z) + 1) / 2)), (0, lambda z: z)),
    "smelu": lambda x: _cases(x, (LOW, _zero), (-1, lambda z: (z + 1) ** 2 / 4), (1, lambda z: z)),
    "smooth_step": lambda x: _cases(
        x, (LOW, _zero), (-0.5, lambda z: -2 * z**3 + 1.5 * z + 0.5), (0.5, _one)
    ),
    "smu": lambda x: ((1 + 0.25) * x + (1 - 0.25) * x * special.erf(25 * 0.75 * x)) / 2,
    "soft_clipping": lambda x: (np.logaddexp(0, 50 * x) - np.logaddexp(0, 50 * (x - 1))) / 50,
    "soft_exponential": lambda x: (np.exp(0.1 * x) - 1) / 0.1 + 0.1,
    "soft_modulus_q": lambda x: np.where(np.abs(x) <= 1, x * x * (2 - np.abs(x)), np.abs(x)),
    "soft_root_sign": lambda x: x / (x / 2 + np.exp(-x / 3)),
    "splash": lambda x: np.maximum(x, 0),
    "sqlu": lambda x: _cases(
        x, (LOW, lambda z: -_one(z)), (-2, lambda z: z + z * z / 4), (0, lambda z: z)
    ),
    "sqnl": lambda x: _cases(
        x,
        (LOW, lambda z: -_one(z)),
        (-2, lambda z: z + z * z / 4),
        (0, lambda z: z - z * z / 4),
        (2, _one),
    ),
    "sqsoftplus": lambda x: _cases(
        x, (LOW, _zero), (-0.5, lambda z: (z + 0.5) ** 2 / 2), (0.5, lambda z: z)
    ),
    "squish": lambda x: _cases(
        x, (LOW, _zero), (-2, lambda z: z + z * z / 2), (0, lambda z: z + z * z / 32)
    ),
    "srelu": lambda x: _cases(x, (LOW, lambda z: 0.2 * z), (0, lambda z: z)),
    "ssu": lambda x: math.pi * np.sinc(x / math.pi - 1),
    "stac_tanh": lambda x: _cases(
        x,
        (LOW, lambda z: -math.tanh(1) + 0.1 * (z + 1)),
        (-1, np.tanh),
        (1, lambda z: math.tanh(1) + 0.1 * (z - 1)),
    ),
    "symexp": lambda x: np.sign(x) * np.expm1(np.abs(x)),
    "talu": lambda x: _cases(
        x, (LOW, lambda z: math.tanh(-0.75) * _one(z)), (-0.75, np.tanh), (0, lambda z: z)
    ),
    "tanhsoft3": lambda x: np.log(1 + np.exp(x) * np.tanh(0.98 * x)),
    "ternary": lambda x: _cases(
        x,
        (LOW, lambda z: -_one(z)),
        (-0.5, lambda z: -0.5 * _one(z)),
        (-0.5 + 1e-9, _zero),
        (0.5, lambda z: 0.5 * _one(z)),
        (0.5 + 1e-9, _one),
    ),
    "thresholded_relu": lambda x: np.where(x > 1, x, 0),
    "triangular": lambda x: np.maximum(np.minimum(1 + x, 1 - x), 0),
    "uaf": lambda x: np.logaddexp(0, x) - np.logaddexp(0, -x),
    "very_leaky_relu": lambda x: np.where(x > 0, x, x / 3),
    "xielu": lambda x: _cases(
        x,
        (LOW, lambda z: 0.8 * np.expm1(z) - 0.8 * z + 0.5 * z),
        (0, lambda z: 0.8 * z * z + 0.5 * z),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_text_is_the_formula(name: str) -> None:
    wanted = FORMULAS[name](X)
    np.testing.assert_allclose(named(name).numpy()(X), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "rivals"),
    [
        ("pau", lambda x: np.where(x > 0, x, 0.01 * x)),
        ("rational", lambda x: np.maximum(x, 0)),
        ("hermite", lambda x: np.maximum(x, 0)),
        ("gelu_sigmoid", lambda x: x * _phi(x)),
        ("rational_tanh", lambda x: 1.7159 * np.tanh(2 * x / 3)),
    ],
)
def test_starts_close_to_what_it_approximates(name: str, rivals: Callable[[Array], Array]) -> None:
    x: Array = np.linspace(-1.0, 1.0, 201)
    assert np.abs(named(name).numpy()(x) - rivals(x)).max() < 0.15


def test_selu_and_star_relu_normalise() -> None:
    """Mean 0 and variance 1 of a standard normal input."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    weights = weights / weights.sum()
    for name in ("selu", "fixed_star_relu"):
        y = named(name).numpy()(nodes)
        assert abs(float(weights @ y)) < 2e-3
        assert abs(float(weights @ (y * y)) - 1.0) < 2e-3


def test_bicentral_variants_contain_each_other() -> None:
    bicentral = named("bicentral").numpy()(X)
    np.testing.assert_allclose(named("bicentral_two_slopes").numpy()(X), bicentral, atol=1e-12)
    np.testing.assert_allclose(named("semi_bicentral").numpy()(X), bicentral, atol=1e-12)


@pytest.mark.parametrize("name", ["fold2", "fold4"])
def test_folds_map_the_unit_interval_onto_itself(name: str) -> None:
    folds = int(name.removeprefix("fold"))
    x: Array = np.linspace(0.0, 1.0, 8 * folds + 1)
    y = named(name).numpy()(x)
    assert y.min() == 0.0
    assert y.max() == 1.0
    assert np.count_nonzero(y == 1.0) + np.count_nonzero(y == 0.0) == folds + 1
