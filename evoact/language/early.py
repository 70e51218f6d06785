"""What a network is to start with, given what it is to end with.

Gradual training (GradNet, arXiv 1511.06827) blends `(1 - g) early + g late`.
Each path from early to late has its own natural start, found here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from scipy import special

from evoact.errors import InputError, nearest
from evoact.language.expression import Expression
from evoact.language.fitting import fit_piecewise, rms_error
from evoact.language.piecewise import PiecewiseLinear
from evoact.language.text import parse

_GROUPWISE: Final[Mapping[Fraction, str]] = MappingProxyType(
    {
        Fraction(1, 4): "group_max(x, 4)",
        Fraction(1, 2): "group_max(x, 2)",
        Fraction(1): "relu(x)",
        Fraction(2): "concat(relu(x), relu(-x))",
    }
)
# Secants from 0 to far away, at many phases of what may swing.
_FAR: Final = np.outer([1e6, 1e8], 1.0 + np.arange(7) / 7.3).ravel()
_SLOPE_ERROR: Final = 1e-5
_LEAST_SLOPE: Final = 1e-6

RUNGS: Final = (2, 4, 8, 16, 32)  # pieces
SIGMA: Final = 2.0
_COARSE: Final = 0.05
_NORMAL: Final = special.ndtri((np.arange(256) + 0.5) / 256)


def cheap_early(late: Expression) -> Expression:
    """Return a cheap piecewise-linear function of the same width ratio.

    For a function of one number it is the best one of two pieces under N(0, 1),
    or the function itself where it has no more (with learnable parameters, at
    their initial values). Groupwise functions get the piecewise-linear function
    known for their width: 1/2 and 1/4 maxout (Goodfellow et al. 2013), which takes
    the largest of so many channels; 2 CReLU (Shang et al. 2016), which keeps both
    signs; 1 relu, which needs no other channel.

    Raises:
        InputError: no value of the function is finite.

    >>> str(cheap_early(parse("x * sigmoid(x)")))
    '0.905251 * leaky_relu(x, 0.104666) - 0.116722'
    >>> str(cheap_early(parse("left(x) * sigmoid(right(x))")))
    'group_max(x, 2)'
    """
    if late.is_groupwise:
        return parse(_GROUPWISE[late.width])
    return _itself(late) or fit_piecewise(late, 2).expression()


def sharp_limit(late: Expression) -> Expression:
    """Return where `late(s * x) / s` goes as `s` grows: `a * max(x, 0) + b * min(x, 0)`.

    `a` and `b` are the slopes of `late` far to the right and to the left, at its
    initial parameters, rounded to 6 digits.

    Raises:
        InputError: the function is groupwise, a slope is infinite or does not
            exist, or both are 0.

    >>> str(sharp_limit(parse("x * tanh(softplus(x))")))
    'relu(x)'
    >>> str(sharp_limit(parse("0.1 * x + 0.9 * softplus(x)")))
    'leaky_relu(x, 0.1)'
    """
    if late.is_groupwise:
        raise _no_limit(late, "is groupwise")
    slopes = (_end_slope(late, -1), _end_slope(late, 1))
    if slopes == (0.0, 0.0):
        raise _no_limit(late, "is flat at both ends")
    knots, kept = ((), slopes[:1]) if slopes[0] == slopes[1] else ((0.0,), slopes)
    return PiecewiseLinear(knots, kept, (0.0,) * len(kept)).expression()


@lru_cache(maxsize=512)
def ladder(late: Expression) -> tuple[PiecewiseLinear, ...]:
    """Return the rungs from a cheap function to a late one: its fits of ever more pieces.

    Those of 2, 4, 8, 16 and 32 pieces under N(0, 4), as the inputs of an
    activation spread while a network trains; the first is the coarsest that
    leaves a 400th of the function's variance or less. Networks that were trained
    with a coarser one did not make up for it (`benchmarks/annealing.py`).

    Raises:
        InputError: the function is groupwise, or not finite.

    >>> [rung.pieces for rung in ladder(parse("x * sigmoid(x)"))]
    [4, 8, 16, 32]
    """
    check_path(late, "ladder")
    fits = [fit_piecewise(late, pieces, sigma=SIGMA) for pieces in RUNGS]
    spread = float(np.std(fits[-1](SIGMA * _NORMAL)))
    coarse = [rms_error(late, fit, SIGMA) > _COARSE * spread for fit in fits[:-1]]
    first = 1 + max((number for number, is_coarse in enumerate(coarse) if is_coarse), default=-1)
    return tuple(fits[first:])


def check_path(late: Expression, path: str) -> None:
    """Refuse a late function that a path cannot lead to, without deriving its start.

    Raises:
        InputError: no such path, or the path does not fit the function.
    """
    if path not in AUTO_EARLY:
        known = ", ".join(PATHS)
        raise InputError(f"path is {path!r}{nearest(path, PATHS)}; wanted one of {known}")
    if path == "sharpness":
        auto_early(late, path)
    if path == "ladder" and late.is_groupwise:
        raise InputError(
            f"{str(late)!r} is groupwise; path ladder fits functions of one number; use path blend"
        )


def _ladder_start(late: Expression) -> Expression:
    """Return the lowest rung."""
    return ladder(late)[0].expression()


AUTO_EARLY: Final[Mapping[str, Callable[[Expression], Expression]]] = MappingProxyType(
    {"blend": cheap_early, "ladder": _ladder_start, "sharpness": sharp_limit}
)
"""For each path, how its early function is derived from the late one."""
PATHS: Final = tuple(AUTO_EARLY)


@lru_cache(maxsize=512)
def auto_early(late: Expression, path: str = "blend") -> Expression:
    """Return the early function that a path derives from a late one.

    Args:
        late: what the network is to end with.
        path: one of `PATHS`: `blend` (see `cheap_early`), `ladder` (its lowest
            rung) or `sharpness` (see `sharp_limit`).

    Raises:
        InputError: no such path, or the path does not fit the function.

    >>> str(auto_early(parse("x * sigmoid(x)"), "sharpness"))
    'relu(x)'
    """
    if path != "sharpness":
        check_path(late, path)
    return AUTO_EARLY[path](late)


def _itself(late: Expression) -> Expression | None:
    """Return a function that has at most two pieces, which meet; or None."""
    # Deferred, as facts are: little asks for them.
    from evoact.language.facts.exact import piecewise

    exact = piecewise(late.root, late.parameters)
    if exact is None or len(exact.lines) > 2:
        return None
    if any(
        not exact.left(i) == exact.values[i] == exact.right(i) for i in range(len(exact.places))
    ):
        return None
    if not late.parameters:
        return late
    knots, slopes = map(float, exact.places), [float(slope) for slope, _ in exact.lines]
    return PiecewiseLinear.through(0.0, float(exact.at(Fraction(0))), [*knots], slopes).expression()


def _end_slope(late: Expression, side: int) -> float:
    """Return the slope far to the left (-1) or right (1)."""
    facts = late.facts()
    found = (facts.slope_right if side > 0 else facts.slope_left).value
    slope = float(found) if isinstance(found, int | float) else _secant(late, side)
    where = "right" if side > 0 else "left"
    if not math.isfinite(slope):
        why = "no slope" if math.isnan(slope) else "an infinite slope"
        raise _no_limit(late, f"has {why} far to the {where}")
    return 0.0 if abs(slope) < _LEAST_SLOPE else float(f"{slope:.6g}")


def _secant(late: Expression, side: int) -> float:
    """Return where `late(x) / x` goes, or NaN; of `x + sin(x)` that is 1."""
    with np.errstate(all="ignore"):
        secants = late.numpy()(side * _FAR) / (side * _FAR)
    if not np.isfinite(secants).all() or np.ptp(secants) > _SLOPE_ERROR:
        return math.nan
    return float(secants[-1])


def _no_limit(late: Expression, why: str) -> InputError:
    return InputError(
        f"{str(late)!r} {why}; path sharpness wants a function of one number with a finite "
        "slope at both ends, one of them not 0, such as silu(x); use path blend or ladder"
    )
