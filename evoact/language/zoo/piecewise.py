"""Piecewise linear functions with learned slopes and kinks."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="piecewise")
_HE = "He et al., Delving Deep into Rectifiers, arXiv 1502.01852"
_PISHCHIK = "Pishchik, Trainable Activations for Image Classification"
_KUNC = "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092"

ROWS: Final = (
    _named(
        "prelu",
        "max(x, 0.0) + a * min(x, 0.0) where a = 0.25 per channel",
        2015,
        _HE,
        torch="PReLU()",
    ),
    _named(
        "shared_prelu",
        "max(x, 0.0) + a * min(x, 0.0) where a = 0.25",
        2015,
        _HE,
        torch="PReLU()",
        note="PReLU with one slope a layer",
    ),
    _named(
        "dprelu",
        "a * max(x, 0.0) + b * min(x, 0.0) where a = 1.0, b = 0.01",
        2024,
        _KUNC,
        aliases=("dual_prelu", "adalu"),
    ),
    _named(
        "dual_line",
        "a * max(x, 0.0) + b * min(x, 0.0) + m where a = 1.0, b = 0.01, m = -0.22",
        2024,
        _KUNC,
    ),
    _named(
        "pilu",
        "a * max(x - c, 0.0) + b * min(x - c, 0.0) + c where a = 1.0, b = 0.01, c = 0.0",
        2024,
        _KUNC,
    ),
    _named(
        "lelelu",
        "a * leaky_relu(x, 0.1) where a = 1.0 per channel",
        2021,
        "Maniatopoulos & Mitianoudis, Learnable Leaky ReLU (LeLeLU)",
    ),
    _named("shilu", "a * relu(x) + b where a = 1.0, b = 0.0", 2023, _PISHCHIK),
    _named("relun", "min(relu(x), n) where n = 1.0", 2023, _PISHCHIK),
    _named(
        "flexible_relu",
        "relu(x) + b where b = 0.0 per channel",
        2017,
        "Qiu et al., FReLU: Flexible Rectified Linear Units, arXiv 1706.08098",
    ),
    _named(
        "tlu",
        "max(x, t) where t = 0.0 per channel",
        2019,
        "Singh & Krishnan, Filter Response Normalization Layer, arXiv 1911.09737",
        aliases=("thresholded_linear_unit",),
    ),
    _named(
        "arelu",
        "(1.0 + sigmoid(b)) * max(x, 0.0) + clamp(a, 0.01, 0.99) * min(x, 0.0) "
        "where b = 2.0, a = 0.9",
        2020,
        "Chen et al., AReLU: Attention-based Rectified Linear Unit, arXiv 2006.13858",
    ),
    _named(
        "rprelu",
        "max(x - g, 0.0) + b * min(x - g, 0.0) + z "
        "where g = 0.0 per channel, b = 0.25 per channel, z = 0.0 per channel",
        2020,
        "Liu et al., ReActNet, arXiv 2003.03488",
    ),
    _named(
        "srelu",
        "min(max(x, low), r) + a * max(x - r, 0.0) + b * min(x - low, 0.0) "
        "where low = 0.0 per channel, r = 1.0 per channel, a = 1.0 per channel, "
        "b = 0.2 per channel",
        2015,
        "Jin et al., Deep Learning with S-shaped Rectified Linear Units, arXiv 1512.07030",
        note="meant for low < r; the paper sets r from the data",
    ),
    _named(
        "alisa",
        "clamp(x, 0.0, 1.0) + a * max(x - 1.0, 0.0) + b * min(x, 0.0) where a = 1.0, b = 0.1",
        2019,
        "Bawa & Kumar, Linearized Sigmoidal Activation",
        aliases=("lisa",),
    ),
    _named(
        "adaptive_hardtanh",
        "clamp(a * (x - b), -1.0, 1.0) where a = 1.0, b = 0.0",
        2024,
        _KUNC,
    ),
    _named(
        "apl",
        "max(x, 0.0) + a1 * max(b1 - x, 0.0) + a2 * max(b2 - x, 0.0) "
        "where a1 = 0.0 per channel, b1 = -1.0 per channel, "
        "a2 = 0.0 per channel, b2 = 1.0 per channel",
        2014,
        "Agostinelli et al., Learning Activation Functions to Improve, arXiv 1412.6830",
        note="two hinges; starts as ReLU",
    ),
    _named(
        "splash",
        "p0 * max(x, 0.0) + p1 * max(x - 1.0, 0.0) + p2 * max(x - 2.0, 0.0) "
        "+ p3 * max(x - 2.5, 0.0) + n0 * max(-x, 0.0) + n1 * max(-x - 1.0, 0.0) "
        "+ n2 * max(-x - 2.0, 0.0) + n3 * max(-x - 2.5, 0.0) "
        "where p0 = 1.0, p1 = 0.0, p2 = 0.0, p3 = 0.0, n0 = 0.0, n1 = 0.0, n2 = 0.0, n3 = 0.0",
        2020,
        "Tavakoli et al., SPLASH: Learnable Activation Functions, arXiv 2006.08947",
        note="seven hinges; starts as ReLU",
    ),
    _named(
        "pwlu",
        "kl * min(x + 3.0, 0.0) + kr * max(x - 3.0, 0.0) "
        "+ v0 * max(1.0 - abs(clamp(x, -3.0, 3.0) + 3.0), 0.0) "
        "+ v1 * max(1.0 - abs(clamp(x, -3.0, 3.0) + 2.0), 0.0) "
        "+ v2 * max(1.0 - abs(clamp(x, -3.0, 3.0) + 1.0), 0.0) "
        "+ v3 * max(1.0 - abs(clamp(x, -3.0, 3.0)), 0.0) "
        "+ v4 * max(1.0 - abs(clamp(x, -3.0, 3.0) - 1.0), 0.0) "
        "+ v5 * max(1.0 - abs(clamp(x, -3.0, 3.0) - 2.0), 0.0) "
        "+ v6 * max(1.0 - abs(clamp(x, -3.0, 3.0) - 3.0), 0.0) "
        "where kl = 0.0 per channel, kr = 1.0 per channel, v0 = 0.0 per channel, "
        "v1 = 0.0 per channel, v2 = 0.0 per channel, v3 = 0.0 per channel, "
        "v4 = 1.0 per channel, v5 = 2.0 per channel, v6 = 3.0 per channel",
        2021,
        "Zhou et al., Learning Specialized Activation Functions with PWLU, arXiv 2104.03693",
        note="six segments on fixed knots -3 to 3; starts as ReLU",
    ),
    _named(
        "mmelu",
        "sigmoid(a) * max(softplus(b) - abs(x - c), 0.0) + (1.0 - sigmoid(a)) * relu(x) "
        "where a = 0.0, b = 0.541324854612918, c = 0.0",
        2024,
        _KUNC,
        note="a Mexican hat mixed with ReLU",
    ),
)
