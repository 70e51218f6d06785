"""Telling that two expressions are the same function, by their values.

Two expressions are taken as equal when they have the same parameters (count
and scopes) and equal values, within a tolerance, at fixed inputs under the
initial parameters and under three fixed perturbations of them: so `a * x` at
`a = 1` is not `x`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final

import numpy as np
from scipy import special

from evoact.language.tree import Expression, FloatArray

TOLERANCE: Final = 1e-8
_PERTURBATIONS: Final = 3

# 64 quantiles of the standard normal, where activations work, and a few far out.
_INPUTS: Final[FloatArray] = np.concatenate(
    [special.ndtri((np.arange(64) + 0.5) / 64), [-30.0, -10.0, -4.0, 0.0, 4.0, 10.0, 30.0]]
)
_NEAR: Final = slice(0, 64)


def fingerprint(expression: Expression) -> FloatArray:
    """Return the values that identify the function, shape `(settings * inputs,)`."""
    canonical = expression.canonical()
    function = canonical.numpy()
    initial = np.array([p.initial for p in canonical.parameters])
    settings = _PERTURBATIONS + 1 if initial.size else 1
    rows = [function(_INPUTS, list(initial + _shift(k, initial.size))) for k in range(settings)]
    return np.concatenate(rows)


def _shift(setting: int, count: int) -> FloatArray:
    """Fixed, unequal steps for each parameter; none for setting 0.

    Some are large and negative: `abs(a) * x` is `a * x` only while `a > 0`.
    """
    scale = (0.0, 0.31, -1.73, 2.19)[setting]
    steps: FloatArray = scale * (1.0 + 0.3 * np.sin(1.7 * np.arange(1, count + 1) * (setting + 1)))
    return steps


def is_finite_near_zero(values: FloatArray) -> bool:
    """Whether a fingerprint is finite at the normal quantiles, initial parameters."""
    return bool(np.isfinite(values[_NEAR]).all())


def is_constant(values: FloatArray) -> bool:
    """Whether a fingerprint's function does not depend on its input."""
    near = values[: _INPUTS.size][_NEAR]
    with np.errstate(all="ignore"):
        return bool(np.ptp(near) <= TOLERANCE * (1.0 + np.abs(near).max()))


def same_values(a: FloatArray, b: FloatArray) -> bool:
    """Whether two fingerprints agree; NaN equals NaN, infinity itself."""
    if a.shape != b.shape:
        return False
    return bool(np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))


class FingerprintIndex:
    """Finds an equal function among many, without comparing with each.

    >>> from evoact.language import parse
    >>> index = FingerprintIndex()
    >>> index.add(parse("max(x, 0)"), "first")
    >>> index.find(parse("(x + abs(x)) / 2"))
    'first'
    >>> index.find(parse("tanh(x)")) is None
    True
    """

    def __init__(self) -> None:
        self._keys: dict[tuple[str, ...], list[tuple[float, int]]] = {}
        self._entries: list[tuple[FloatArray, str]] = []

    def add(self, expression: Expression, label: str) -> None:
        """Remember an expression under a label."""
        values = fingerprint(expression)
        insort(self._bucket(expression), (_projection(values), len(self._entries)))
        self._entries.append((values, label))

    def find(self, expression: Expression) -> str | None:
        """Return the label of an equal function that was added, or None."""
        values = fingerprint(expression)
        key = _projection(values)
        bucket = self._bucket(expression)
        window = 4.0 * TOLERANCE
        for position in range(bisect_left(bucket, (key - window, -1)), len(bucket)):
            near, entry = bucket[position]
            if near > key + window:
                return None
            other, label = self._entries[entry]
            if same_values(values, other):
                return label
        return None

    def _bucket(self, expression: Expression) -> list[tuple[float, int]]:
        signature = tuple(sorted(p.scope.value for p in expression.parameters))
        return self._keys.setdefault(signature, [])


def _projection(values: FloatArray) -> float:
    """One number that moves by no more than the values do, relatively."""
    with np.errstate(all="ignore"):
        squashed = values / (1.0 + np.abs(values))
    squashed = np.where(np.isinf(values), np.sign(values), np.nan_to_num(squashed))
    weights = 1.0 + 0.5 * np.sin(np.arange(values.size))
    return float(weights @ squashed / weights.sum())
