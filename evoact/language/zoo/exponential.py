"""Exponential below zero, and exponential altogether."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="exponential")
_GRELSSON = "Grelsson & Felsberg, Improved Learning in CNNs with Shifted ELUs, 2018"
_OLAND = "Oland et al., Be Careful What You Backpropagate, arXiv 1707.04199"
_EGER = "Eger et al., Is it Time to Swish?, EMNLP 2018"
_KUNC = "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092"

ROWS: Final = (
    _named(
        "elu",
        "elu(x)",
        2015,
        "Clevert et al., Fast and Accurate Deep Network Learning by ELUs, arXiv 1511.07289",
        torch="ELU()",
    ),
    _named(
        "selu",
        "selu(x)",
        2017,
        "Klambauer et al., Self-Normalizing Neural Networks, arXiv 1706.02515",
        torch="SELU()",
    ),
    _named(
        "celu",
        "max(x, 0.0) + a * expm1(min(x, 0.0) / a) where a = 1.0",
        2017,
        "Barron, Continuously Differentiable Exponential Linear Units, arXiv 1704.07483",
        torch="CELU()",
        note="the scale is learnable here; fixed at 1 the function is elu",
    ),
    _named(
        "pelu",
        "a / b * max(x, 0.0) + a * expm1(min(x, 0.0) / b) where a = 1.0, b = 1.0",
        2016,
        "Trottier et al., Parametric Exponential Linear Unit, arXiv 1605.09332",
    ),
    _named(
        "mpelu",
        "max(x, 0.0) + a * expm1(b * min(x, 0.0)) where a = 1.0 per channel, b = 1.0 per channel",
        2016,
        "Li et al., Improving Deep Neural Network with Multiple Parametric ELUs, arXiv 1606.00305",
    ),
    _named(
        "felu",
        "max(x, 0.0) + a * expm1(min(x, 0.0)) where a = 1.0",
        2019,
        "Qiumei et al., Improved Convolutional Neural Network Based on Fast ELU",
        aliases=("adaptive_elu",),
        note="the paper writes e^x as 2^(x / ln 2)",
    ),
    _named(
        "pfelu",
        "max(x, 0.0) + a * expm1(min(x, 0.0)) + b where a = 1.0, b = 0.0",
        2022,
        "Adem, P + FELU: Flexible and Trainable Fast Exponential Linear Unit",
    ),
    _named("shelu", "elu(x + b) where b = 0.0 per channel", 2018, _GRELSSON),
    _named("svelu", "elu(x) + b where b = 0.0 per channel", 2018, _GRELSSON),
    _named(
        "pshelu",
        "a / b * max(x + c, 0.0) + a * expm1(min(x + c, 0.0) / b) "
        "where a = 1.0, b = 1.0, c = 0.0 per channel",
        2018,
        _GRELSSON,
    ),
    _named(
        "psvelu",
        "a / b * max(x, 0.0) + a * expm1(min(x, 0.0) / b) + c "
        "where a = 1.0, b = 1.0, c = 0.0 per channel",
        2018,
        _GRELSSON,
    ),
    _named(
        "pdelu",
        "max(x, 0.0) + a * (max(1.0 + 0.1 * min(x, 0.0), 0.0) ** 10.0 - 1.0) "
        "where a = 1.0 per channel",
        2020,
        "Cheng et al., Parametric Deformable Exponential Linear Units",
        note="deformation t = 0.9",
    ),
    _named(
        "serlu",
        "1.07862 * (max(x, 0.0) + 2.90427 * min(x, 0.0) * exp(min(x, 0.0)))",
        2018,
        "Zhang & Li, Effectiveness of Scaled Exponentially-Regularized Linear Units, "
        "arXiv 1807.10117",
    ),
    _named(
        "reu",
        "max(x, 0.0) + min(x, 0.0) * exp(min(x, 0.0))",
        2019,
        "Ying et al., Rectified Exponential Units for Convolutional Neural Networks",
        aliases=("suish",),
        note="Suish, max(x, x e^-|x|), is the same function",
    ),
    _named(
        "preu",
        "a * (max(x, 0.0) + min(x, 0.0) * exp(b * min(x, 0.0))) "
        "where a = 1.0 per channel, b = 1.0 per channel",
        2019,
        "Ying et al., Rectified Exponential Units for Convolutional Neural Networks",
    ),
    _named(
        "pselu",
        "a * (max(x, 0.0) + b * expm1(min(x, 0.0))) "
        "where a = 1.0507009873554805, b = 1.6732632423543772",
        2024,
        _KUNC,
        note="SELU with its two constants learned",
    ),
    _named(
        "rsigelu",
        "if_positive(x - 1.0, x + 0.5 * x * sigmoid(x), max(x, 0.0) + 0.5 * expm1(min(x, 0.0)))",
        2021,
        "Kilicarslan & Celik, RSigELU: A Nonlinear Activation Function for Deep Neural Networks",
        note="slope 0.5; the jump at 1 is the paper's",
    ),
    _named(
        "elish",
        "elu(x) * sigmoid(x)",
        2018,
        "Basirat & Roth, The Quest for the Golden Activation Function, arXiv 1808.00783",
    ),
    _named(
        "hard_elish",
        "elu(x) * clamp((x + 1.0) / 2.0, 0.0, 1.0)",
        2018,
        "Basirat & Roth, The Quest for the Golden Activation Function, arXiv 1808.00783",
    ),
    _named(
        "pe2relu",
        "a * relu(x) + b * elu(x) - (1.0 - a - b) * elu(-x) where a = 0.4, b = 0.3",
        2020,
        "Jie et al., Regularized Flexible Activation Function Combinations, arXiv 2007.13101",
    ),
    _named(
        "pe2id",
        "a * x + (1.0 - a) * (elu(x) - elu(-x)) where a = 0.5",
        2020,
        "Jie et al., Regularized Flexible Activation Function Combinations, arXiv 2007.13101",
    ),
    _named(
        "xielu",
        "softplus(p) * square(max(x, 0.0)) "
        "+ (0.5 + softplus(n)) * (expm1(min(x, 0.0)) - min(x, 0.0)) + 0.5 * x "
        "where p = 0.2033823208110246, n = -1.0502256128148468",
        2024,
        "Huang & Schlag, Deriving Activation Functions Using Integration, arXiv 2411.13010",
        note="both curvatures start at 0.8",
    ),
    _named(
        "soft_exponential",
        "if_positive(a, expm1(a * x) / a + a, -log(max(1.0 - a * (x + a), 0.000001)) / a) "
        "where a = 0.1",
        2016,
        "Godfrey & Gashler, A Continuum among Logarithmic, Linear, and Exponential Functions, "
        "arXiv 1602.01321",
        note="starts at 0.1: at the paper's 0 the formula is 0 / 0, its limit the identity",
    ),
    _named(
        "symexp",
        "expm1(max(x, 0.0)) - expm1(max(-x, 0.0))",
        2023,
        "Hafner et al., Mastering Diverse Domains through World Models, arXiv 2301.04104",
    ),
    _named(
        "expgb",
        "0.1 * safe_exp(x)",
        2017,
        _OLAND,
        note="output unit alpha e^x + beta, alpha = 0.1, beta = 0, x limited to 10",
    ),
    _named("pow3gb", "0.1 * cube(x)", 2017, _OLAND, note="alpha x^3 + beta, alpha = 0.1"),
    _named(
        "expgb_learned",
        "alpha * safe_exp(x) + beta where alpha = 0.1, beta = 0.0",
        2017,
        _OLAND,
        note="expgb with its constants learned",
    ),
    _named(
        "pow3gb_learned",
        "alpha * cube(x) + beta where alpha = 0.1, beta = 0.0",
        2017,
        _OLAND,
        note="pow3gb with its constants learned",
    ),
    _named("maxtanh", "max(x, tanh(x))", 2018, _EGER, aliases=("siglu",)),
    _named("maxsig", "max(x, sigmoid(x))", 2018, _EGER),
    _named(
        "ptelu",
        "max(x, 0.0) + a * tanh(b * min(x, 0.0)) where a = 1.0, b = 1.0",
        2017,
        "Duggal & Gupta, P-TELU: Parametric Tan Hyperbolic Linear Unit Activation",
    ),
    _named(
        "erfrelu",
        "max(x, 0.0) + a * erf(min(x, 0.0)) where a = 1.0",
        2023,
        "Rajanand & Singh, ErfReLU: Adaptive Activation Function, arXiv 2306.01822",
    ),
    _named(
        "talu",
        "max(x, 0.0) + tanh(clamp(x, -0.75, 0.0))",
        2024,
        _KUNC,
        note="cut at -0.75",
    ),
    _named(
        "slu",
        "max(x, 0.0) + 2.0 * (softplus(min(x, 0.0)) - log(2.0))",
        2018,
        "Zhao et al., A Novel Softplus Linear Unit for Deep Convolutional Neural Networks",
        aliases=("softplus_linear_unit",),
    ),
)
