"""What is known of an expression: facts, each certified or estimated.

Facts are of the function at its initial parameters, in exact arithmetic, for
inputs from the smallest to the largest finite float32. A certified fact was
proved from the tree (by exact fractions, by interval arithmetic or by a
counterexample); an estimated one was seen on samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Final

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Knot:
    """Where a piecewise-linear function changes its slope or jumps."""

    x: float
    left: float
    """The value just left of `x`."""
    value: float
    right: float
    """The value just right of `x`."""
    slope_left: float
    slope_right: float


class Interval(tuple[float, float]):
    """The two ends of an interval, of which either may be left out of it.

    >>> Fact((Interval(0.0, 1.0, low_open=True),), True).text
    '(0, 1]'
    """

    low_open: bool
    high_open: bool

    def __new__(
        cls, low: float, high: float, *, low_open: bool = False, high_open: bool = False
    ) -> Interval:
        """Make it of its ends."""
        self = super().__new__(cls, (low, high))
        self.low_open, self.high_open = low_open, high_open
        return self

    def __getnewargs__(self) -> tuple[float, float]:
        """Copy and pickle; what is open is in the state."""
        return self[0], self[1]

    @property
    def left_out(self) -> tuple[float, ...]:
        """The finite ends that are not part of it."""
        ends = zip(self, (self.low_open, self.high_open), strict=True)
        return tuple(end for end, out in ends if out and math.isfinite(end))


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known of a function, and how well.

    `value` is None where the question does not apply or has no answer; `note`
    then says why.
    """

    value: Any
    certified: bool
    note: str = ""

    @property
    def text(self) -> str:
        """The value for people.

        >>> Fact((0.0, (1.0, 2.0)), True).text
        '0, [1, 2]'
        """
        return _text(self.value)

    @property
    def status(self) -> str:
        """`certified`, `estimated`, or `-` where there is nothing to know."""
        if self.value is None:
            return "-"
        return "certified" if self.certified else "estimated"

    def to_dict(self) -> dict[str, Json]:
        """Return the fact as plain JSON data; infinities become `inf` and `-inf`.

        >>> Fact(math.inf, True).to_dict()
        {'value': 'inf', 'certified': True, 'note': ''}
        """
        return {"value": _json(self.value), "certified": self.certified, "note": self.note}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All facts of an expression, see `Expression.facts`."""

    piecewise_linear: Fact
    pieces: Fact
    """How many linear pieces."""
    knots: Fact
    """A tuple of `Knot`."""
    continuous: Fact
    jumps: Fact
    """Where it is not continuous: a tuple of x."""
    differentiable: Fact
    kinks: Fact
    """Where it is continuous and has no derivative: a tuple of x."""
    monotone: Fact
    """`increasing`, `decreasing`, `constant` or `no`."""
    bounded: Fact
    minimum: Fact
    """The infimum; the note says where it is reached."""
    maximum: Fact
    """The supremum; the note says where it is reached."""
    parity: Fact
    """`odd`, `even`, `both` (zero) or `no`."""
    lipschitz: Fact
    """The best Lipschitz constant (in the 2-norm, across channels)."""
    one_lipschitz: Fact
    gradient_norm_preserving: Fact
    """Whether `|f'|` is 1 (or the Jacobian orthogonal) almost everywhere."""
    limit_left: Fact
    """Where `f(x)` goes as x goes to minus infinity."""
    limit_right: Fact
    slope_left: Fact
    """Where `f'(x)` goes as x goes to minus infinity."""
    slope_right: Fact
    zeros: Fact
    """A tuple of x and of intervals of x, or `infinitely many`."""
    fixed_points: Fact
    """As `zeros`, of `f(x) = x`."""
    finite: Fact
    """Value and gradient are finite in float32 for `|x| <= 1e4`."""
    finite_everywhere: Fact
    """The same for every finite float32."""
    gaussian_mean: Fact
    """`E[f(z)]` for `z ~ N(0, 1)`."""
    gaussian_variance: Fact
    gaussian_second_moment: Fact
    saved_elements: Fact
    """Tensor elements kept for the backward pass, per element of the input."""
    flops: Fact
    """Elementary operations of a forward pass, per element of the input."""

    def to_dict(self) -> dict[str, dict[str, Json]]:
        """Return all facts as plain JSON data, by name."""
        return {f.name: getattr(self, f.name).to_dict() for f in fields(self)}

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return name, value, `certified` or `estimated`, and note of each fact, as text.

        >>> from evoact.language import parse
        >>> parse("abs(x)").facts().rows()[0]
        ('piecewise linear', 'yes', 'certified', '')
        """
        named = [(f.name.replace("_", " "), getattr(self, f.name)) for f in fields(self)]
        return [(name, fact.text, fact.status, fact.note) for name, fact in named]


UNKNOWN: Final = Fact(None, False, "not known")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value + 0.0:.6g}"
    if isinstance(value, Knot):
        return f"{value.x:.6g}"
    if isinstance(value, tuple):
        return ", ".join(map(_entry, value)) or "none"
    return str(value)


def _entry(value: Any) -> str:
    if not isinstance(value, tuple):
        return _text(value)
    first, last = "[", "]"
    if isinstance(value, Interval):
        first = "(" if value.low_open or value[0] == -math.inf else first
        last = ")" if value.high_open or value[1] == math.inf else last
    return f"{first}{_text(tuple(value))}{last}"


def left_out(entries: tuple[Any, ...]) -> str:
    """Return the note on ends that are not part of their intervals."""
    found = [x for entry in entries if isinstance(entry, Interval) for x in entry.left_out]
    return f"without x = {', '.join(f'{x + 0.0:.6g}' for x in sorted(set(found)))}" if found else ""


def _json(value: Any) -> Json:
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, Knot):
        return {f.name: _json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_json(entry) for entry in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"a fact holds a {type(value).__name__}")
