"""The values of all named functions, kept to be compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import Final

import numpy as np

from evoact.language.expression import Expression
from evoact.language.lanes import lanes
from evoact.language.sample import Sample, groupwise_sample, pointwise_sample
from evoact.language.tree import FloatArray
from evoact.language.zoo import ZOO, named

_CHANNELS: Final = 24
# Input scales from 1/16 to 16.
_STEP: Final = math.log(16.0) / 20
_SCALES: Final[FloatArray] = np.exp(_STEP * np.arange(-20, 21))
_ONES: Final = [20, 61]  # where 1 and -1 are among them and their opposites
_AS_GOOD: Final = 1e-7
_NEARLY_ONE: Final = 1e-4
# Of so many, those that may be the best once their input scale is found; in squares of distances.
_CANDIDATES: Final = 60
_SLACK: Final = 1e-4


@dataclass(frozen=True)
class Entry:
    """A named function.

    Attributes:
        order: its place in the zoo: better known ones come first.
        name: its name there.
        expression: the function.
    """

    order: int
    name: str
    expression: Expression

    @cached_property
    def scaling_parameter(self) -> int | None:
        """The place of the parameter that does what a factor on the input does.

        As beta in `x * sigmoid(beta * x)`, but for an output scale and shift.
        """
        if self.expression.is_groupwise:
            return None
        sample, factors = pointwise_sample(), np.array([0.5, 2.0])
        inside = sample.unit(sample.values(self.expression, factors))
        for place in range(len(self.expression.parameters)):
            outside = np.concatenate(
                [sample.values(self.scaled(place, factor), np.ones(1)) for factor in factors]
            )
            if (np.abs((inside * sample.unit(outside)).sum(axis=1)) > 1.0 - 1e-12).all():
                return place
        return None

    def scaled(self, place: int, factor: float) -> Expression:
        """Return the function with a parameter times a factor."""
        values = [p.initial for p in self.expression.parameters]
        values[place] *= factor
        return self.expression.with_values(tuple(values))


@dataclass(frozen=True)
class Fit:
    """`scale * g(input_scale * x) + shift`, fitted to a function by least squares.

    Attributes:
        entry: what `g` is.
        expression: `g`, maybe with other values of its parameters.
        input_scale: the factor on its input.
        scale: the factor on its values.
        shift: what is added to them.
        distance: the root of the mean square of what is left, over the function's deviation.
    """

    entry: Entry
    expression: Expression
    input_scale: float
    scale: float
    shift: float
    distance: float


class Catalogue:
    """Named functions of one width ratio, with their values on a sample.

    Attributes:
        sample: the inputs.
        entries: the functions, as the zoo orders them.
    """

    def __init__(self, sample: Sample, entries: list[Entry]) -> None:
        self.sample, self.entries = sample, entries
        scales = np.concatenate([_SCALES, -_SCALES])
        values = [sample.values(entry.expression, scales) for entry in entries]
        units = [sample.unit(rows) for rows in values]
        # Float32 will do to rank; what is ranked high is computed again.
        self._grid = np.concatenate([rows.astype(np.float32) for rows in units])
        self._plain = np.stack([rows[_ONES] for rows in units])
        self._values = np.stack([rows[_ONES[0]] for rows in values])

    def fits(self, expression: Expression, top: int) -> list[Fit]:
        """Return fits that the best `top` are among, in any order."""
        values = self.sample.values(expression, np.ones(1))
        mean, deviation = self.sample.moments(values)
        if not deviation[0]:
            return []
        target = _Target(
            values[0], float(mean[0]), float(deviation[0]), self.sample.unit(values)[0]
        )
        plain = _residuals(self._plain, target.unit)
        return [
            self._absorbed(self._fit(self.entries[i], target, plain[i], start), target)
            for i, start in self._candidates(target, plain, top)
        ]

    def _candidates(self, target: _Target, plain: FloatArray, top: int) -> list[tuple[int, float]]:
        """Return what to fit: the places of entries, and input scales to start from."""
        along = (self._grid @ target.unit.astype(np.float32)).reshape(len(self.entries), -1)
        ranks, starts = _lowest(1.0 - np.square(along))
        # Rounded, so that the better known of equal ones come first; but the function itself.
        best = np.round(np.minimum(ranks, plain.min(axis=1)), 6)
        with np.errstate(all="ignore"):
            best[np.abs(self._values - target.values).max(axis=1) < _AS_GOOD] = -1.0
        order = np.argsort(best, kind="stable")[: _CANDIDATES + top]
        bound = max(2.0 * best[order[0]] + _SLACK, best[order[min(top, len(order)) - 1]])
        if np.count_nonzero(plain.min(axis=1) < _AS_GOOD**2) >= top:
            bound = 0.0
        return [(int(i), float(starts[i])) for i in order if best[i] <= bound]

    def _fit(self, entry: Entry, target: _Target, plain: FloatArray, start: float) -> Fit:
        """Find the input scale next to `start`, or take 1 or -1 where that is as good."""
        found, left, values = 0.0, 0.0, None
        if plain.min() > _AS_GOOD**2:
            found = self._input_scale(entry, target.unit, start)
            values = self.sample.values(entry.expression, np.array([found]))
            left = float(_residuals(self.sample.unit(values), target.unit)[0])
        for scale, residual in zip((-1.0, 1.0), plain[::-1], strict=True):
            if residual**0.5 <= left**0.5 + _AS_GOOD:
                found, values = scale, None
        return self._affine(entry, entry.expression, found, target, values)

    def _absorbed(self, fit: Fit, target: _Target) -> Fit:
        """Return a fit by another value of a parameter, where that scales the input."""
        place = None if abs(fit.input_scale) == 1.0 else fit.entry.scaling_parameter
        if place is None:
            return fit
        expression = fit.entry.scaled(place, fit.input_scale)
        other = self._affine(fit.entry, expression, 1.0, target)
        return other if other.distance <= fit.distance + _AS_GOOD else fit

    def _input_scale(self, entry: Entry, target: FloatArray, start: float) -> float:
        """Return the best input scale within a step of `start`, by ever finer parabolas."""
        sign, centre, step = math.copysign(1.0, start), math.log(abs(start)), _STEP / 4.0
        for _ in range(4):
            scales = np.exp(centre + step * np.arange(-4, 5))
            rows = self.sample.unit(self.sample.values(entry.expression, sign * scales))
            left = _residuals(rows, target)
            best = int(np.clip(left.argmin(), 1, 7))
            below, at, above = left[best - 1 : best + 2]
            bend = below - 2.0 * at + above
            vertex = float(np.clip(0.5 * (below - above) / bend, -1.0, 1.0)) if bend > 0 else 0.0
            centre += step * (best - 4 + vertex)
            step /= 16.0
        scale = sign * math.exp(centre)
        return sign if abs(scale - sign) < _NEARLY_ONE else scale

    def _affine(
        self,
        entry: Entry,
        expression: Expression,
        input_scale: float,
        target: _Target,
        values: FloatArray | None = None,
    ) -> Fit:
        if values is None:
            values = self.sample.values(expression, np.array([input_scale]))
        mean, deviation = (float(moment[0]) for moment in self.sample.moments(values))
        if not deviation:
            return Fit(entry, expression, input_scale, 0.0, target.mean, 1.0)
        products = (target.values - target.mean) * (values[0] - mean)
        scale = float(products @ self.sample.weights) / deviation**2
        shift = target.mean - scale * mean
        left = np.square(target.values - scale * values[0] - shift) @ self.sample.weights
        return Fit(entry, expression, input_scale, scale, shift, left**0.5 / target.deviation)


@dataclass(frozen=True)
class _Target:
    """What is to be fitted: values on the sample, less their mean and of norm 1 in `unit`."""

    values: FloatArray
    mean: float
    deviation: float
    unit: FloatArray


def _residuals(rows: FloatArray, target: FloatArray) -> FloatArray:
    """Return the squared distance of a unit vector from the lines along unit rows."""
    along = rows @ target
    residuals: FloatArray = np.square(target - along[..., None] * rows).sum(axis=-1)
    return residuals


def _lowest(squares: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the least value of each row over the input scales, interpolated, and its scale."""
    best = squares.argmin(axis=1)
    inner = np.clip(best % len(_SCALES), 1, len(_SCALES) - 2) + best // len(_SCALES) * len(_SCALES)
    below, at, above = (
        np.take_along_axis(squares, (inner + k)[:, None], axis=1)[:, 0] for k in (-1, 0, 1)
    )
    bend = np.maximum(below - 2.0 * at + above, 1e-12)
    vertex = np.maximum(at - np.square(above - below) / (8.0 * bend), 0.0)
    least = np.where(at <= np.minimum(below, above), vertex, squares.min(axis=1))
    return least, np.concatenate([_SCALES, -_SCALES])[best]


def catalogue_for(expression: Expression) -> tuple[Catalogue | None, Expression]:
    """Return what an expression may be compared with, if anything, and its simplest form.

    That of a groupwise expression with one function on all channels is pointwise.
    """
    pieces = lanes(expression)
    if pieces is not None and len(pieces) == 1 and expression.width == 1:
        return _catalogue(Fraction(1), None), pieces[0][1]
    channels = math.lcm(_CHANNELS, expression.channel_multiple)
    return _catalogue(expression.width, channels), expression


@cache
def _catalogue(width: Fraction, channels: int | None) -> Catalogue | None:
    sample = groupwise_sample(width, channels) if channels else pointwise_sample()
    entries = [Entry(order, name, named(name)) for order, name in enumerate(ZOO)]
    fitting = [
        entry
        for entry in entries
        if entry.expression.width == width
        and entry.expression.is_groupwise is (channels is not None)
        and (channels or 1) % entry.expression.channel_multiple == 0
    ]
    return Catalogue(sample, fitting) if fitting else None
