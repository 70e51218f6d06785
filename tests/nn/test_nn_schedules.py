"""Schedules: from 0 to 1, never back, each layer in its turn."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoact.errors import InputError
from evoact.nn import BY, LAYERS, SHAPES, Schedule

PROPERTY = settings(derandomize=True, deadline=None, database=None, max_examples=60)
SHARES = st.floats(0.0, 1.0)
NAMES = st.sampled_from(sorted(SHAPES))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    start, end = sorted((draw(SHARES), draw(SHARES)))
    return Schedule(draw(NAMES), start, end, draw(st.sampled_from(LAYERS)))


# Schedules: name, start, end, and g at some progress
EXAMPLES = [
    ("linear", 0.0, 1.0, {0.0: 0.0, 0.25: 0.25, 0.5: 0.5, 1.0: 1.0}),
    ("linear", 0.0, 0.5, {0.0: 0.0, 0.25: 0.5, 0.5: 1.0, 0.75: 1.0}),
    ("linear", 0.25, 0.75, {0.0: 0.0, 0.25: 0.0, 0.5: 0.5, 0.75: 1.0, 1.0: 1.0}),
    ("cosine", 0.0, 1.0, {0.0: 0.0, 0.25: 0.5 - math.sqrt(0.125), 0.5: 0.5, 1.0: 1.0}),
    ("cosine", 0.25, 0.75, {0.25: 0.0, 0.5: 0.5, 0.75: 1.0}),
    ("sqrt", 0.0, 1.0, {0.0: 0.0, 0.25: 0.5, 0.49: 0.7, 1.0: 1.0}),
    ("steps", 0.0, 1.0, {0.2: 0.0, 0.25: 0.25, 0.49: 0.25, 0.5: 0.5, 0.99: 0.75, 1.0: 1.0}),
    ("exponential", 0.0, 1.0, {0.2: (1 - math.exp(-1)) / (1 - math.exp(-5)), 1.0: 1.0}),
    ("sigmoid", 0.0, 1.0, {0.0: 0.0, 1 / 3: 0.117, 0.5: 0.5, 2 / 3: 0.883, 1.0: 1.0}),
    ("loss", 0.0, 1.0, {0.25: 0.0, 0.5: 0.0, 0.75: 0.5, 1.0: 1.0}),
    ("cost", 0.0, 0.5, {0.0: 0.0, 0.25: 0.5, 0.5: 1.0}),
    ("linear", 0.0, 0.0, {0.0: 1.0, 0.5: 1.0}),
    ("cosine", 0.5, 0.5, {0.0: 0.0, 0.49: 0.0, 0.5: 1.0}),
]


@pytest.mark.parametrize(("name", "start", "end", "table"), EXAMPLES)
def test_schedule(name: str, start: float, end: float, table: dict[float, float]) -> None:
    schedule = Schedule(name, start, end)
    assert {p: schedule(p) for p in table} == pytest.approx(
        table, abs=1e-3 if name == "sigmoid" else 1e-12
    )


def test_every_shape_has_an_example() -> None:
    assert {name for name, *_ in EXAMPLES} == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("layers", LAYERS)
def test_ends_are_exact(name: str, layers: str) -> None:
    schedule = Schedule(name, 0.1, 0.9, layers)
    for layer in range(3):
        assert [schedule(p, layer, 3) for p in (0.0, 0.1, 0.9, 1.0)] == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - {"steps", "loss"}))
def test_between_the_ends_lies_something_between(name: str) -> None:
    schedule = Schedule(name, 0.1, 0.9)
    assert all(0 < schedule(i / 100) < 1 for i in range(11, 90))


@PROPERTY
@given(schedules(), st.lists(SHARES, min_size=2), st.integers(1, 5))
def test_g_never_falls_and_is_a_share(
    schedule: Schedule, progress: list[float], layers: int
) -> None:
    for layer in range(layers):
        values = [schedule(p, layer, layers) for p in sorted(progress)]
        assert values == sorted(values)
        assert all(0.0 <= v <= 1.0 for v in values)
        assert schedule(schedule.end, layer, layers) == schedule(1.0, layer, layers) == 1.0
        if schedule.start < schedule.end:
            assert schedule(schedule.start, layer, layers) == 0.0


@PROPERTY
@given(schedules(), SHARES, st.integers(2, 5))
def test_layers_rise_in_their_order(schedule: Schedule, progress: float, layers: int) -> None:
    values = [schedule(progress, layer, layers) for layer in range(layers)]
    if schedule.layers == "together":
        assert len(set(values)) == 1
    else:
        assert values == sorted(values, reverse=schedule.layers == "lower_first")


def test_each_layer_takes_half_of_the_rise() -> None:
    lower = Schedule(end=1.0, layers="lower_first")
    assert [lower(0.5, layer, 3) for layer in range(3)] == [1.0, 0.5, 0.0]
    upper = Schedule(end=1.0, layers="upper_first")
    assert [upper(0.5, layer, 3) for layer in range(3)] == [0.0, 0.5, 1.0]
    assert upper(0.5) == lower(0.5) == 0.5  # one layer alone takes no turn


@PROPERTY
@given(st.floats(1.0, 1e6), SHARES, SHARES)
def test_the_costlier_the_later(ratio: float, one: float, other: float) -> None:
    start, end = sorted((one, other))
    schedule = Schedule("cost", start, end).for_cost(ratio)
    assert start <= schedule.start <= end == schedule.end
    assert end - schedule.start == pytest.approx((end - start) / ratio)
    assert schedule.for_cost(1.0) == schedule


def test_only_the_schedule_by_cost_depends_on_it() -> None:
    for name in set(SHAPES) - {"cost"}:
        assert Schedule(name).for_cost(3.0) == Schedule(name)
    assert Schedule("cost").for_cost(0.3) == Schedule("cost")
    assert Schedule("cost", 0.2, 0.8).for_cost(4.0).start == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("linaer",), "schedule is 'linaer'; did you mean 'linear'?; wanted one of linear, cos"),
        (("linear", 0.5, 0.2), "start is 0.5 and end is 0.2; wanted 0 <= start <= end <= 1"),
        (("linear", -0.1, 0.2), "start is -0.1"),
        (("linear", 0.0, 1.5), "end is 1.5"),
        (("linear", math.nan, 1.0), "start is nan"),
        (("linear", 0.0, 1.0, "lower-first"), "layers is 'lower-first'; did you mean 'lower_f"),
        (("linear", 0.0, 1.0, "together", "steps"), "by is 'steps'; did you mean 'step'?"),
    ],
)
def test_bad_schedules(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Schedule(*arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_schedules_are_values() -> None:
    assert Schedule() == Schedule("linear", 0.0, 0.5, "together", "step")
    assert len({Schedule(by=by) for by in (*BY, *BY)}) == len(BY)
