"""What a row of the table of primitives says.

A row holds everything that any part of evoact knows about a primitive: what
it computes in numpy (the oracle), torch, JAX, Keras, sympy and LaTeX, its derivative, its
cost, and the traits from which facts are certified.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from fractions import Fraction
from typing import Any, Final, Literal

# Levels of binding, loosest first; used by parser, formatter and writers.
SUM, PRODUCT, NEGATION, POWER, ATOM = range(1, 6)

WIDTHS: Final = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2))
"""The width ratios that exist: channels of a node over channels of `x`."""


class Kind(Enum):
    """What an argument of a primitive may be."""

    VALUE = auto()
    """Any expression."""
    NUMBER = auto()
    """A literal number, such as the bounds of `clamp`."""
    INTEGER = auto()
    """A literal integer of at least 2, such as the size of a group of channels."""
    FRACTION = auto()
    """A literal number within (0, 1): a share of the channels."""

    @property
    def is_literal(self) -> bool:
        """Whether only a number may stand here."""
        return self is not Kind.VALUE

    def refusal(self, value: float) -> str | None:
        """Return what is wrong with a literal for this place, or None."""
        if self is Kind.INTEGER and not (value.is_integer() and 2 <= value <= 1024):
            return f"is {value!r}; wanted an integer from 2 to 1024"
        if self is Kind.FRACTION and not 0.0 < value < 1.0:
            return f"is {value!r}; wanted a number between 0 and 1"
        return None


@dataclass(frozen=True, slots=True)
class Traits:
    """What mathematics knows about a primitive of one argument.

    `turning` lists where the function turns from rising to falling or back:
    between these points it is monotone. None means that they are not listed
    (there are infinitely many); `slope` then bounds the derivative.
    """

    parity: Literal["odd", "even"] | None = None
    turning: tuple[float, ...] | None = ()
    slope: tuple[float, float] = (-math.inf, math.inf)
    range: tuple[float, float] = (-math.inf, math.inf)
    kinks: tuple[float, ...] = ()
    """Where it is continuous and has no derivative."""
    jumps: tuple[float, ...] = ()
    """Where it is not continuous."""
    poles: tuple[float, ...] = ()
    """Where it is not finite."""
    domain: tuple[float, float] = (-math.inf, math.inf)
    """Outside of this it is not a number."""


@dataclass(frozen=True, slots=True)
class Primitive:
    """One operation of the language; two rows are equal when their names are.

    In the templates `{0}` is the text of argument 0 where any expression may
    stand (inside the parentheses of a call) and `{0:p}` the same in
    parentheses unless it is a name, a number or a call. In those of groupwise
    rows `dim` is the dimension of the channels, not negative. Derivative,
    definition and surrogate are texts of the language in `a`, `b`, `c`.
    """

    name: str
    formula: str = field(compare=False, repr=False)
    signature: tuple[Kind, ...] = field(compare=False, repr=False)
    numpy: Callable[..., Any] = field(compare=False, repr=False)
    """Groupwise rows work along the last axis."""
    torch: str = field(compare=False, repr=False)
    cost: float = field(compare=False, repr=False)
    """Forward and backward pass over float32, in units of ReLU's (measured)."""
    sympy: Callable[..., Any] | None = field(default=None, compare=False, repr=False)
    """Called with the module sympy and the arguments; by default the definition's."""
    jax: str = field(default="", compare=False, repr=False)
    """As `torch`, with `jnp` and `jax`; groupwise rows work along the last axis."""
    keras: str = field(default="", compare=False, repr=False)
    """As `jax`, with `keras.ops` as `ops`, and `bessel_i0e_`, `bessel_i1e_` and `erfc_`."""
    c: str = field(default="", compare=False, repr=False)
    """In C on floats, see `c_prelude`; empty where the row is groupwise. A NaN must
    come out as one, and a choice be made by `select_`, not by a branch."""
    latex: str = field(default="", compare=False, repr=False)
    """By default the name in roman, applied to the arguments."""
    infix: str | None = field(default=None, compare=False, repr=False)
    level: int = field(default=ATOM, compare=False, repr=False)
    latex_level: int = field(default=ATOM, compare=False, repr=False)
    commutative: bool = field(default=False, compare=False, repr=False)
    torch_literal: str | None = field(default=None, compare=False, repr=False)
    """Template where the arguments `literal_places` are constants; those of a
    commutative row are moved there."""
    literal_places: tuple[int, ...] = field(default=(), compare=False, repr=False)
    literal_cost: float | None = field(default=None, compare=False, repr=False)
    """The cost of that template."""
    derivative: tuple[str, ...] | None = field(default=None, compare=False, repr=False)
    """Partial derivatives by the arguments that are values; almost everywhere."""
    definition: str | None = field(default=None, compare=False, repr=False)
    """The same function by more basic primitives."""
    surrogate: str | None = field(default=None, compare=False, repr=False)
    """A threshold is trained with the gradient of this; `{s}` in the template."""
    traits: Traits | None = field(default=None, compare=False, repr=False)
    saves: str = field(default="0", compare=False, repr=False)
    """What autograd keeps for the backward pass: the arguments' places, `r` for
    the result, `t` for each tensor besides."""
    in_float32: bool = field(default=False, compare=False, repr=False)
    """Its steps leave the range of float16: there it is computed in float32."""
    flops: int = field(default=1, compare=False, repr=False)
    """Elementary operations a value: + - * / comparisons, calls such as exp."""
    widen: Callable[..., Fraction] | None = field(default=None, compare=False, repr=False)
    """Groupwise rows: the factor on the width, given the literal arguments."""
    keeps_uniform: bool = field(default=False, compare=False, repr=False)
    """Groupwise rows: equal values in all channels come out as they are."""
    adds_x: bool = field(default=False, compare=False, repr=False)
    """Reads `x` besides its arguments, and so has width 1 (`partial`)."""

    @property
    def arity(self) -> int:
        """How many arguments it takes."""
        return len(self.signature)

    @property
    def is_groupwise(self) -> bool:
        """Whether it works across channels rather than on each value."""
        return self.widen is not None

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        """Pickle and copy by name: the functions of a row cannot be pickled."""
        return _row, (self.name,)


def _row(name: str) -> Primitive:
    from evoact.language.primitives import PRIMITIVES

    return PRIMITIVES[name]


V, N, K, FR = Kind.VALUE, Kind.NUMBER, Kind.INTEGER, Kind.FRACTION


def unary(
    name: str, formula: str, numpy: Callable[..., Any], torch: str, cost: float, **more: Any
) -> Primitive:
    """Return the row of a primitive of one argument."""
    return Primitive(name, formula, (V,), numpy, torch, cost, **more)


def infix(
    name: str, symbol: str, level: int, numpy: Callable[..., Any], cost: float, **more: Any
) -> Primitive:
    """Return the row of an operator that stands between its arguments."""
    formula = f"a {symbol} b" if level < POWER else f"a{symbol}b"
    return Primitive(name, formula, (V, V), numpy, "", cost, infix=symbol, level=level, **more)
