"""Smooth functions with learned scale, slope or mixture."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="adaptive")
_KUNC = "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092"
_JAGTAP = "Jagtap et al., Locally Adaptive Activation Functions, arXiv 1909.12228"

ROWS: Final = (
    _named("adaptive_tanh", "tanh(a * x) where a = 1.0", 2019, _JAGTAP, aliases=("svaf",)),
    _named(
        "adaptive_sigmoid",
        "sigmoid(a * x) where a = 1.0",
        2019,
        _JAGTAP,
        aliases=("assf",),
    ),
    _named(
        "dyt",
        "c * tanh(a * x) + b where c = 1.0 per channel, a = 0.5, b = 0.0 per channel",
        2025,
        "Zhu et al., Transformers without Normalization, arXiv 2503.10622",
        aliases=("dynamic_tanh",),
    ),
    _named(
        "derf",
        "c * erf(a * x + s) + b where c = 1.0 per channel, a = 0.5, s = 0.0, b = 0.0 per channel",
        2025,
        "Chen et al., Stronger Normalization-Free Transformers, arXiv 2512.10938",
    ),
    _named(
        "taaf",
        "a * sigmoid(b * x + c) + d "
        "where a = 1.0 per channel, b = 1.0 per channel, c = 0.0 per channel, d = 0.0 per channel",
        2021,
        "Kunc & Klema, On Transformative Adaptive Activation Functions, 2021",
        note="on the logistic function",
    ),
    _named(
        "generalized_tanh",
        "a * tanh(b * x / 2.0) where a = 1.0, b = 1.0",
        1996,
        "Chen & Chang, A Feedforward Neural Network with Function Shape Autotuning",
    ),
    _named(
        "autotuned_sigmoid",
        "2.0 / a * tanh(a * x / 2.0) where a = 1.0",
        1992,
        "Yamada & Yabuta, Neural Network Controller Using Autotuning Method",
        note="2 (1 - e^-ax) / (a (1 + e^-ax))",
    ),
    _named("psigmoid", "a * sigmoid(b * x) where a = 1.0, b = 1.0", 2024, _KUNC),
    _named(
        "psf",
        "exp(m * log_sigmoid(x)) where m = 1.0",
        2004,
        "Chandra & Singh, An Activation Function Adapting Training Algorithm",
        note="sigmoid(x)^m",
    ),
    _named(
        "apa",
        "exp(-softplus(log(lam) - kappa * x) / lam) where lam = 1.0, kappa = 1.0",
        2024,
        "Alexandridis et al., Adaptive Parametric Activation, arXiv 2407.08567",
        note="lam must stay positive",
    ),
    _named(
        "adaptive_gumbel",
        "1.0 - exp(-softplus(x + log(softplus(a))) / softplus(a)) where a = 1.0",
        2019,
        "Farhadi et al., Activation Adaptation in Neural Networks, arXiv 1901.09849",
        aliases=("agumb",),
    ),
    _named(
        "tanhlu",
        "a * tanh(b * x) + c * x where a = 1.0, b = 1.0, c = 1.0",
        2022,
        "Shen et al., TanhLU: Combining the Advantages of tanh and Linear",
    ),
    _named(
        "reltanh",
        "tanh(min(max(x, low), u)) + (1.0 - square(tanh(low))) * min(x - low, 0.0) "
        "+ (1.0 - square(tanh(u))) * max(x - u, 0.0) where low = -1.5, u = 0.0",
        2019,
        "Wang et al., ReLTanh: An Activation Function with Vanishing Gradient Resistance",
    ),
    _named(
        "stac_tanh",
        "tanh(min(max(x, -a), a)) + b * (x - min(max(x, -a), a)) where a = 1.0, b = 0.1",
        2024,
        _KUNC,
        note="a must stay positive",
    ),
    _named(
        "tanhsoft3",
        "max(x, 0.0) + log(exp(-max(x, 0.0)) + exp(min(x, 0.0)) * tanh(a * x)) where a = 0.98",
        2021,
        "Biswas et al., TanhSoft: Dynamic Trainable Activation Functions",
    ),
    _named("ssinh", "a * sinh(b * x) where a = 1.0, b = 1.0", 2024, _KUNC),
    _named("sexp", "a * expm1(b * x) where a = 1.0, b = 1.0", 2024, _KUNC),
    _named(
        "gln",
        "sigmoid(a) * sin(x) + (1.0 - sigmoid(a)) * tanh(x) - b where a = 1.0, b = 1.0",
        2024,
        _KUNC,
        aliases=("global_local_neuron",),
    ),
    _named(
        "uaf",
        "softplus(a * (x + b) + c * square(x)) - softplus(d * (x - b)) + f "
        "where a = 1.0, b = 0.0, c = 0.0, d = -1.0, f = 0.0",
        2020,
        "Yuen et al., Universal Activation Function for Machine Learning, arXiv 2011.03842",
        note="starts as the identity",
    ),
    _named(
        "abu",
        "a * tanh(x) + b * elu(x) + c * relu(x) + d * silu(x) + f * x "
        "where a = 0.2, b = 0.2, c = 0.2, d = 0.2, f = 0.2",
        2018,
        "Sutfeld et al., Adaptive Blending Units, arXiv 1806.10064",
    ),
    _named(
        "adaptive_rbf",
        "exp(-square(x - m) / (2.0 * square(s))) where m = 0.0 per channel, s = 1.0 per channel",
        2024,
        _KUNC,
        aliases=("arbf",),
    ),
)
