"""Discontinuous functions; their gradients are surrogates."""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_named = partial(Named, family="threshold")
_DUCH = "Duch & Jankowski, Survey of Neural Transfer Functions, 1999"
_LIU = "Liu et al., ReActNet, arXiv 2003.03488"

ROWS: Final = (
    _named(
        "step",
        "step(x)",
        1943,
        "McCulloch & Pitts, A Logical Calculus of the Ideas Immanent in Nervous Activity",
        aliases=("heaviside", "hardlim", "binary_step"),
    ),
    _named(
        "sign",
        "sign(x)",
        1958,
        "Rosenblatt, The Perceptron; Courbariaux et al., Binarized Networks, arXiv 1602.02830",
        aliases=("signum", "hardlims"),
    ),
    _named("multistep", "multistep(x, 4)", 1999, _DUCH, note="four steps from 0 to 1"),
    _named("window", "window(x)", 1999, _DUCH, aliases=("rectangular",)),
    _named(
        "binary_window",
        "window(2.0 * x - 1.0)",
        2024,
        "Kunc & Klema, Three Decades of Activations, arXiv 2402.09092 (binary)",
        note="1 inside (0, 1)",
    ),
    _named(
        "ternary",
        "(sign(x - 0.5) + sign(x + 0.5)) / 2.0",
        2016,
        "Alemdar et al., Ternary Neural Networks, arXiv 1609.00222; Li et al., arXiv 1605.04711",
        note="threshold 1/2",
    ),
    _named(
        "rsign",
        "sign(x - a) where a = 0.0 per channel",
        2020,
        _LIU,
        note="the threshold learns through the surrogate",
    ),
    _named(
        "quantized_relu",
        "multistep(2.0 * x - 1.0, 3)",
        2016,
        "Zhou et al., DoReFa-Net, arXiv 1606.06160",
        aliases=("dorefa2",),
        note="2 bits: clamp(x, 0, 1) rounded to thirds",
    ),
)
