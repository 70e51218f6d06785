"""Attempts to refute what facts claim to be certain, on random expressions."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from language_strategies import (
    GROUPWISE,
    POINTWISE,
    PROPERTY,
    expressions,
    tame_number,
    usual_number,
)

from evoact import Activation
from evoact.language import Call, Const, Expression, Param, parse, walk
from evoact.language.facts import Facts
from evoact.language.facts.texts import parsed_text
from evoact.language.widths import reads_x

_SIZES = np.concatenate([np.geomspace(1e-8, 1e-2, 60), np.linspace(0.01, 12.0, 1800),
                         np.geomspace(12.0, 1e6, 200)])  # fmt: skip
SAMPLES = np.unique(np.concatenate([-_SIZES, [0.0], _SIZES]))


def audit(e: Expression) -> Facts:
    """Check all certified facts of a pointwise expression against samples."""
    facts = e.facts()
    with np.errstate(all="ignore"):
        y = e.numpy()(SAMPLES)
        checks = (_range, _monotone, _parity, _slopes, _knots, _continuity, _kinks, _zeros, _ends)
        for check in checks:
            check(facts, e, y)
    return facts


def value(fact: Any) -> Any:
    """The value of a fact if it is certified."""
    return fact.value if fact.certified else None


def precisely(e: Expression, x: float) -> float | None:
    """The value at a point with 1,500 digits; None where there is none."""
    with mpmath.workdps(1500):
        try:
            found = _precise(e.root, mpmath.mpf(float(x)), e)
        except (ZeroDivisionError, ValueError, OverflowError, TypeError, KeyError):
            return None
        return float(found) if mpmath.isfinite(found) and not mpmath.im(found) else None


_MP: dict[str, Any] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b, "neg": lambda a: -a, "max": max, "min": min, "abs": abs,
    "if_positive": lambda a, b, c: b if a > 0 else c, "square": lambda a: a * a,
    "cube": lambda a: a**3, "reciprocal": lambda a: 1 / a, "exp": mpmath.exp,
    "expm1": mpmath.expm1, "log": mpmath.log, "log1p": mpmath.log1p, "sinh": mpmath.sinh,
    "cosh": mpmath.cosh, "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
    "log_sigmoid": lambda a: -mpmath.log1p(mpmath.exp(-a)), "tanh": mpmath.tanh,
    "softplus": lambda a: mpmath.log1p(mpmath.exp(a)), "gaussian": lambda a: mpmath.exp(-a * a),
    "sqrt": mpmath.sqrt, "atan": mpmath.atan, "asinh": mpmath.asinh, "sin": mpmath.sin,
    "cos": mpmath.cos,
}  # fmt: skip


def _precise(node: Any, x: Any, e: Expression) -> Any:
    if isinstance(node, Const):
        return mpmath.mpf(node.value)
    if isinstance(node, Param):
        return mpmath.mpf(e.parameters[node.index].initial)
    if not isinstance(node, Call):
        return x
    args = [_precise(arg, x, e) for arg in node.args]
    if node.primitive.name in _MP:
        return _MP[node.primitive.name](*args)
    if node.primitive.definition is None:
        raise KeyError(node.primitive.name)
    root, names = parsed_text(node.primitive.definition)
    values = tuple(args["abc".index(name)] for name in names)
    return _substituted(root, values)


def _substituted(node: Any, values: tuple[Any, ...]) -> Any:
    if isinstance(node, Param):
        return values[node.index]
    if isinstance(node, Const):
        return mpmath.mpf(node.value)
    args = [_substituted(arg, values) for arg in node.args]
    return _MP[node.primitive.name](*args)


def _slack(y: Any) -> Any:
    return 1e-6 * np.maximum(1.0, np.abs(y))


def _range(facts: Facts, e: Expression, y: Any) -> None:
    for fact, sign in ((facts.minimum, -1.0), (facts.maximum, 1.0)):
        if (limit := value(fact)) is not None:
            beyond = sign * (y - limit) > _slack(limit)
            # Where floats round away what decides (tanh is 1, exp is 0), digits are added.
            for x in SAMPLES[beyond & (np.abs(SAMPLES) < 30.0)][:3]:
                exact = precisely(e, x)
                assert exact is None or sign * (exact - limit) <= _slack(limit), (sign, limit, x)
    if value(facts.bounded):
        assert math.isfinite(facts.minimum.value)
        assert math.isfinite(facts.maximum.value)


def _monotone(facts: Facts, e: Expression, y: Any) -> None:
    steps, slack = np.diff(y), 1e-9 * (np.abs(y[1:]) + np.abs(y[:-1])) + 1e-12
    usable = np.isfinite(steps)
    claim = value(facts.monotone)
    if claim in ("increasing", "constant"):
        assert (steps >= -slack)[usable].all(), "not increasing"
    if claim in ("decreasing", "constant"):
        assert (steps <= slack)[usable].all(), "not decreasing"


def _parity(facts: Facts, e: Expression, y: Any) -> None:
    claim, turned = value(facts.parity), y[::-1]
    near = np.abs(y - turned) <= 1e-7 * np.abs(y) + 1e-9
    far = np.abs(y + turned) <= 1e-7 * np.abs(y) + 1e-9
    usable = np.isfinite(y) & np.isfinite(turned) & (np.abs(SAMPLES) < 20.0) & (SAMPLES != 0.0)
    if claim in ("even", "both"):
        assert near[usable].all(), "not even"
    if claim in ("odd", "both"):
        assert far[usable].all(), "not odd"


def _slopes(facts: Facts, e: Expression, y: Any) -> None:
    f = e.numpy()
    step = 1e-5 * np.maximum(1e-2, np.abs(SAMPLES))
    right, left = f(SAMPLES + step), f(SAMPLES - step)
    slope = (right - left) / (2.0 * step)
    noise = 1e-10 * (np.abs(right) + np.abs(left)) / step
    usable = np.isfinite(slope) & (noise < 1e-3) & (np.abs(SAMPLES) < 1e4)
    size = np.abs(slope[usable]) - noise[usable]
    if (limit := value(facts.lipschitz)) is not None:
        assert (size <= limit * (1 + 1e-4) + 1e-6).all(), ("lipschitz", limit, size.max())
    if value(facts.one_lipschitz):
        assert (size <= 1 + 1e-4).all()
    if value(facts.one_lipschitz) is False and value(facts.lipschitz) is not None:
        assert facts.lipschitz.value > 1
    if value(facts.gradient_norm_preserving):
        kinks = {knot.x for knot in facts.knots.value}
        smooth = np.array([all(abs(x - k) > 2 * s for k in kinks)
                           for x, s in zip(SAMPLES[usable], step[usable], strict=True)]
                          )  # fmt: skip
        assert (np.abs(np.abs(slope[usable]) - 1.0) < 1e-3)[smooth].all()


def _knots(facts: Facts, e: Expression, y: Any) -> None:
    if not value(facts.piecewise_linear):
        return
    f = e.numpy()
    for knot in facts.knots.value[:20]:
        if abs(knot.x) < 1e6:
            step = 1e-7 * max(1.0, abs(knot.x))
            for side, limit in ((-step, knot.left), (step, knot.right)):
                slope = knot.slope_left if side < 0 else knot.slope_right
                scale = max(1.0, abs(limit), abs(slope))
                near = any(0 < abs(other.x - knot.x) <= 2 * step for other in facts.knots.value)
                seen = float(f(knot.x + side))
                assert near or abs(seen - limit - slope * side) < 1e-5 * scale


def _continuity(facts: Facts, e: Expression, y: Any) -> None:
    if value(facts.continuous) is None:
        return
    if facts.continuous.value and value(facts.lipschitz) is not None:
        return  # its slopes were checked
    if facts.continuous.value:
        assert not np.isnan(y).any() or np.abs(SAMPLES[np.isnan(y)]).min() > 3.0


SPECIAL = np.array([0.0, 1.0, -1.0, 3.0, -3.0, 2.0, -2.0, 0.5, -0.25, 10.0, 1 / 3, -1 / 3])


def _kinks(facts: Facts, e: Expression, y: Any) -> None:
    """Where it is differentiable, slopes from both sides agree the nearer they are taken."""
    if not facts.lipschitz.value < 1e6:
        return  # too steep for differences to tell
    f = e.numpy()
    places = np.concatenate([SPECIAL, [n.value for n in walk(e.root) if isinstance(n, Const)]])
    places = places[np.abs(places) < 100.0]

    def gap(h: float) -> Any:
        here = f(places)
        return np.abs((f(places + h) - here) / h - (here - f(places - h)) / h)

    wide, near = gap(1e-3), gap(1e-8)
    scale = np.abs(f(places)) + 1.0
    usable = np.isfinite(wide + near) & (scale < 1e3)
    bends = usable & (near > 1e-2 * scale) & (near > 0.3 * wide)
    if value(facts.differentiable):
        assert not bends.any(), ("kink", places[bends], near[bends])
    steps = np.abs(f(places + 1e-13) - f(places - 1e-13))
    if value(facts.continuous):
        assert not (steps[usable] > 1e-3 * scale[usable]).any(), ("jump", places, steps)


def _zeros(facts: Facts, e: Expression, y: Any) -> None:
    for fact, values in ((facts.zeros, y), (facts.fixed_points, y - SAMPLES)):
        if not isinstance(found := value(fact), tuple):
            continue
        for entry in found:
            _check_zero(e, entry, fixed=fact is facts.fixed_points)
        if value(facts.continuous):
            _check_complete(found, values)


def _check_zero(e: Expression, entry: Any, *, fixed: bool) -> None:
    at = np.array(entry if isinstance(entry, tuple) else (entry,))
    at = at[np.abs(at) < 1e6]
    seen = e.numpy()(at) - (at if fixed else 0.0)
    if isinstance(entry, tuple):
        return
    step = 1e-9 * np.maximum(1.0, np.abs(at))
    around = [e.numpy()(at + s) - (at + s if fixed else 0.0) for s in (-step, step)]
    crossed = around[0] * around[1] <= 0
    assert (crossed | (np.abs(seen) < 1e-6 * np.maximum(1.0, np.abs(at)))).all(), (entry, seen)


def _check_complete(found: Any, values: Any) -> None:
    """Between neighbouring samples of different sign there is a known zero."""
    scale = 1e-12 * np.maximum(1.0, np.abs(SAMPLES))
    signs = np.where(np.abs(values) < scale, 0, np.sign(values))
    changes = np.flatnonzero((signs[:-1] * signs[1:] < 0) & np.isfinite(values[:-1] + values[1:]))
    for i in changes:
        low, high = SAMPLES[i] - scale[i], SAMPLES[i + 1] + scale[i]
        known = [entry if isinstance(entry, tuple) else (entry, entry) for entry in found]
        assert any(a <= high and b >= low for a, b in known), ("zero missed", low, high)


def _ends(facts: Facts, e: Expression, y: Any) -> None:
    far = np.geomspace(1e7, 1e12, 6)
    for sign, fact in ((-1.0, facts.limit_left), (1.0, facts.limit_right)):
        limit = value(fact)
        seen = e.numpy()(sign * far)
        if limit is None or not np.isfinite(seen).all():
            continue
        if math.isfinite(limit):
            # It may come near slowly, but it must come nearer.
            gap = np.abs(seen - limit)
            assert gap[-1] <= max(gap[0] * 1.001, 0.05 * max(1.0, abs(limit))), (limit, seen)
        else:
            assert np.sign(seen[-1]) == np.sign(limit) or np.abs(seen[-1]) > np.abs(seen[0])


# A threshold of what saturates in float64 alone refutes nothing: sign(exp(x)) is 1 everywhere.
BREAKING = ("step", "sign", "window", "multistep", "if_positive")
SMOOTH = tuple(name for name in POINTWISE if name not in BREAKING)
PLAIN = (
    *("add", "sub", "neg", "mul", "max", "min", "abs", "relu", "square", "cube", "sin", "cos"),
    *("clamp", "leaky_relu", "signed_sqrt", "safe_sqrt", "safe_log"),
)
LINEAR = (
    *("add", "sub", "neg", "mul", "max", "min", "abs", "relu", "clamp", "leaky_relu"),
    *("hard_sigmoid", *BREAKING),
)
FEWER = settings(PROPERTY, max_examples=30)


@FEWER
@given(expressions(primitives=SMOOTH, numbers=usual_number, max_depth=3))
def test_no_sample_refutes_a_certified_fact(e: Expression) -> None:
    audit(e)


@FEWER
@given(expressions(primitives=(*BREAKING, *PLAIN), numbers=usual_number, max_depth=3))
def test_no_sample_refutes_a_certified_fact_of_what_breaks(e: Expression) -> None:
    audit(e)


@FEWER
@given(expressions(primitives=LINEAR, numbers=tame_number, max_depth=4))
def test_piecewise_linear_facts_are_exact(e: Expression) -> None:
    audit(e)


@FEWER
@given(expressions(primitives=POINTWISE, numbers=usual_number, max_depth=4))
def test_what_is_certainly_finite_is_so_in_torch(e: Expression) -> None:
    facts = e.facts()
    for fact, reach in ((facts.finite, 1e4), (facts.finite_everywhere, 3.4028234e38)):
        if value(fact):
            size = np.geomspace(1e-42, reach, 300).astype(np.float32)
            x = torch.tensor(np.concatenate([-size, [0.0], size]), dtype=torch.float32)
            y, slope = _torch(e, x)
            assert torch.isfinite(y).all()
            assert torch.isfinite(slope).all()
            if (steepest := value(facts.lipschitz)) is not None and reach == 1e4:
                thresholds = any(
                    isinstance(n, Call) and n.primitive.surrogate for n in walk(e.root)
                )
                assert thresholds or slope.abs().max() <= steepest * 1.001 + 1e-3


def _torch(e: Expression, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.requires_grad_()
    y = Activation(e, channels=1)(x[:, None])
    slope = torch.autograd.grad(y.sum(), x)[0] if y.requires_grad and reads_x(e.root) else x * 0
    return y, slope


@FEWER
@given(expressions(primitives=(*GROUPWISE, "abs", "relu", "tanh", "neg", "add", "silu", "max",
                               "square", "leaky_relu"), numbers=usual_number, max_depth=4),
       st.integers(0, 1000))  # fmt: skip
def test_no_jacobian_refutes_what_is_certain_of_channels(e: Expression, seed: int) -> None:
    facts = e.facts()
    limit = value(facts.lipschitz)
    if not e.is_groupwise or (limit is None and facts.one_lipschitz.value is None):
        return
    torch.manual_seed(seed)
    channels = e.channel_multiple * (1 + 15 // e.channel_multiple)
    act = Activation(e, channels=channels).double()
    for scale in (0.1, 1.0, 5.0) if reads_x(e.root) else ():
        x = scale * torch.randn(1, channels, dtype=torch.float64)
        jacobian = torch.autograd.functional.jacobian(act, x)[0, :, 0]
        norms = torch.linalg.svdvals(jacobian)
        if limit is not None:
            assert norms.max() <= limit * (1 + 1e-6) + 1e-9
        if value(facts.one_lipschitz):
            assert norms.max() <= 1 + 1e-6
        if value(facts.gradient_norm_preserving):
            assert torch.allclose(norms, torch.ones_like(norms))


@pytest.mark.parametrize("text", ["x * sigmoid(x)", "gelu(x)", "x + sin(x)", "tanh(x) / x"])
def test_audit_of_known_functions(text: str) -> None:
    audit(parse(text))
