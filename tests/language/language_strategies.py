"""Random typed expressions, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, reject, settings
from hypothesis import strategies as st

from evoact.language import (
    PRIMITIVES,
    Const,
    Expression,
    ExpressionError,
    Kind,
    Node,
    Param,
    Parameter,
    Scope,
    X,
    call,
)

# The same examples in every run; slow examples on a shared machine are no failure.
PROPERTY = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)

NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.1, 1 / 3, 5e-324, -1.7e308, 1e16, 1e-5]),
    st.floats(-10.0, 10.0),
    st.floats(allow_nan=False, allow_infinity=False),
)
TAME_NUMBERS = st.floats(-2.0, 2.0)
_NAMES = (None, "beta", "a1", "a0", "t0", "a0_")


@st.composite
def expressions(
    draw: Any,
    primitives: tuple[str, ...] = tuple(PRIMITIVES),
    numbers: st.SearchStrategy[float] = NUMBERS,
    max_depth: int = 5,
) -> Expression:
    """Return a valid expression over the given primitives; it may have parameters."""
    names = draw(st.lists(st.sampled_from(_NAMES), max_size=3, unique=True))
    parameters = tuple(
        Parameter(draw(numbers) + 0.0, draw(st.sampled_from(Scope)), name) for name in names
    )

    def leaf() -> Node:
        index = draw(st.integers(-3, len(parameters) - 1))
        if index >= 0:
            return Param(index)
        return Const(draw(numbers)) if index == -3 else X()

    def node(depth: int) -> Node:
        if depth == 0 or draw(st.integers(0, 3)) == 0:
            return leaf()
        row = PRIMITIVES[draw(st.sampled_from(primitives))]
        return call(
            row.name,
            *(
                Const(draw(numbers)) if kind is Kind.NUMBER else node(depth - 1)
                for kind in row.signature
            ),
        )

    try:
        return Expression.build(node(max_depth), parameters)
    except ExpressionError:  # a constant part that is not finite
        reject()
