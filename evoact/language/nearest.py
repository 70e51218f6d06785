"""Which named function an expression is, or comes nearest to.

Many a formula that a search finds is a function of the literature in disguise
(Kunc and Klema 2024 warn of it). Functions are compared where activations
work, under N(0, 1), and up to what the weights around them can absorb: an
output scale and shift, and an input scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evoact.language.catalogue import Fit, catalogue_for
from evoact.language.expression import Expression
from evoact.language.standard import affine
from evoact.language.tree import Const, FloatArray, Node, X, call, rebuild
from evoact.language.zoo import named

EXACT: Final = 1e-7
"""Below this distance two functions count as the same: constants of five digits do not do."""

NEAR: Final = 0.25
"""Up to this distance two functions are called near: all but a sixteenth of the
variance of one is that of the other."""

_CLOSE: Final = 1e-5
_CLOSE_FAR: Final = 1e-4  # where an error of the input scale is multiplied


@dataclass(frozen=True, slots=True)
class Match:
    """A named function `g` next to an expression `f`.

    `f(x)` is about `output_scale * g(input_scale * x) + output_shift`.

    Attributes:
        name: of `g`, in the zoo.
        distance: the root of `E[(f - that)^2] / Var f` under N(0, 1), from 0 to 1.
        output_scale: the best factor on the values of `g`.
        output_shift: what is best added to them.
        input_scale: the best factor on the input of `g`.
        parameters: values of parameters of `g` that stand for an input scale.
        same: whether `f` is that function, far from 0 too.
    """

    name: str
    distance: float
    output_scale: float = 1.0
    output_shift: float = 0.0
    input_scale: float = 1.0
    parameters: tuple[tuple[str, float], ...] = ()
    same: bool = False

    @property
    def text(self) -> str:
        """How it is told.

        >>> Match("silu", 0.0, same=True).text
        '= silu'
        >>> Match("relu", 0.0, 1.71, -0.68, same=True).text
        '= 1.71 * relu(x) - 0.68'
        >>> Match("silu", 0.0, 1 / 1.7, 0.0, 1.7, same=True).text
        '= silu(1.7 * x) / 1.7'
        >>> Match("swish", 0.0, parameters=(("beta", 1.7),), same=True).text
        '= swish(beta=1.7)'
        >>> Match("selu", 0.00013, 1.001).text
        'near selu (distance 0.00013): selu(x)'
        >>> Match("selu", 0.98, 1.001).text
        'far from selu (distance 0.98)'
        """
        formula = _formula(self, digits=6 if self.same else 3)
        if not self.is_near:
            return f"far from {self.name} (distance {self._told_distance})"
        if not self.same:
            return f"near {self.name} (distance {self._told_distance}): {formula}"
        whole = f"{self.name}(x"
        if formula.startswith(whole) and formula.endswith(")") and formula.count("(") == 1:
            arguments = formula[len(whole) : -1].removeprefix(", ")
            return f"= {self.name}({arguments})" if arguments else f"= {self.name}"
        return f"= {formula}"

    @property
    def is_near(self) -> bool:
        """Whether `f` is that function, or so near to it that the name says something."""
        return bool(self.same or self.distance <= NEAR)

    @property
    def not_near(self) -> str:
        """How it is told that not even the nearest function is near.

        >>> Match("selu", 0.98).not_near
        'not near any named function (nearest selu, distance 0.98)'
        """
        return f"not near any named function (nearest {self.name}, distance {self._told_distance})"

    @property
    def expression(self) -> Expression:
        """`output_scale * g(input_scale * x) + output_shift`, with the parameters of `g`.

        Of constants that were fitted six digits are taken.

        Raises:
            ExpressionError: it would be larger than the language allows.

        >>> str(Match("silu", 0.0, 2.0, 0.5, 1.5).expression)
        '2.0 * silu(1.5 * x) + 0.5'
        """
        plain, values = named(self.name), dict(self.parameters)
        factor, scale, shift = map(
            _six_digits, (self.input_scale, self.output_scale, self.output_shift)
        )
        start = tuple(
            _six_digits(values[name]) if name in values else p.initial
            for name, p in zip(plain.names, plain.parameters, strict=True)
        )

        def scaled(node: Node) -> Node:
            return call("mul", Const(factor), node) if isinstance(node, X) else node

        root = plain.root if factor == 1.0 else rebuild(plain.root, scaled)
        inner = Expression.build(root, plain.parameters).with_values(start)
        return affine(inner, scale, shift if abs(shift) > _CLOSE * abs(scale) else 0.0)

    @property
    def _told_distance(self) -> str:
        return f"{self.distance:.2g}" if self.distance >= EXACT else "< 1e-07"

    @property
    def effort(self) -> int:
        """How far from plain it is: 0 the function itself, then affine, then the rest."""
        affine = max(abs(self.output_scale - 1.0), abs(self.output_shift)) > _CLOSE
        affine |= self.input_scale < 0.0  # relu(-x) is as plain as -negative_part(x)
        scaled = abs(abs(self.input_scale) - 1.0) > _CLOSE
        return affine + 2 * bool(self.parameters) + 4 * scaled + 8 * (not self.same)


def nearest(expression: Expression, top: int = 1) -> list[Match]:
    """Return the named functions nearest to an expression, best first.

    All of the zoo with the same width ratio are tried, pointwise ones for
    pointwise expressions, at the initial values of learnable parameters. Those
    that are the same function come first, the plainest of them foremost, then
    those better known.

    Args:
        expression: what to look for.
        top: how many matches to return.

    Returns:
        The matches; none for a function that is constant or not finite.

    >>> from evoact.language import parse
    >>> nearest(parse("x / (1 + exp(-x))"))[0].text
    '= silu'
    >>> nearest(parse("2 * relu(x) - 1"))[0].text
    '= 2 * relu(x) - 1'
    """
    catalogue, function = catalogue_for(expression)
    if catalogue is None:
        return []
    far_values, ranked = function.numpy()(catalogue.sample.far), []
    for fit in catalogue.fits(function, max(top, 1)):
        match = _match(fit, catalogue.sample.far, far_values)
        strange = len(fit.expression.parameters) != len(function.parameters)
        ranked.append((round(fit.distance, 6), match.effort, strange, fit.entry.order, match))
    return [match for *_, match in sorted(ranked, key=lambda rank: rank[:-1])[:top]]


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")


def _match(fit: Fit, far: FloatArray, far_values: FloatArray) -> Match:
    parameters = tuple(
        (name, now.initial)
        for name, now, then in zip(
            fit.expression.names,
            fit.expression.parameters,
            fit.entry.expression.parameters,
            strict=True,
        )
        if now != then
    )
    return Match(
        fit.entry.name,
        fit.distance,
        fit.scale,
        fit.shift,
        fit.input_scale,
        parameters,
        same=fit.distance < EXACT and _same(fit, far, far_values),
    )


def _same(fit: Fit, far: FloatArray, far_values: FloatArray) -> bool:
    with np.errstate(all="ignore"):
        fitted = fit.scale * fit.expression.numpy()(fit.input_scale * far) + fit.shift
        return bool(
            np.allclose(fitted, far_values, rtol=_CLOSE_FAR, atol=_CLOSE_FAR, equal_nan=True)
        )


def _formula(match: Match, digits: int) -> str:
    """Write `output_scale * name(input_scale * x) + output_shift` without what is trivial."""

    def told(value: float) -> str:
        return f"{value + 0.0:.{digits}g}"

    settings = "".join(f", {name}={told(value)}" for name, value in match.parameters)
    inner = {"1": "x", "-1": "-x"}.get(told(match.input_scale), f"{told(match.input_scale)} * x")
    text = f"{match.name}({inner}{settings})"
    scale = told(match.output_scale)
    if scale == "-1":
        text = f"-{text}"
    elif scale != "1" and told(match.output_scale * match.input_scale) == "1":
        text = f"{text} / {told(match.input_scale)}"
    elif scale != "1":
        text = f"{scale} * {text}"
    if abs(match.output_shift) > 10.0**-digits * max(1.0, abs(match.output_scale)):
        text += f" {'+' if match.output_shift > 0 else '-'} {told(abs(match.output_shift))}"
    return text
