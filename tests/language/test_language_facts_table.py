"""Every row of the table of primitives: its traits, texts and costs are what they say."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from evoact import Activation
from evoact.language import PRIMITIVES, Primitive, parse
from evoact.language.primitives.row import Kind

ROWS = [row for row in PRIMITIVES.values() if not row.is_groupwise]
WITH_TRAITS = [row for row in ROWS if row.traits is not None]
LITERALS = {Kind.NUMBER: (0.3, 0.7), Kind.INTEGER: (2, 2)}
GRID = np.unique(np.concatenate([np.linspace(-9.0, 9.0, 3601), np.geomspace(9.0, 1e4, 200),
                                 -np.geomspace(9.0, 1e4, 200), np.geomspace(1e-6, 1e-2, 30)])
                 )  # fmt: skip


def ids(row: Primitive) -> str:
    return row.name


def traits_of(row: Primitive):  # type: ignore[no-untyped-def]
    assert row.traits is not None
    return row.traits


def inside(row: Primitive) -> np.ndarray:
    """The grid within the domain, away from poles and where exp overflows."""
    low, high = traits_of(row).domain
    x = GRID[(low + 1e-3 < GRID) & (high > GRID) & (np.abs(GRID) < 600.0)]
    for pole in traits_of(row).poles:
        x = x[np.abs(x - pole) > 1e-3]
    return x


def apart(x: np.ndarray, places: tuple[float, ...], margin: float = 1e-3) -> np.ndarray:
    for place in places:
        x = x[np.abs(x - place) > margin]
    return x


def slope(row: Primitive, x: np.ndarray) -> np.ndarray:
    """Derivative by differences of fourth order."""
    h = 1e-4 * np.maximum(1.0, np.abs(x))
    f = row.numpy
    return (8.0 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12.0 * h)


@pytest.mark.parametrize("row", WITH_TRAITS, ids=ids)
def test_range(row: Primitive) -> None:
    low, high = traits_of(row).range
    x = inside(row)
    y = row.numpy(x)
    assert (y >= low).all()
    assert (y <= high).all()
    # Finite ends are approached: the range is not only a bound.
    far = np.concatenate([x, [-1e4, 1e4], traits_of(row).turning or (), [0.0]])
    with np.errstate(all="ignore"):
        values = row.numpy(far[(far >= traits_of(row).domain[0])])
    for end in (low, high):
        if math.isfinite(end):
            assert np.nanmin(np.abs(values - end)) < 5e-3 * max(1.0, abs(end))


@pytest.mark.parametrize("row", WITH_TRAITS, ids=ids)
def test_slope_bounds(row: Primitive) -> None:
    traits = traits_of(row)
    low, high = traits.slope
    x = apart(inside(row), (*traits.kinks, *traits.jumps), 0.01)
    found = slope(row, x)
    if math.isfinite(low):
        assert (found >= low - 1e-4 * max(1.0, abs(low))).all()
    if math.isfinite(high):
        assert (found <= high + 1e-4 * max(1.0, abs(high))).all()


@pytest.mark.parametrize("row", WITH_TRAITS, ids=ids)
def test_turning_points(row: Primitive) -> None:
    """Between them it is monotone, and each is where it turns."""
    traits = traits_of(row)
    if traits.turning is None:
        return
    borders = [-600.0, *sorted({*traits.turning, *traits.jumps, *traits.poles}), 600.0]
    for low, high in pairwise(borders):
        x = inside(row)
        x = x[(x > low) & (x < high)]
        steps = np.diff(row.numpy(x))
        tolerance = 1e-12 * np.abs(row.numpy(x)).max() if len(x) else 0.0
        assert (steps >= -tolerance).all() or (steps <= tolerance).all()
    for at in traits.turning:
        if at in traits.kinks or row.surrogate:
            continue
        assert abs(_zero_of_slope(row, at) - at) < 1e-9


def _zero_of_slope(row: Primitive, near: float) -> float:
    from scipy.optimize import brentq

    text = (row.derivative or ("",))[0]
    e = parse(text.replace("a", "x") if text == "a" else _of_x(text))
    return float(brentq(lambda x: float(e.numpy()(x)), near - 0.01, near + 0.013, xtol=1e-13))


def _of_x(text: str) -> str:
    """A text in `a` as one in `x`."""
    import re

    return re.sub(r"\ba\b", "x", text)


@pytest.mark.parametrize("row", WITH_TRAITS, ids=ids)
def test_parity(row: Primitive) -> None:
    traits = traits_of(row)
    x = np.linspace(0.011, 9.0, 500)
    with np.errstate(all="ignore"):
        right, left = row.numpy(x), row.numpy(-x)
    even, odd = np.allclose(left, right, 1e-12, 1e-14), np.allclose(left, -right, 1e-12, 1e-14)
    assert traits.parity == ("even" if even else "odd" if odd else None)


@pytest.mark.parametrize("row", WITH_TRAITS, ids=ids)
def test_kinks_and_jumps(row: Primitive) -> None:
    """Listed places break the slope or the value; elsewhere nothing breaks."""
    traits, step = traits_of(row), 1e-6
    breaks = {*traits.kinks, *traits.jumps}
    for at in {*breaks, -3.0, -1.0, 0.0, 1.0, 3.0, 10.0}:
        if not traits.domain[0] < at - 1 or at in traits.poles:
            continue
        values = row.numpy(np.array([at - 2 * step, at - step, at + step, at + 2 * step]))
        scale = max(1.0, np.abs(values).max())
        jumps = abs(values[2] - values[1]) > 0.1 * scale
        left, right = (values[1] - values[0]) / step, (values[3] - values[2]) / step
        bends = abs(right - left) > 1e-2 * max(1.0, abs(left))
        assert jumps == (at in traits.jumps), at
        if row.name != "safe_sqrt" and row.name != "safe_log" and not jumps:
            assert bends == (at in traits.kinks), at


@pytest.mark.parametrize("row", WITH_TRAITS, ids=ids)
def test_poles_and_domain(row: Primitive) -> None:
    traits = traits_of(row)
    with np.errstate(all="ignore"):
        for pole in traits.poles:
            assert not np.isfinite(row.numpy(np.float64(pole)))
        if math.isfinite(traits.domain[0]):
            assert np.isnan(row.numpy(np.float64(traits.domain[0] - 1e-6)))
        assert np.isfinite(row.numpy(inside(row))).all()


@pytest.mark.parametrize("row", [r for r in ROWS if r.derivative], ids=ids)
def test_derivative_texts(row: Primitive) -> None:
    values = [k for k in row.signature if k is Kind.VALUE]
    assert len(row.derivative or ()) == len(values)
    if row.surrogate:
        assert row.derivative == ("0.0",)
        return
    rng = np.random.default_rng(0)
    for place, text in enumerate(row.derivative or ()):
        args = [rng.uniform(0.15, 2.5, 200) for _ in row.signature]
        for sign in (1.0, -1.0):
            low = row.traits.domain[0] if row.traits else -math.inf
            if sign < 0 and (row.name == "pow" or low > -1.0):
                continue
            here = [sign * a if i == place else a for i, a in enumerate(args)]
            if low == -1.0 and sign < 0:
                here[0] = here[0] / 3.0
            found = _text(text, here)
            h = 1e-5
            after = [a + h if i == place else a for i, a in enumerate(here)]
            before = [a - h if i == place else a for i, a in enumerate(here)]
            seen = (row.numpy(*after) - row.numpy(*before)) / (2.0 * h)
            close = np.abs(found - seen) <= 1e-6 * np.maximum(1.0, np.abs(seen))
            assert close.mean() > 0.97, (text, found[~close], seen[~close])  # but at kinks


def _text(text: str, args: list[np.ndarray]) -> np.ndarray:
    """The values of a text in `a`, `b`, `c`."""
    from evoact.language.facts.texts import parsed_text

    root, names = parsed_text(text)
    from evoact.language import Expression, Parameter, Scope

    e = Expression(root, tuple(Parameter(1.0, Scope.LAYER, name) for name in names))
    return e.numpy()(args[0], [args["abc".index(name)] for name in names])


@pytest.mark.parametrize("row", [r for r in ROWS if r.definition], ids=ids)
def test_definitions(row: Primitive) -> None:
    x = np.concatenate([GRID[np.abs(GRID) < 30.0], [0.0]])
    rng = np.random.default_rng(1)
    args = [x if k is Kind.VALUE and i == 0 else
            rng.uniform(-3.0, 3.0, x.shape) if k is Kind.VALUE else LITERALS[k][i % 2]
            for i, k in enumerate(row.signature)]  # fmt: skip
    wanted = row.numpy(*args)
    found = _text(row.definition or "", [np.asarray(a, dtype=float) for a in args])
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def _call(row: Primitive) -> str:
    """The row applied to `x`, and to other things where it takes several."""
    others = iter(("tanh(x)", "sigmoid(x)"))
    args, first = [], True
    for i, kind in enumerate(row.signature):
        if kind is Kind.VALUE:
            args.append("x" if first else next(others))
            first = False
        else:
            args.append(str(LITERALS.get(kind, (0.5, 0.5))[i % 2]))
    if row.infix and row.arity == 2:
        return f"{args[0]} {row.infix} {args[1]}"
    return f"-{args[0]}" if row.infix else f"{row.name}({', '.join(args)})"


def kept(text: str) -> float:
    """Tensor elements that torch keeps for the backward pass, per element of the input."""
    found: dict[tuple[int, int], int] = {}
    alive = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dim():
            alive.append(tensor)
            storage = tensor.untyped_storage()
            found[storage.data_ptr(), 0] = max(
                found.get((storage.data_ptr(), 0), 0), storage.nbytes() // tensor.element_size()
            )
        return tensor

    x = (torch.rand(16, 24) + 0.1).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        Activation(parse(text), channels=24)(x)
    return sum(found.values()) / x.numel()


@pytest.mark.parametrize("row", PRIMITIVES.values(), ids=ids)
def test_saved_tensors(row: Primitive) -> None:
    text = _call(row)
    claimed = parse(text).facts().saved_elements.value
    assert claimed == pytest.approx(kept(text)), text
