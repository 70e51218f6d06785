"""A function in a line of text, for tables on a terminal."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from evoact.language import Expression, FloatArray

_BARS: Final = "▁▂▃▄▅▆▇█"
_GAP: Final = " "
_RANGE: Final = 3.0
_HIGHEST: Final = 10.0  # a pole must not flatten the rest


@lru_cache(maxsize=4096)
def sparkline(expression: Expression, width: int = 13) -> str:
    """Return a function over [-3, 3] as bars, from its lowest value to its highest.

    With an odd width the bar in the middle is at 0. Where the function is not finite
    there is a gap. Of a groupwise function the first output by the first input.

    >>> from evoact.language import parse
    >>> sparkline(parse("relu(x)")), sparkline(parse("tanh(x)"), 7)
    ('▁▁▁▁▁▁▁▂▃▅▆▇█', '▁▁▂▅▇██')
    >>> sparkline(parse("log(x)"), 7)
    '    ▁▅█'
    """
    x = np.linspace(-_RANGE, _RANGE, width)
    values = first_channel(expression, x)
    finite = np.isfinite(values)
    if not finite.any():
        return _GAP * width
    shown = np.clip(values[finite], -_HIGHEST, _HIGHEST)
    low, high = shown.min(), shown.max()
    share = (shown - low) / (high - low) if high > low else np.full(shown.size, 0.5)
    bars = np.full(width, _GAP)
    bars[finite] = np.array(list(_BARS))[np.rint(share * (len(_BARS) - 1)).astype(int)]
    return "".join(bars.tolist())


def first_channel(expression: Expression, x: FloatArray) -> FloatArray:
    """Return the values at `x`; of a groupwise function its first output by its first input.

    The other inputs are spread evenly over [-1, 1].
    """
    function = expression.numpy()
    with np.errstate(all="ignore"):
        if not expression.is_groupwise:
            return function(x)
        inputs = np.tile(np.linspace(-1.0, 1.0, 2 * expression.channel_multiple), (x.size, 1))
        inputs[:, 0] = x
        values: FloatArray = function(inputs)[:, 0]
        return values
