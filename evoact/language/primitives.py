"""The one table of primitives: everything else derives from its rows.

To add a primitive, add a row. Its numpy function is the oracle; its torch
template is what networks train with and what exports contain.

In a torch template `{0}` is the text of argument 0 where any expression may
stand (inside the parentheses of a call) and `{0:p}` the same in parentheses
unless it is a name, a number or a call.

The costs are those of a forward and backward pass over a million float32
elements on one CPU thread, in units of ReLU's, to two digits (measured by
`benchmarks/primitives.py`).
"""

from __future__ import annotations

import keyword
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from scipy import special

LANGUAGE_VERSION: Final = 1
RESERVED: Final = frozenset({"x", "where", "per", "pi", "e"})
# Names that generated source uses, and so no parameter may have.
SOURCE_NAMES: Final = frozenset(
    {"torch", "F", "self", "__debug__", *keyword.kwlist, *keyword.softkwlist}
)


class Kind(Enum):
    """What an argument of a primitive may be."""

    VALUE = auto()
    """Any expression."""
    NUMBER = auto()
    """A literal number, such as the bounds of `clamp`."""


# Levels of binding, loosest first; used by parser, formatter and source writer.
SUM, PRODUCT, NEGATION, POWER, ATOM = range(1, 6)

V, N = Kind.VALUE, Kind.NUMBER


@dataclass(frozen=True, slots=True)
class Primitive:
    """One operation of the language; two rows are equal when their names are."""

    name: str
    formula: str = field(compare=False)
    signature: tuple[Kind, ...] = field(compare=False)
    numpy: Callable[..., Any] = field(compare=False, repr=False)
    torch: str = field(compare=False, repr=False)
    cost: float = field(compare=False, repr=False)
    infix: str | None = field(default=None, compare=False, repr=False)
    level: int = field(default=ATOM, compare=False, repr=False)
    commutative: bool = field(default=False, compare=False, repr=False)
    torch_constant: str | None = field(default=None, compare=False, repr=False)
    """Template for a commutative primitive whose argument 1 is a constant."""
    constant_cost: float | None = field(default=None, compare=False, repr=False)
    """The cost of that template."""

    @property
    def arity(self) -> int:
        """How many arguments it takes."""
        return len(self.signature)

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        """Pickle and copy by name: the functions of a row cannot be pickled."""
        return _row, (self.name,)


def _row(name: str) -> Primitive:
    return PRIMITIVES[name]


def _infix(
    name: str, symbol: str, level: int, numpy: Callable[..., Any], cost: float, **more: Any
) -> Primitive:
    formula = f"a {symbol} b" if level < POWER else f"a{symbol}b"
    return Primitive(name, formula, (V, V), numpy, "", cost, infix=symbol, level=level, **more)


def _unary(
    name: str, formula: str, numpy: Callable[..., Any], torch: str, cost: float
) -> Primitive:
    return Primitive(name, formula, (V,), numpy, torch, cost)


def _elu(x: Any) -> Any:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


_ROWS: tuple[Primitive, ...] = (
    # Arithmetic. `div` and `pow` are IEEE: 1/0 is infinite, (-1)**0.5 is NaN.
    _infix("add", "+", SUM, np.add, 0.61, commutative=True),
    _infix("sub", "-", SUM, np.subtract, 1.1),
    _infix("mul", "*", PRODUCT, np.multiply, 1.6, commutative=True),
    _infix("div", "/", PRODUCT, np.divide, 3.7),
    _infix("pow", "**", POWER, np.power, 24.0),
    Primitive("neg", "-x", (V,), np.negative, "-{0:p}", 0.85, infix="-", level=NEGATION),
    _unary("abs", "|x|", np.abs, "torch.abs({0})", 1.4),
    _unary("square", "x^2", np.square, "torch.square({0})", 1.9),
    Primitive("cube", "x^3", (V,), lambda x: x * x * x, "{0:p} ** 3", 1.9, level=POWER),
    _unary("reciprocal", "1/x", np.reciprocal, "torch.reciprocal({0})", 1.8),
    _unary("sqrt", "sqrt(x), NaN below 0", np.sqrt, "torch.sqrt({0})", 1.8),
    _unary("exp", "e^x", np.exp, "torch.exp({0})", 1.8),
    _unary("expm1", "e^x - 1", np.expm1, "torch.expm1({0})", 3.4),
    _unary("log", "ln(x), NaN below 0", np.log, "torch.log({0})", 2.2),
    # Guarded forms: defined, with bounded slope, wherever a network may go.
    Primitive(
        "safe_div",
        "a b / (b^2 + 1e-4)",
        (V, V),
        lambda a, b: a * b / (b * b + 1e-4),
        "{0:p} * {1:p} / ({1:p} * {1:p} + 1e-4)",
        8.7,
        level=PRODUCT,
    ),
    _unary(
        "safe_sqrt",
        "sqrt(|x| + 1e-6)",
        lambda x: np.sqrt(np.abs(x) + 1e-6),
        "torch.sqrt(torch.abs({0}) + 1e-6)",
        3.7,
    ),
    _unary(
        "safe_log",
        "ln(|x| + 1e-6)",
        lambda x: np.log(np.abs(x) + 1e-6),
        "torch.log(torch.abs({0}) + 1e-6)",
        4.2,
    ),
    _unary(
        "safe_exp",
        "e^min(x, 10)",
        lambda x: np.exp(np.minimum(x, 10.0)),
        "torch.exp(torch.clamp({0}, max=10.0))",
        4.4,
    ),
    Primitive(
        "signed_sqrt",
        "x / (1 + sqrt(1 + |x|)) = sign(x) (sqrt(1 + |x|) - 1)",
        (V,),
        lambda x: x / (1.0 + np.sqrt(1.0 + np.abs(x))),
        "{0:p} / (1.0 + torch.sqrt(1.0 + torch.abs({0})))",
        7.4,
        level=PRODUCT,
    ),
    # The 1e-12 keeps the slope finite at 0, where |x|^(p-2) is infinite for p < 2.
    Primitive(
        "signed_pow",
        "sign(x) |x|^p, as x (x^2 + 1e-12)^((p-1)/2)",
        (V, N),
        lambda x, p: x * (x * x + 1e-12) ** ((p - 1.0) / 2.0),
        "{0:p} * ({0:p} * {0:p} + 1e-12) ** (({1:p} - 1.0) / 2.0)",
        23.0,
        level=PRODUCT,
    ),
    # Comparison
    Primitive(
        "max",
        "max(a, b)",
        (V, V),
        np.maximum,
        "torch.maximum({0}, {1})",
        17.0,
        commutative=True,
        torch_constant="torch.clamp({0}, min={1})",
        constant_cost=5.6,
    ),
    Primitive(
        "min",
        "min(a, b)",
        (V, V),
        np.minimum,
        "torch.minimum({0}, {1})",
        16.0,
        commutative=True,
        torch_constant="torch.clamp({0}, max={1})",
        constant_cost=5.6,
    ),
    Primitive(
        "clamp",
        "min(max(x, low), high)",
        (V, N, N),
        lambda x, low, high: np.minimum(np.maximum(x, low), high),
        "torch.clamp({0}, {1}, {2})",
        5.6,
    ),
    # Smooth and saturating
    _unary("sigmoid", "1 / (1 + e^-x)", special.expit, "torch.sigmoid({0})", 1.6),
    _unary("log_sigmoid", "ln(sigmoid(x))", special.log_expit, "F.logsigmoid({0})", 4.4),
    _unary("tanh", "tanh(x)", np.tanh, "torch.tanh({0})", 4.3),
    _unary("erf", "erf(x)", special.erf, "torch.erf({0})", 5.0),
    _unary("atan", "arctan(x)", np.arctan, "torch.atan({0})", 5.3),
    _unary("asinh", "asinh(x)", np.arcsinh, "torch.asinh({0})", 31.0),
    _unary("sin", "sin(x)", np.sin, "torch.sin({0})", 4.6),
    _unary("cos", "cos(x)", np.cos, "torch.cos({0})", 4.7),
    _unary("softplus", "ln(1 + e^x)", lambda x: np.logaddexp(x, 0.0), "F.softplus({0})", 4.9),
    _unary("softsign", "x / (1 + |x|)", lambda x: x / (1 + np.abs(x)), "F.softsign({0})", 5.3),
    _unary("gaussian", "e^(-x^2)", lambda x: np.exp(-x * x), "torch.exp(-torch.square({0}))", 4.7),
    # Activations of the field that a search may use as building blocks
    _unary("relu", "max(x, 0)", lambda x: np.maximum(x, 0.0), "F.relu({0})", 1.0),
    Primitive(
        "leaky_relu",
        "x if x > 0 else slope x",
        (V, N),
        lambda x, slope: np.where(x > 0, x, slope * x),
        "F.leaky_relu({0}, {1})",
        0.88,
    ),
    _unary("elu", "x if x > 0 else e^x - 1", _elu, "F.elu({0})", 4.4),
    _unary(
        "selu",
        "1.0507 (x if x > 0 else 1.6733 (e^x - 1))",
        lambda x: (
            1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))
        ),
        "F.selu({0})",
        4.0,
    ),
    _unary("silu", "x sigmoid(x)", lambda x: x * special.expit(x), "F.silu({0})", 2.5),
    _unary(
        "gelu",
        "x Phi(x), Phi the standard normal distribution",
        lambda x: x * special.ndtr(x),
        "F.gelu({0})",
        3.4,
    ),
    _unary(
        "hard_sigmoid",
        "clamp(x / 6 + 1/2, 0, 1)",
        lambda x: np.minimum(np.maximum(x / 6.0 + 0.5, 0.0), 1.0),
        "F.hardsigmoid({0})",
        0.88,
    ),
)

PRIMITIVES: Final = MappingProxyType({row.name: row for row in _ROWS})
assert len(PRIMITIVES) == len(_ROWS), "a primitive is named twice"
