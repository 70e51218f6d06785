"""The unary and binary core units that searches compose, where no other file has them.

Binary units take the two halves of the channels.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from evoact.language.zoo.entry import Named

_SWISH = "Ramachandran et al., Searching for Activation Functions, arXiv 1710.05941"
_PANGAEA = "Bingham & Miikkulainen, Discovering Parametric Activations, arXiv 2006.03179"
_named = partial(Named, year=2017, paper=_SWISH, family="unit")
_pangaea = partial(Named, year=2020, paper=_PANGAEA, family="unit")

ROWS: Final = (
    _named("negation", "-x"),
    _named("negative_part", "min(x, 0.0)"),
    _named("root_abs", "safe_sqrt(x)", note="sqrt(|x| + 1e-6)"),
    _named("log_abs", "safe_log(x)", note="ln(|x| + 1e-6)"),
    _named("exponential", "exp(x)", aliases=("exp",)),
    _named("sinh", "sinh(x)"),
    _named("cosh", "cosh(x)"),
    _named("scaled", "beta * x where beta = 1.0 per channel"),
    _named("shifted", "x + beta where beta = 0.0 per channel"),
    _pangaea("erfc", "erfc(x)"),
    _pangaea("bessel_i0e", "bessel_i0e(x)"),
    _pangaea("bessel_i1e", "bessel_i1e(x)"),
    _named("pair_sum", "left(x) + right(x)"),
    _named("pair_difference", "left(x) - right(x)"),
    _named("pair_min", "min(left(x), right(x))"),
    _named("pair_quotient", "safe_div(left(x), right(x))", note="a b / (b^2 + 1e-4)"),
    _named(
        "pair_gaussian",
        "exp(-beta * square(left(x) - right(x))) where beta = 1.0",
    ),
    _named(
        "pair_laplacian",
        "exp(-beta * abs(left(x) - right(x))) where beta = 1.0",
    ),
    _named(
        "pair_mean",
        "beta * left(x) + (1.0 - beta) * right(x) where beta = 0.5",
    ),
    _named(
        "sigmoid_gate",
        "sigmoid(left(x)) * right(x)",
        note="GLU with its halves exchanged",
    ),
)
