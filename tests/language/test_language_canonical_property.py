"""What holds of the normal form of every expression."""

from __future__ import annotations

import time
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from language_strategies import (
    POINTWISE,
    PROPERTY,
    THRESHOLDS,
    any_number,
    expressions,
    tame_number,
    usual_number,
)

from evoact.language import (
    Call,
    Expression,
    ExpressionError,
    Node,
    Param,
    Parameter,
    call,
    parse,
    walk,
)
from evoact.language.normal.form import canonical
from evoact.language.tokens import MAX_CHARACTERS
from evoact.language.tree import rebuild
from evoact.nn import Activation

ARITHMETIC = (
    "add", "sub", "mul", "div", "neg", "max", "min", "relu", "abs", "square", "tanh", "exp",
    "sigmoid", "cos",
)  # fmt: skip
NEAR = np.array([-3.0, -1.25, -0.3, 1e-3, 0.7, 2.0, 5.5, -0.9, 0.4, 1.1, -2.2, -0.05])
INPUTS = np.concatenate([NEAR, 1.3 * NEAR])  # a multiple of all groups of channels
CHAINS = {"add", "mul", "max", "min"}


@PROPERTY
@given(expressions(numbers=any_number))
def test_it_is_idempotent_and_parses_to_itself(expression: Expression) -> None:
    found = expression.canonical()
    assert found.canonical() == found
    assert found.width == expression.width
    assert found.names == tuple(f"a{i}" for i in range(len(found.parameters)))
    assert size(found) <= size(expression)
    assume(len(str(found)) <= MAX_CHARACTERS)
    assert parse(str(found)) == found


def size(expression: Expression) -> int:
    """Count the nodes that are no minus signs."""
    return sum(
        not (isinstance(n, Call) and n.primitive.name == "neg") for n in walk(expression.root)
    )


@PROPERTY
@given(st.one_of(expressions(POINTWISE, tame_number), expressions(ARITHMETIC, usual_number, 6)))
def test_it_is_the_same_function(expression: Expression) -> None:
    """Where each part is finite, up to what a change of the input by 1e-9 does."""
    found = expression.canonical()
    for shift in (0.0, 0.7):
        wanted = at(expression, INPUTS, shift)
        nudged = [at(expression, INPUTS * (1.0 + s), shift) for s in (1e-9, -1e-9)]
        with np.errstate(all="ignore"):
            condition = sum(np.abs(n - wanted) for n in nudged)
        fine = np.isfinite(condition) & (np.abs(wanted) < 1e8) & parts_are_finite(expression, shift)
        difference = np.abs(at(found, INPUTS, shift)[fine] - wanted[fine])
        assert np.all(difference <= 1e-7 * (1.0 + np.abs(wanted[fine])) + 100.0 * condition[fine])


def at(expression: Expression, x: np.ndarray, shift: float) -> np.ndarray:
    """Evaluate with all parameters shifted; those that are dropped have no effect."""
    return expression.numpy()(x, [p.initial + shift for p in expression.parameters])


def parts_are_finite(expression: Expression, shift: float) -> np.ndarray:
    fine = np.full(INPUTS.shape, True)
    for node in walk(expression.root):
        part = Expression(node, expression.parameters)
        fine &= np.isfinite(at(part, INPUTS, shift))
    return fine


@PROPERTY
@given(expressions(numbers=usual_number, max_depth=6), st.integers(0, 2**32))
def test_commuted_and_reassociated_writings_have_one_text(
    expression: Expression, seed: int
) -> None:
    rng = Random(seed)
    try:
        other = Expression.build(shuffled(expression.root, rng), expression.parameters)
    except ExpressionError:  # too deep, or a constant part is not finite
        assume(False)
    assume(not folded_apart(expression, other))
    assert str(other.canonical()) == str(expression.canonical())


def folded_apart(a: Expression, b: Expression) -> bool:
    """Whether constants met in another order, and may differ in their last bit."""
    return size(a) != size(b)


def shuffled(node: Node, rng: Random) -> Node:
    """Rewrite every chain of a commutative operator in another order and nesting.

    Not of extrema of thresholds: how their ties share the gradient depends on it.
    """
    if not isinstance(node, Call):
        return node
    name = node.primitive.name
    if name not in CHAINS or (name in {"max", "min"} and has_threshold(node)):
        return Call(node.primitive, tuple(shuffled(arg, rng) for arg in node.args))
    parts = [shuffled(part, rng) for part in chain_of(node, name)]
    rng.shuffle(parts)
    while len(parts) > 1:
        place = rng.randrange(len(parts) - 1)
        parts[place : place + 2] = [call(name, parts[place], parts[place + 1])]
    return parts[0]


def chain_of(node: Node, name: str) -> list[Node]:
    if isinstance(node, Call) and node.primitive.name == name:
        return [part for arg in node.args for part in chain_of(arg, name)]
    return [node]


def has_threshold(node: Node) -> bool:
    return any(isinstance(part, Call) and part.primitive.surrogate for part in walk(node))


@PROPERTY
@given(expressions(ARITHMETIC, usual_number, 6), st.integers(0, 2**32), st.booleans())
def test_names_of_parameters_do_not_matter(expression: Expression, seed: int, equal: bool) -> None:
    """Also where parameters start at one value and can be told apart by their use alone."""
    if equal:
        parameters = tuple(Parameter(1.0, p.scope) for p in expression.parameters)
        expression = Expression(expression.root, parameters)
    places = list(range(len(expression.parameters)))
    Random(seed).shuffle(places)
    root = rebuild(expression.root, lambda n: Param(places[n.index]) if isinstance(n, Param) else n)
    moved = tuple(expression.parameters[places.index(i)] for i in range(len(places)))
    assert str(Expression(root, moved).canonical()) == str(expression.canonical())


@PROPERTY
@given(expressions((*THRESHOLDS, *ARITHMETIC), tame_number))
def test_the_gradient_of_thresholds_is_kept(expression: Expression) -> None:
    assume(has_threshold(expression.root))
    assume(bool(parts_are_finite(expression, 0.0).all()))
    wanted, found = gradient(expression), gradient(expression.canonical())
    fine = torch.isfinite(wanted) & (wanted.abs() < 1e6)
    torch.testing.assert_close(found[fine], wanted[fine], rtol=1e-6, atol=1e-6)


def gradient(expression: Expression) -> torch.Tensor:
    """Return the gradient in x that training sees."""
    x = torch.tensor(NEAR, requires_grad=True)
    channels = NEAR.size if any(p.scope == "channel" for p in expression.parameters) else None
    module = Activation(expression.canonical() if channels else expression, channels, channel_dim=0)
    result = module.double()(x)
    if not result.requires_grad:
        return torch.zeros_like(x)
    (slope,) = torch.autograd.grad(result.sum(), x, allow_unused=True)
    return torch.zeros_like(x) if slope is None else slope


@pytest.mark.parametrize(
    "text",
    ["x * sign(x)", "step(2 * x)", "relu(step(x))", "max(step(x), 0)", "sign(-x) * x",
     "window(-x) + window(x)", "abs(sign(x) - 1)", "max(sign(x), max(step(x), x))",
     "max(max(sign(x), step(x)), x)", "clamp(step(x), 0, 1)", "min(step(x), x / x)",
     "sign(x) * sign(x)",
     "multistep(x, 3) - 2 * multistep(x, 3)"],
)  # fmt: skip
def test_gradients_at_ties(text: str) -> None:
    """Thresholds are flat: arguments of `max` tie on whole intervals."""
    expression = parse(text)
    torch.testing.assert_close(gradient(expression.canonical()), gradient(expression))


def test_it_is_fast() -> None:
    """Below 3 ms for 15 nodes and a second for 512; wide margins, as machines are shared."""
    texts = [
        "max(tanh(a * x) + b * sigmoid(x), x * exp(-square(x)) / (1 + abs(x))) where a = 1, b = 2",
        "x * (1 + erf(x / 1.4142135623730951)) / 2 + min(x, 0.1 * x) * tanh(softplus(x))",
    ]
    expressions_ = [parse(text) for text in texts]
    start = time.process_time()
    for expression in expressions_ * 20:
        canonical.__wrapped__(expression)
    assert (time.process_time() - start) / 40 < 0.02
