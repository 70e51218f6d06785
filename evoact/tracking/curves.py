"""Which curves show an activation.

A pointwise function is one curve. A groupwise one depends on several channels:
it is shown on a few channels, each of its outputs against one input channel
after another, with all other channels at -1, 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

import numpy as np

from evoact.language import ArrayFunction, Call, Const, Expression, FloatArray, Kind, walk

Setting = Sequence[float] | None
"""Values of the parameters; None for the initial ones."""

_OTHERS: Final = (-1.0, 0.0, 1.0)
_LAYERS_AT: Final = 1.0
"""Where the other channels are for trained layers: at 0 a gate would hide its other half."""
_OWN_INPUT: Final = "x"
_TRAINED: Final = "trained, by layer"
_MOST_CHANNELS: Final = 2048
_MOST_OUTPUTS: Final = 3
_FEWER: Final = 64  # channels that show both parts of `partial`, or nearly
_PROBES: Final[FloatArray] = np.linspace(-3.3, 3.1, 33)  # off the points where outputs may meet


@dataclass(frozen=True, slots=True)
class Curve:
    """A function of one number, and how it is told from the others of its panel."""

    at: Callable[[FloatArray], FloatArray]
    label: str
    output: int = 0
    others: int = 1
    """Which of the values -1, 0, 1 the other channels have."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves over one input; those of trained layers apart."""

    x: str
    """Which input varies; `x` where each output reads one alone."""
    y: str
    slope: str
    curves: tuple[Curve, ...]
    layers: tuple[Curve, ...] = ()


def panels(expression: Expression, settings: Sequence[Setting]) -> list[Panel]:
    """Return what shows an expression, with its parameters as they start and as trained.

    Nothing for a groupwise expression whose groups have thousands of channels.
    """
    if expression.is_groupwise:
        count = shown_channels(expression)
        return _Groupwise(expression.numpy(), count, settings).panels() if count else []
    function = expression.numpy()
    layers = tuple(_pointwise(function, setting, _TRAINED) for setting in settings)
    return [Panel("x", "f(x)", "f'(x)", (_pointwise(function, None, "initial"),), layers)]


def _pointwise(function: ArrayFunction, setting: Setting, label: str) -> Curve:
    return Curve(lambda x: function(x, setting), label)


def shown_channels(expression: Expression) -> int:
    """Return on how many channels a groupwise expression is shown; 0 if on none.

    The fewest that fill its groups, that are more than one, and of which
    `partial` leaves some and changes some.

    >>> from evoact.language import parse
    >>> [shown_channels(parse(text)) for text in ("softmax(x)", "group_max(x, 4)")]
    [2, 4]
    """
    least = 2
    for node in walk(expression.root):
        if isinstance(node, Call):
            shares = [min(part, 1.0 - part) for part in _fractions(node)]
            least = max([least, *(floor(0.5 / share) + 1 for share in shares)])
    multiple = expression.channel_multiple
    count = -(-min(least, _FEWER) // multiple) * multiple
    return count if count <= _MOST_CHANNELS else 0


def slices_text(shown: Sequence[Panel], channels: int) -> str:
    """Say which slices of a groupwise expression its panels show.

    >>> from evoact.language import parse
    >>> slices_text(panels(parse("group_max(x, 4)"), []), 4)
    'slices: input x1 varies, the others at -1, 0 or 1 (all alike)'
    """
    inputs = " or ".join(panel.x for panel in shown)
    if inputs == _OWN_INPUT:
        return "slices: each output against the one input that it reads"
    others = "other at -1, 0 or 1" if channels == 2 else "others at -1, 0 or 1 (all alike)"
    return f"slices: input {inputs} varies, the {others}"


def _fractions(call: Call) -> Iterator[float]:
    for arg, kind in zip(call.args, call.primitive.signature, strict=True):
        if kind is Kind.FRACTION and isinstance(arg, Const):
            yield arg.value


class _Groupwise:
    """Panels of a function on `(points, channels)`."""

    def __init__(self, function: ArrayFunction, count: int, settings: Sequence[Setting]) -> None:
        self._function, self._count, self._settings = function, count, settings

    def panels(self) -> list[Panel]:
        channels = self._different_channels()
        if any(self._mixes(channel) for channel in channels):
            return [self._panel([channel], f"x{channel + 1}") for channel in channels]
        return [self._panel(channels, _OWN_INPUT)]  # each output reads one channel

    def _sweep(self, channel: int, x: FloatArray, others: float, setting: Setting) -> FloatArray:
        """Return all outputs while one channel takes the values `x`."""
        inputs = np.full((x.size, self._count), others)
        inputs[:, channel] = x
        return self._function(inputs, setting)

    def _probed(self, channel: int) -> FloatArray:
        """Return outputs at each value of the others: `(others, points, outputs)`."""
        sweeps = [self._sweep(channel, _PROBES, others, None) for others in _OTHERS]
        return np.nan_to_num(np.stack(sweeps), posinf=1e9, neginf=-1e9)

    def _outputs(self, channel: int) -> list[int]:
        """Return the outputs that depend on a channel, each curve once."""
        probed = self._probed(channel)
        moving = np.flatnonzero(np.ptp(probed, axis=1).max(axis=0) > 0.0)
        chosen: list[int] = []
        for output in map(int, moving):
            if not any(np.array_equal(probed[..., output], probed[..., o]) for o in chosen):
                chosen.append(output)
        return chosen

    def _mixes(self, channel: int) -> bool:
        """Whether what depends on a channel depends on others too."""
        probed = self._probed(channel)[..., self._outputs(channel)]
        return bool(np.ptp(probed, axis=0).max(initial=0.0) > 0.0)

    def _different_channels(self) -> list[int]:
        """Return input channels that the outputs depend on in different ways."""
        found: dict[bytes, int] = {}
        for channel in sorted({self._count * quarter // 4 for quarter in range(4)} | {self._last}):
            outputs = self._outputs(channel)
            curves = self._probed(channel)[..., outputs].round(9) + 0.0  # no -0.0
            if outputs:
                found.setdefault(b"".join(sorted(c.tobytes() for c in curves.T)), channel)
        return list(found.values()) or [0]

    @property
    def _last(self) -> int:
        return self._count - 1

    def _panel(self, channels: Sequence[int], x: str) -> Panel:
        mixes = self._mixes(channels[0])
        places = [(channel, output) for channel in channels for output in self._shown(channel)]
        curves = [
            self._curve(place, number, others, None, self._label(place, others, mixes=mixes))
            for number, place in enumerate(places)
            for others in (range(len(_OTHERS)) if mixes else (1,))
        ]
        at = _OTHERS.index(_LAYERS_AT)
        label = f"{_TRAINED}, {self._rest(channels[0])} = {_LAYERS_AT:g}" if mixes else _TRAINED
        layers = [
            self._curve(place, number, at, setting, label)
            for setting in self._settings
            for number, place in enumerate(places)
        ]
        return Panel(x, "y", f"dy/d{x}", tuple(curves), tuple(layers))

    def _shown(self, channel: int) -> list[int]:
        """Return some of the outputs that depend on a channel, the last among them."""
        outputs = self._outputs(channel) or [0]
        return outputs[: _MOST_OUTPUTS - 1] + outputs[_MOST_OUTPUTS - 1 :][-1:]

    def _curve(
        self, place: tuple[int, int], number: int, others: int, setting: Setting, label: str
    ) -> Curve:
        channel, output = place

        def at(x: FloatArray) -> FloatArray:
            return self._sweep(channel, x, _OTHERS[others], setting)[:, output]

        return Curve(at, label, number, others)

    def _label(self, place: tuple[int, int], others: int, *, mixes: bool) -> str:
        channel, output = place
        if not mixes:
            return f"y{output + 1}(x{channel + 1})"
        return f"y{output + 1}, {self._rest(channel)} = {_OTHERS[others]:g}"

    def _rest(self, channel: int) -> str:
        return f"x{2 - channel}" if self._count == 2 else "others"
