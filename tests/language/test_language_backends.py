"""Random typed trees through all back ends: they give the same function.

The tolerance of each value is what rounding can do to it, see
`evoact.export.rounding`; the last tests check that a wrong back end does not pass.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from language_strategies import PROPERTY, expressions, usual_number
from torch import Tensor, nn
from torch.func import functional_call

from evoact.export import standalone_source
from evoact.export.rounding import Rounded, rounded
from evoact.language import (
    PRIMITIVES,
    Call,
    Expression,
    FloatArray,
    Kind,
    Primitive,
    parse,
    walk,
)
from evoact.language.facts.collect import finiteness
from evoact.language.tokens import MAX_CHARACTERS
from evoact.nn import Activation
from evoact.nn.fused import made

QUICK = settings(PROPERTY, max_examples=500)
THOROUGH = settings(PROPERTY, max_examples=7000)
DTYPES = (torch.float64, torch.float32, torch.bfloat16)
POINTS = 6
TREES = expressions(numbers=usual_number)


def exact(values: Any) -> Tensor:
    """Numbers that every type holds."""
    return torch.as_tensor(values).bfloat16().double()


class Case:
    """An expression, inputs, and parameters that differ from channel to channel."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        rng = np.random.default_rng(0)
        self.channels = max(2, expression.channel_multiple)
        scale = np.array([0.1, 1.0, 1.0, 2.0, 5.0, 20.0])[:POINTS, None]
        self.x = exact(scale * rng.standard_normal((POINTS, self.channels))).numpy()
        self.module = Activation(expression, self.channels)
        with torch.no_grad():
            for parameter in self.module.parameters():
                spread = torch.tensor(rng.uniform(0.5, 1.5, parameter.shape))
                parameter.copy_(exact(parameter * spread))
        self.parameters = [p.detach().double().numpy() for p in self.module.parameters()]

    def rounded(self, dtype: torch.dtype) -> Rounded:
        return rounded(self.expression, self.x, self.parameters, dtype)

    def output(self, module: Callable[[Tensor], Tensor], dtype: torch.dtype) -> FloatArray:
        result = module(torch.tensor(self.x, dtype=dtype))
        assert result.dtype == dtype
        return result.detach().double().numpy()

    def standalone(self) -> nn.Module:
        """The class of the exported file, in a clean namespace, with these parameters."""
        scope: dict[str, Any] = {"__name__": "standalone"}
        exec(standalone_source(self.expression), scope)
        scopes = {p.scope.value for p in self.expression.parameters}
        needed = self.expression.is_groupwise or "channel" in scopes
        module: nn.Module = scope["Activation"](*[self.channels] * needed)
        module.load_state_dict(self.module.state_dict())
        return module


def assert_same(known: Rounded, result: FloatArray, what: str) -> None:
    assert result.shape == known.values.shape, what
    wrong = np.argwhere(known.differs(result))
    if len(wrong):
        at = tuple(wrong[0])
        raise AssertionError(
            f"{what} gives {result[at]!r} at {at}; wanted {known.values[at]!r} "
            f"within {known.tolerance[at]:.2g}"
        )


def check_values(expression: Expression) -> None:
    case = Case(expression)
    standalone = case.standalone()
    wanted = expression.numpy()(case.x, case.parameters)
    for dtype in DTYPES:
        known = case.rounded(dtype)
        np.testing.assert_allclose(known.values[known.known], wanted[known.known], rtol=1e-14)
        result = case.output(case.module, dtype)
        assert_same(known, result, f"{expression} in torch {dtype}")
        assert_same(known, case.output(standalone, dtype), f"{expression} exported {dtype}")


def check_text(expression: Expression) -> None:
    text = str(expression)
    if len(text) <= MAX_CHARACTERS:
        assert parse(text) == expression


def check_canonical(expression: Expression) -> None:
    """The canonical writing is the same function, with other names and order."""
    canonical = expression.canonical()
    assert canonical.width == expression.width
    x = Case(expression).x
    initial = [np.asarray(p.initial) for p in expression.parameters]
    known = rounded(expression, x, initial, torch.float64)
    assert_same(known, canonical.numpy()(x), f"{canonical} of {expression}")


def check_gradient(expression: Expression) -> None:
    """Autograd gives the slope, where there is one and differences can tell."""
    rows = {node.primitive for node in walk(expression.root) if isinstance(node, Call)}
    if any(row.surrogate for row in rows):
        return
    case = Case(expression)
    module = copy.deepcopy(case.module).double()
    names = list(expression.names)
    values = [torch.tensor(p + 0.0123) for p in case.parameters]  # at no tie with a constant

    def function(x: Tensor, *parameters: Tensor) -> Tensor:
        return functional_call(module, dict(zip(names, parameters, strict=True)), (x,))

    x = torch.tensor(case.x) + 0.00321
    # Beyond 1e4 functions may turn faster than any difference can see: sin(sinh(x)).
    known = rounded(expression, x.numpy(), [v.numpy() for v in values], torch.float64, 1e4)
    sharp = torch.tensor(known.known & (known.tolerance.max(axis=1) < 1e-10))
    sharp &= _smooth(function, (x, *values))
    leaves = [leaf.clone().requires_grad_() for leaf in (x[sharp], *values)]
    result = function(*leaves)
    if not sharp.any() or not result.requires_grad:
        return
    slopes = torch.autograd.grad(result.sum(), leaves, allow_unused=True)
    steep = {row.name for row in rows} & {"sqrt", "pow", "div", "reciprocal", "log", "log1p"}
    if steep and not all(slope is None or slope.isfinite().all() for slope in slopes):
        return  # as in sqrt(x - x): the slope of the root is infinite there, 0 * inf is no number
    assert torch.autograd.gradcheck(function, leaves, fast_mode=True, atol=1e-4), expression


def _smooth(function: Callable[..., Tensor], at: tuple[Tensor, ...]) -> Tensor:
    """Where differences to both sides agree, along a direction of inputs and parameters."""
    generator = torch.Generator().manual_seed(1)
    here = function(*at)
    smooth = torch.ones(len(at[0]), dtype=torch.bool)
    for step in (1e-4, 1e-6):
        moves = [step * torch.rand(v.shape, generator=generator, dtype=v.dtype) for v in at]
        up = function(*(v + move for v, move in zip(at, moves, strict=True))) - here
        down = here - function(*(v - move for v, move in zip(at, moves, strict=True)))
        fits = (up - down).abs() <= 1e-2 * (up.abs() + down.abs()) + 1e-3 * step
        smooth &= (fits & (up.abs() < 1e3 * step)).all(dim=1)
    return smooth


def check_finite(expression: Expression) -> None:
    """Values are finite where the facts say so; gradients where that is certain."""
    fact = finiteness(expression)["finite"]  # as `facts()` has it
    if not fact.value:
        return
    module = Activation(expression, max(2, expression.channel_multiple))
    rng = np.random.default_rng(2)
    scale = 10.0 ** rng.uniform(-6.0, 4.0, (64, 1))
    x = (scale * rng.uniform(-1.0, 1.0, (64, module.channels))).clip(-1e4, 1e4)
    for dtype in (torch.float64, torch.float32):
        leaf = torch.tensor(x, dtype=dtype, requires_grad=True)
        result = module(leaf)
        assert result.isfinite().all(), expression
        if result.requires_grad and fact.certified:
            result.sum().backward()
        assert leaf.grad is None or leaf.grad.isfinite().all(), expression


def check(expression: Expression) -> None:
    check_values(expression)
    check_text(expression)
    check_canonical(expression)
    check_gradient(expression)
    check_finite(expression)


@QUICK
@given(TREES)
def test_random_trees(expression: Expression) -> None:
    check(expression)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_five_thousand_random_trees() -> None:
    seen = set()

    @THOROUGH
    @given(TREES)
    def see(expression: Expression) -> None:
        seen.add(str(expression))
        check(expression)

    see()
    assert len(seen) >= 5000


# The tests of the test


def wrong(row: Primitive, factor: float) -> Primitive:
    """The same row with another template, whose values are off by a factor."""
    template = row.torch or f"{{0:p}} {row.infix} {{1:p}}"
    return dataclasses.replace(
        row, torch=f"({template}) * {factor}", torch_literal=None, infix=None, level=1
    )


@pytest.mark.parametrize(("dtype", "factor"), [(torch.float64, 1 + 1e-12), (torch.float32, 1.0001),
                                              (torch.bfloat16, 1.5)])  # fmt: skip
@pytest.mark.parametrize("name", [name for name in PRIMITIVES if name != "zero"])
def test_a_wrong_template_is_found(name: str, dtype: torch.dtype, factor: float) -> None:
    row = PRIMITIVES[name]
    literals = {Kind.NUMBER: "0.5", Kind.INTEGER: "2", Kind.FRACTION: "0.5"}
    values = iter(["x", "sigmoid(x)", "x"])
    text = ", ".join(literals.get(kind) or next(values) for kind in row.signature)
    right = parse(f"{name}({text})")
    assert isinstance(right.root, Call)
    case = Case(right)
    assert_same(case.rounded(dtype), case.output(case.module, dtype), name)
    bad = Expression(Call(wrong(row, factor), right.root.args))
    made.cache_clear()
    result = case.output(Activation(bad, case.channels), dtype)
    made.cache_clear()
    with pytest.raises(AssertionError, match=f"{name} gives .*; wanted"):
        assert_same(case.rounded(dtype), result, name)
