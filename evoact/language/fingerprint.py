"""Telling that two expressions are the same function, by their values.

Two expressions are taken as equal when they have the same width and the same
parameters (count, scopes, widths) and equal values, within a tolerance, at
fixed inputs under the initial parameters and under three fixed perturbations
of them: so `a * x` at `a = 1` is not `x`. Groupwise ones are compared on fixed
groups of channels, up to a permutation of the output channels.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np
from scipy import special

from evoact.language.expression import Expression
from evoact.language.tree import FloatArray, Scope

TOLERANCE: Final = 1e-8
_SCALES: Final = (0.0, 0.31, -1.73, 2.19)  # of the steps of the parameters, by setting


def _with_mirror(positive: FloatArray, middle: tuple[float, ...] = ()) -> FloatArray:
    """Return inputs that are, reversed, their own negatives."""
    rising = np.sort(positive)
    return np.concatenate([-rising[::-1], middle, rising])


# 256 quantiles of the standard normal, where activations work, then points to 8,
# and a few to 200; irrational steps apart, as knots lie at round numbers.
_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0
_NEAR: Final = _with_mirror(
    np.asarray(special.ndtri(0.5 + np.arange(1, 129) * _GOLDEN % 1 / 2), np.float64)
)
_FAR: Final = _with_mirror(
    np.concatenate(
        [2.0 + 0.15 * _GOLDEN * np.arange(64), 8.0 * np.exp(0.5 * _GOLDEN * np.arange(11))]
    ),
    (0.0,),
)
_INPUTS: Final = np.concatenate([_NEAR, _FAR])

# Divided by 2, 3, 4, 5, 6, 8, 10, 12: few groups are all of the channels.
_CHANNELS: Final = 120
_MOST_CHANNELS: Final = 1 << 16
_NEAR_ROWS: Final = 6  # of groups of channels; two more lie far out


def fingerprint(expression: Expression) -> FloatArray:
    """Return the values that identify the function; read-only.

    Shape `(settings * inputs,)` of a pointwise expression; of a groupwise one
    `(settings * rows, output channels)`, the channels in an order of their own.
    A groupwise expression that needs more than 65,536 channels has no values.
    """
    return _flat(_values(expression.canonical()))


@lru_cache(maxsize=256)  # 6 KiB each; those of a generation that is bred meet
def _values(canonical: Expression) -> FloatArray:
    """Return the values by setting, input, and for groupwise ones output channel."""
    inputs = _channel_inputs(canonical) if canonical.is_groupwise else _INPUTS
    if inputs is None:
        return np.empty((1, 0, 0))
    function = canonical.numpy()
    settings = len(_SCALES) if canonical.parameters else 1
    values = np.stack([function(inputs, _shifted(canonical, k, inputs)) for k in range(settings)])
    values.flags.writeable = False
    return values


def _channel_inputs(expression: Expression) -> FloatArray | None:
    """Return rows of channels: normal ones, then far ones, each block its own mirror."""
    multiple = expression.channel_multiple
    channels = math.lcm(_CHANNELS, multiple)
    if channels > _MOST_CHANNELS:
        channels = multiple * -(-_CHANNELS // multiple)
    if channels > _MOST_CHANNELS:
        return None
    rng = np.random.default_rng(0)
    half = rng.standard_normal((_NEAR_ROWS // 2, channels))
    far = 12.0 * rng.standard_normal((1, channels))
    return np.concatenate([half, -half[::-1], far, -far])


def _shifted(expression: Expression, setting: int, inputs: FloatArray) -> list[FloatArray]:
    """Return parameters with fixed, unequal steps added; none for setting 0.

    Some are large and negative: `abs(a) * x` is `a * x` only while `a > 0`.
    Steps go by the order of the initial values, which no writing changes.
    """
    parameters, widths = expression.parameters, expression.layout.parameters
    order = sorted(
        range(len(parameters)), key=lambda i: (parameters[i].initial, parameters[i].scope)
    )
    result = [np.asarray(p.initial) for p in parameters]
    for rank, index in enumerate(order, 1):
        step = _SCALES[setting] * (1.0 + 0.3 * math.sin(1.7 * rank * (setting + 1)))
        result[index] = result[index] + step
        if inputs.ndim == 2 and parameters[index].scope is Scope.CHANNEL:
            channels = np.arange(int(inputs.shape[1] * widths[index]))
            result[index] = result[index] + 0.1 * _SCALES[setting] * np.sin(1.0 + channels)
    return result


def _flat(values: FloatArray) -> FloatArray:
    if values.ndim == 2:
        return values.reshape(-1)
    settings, rows, columns = values.shape
    table = values.reshape(settings * rows, columns)
    # Columns that are equal within the tolerance may be exchanged: no harm is done.
    return table[:, np.argsort(_projection(table), kind="stable")]


def is_finite_near_zero(values: FloatArray) -> bool:
    """Whether a fingerprint is finite at normal inputs, initial parameters."""
    near = _near(values)
    return bool(near.size and np.isfinite(near).all())


def is_constant(values: FloatArray) -> bool:
    """Whether a fingerprint's function does not depend on its input."""
    near = _near(values)
    with np.errstate(all="ignore"):
        return bool(
            near.size and np.all(np.ptp(near, axis=0) <= TOLERANCE * (1.0 + np.abs(near).max()))
        )


def _near(values: FloatArray) -> FloatArray:
    return values[: _NEAR.size if values.ndim == 1 else _NEAR_ROWS]


def same_values(a: FloatArray, b: FloatArray) -> bool:
    """Whether two fingerprints agree; NaN equals NaN, infinity itself."""
    if a.shape != b.shape or not a.size:
        return False
    return bool(np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))


class FingerprintIndex:
    """Finds an equal function among many, without comparing with each.

    Args:
        affine: take functions as equal that differ in output scale, shift and
            sign or in input sign alone. Constant functions have no such class;
            they are compared as they are.

    >>> from evoact.language import parse
    >>> index = FingerprintIndex()
    >>> index.add(parse("max(x, 0)"), "first")
    >>> index.find(parse("(x + abs(x)) / 2"))
    'first'
    >>> index.find(parse("tanh(x)")) is None
    True
    >>> index = FingerprintIndex(affine=True)
    >>> index.add(parse("tanh(x)"), "tanh")
    >>> index.find(parse("sigmoid(-2 * x)"))
    'tanh'
    """

    def __init__(self, *, affine: bool = False) -> None:
        self._affine = affine
        self._buckets: dict[tuple[object, ...], _Bucket] = {}
        # Without their values, which are computed again when keys meet: a search
        # of 100,000 candidates would else keep gigabytes.
        self._entries: list[tuple[Expression, str]] = []

    def add(self, expression: Expression, label: str) -> None:
        """Remember an expression under a label."""
        canonical = expression.canonical()
        values = next(self._variants(canonical))
        self._bucket(canonical).add(_key(values), len(self._entries))
        self._entries.append((canonical, label))

    def find(self, expression: Expression) -> str | None:
        """Return the label of an equal function that was added, or None."""
        canonical = expression.canonical()
        bucket = self._bucket(canonical)
        found = (self._nearest(bucket, values) for values in self._variants(canonical))
        return next((label for label in found if label is not None), None)

    def _nearest(self, bucket: _Bucket, values: FloatArray) -> str | None:
        for entry in bucket.near(_key(values), 4.0 * TOLERANCE):
            other, label = self._entries[entry]
            if same_values(values, next(self._variants(other))):
                return label
        return None

    def _variants(self, canonical: Expression) -> Iterator[FloatArray]:
        values = _values(canonical)
        if not self._affine:
            yield _flat(values)
            return
        values = _standardised(values)
        for mirrored in (values, _mirrored(values)):
            yield _flat(mirrored)
            yield _flat(-mirrored)

    def _bucket(self, canonical: Expression) -> _Bucket:
        widths = canonical.layout.parameters
        uses = sorted(
            (parameter.scope.value, width if parameter.scope is Scope.CHANNEL else 1)
            for parameter, width in zip(canonical.parameters, widths, strict=True)
        )
        key = (canonical.width, canonical.is_groupwise, *uses)
        return self._buckets.setdefault(key, _Bucket())


class _Bucket:
    """Entries by their keys, which are sorted: numbers alone, as there may be many."""

    def __init__(self) -> None:
        self._keys, self._entries = array("d"), array("q")

    def add(self, key: float, entry: int) -> None:
        place = bisect_right(self._keys, key)
        self._keys.insert(place, key)
        self._entries.insert(place, entry)

    def near(self, key: float, window: float) -> array[int]:
        """Return the entries whose keys differ by no more than the window."""
        begin = bisect_left(self._keys, key - window)
        return self._entries[begin : bisect_right(self._keys, key + window)]


def _standardised(values: FloatArray) -> FloatArray:
    """Return values with mean 0 and variance 1 at normal inputs, initial parameters."""
    near = values[0, : _NEAR.size if values.ndim == 2 else _NEAR_ROWS]
    if not near.size:
        return values
    with np.errstate(all="ignore"):
        mean, deviation = near.mean(), near.std()
        if not deviation > TOLERANCE * (1.0 + abs(mean)) or not np.isfinite(deviation):
            return values
        return np.asarray((values - mean) / deviation)


def _mirrored(values: FloatArray) -> FloatArray:
    """Return the values for negated inputs."""
    near = _NEAR.size if values.ndim == 2 else _NEAR_ROWS
    return np.concatenate([values[:, near - 1 :: -1], values[:, : near - 1 : -1]], axis=1)


def _key(values: FloatArray) -> float:
    projections = _projection(values)
    return float(projections if values.ndim == 1 else projections.sum() / max(1, projections.size))


def _projection(values: FloatArray) -> FloatArray:
    """One number (of a table, one a column) that moves no more than the values do, relatively."""
    with np.errstate(all="ignore"):
        squashed = values / (1.0 + np.abs(values))
    squashed = np.where(np.isinf(values), np.sign(values), np.nan_to_num(squashed))
    weights = 1.0 + 0.5 * np.sin(np.arange(values.shape[0]))
    return np.asarray(weights @ squashed / max(weights.sum(), 1.0))
