"""Functions across channels; some change the width."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="groupwise")
_GOODFELLOW = "Goodfellow et al., Maxout Networks, arXiv 1302.4389"
_SHAZEER = "Shazeer, GLU Variants Improve Transformer, arXiv 2002.05202"
_ANIL = "Anil et al., Sorting out Lipschitz Function Approximation, arXiv 1811.05381"
_GODIN = "Godin et al., Dual Rectified Linear Units, arXiv 1707.08214"

ROWS: Final = (
    _named("maxout", "group_max(x, 2)", 2013, _GOODFELLOW, aliases=("maxout2",)),
    _named("maxout4", "group_max(x, 4)", 2013, _GOODFELLOW),
    _named(
        "mfm",
        "max(left(x), right(x))",
        2015,
        "Wu et al., A Light CNN for Deep Face Representation, arXiv 1511.02683",
        aliases=("max_feature_map",),
    ),
    _named(
        "crelu",
        "concat(relu(x), relu(-x))",
        2016,
        "Shang et al., Understanding and Improving CNNs via CReLU, arXiv 1603.05201",
    ),
    _named(
        "ncrelu",
        "concat(max(x, 0.0), min(x, 0.0))",
        2017,
        "Zagoruyko & Komodakis, DiracNets, arXiv 1706.00388",
    ),
    _named(
        "concatenated_elu",
        "concat(elu(x), elu(-x))",
        2017,
        "Salimans et al., PixelCNN++, arXiv 1701.05517",
    ),
    _named(
        "fourier_features",
        "concat(sin(x), cos(x))",
        2007,
        "Rahimi & Recht, Random Features for Large-Scale Kernel Machines",
    ),
    _named(
        "paired_relu",
        "concat(relu(a * x - b), relu(c * x - d)) where a = 0.5, b = 0.0, c = -0.5, d = 0.0",
        2018,
        "Tang et al., A Joint Residual Network with Paired ReLUs Activation",
    ),
    _named(
        "fractional_relu",
        "partial(relu(x), 0.5)",
        2017,
        "Oyallon, Building a Regular Decision Boundary, arXiv 1703.01775",
        note="ReLU on half of the channels",
    ),
    _named(
        "maxmin",
        "group_sort(x, 2)",
        2016,
        "Chernodub & Nowicki, Norm-preserving Orthogonal Permutation Linear Units, "
        "arXiv 1604.02313; " + _ANIL,
        aliases=("oplu", "groupsort2"),
        note="ascending within pairs; OPLU writes them descending",
    ),
    _named("groupsort4", "group_sort(x, 4)", 2018, _ANIL, aliases=("groupsort",)),
    _named("full_sort", "full_sort(x)", 2018, _ANIL, aliases=("fullsort",)),
    _named(
        "lwta",
        "concat(if_positive(left(x) - right(x), left(x), 0.0), "
        "if_positive(left(x) - right(x), 0.0, right(x)))",
        2013,
        "Srivastava et al., Compete to Compute",
        aliases=("local_winner_take_all",),
        note="pairs of one channel of each half",
    ),
    _named(
        "glu",
        "left(x) * sigmoid(right(x))",
        2016,
        "Dauphin et al., Language Modeling with Gated Convolutional Networks, arXiv 1612.08083",
        torch="GLU(dim=1)",
    ),
    _named(
        "gtu",
        "tanh(left(x)) * sigmoid(right(x))",
        2016,
        "van den Oord et al., Gated PixelCNN, arXiv 1606.05328",
    ),
    _named(
        "bilinear",
        "left(x) * right(x)",
        2007,
        "Mnih & Hinton, Three New Graphical Models; " + _SHAZEER,
    ),
    _named("reglu", "relu(left(x)) * right(x)", 2020, _SHAZEER, note="the left half gates"),
    _named("geglu", "gelu(left(x)) * right(x)", 2020, _SHAZEER, note="the left half gates"),
    _named("swiglu", "silu(left(x)) * right(x)", 2020, _SHAZEER, note="the left half gates"),
    _named(
        "clamped_swiglu",
        "min(left(x), 7.0) * sigmoid(1.702 * min(left(x), 7.0)) "
        "* (clamp(right(x), -7.0, 7.0) + 1.0)",
        2025,
        "OpenAI, gpt-oss Model Card, arXiv 2508.10925",
        note="alpha = 1.702, limit 7; halves, not interleaved",
    ),
    _named(
        "drelu_product",
        "relu(left(x)) * relu(right(x))",
        2024,
        "Song et al., Turbo Sparse, arXiv 2406.05955",
        aliases=("dreglu",),
    ),
    _named("dual_relu", "relu(left(x)) - relu(right(x))", 2017, _GODIN),
    _named("dual_elu", "elu(left(x)) - elu(right(x))", 2017, _GODIN),
    _named(
        "softmax",
        "softmax(x)",
        1990,
        "Bridle, Probabilistic Interpretation of Feedforward Network Outputs",
        torch="Softmax(dim=1)",
    ),
    _named(
        "softmin",
        "softmax(-x)",
        1990,
        "Bridle, Probabilistic Interpretation of Feedforward Network Outputs",
        torch="Softmin(dim=1)",
    ),
    _named(
        "log_softmax",
        "log_softmax(x)",
        1990,
        "Bridle, Probabilistic Interpretation of Feedforward Network Outputs",
        aliases=("logsoftmax",),
        torch="LogSoftmax(dim=1)",
    ),
    _named(
        "tempered_softmax",
        "softmax(x / t) where t = 1.0",
        2015,
        "Hinton et al., Distilling the Knowledge in a Neural Network, arXiv 1503.02531",
        aliases=("tsoftmax",),
        note="the temperature is learned",
    ),
)
