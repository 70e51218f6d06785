r"""Expressions as formulas in LaTeX, of the parts that matplotlib knows too.

In the rows' templates `{0}` is an argument as it is, `{0:s}` as an operand of
a sum, `{0:m}` of a product, `{0:p}` in parentheses unless it stands by itself.
A power is no base of another: `e^{x}^2` is an error in LaTeX.
"""

from __future__ import annotations

import math
import re
from typing import Final

from evoact.language.expression import Expression
from evoact.language.primitives import (
    ATOM,
    NEGATION,
    POWER,
    PRODUCT,
    SUM,
    Kind,
    Primitive,
)
from evoact.language.tree import Call, Const, Node, Param, X

_GREEK: Final = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|"
    "upsilon|phi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega"
)
_NAMED: Final = {math.pi: r"\pi", math.e: "e"}
_LEVELS: Final = {"": 0, "s": SUM, "m": PRODUCT, "p": ATOM}


def latex(expression: Expression, digits: int | None = None) -> str:
    """Return the formula of an expression, see `Expression.latex`."""
    names = [symbol(name) for name in expression.names]
    return _write(expression.root, names, digits)[0]


def symbol(name: str) -> str:
    r"""Return how a parameter is written.

    >>> [symbol(name) for name in ("a", "a12", "beta", "beta0", "slope", "k_in")]
    ['a', 'a_{12}', '\\beta', '\\beta_0', '\\mathrm{slope}', '\\mathrm{k\\_in}']
    """
    match = re.fullmatch(r"([A-Za-z]+)([0-9]*)", name)
    if match is None:
        return rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"
    word, index = match.groups()
    if _GREEK.fullmatch(word):
        word = f"\\{word}"
    elif len(word) > 1:
        word = rf"\mathrm{{{word}}}"
    if not index:
        return word
    return f"{word}_{index}" if len(index) == 1 else f"{word}_{{{index}}}"


def constant(value: float, digits: int | None = None) -> tuple[str, int]:
    r"""Return how a number is written, and how tightly that binds.

    >>> [constant(v)[0] for v in (2.0, -0.5, 1e-06, 2.5e-7, 3.141592653589793)]
    ['2', '-0.5', '10^{-6}', '2.5 \\cdot 10^{-7}', '\\pi']
    >>> constant(0.7978845608028654, digits=4)[0]
    '0.7979'
    """
    if abs(value) in _NAMED:
        text, level = _NAMED[abs(value)], ATOM
    else:
        text, level = _decimal(abs(value), digits)
    return (f"-{text}", min(level, NEGATION)) if value < 0 else (text, level)


def _decimal(value: float, digits: int | None) -> tuple[str, int]:
    text = repr(value if digits is None else float(f"{value:.{digits}g}"))
    mantissa, _, exponent = text.removesuffix(".0").partition("e")
    if not exponent:
        return mantissa, ATOM
    power = f"10^{{{int(exponent)}}}"
    return (power, POWER) if mantissa == "1" else (rf"{mantissa} \cdot {power}", PRODUCT)


def _write(node: Node, names: list[str], digits: int | None) -> tuple[str, int]:
    """Return the LaTeX of a node and how tightly it binds."""
    if isinstance(node, X):
        return "x", ATOM
    if isinstance(node, Const):
        return constant(node.value, digits)
    if isinstance(node, Param):
        return names[node.index], ATOM
    row = node.primitive
    parts = [
        (str(int(arg.value)), ATOM)
        if kind is Kind.INTEGER and isinstance(arg, Const)
        else _write(arg, names, digits)
        for arg, kind in zip(node.args, row.signature, strict=True)
    ]
    template = row.latex or _roman(row)
    slots = (_Slot(*part, template.startswith(f"{{{i}")) for i, part in enumerate(parts))
    # A term that begins with a minus is taken away rather than added.
    text = template.format(*slots).replace("+ -", "- ")
    for arg, (part, _) in zip(node.args, parts, strict=True):
        if isinstance(arg, Call) and arg.primitive.name == "abs":  # ||x|| is |x|
            text = text.replace(rf"\left|{part}\right|", part)
    return text, row.latex_level


def _roman(row: Primitive) -> str:
    """Return the template of a row that has none: its name, applied to the arguments."""
    arguments = ", ".join(f"{{{i}}}" for i in range(row.arity))
    name = row.name.replace("_", "")
    return rf"\operatorname{{{{{name}}}}}\left({arguments}\right)"


class _Slot:
    """An argument in a template; `first` where the template begins with it."""

    def __init__(self, text: str, level: int, first: bool) -> None:
        self.text, self.level, self.first = text, level, first

    def __format__(self, spec: str) -> str:
        # What begins with a minus needs parentheses after any operator but a plus.
        bare = self.first or spec in {"", "s"} or not self.text.startswith("-")
        if self.level >= _LEVELS[spec] and bare:
            return self.text
        return rf"\left({self.text}\right)"
