"""Screens: why an offspring is not worth a training, told before there is one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from typing import Final

from evoact.evolution.individual import Individual
from evoact.language import (
    Expression,
    fingerprint,
    gaussian_moments,
    is_affine,
    is_constant,
    is_finite_near_zero,
    signal_at_depth,
)
from evoact.language.measures import STATIC, measure
from evoact.records import LanguageSpec, SearchSpec

# Of second moments, from the first layer to the last. Far from what trains: of
# the zoo, exponentials, cubes and sines of 30 * x.
MOST_GROWTH: Final = 1e8

_CHEAP: Final = ("cost", "nodes")  # the others take hundredths of a second

NOT_FINITE: Final = "not finite on normal inputs"


class Screens:
    """The reasons for which offspring are rejected before they are trained.

    Those that follow from the expression as it was bred come first, as they cost
    least. No reason says more than what kind of fault it is, so that they can be
    counted.

    Args:
        space: its limits of size, `evolution.screens`, and `constraints`.

    >>> from evoact.language import parse
    >>> screens = Screens(SearchSpec(language={"normalise": "none"}))
    >>> screens.of_scored(parse("exp(x)"))
    'signal explodes at depth'
    >>> screens.of_scored(parse("silu(x)"))
    """

    def __init__(self, space: SearchSpec) -> None:
        self._language: LanguageSpec = space.language
        self._spec = space.evolution.screens
        self._constraints = sorted(space.conditions(), key=lambda c: c.name not in _CHEAP)
        self._measures = [name for name in space.objectives if name in STATIC]

    def of_bred(self, tree: Individual, expression: Expression) -> str | None:
        """Return what is wrong with an offspring as it was bred, if anything is.

        Args:
            tree: the limits of size hold for it.
            expression: what it stands for.
        """
        limits = self._language
        if len(tree) > limits.max_nodes or tree.height > limits.max_depth:
            return "too large"
        values = fingerprint(expression)
        if not is_finite_near_zero(values):
            return NOT_FINITE
        if is_constant(values):
            return "constant"
        return "linear" if self._spec.linear and is_affine(expression) else None

    def of_scored(self, late: Expression) -> str | None:
        """Return what is wrong with a function as it would be scored, if anything is."""
        return next(chain(self._faults_of_signal(late), self._faults_of_facts(late)), None)

    def _faults_of_facts(self, late: Expression) -> Iterator[str]:
        """Yield the constraints that a function violates, and objectives without a value."""
        for constraint in self._constraints:
            if not constraint.holds(late):
                yield f"violates {constraint}"
        for name in self._measures:
            value = measure(name, late)
            if value is None or not math.isfinite(value):
                yield f"{name} is {'not known' if value is None else 'infinite'}"

    def _faults_of_signal(self, late: Expression) -> Iterator[str]:
        depth = self._spec.depth
        if not depth:
            return
        if not math.isfinite(gaussian_moments(late)[1]):
            yield NOT_FINITE
        signal = signal_at_depth(late, depth)
        for what, factors in (("signal", signal.forward), ("gradient", signal.backward)):
            if factors is not None and max(factors) > MOST_GROWTH:
                yield f"{what} explodes at depth"
            if factors is not None and min(factors) < 1.0 / MOST_GROWTH:
                yield f"{what} vanishes at depth"
