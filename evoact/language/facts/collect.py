"""Gather the facts of an expression."""

from __future__ import annotations

import math
from dataclasses import fields
from functools import lru_cache

import numpy as np

from evoact.language.expression import Expression
from evoact.language.facts.facts import UNKNOWN, Fact, Facts


@lru_cache(maxsize=512)
def facts_of(expression: Expression) -> Facts:
    """Return all facts of an expression, see `Expression.facts`."""
    # Deferred: everything imports the language, and little of it asks for facts.
    from evoact.language.facts.account import flops, saved_elements
    from evoact.language.facts.groupwise import groupwise_facts

    found = dict.fromkeys((f.name for f in fields(Facts)), UNKNOWN)
    with np.errstate(all="ignore"):
        found |= groupwise_facts(expression) if expression.is_groupwise else _pointwise(expression)
        found |= _moments(expression)
    found |= finiteness(expression)
    found |= {"saved_elements": saved_elements(expression), "flops": flops(expression)}
    return Facts(**found)


def finiteness(expression: Expression) -> dict[str, Fact]:
    """Return `finite` and `finite_everywhere` alone, a tenth of the work of all facts."""
    from evoact.language.facts.finite import finite_facts
    from evoact.language.facts.groupwise import groupwise_finite_facts

    with np.errstate(all="ignore"):
        rule = groupwise_finite_facts if expression.is_groupwise else finite_facts
        near, everywhere = rule(expression)
    return {"finite": near, "finite_everywhere": everywhere}


def _pointwise(expression: Expression) -> dict[str, Fact]:
    from evoact.language.facts.exact import piecewise
    from evoact.language.facts.linear import linear_facts
    from evoact.language.facts.nowhere import has_values, nowhere_facts
    from evoact.language.facts.shape import Shape
    from evoact.language.facts.smooth import smooth_facts

    exact = piecewise(expression.root, expression.parameters)
    if exact is not None:
        facts = linear_facts(exact)
    elif has_values(expression):
        facts = smooth_facts(Shape(expression))
    else:
        facts = nowhere_facts(expression)
    return facts


def _moments(expression: Expression) -> dict[str, Fact]:
    from evoact.language.gaussian import gaussian_moments

    mean, second = gaussian_moments(expression)
    if not (math.isfinite(mean) and math.isfinite(second)):
        none = Fact(None, False, "not finite")
        return {f"gaussian_{name}": none for name in ("mean", "variance", "second_moment")}
    rule = "by a fine grid"
    return {
        "gaussian_mean": Fact(mean, False, rule),
        "gaussian_variance": Fact(max(second - mean * mean, 0.0), False, rule),
        "gaussian_second_moment": Fact(second, False, rule),
    }
