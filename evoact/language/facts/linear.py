"""All facts of a piecewise-linear function, from exact fractions: all are certified."""

from __future__ import annotations

import math
from fractions import Fraction

from evoact.language.facts.exact import ONE, Piecewise, joined
from evoact.language.facts.facts import Fact, Interval, Knot, left_out


def number(value: Fraction) -> float:
    """Return a fraction as a float, infinite where it is too large."""
    try:
        return float(value) + 0.0
    except OverflowError:
        return math.copysign(math.inf, value)


def linear_facts(f: Piecewise) -> dict[str, Fact]:
    """Return the facts of a piecewise-linear function."""
    return {name: Fact(value, True, note) for name, (value, note) in _found(f).items()}


def _found(f: Piecewise) -> dict[str, tuple[object, str]]:
    places = range(len(f.places))
    jumps = [i for i in places if not f.left(i) == f.values[i] == f.right(i)]
    slopes = [line[0] for line in f.lines]
    steep = number(max(map(abs, slopes))) if not jumps else math.inf
    at = tuple(number(f.places[i]) for i in jumps)
    return {
        "piecewise_linear": (True, ""),
        "pieces": (len(f.lines), ""),
        "knots": (tuple(map(_knot(f), places)), ""),
        "continuous": (not jumps, ""),
        "jumps": (at, ""),
        "differentiable": (not f.places, ""),
        "kinks": (tuple(number(f.places[i]) for i in places if i not in jumps), ""),
        "monotone": (_monotone(f, slopes), ""),
        "parity": (_parity(f), ""),
        "lipschitz": (steep, "" if steep < math.inf else "it jumps"),
        "one_lipschitz": (not jumps and max(map(abs, slopes)) <= 1, ""),
        "gradient_norm_preserving": (all(abs(s) == 1 for s in slopes), ""),
        "limit_left": (_end(f, -1), ""),
        "limit_right": (_end(f, 1), ""),
        "slope_left": (number(slopes[0]), ""),
        "slope_right": (number(slopes[-1]), ""),
        "zeros": _zeros(f),
        "fixed_points": _zeros(_minus_x(f)),
        **_range(f),
    }


def _knot(f: Piecewise):  # type: ignore[no-untyped-def]
    def knot(i: int) -> Knot:
        return Knot(
            number(f.places[i]), number(f.left(i)), number(f.values[i]), number(f.right(i)),
            number(f.lines[i][0]), number(f.lines[i + 1][0]),
        )  # fmt: skip

    return knot


def _monotone(f: Piecewise, slopes: list[Fraction]) -> str:
    steps = [(f.left(i), f.values[i], f.right(i)) for i in range(len(f.places))]
    rising = all(s >= 0 for s in slopes) and all(a <= b <= c for a, b, c in steps)
    falling = all(s <= 0 for s in slopes) and all(a >= b >= c for a, b, c in steps)
    if rising and falling:
        return "constant"
    return "increasing" if rising else "decreasing" if falling else "no"


def _parity(f: Piecewise) -> str:
    turned = Piecewise(
        tuple(-x for x in reversed(f.places)),
        tuple(reversed(f.values)),
        tuple((-slope, shift) for slope, shift in reversed(f.lines)),
    )
    negated = tuple((-slope, -shift) for slope, shift in turned.lines)
    even = turned == f
    odd = Piecewise(turned.places, tuple(-v for v in turned.values), negated) == f
    return "both" if even and odd else "odd" if odd else "even" if even else "no"


def _end(f: Piecewise, side: int) -> float:
    slope, shift = f.lines[-1 if side > 0 else 0]
    return number(shift) if not slope else math.copysign(math.inf, slope * side)


def _range(f: Piecewise) -> dict[str, tuple[object, str]]:
    places = range(len(f.places))
    reached = {f.values[i]: number(f.places[i]) for i in reversed(places)}
    near = [*(f.left(i) for i in places), *(f.right(i) for i in places)]
    flat = {line[1] for line in f.lines if not line[0]}
    ends = [_end(f, -1), _end(f, 1)]
    finite = [*reached, *near, *flat]
    found: dict[str, tuple[object, str]] = {}
    for name, choose, infinite in (("minimum", min, -math.inf), ("maximum", max, math.inf)):
        if infinite in ends:
            found[name] = (infinite, "")
            continue
        best = choose(finite)
        at = f"at x = {reached[best]:.6g}" if best in reached else "not reached"
        found[name] = (number(best), "on a piece" if best in flat else at)
    bounded = all(map(math.isfinite, ends))
    return {"bounded": (bounded, ""), **found}


def _minus_x(f: Piecewise) -> Piecewise:
    x = Piecewise((), (), ((ONE, Fraction(0)),))
    return joined((f, x), lambda _x, u, v: (u[0] - v[0], u[1] - v[1]), lambda u, v: u - v)


def _zeros(f: Piecewise) -> tuple[tuple[object, ...], str]:
    points = {x for x, value in zip(f.places, f.values, strict=True) if not value}
    found: list[tuple[Fraction | None, Fraction | None]] = []
    lows, highs = (None, *f.places), (*f.places, None)
    for (slope, shift), low, high in zip(f.lines, lows, highs, strict=True):
        if slope:
            x = -shift / slope
            if (low is None or x > low) and (high is None or x < high):
                points.add(x)
        elif not shift:
            found.append((low, high))
    entries: list[tuple[float, object]] = []
    for a, b in found:
        pair = Interval(-math.inf if a is None else number(a), math.inf if b is None else number(b),
                        low_open=a not in (None, *points), high_open=b not in (None, *points)
                        )  # fmt: skip
        entries.append((pair[0], pair))
    inside = {x for x in points for a, b in found
              if (a is None or x >= a) and (b is None or x <= b)}  # fmt: skip
    entries += [(number(x), number(x)) for x in points - inside]
    found_all = tuple(entry for _, entry in sorted(entries, key=lambda pair: pair[0]))
    return found_all, left_out(found_all)
