"""Limits on what is measured: who breaks one comes after all that keep them."""

from __future__ import annotations

import dataclasses

import pytest

from evoact.errors import InputError
from evoact.language import parse
from evoact.records import Candidate, Evaluated, Evaluation, GenerationAsked, History, SearchSpec
from evoact.study import space_from_text

LIMITED = SearchSpec(constraints=["val_loss <= 1.5", "cost <= 9", "val_accuracy > 0.2"])


def test_limits_are_apart_from_what_an_expression_must_be() -> None:
    assert [str(c) for c in LIMITED.conditions()] == ["cost <= 9"]
    assert [str(c) for c in LIMITED.limits()] == ["val_loss <= 1.5", "val_accuracy > 0.2"]
    assert LIMITED.measures == ("val_accuracy", "val_loss")
    assert SearchSpec().limits() == ()


@pytest.mark.parametrize(
    ("loss", "accuracy", "violation"),
    [
        (1.5, 0.9, 0.0),
        (1.5 + 1e-9, 0.9, 0.0),
        (3.0, 0.9, 1.0),
        (3.0, 0.1, 1.5),
        (1.0, 0.2, 1e-6),  # a strict bound that is just met is broken
    ],
)
def test_violations_are_shares_of_the_bounds(
    loss: float, accuracy: float, violation: float
) -> None:
    measured = {"val_loss": loss, "val_accuracy": accuracy}
    assert LIMITED.violation(measured) == pytest.approx(violation)
    assert (LIMITED.violation(measured) > 0) is (violation > 0)


def hall(
    spec: SearchSpec, rows: list[tuple[float, float, float, int]]
) -> tuple[list[int], History]:
    """Return who is in the hall of fame, by position: rows of accuracy, loss, cost, rung."""
    everyone = tuple(Candidate(parse(f"tanh(x + {i})")) for i in range(len(rows)))
    records = [
        Evaluated(
            dataclasses.replace(Evaluation.ok(c, val_accuracy=a, val_loss=b, cost=k), rung=rung)
        )
        for c, (a, b, k, rung) in zip(everyone, rows, strict=True)
    ]
    history = History.of([GenerationAsked(0, everyone, ()), *records])
    return [everyone.index(c) for c in history.hall_of_fame(spec)], history


ROWS = [(0.9, 2.0, 1.0, 0), (0.5, 1.0, 1.0, 0), (0.6, 1.4, 3.0, 0), (0.95, 1.8, 1.0, 0)]


def test_the_hall_of_fame_has_those_that_break_a_limit_last() -> None:
    assert hall(LIMITED, ROWS)[0] == [2, 1, 3, 0]  # of those, who breaks it less comes first
    assert hall(SearchSpec(), ROWS)[0] == [3, 0, 2, 1]


def test_a_higher_rung_is_no_excuse() -> None:
    rows = [(0.9, 2.0, 1.0, 1), (0.5, 1.0, 1.0, 0), (0.3, 1.2, 1.0, 1)]
    assert hall(LIMITED, rows)[0] == [2, 1, 0]


def test_a_front_is_of_those_that_keep_the_limits() -> None:
    two = SearchSpec(
        objectives={"val_accuracy": "max", "cost": "min"}, constraints=["val_loss <= 1.5"]
    )
    assert hall(two, ROWS)[0] == [2, 1]
    assert hall(two, [ROWS[0], ROWS[3]])[0] == [1, 0]  # nobody does


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("objectives: {val_accuracy: max, latency: min}", "objectives.latency"),
        (
            "objectives: {val_accuracy: max}\nconstraints: [cost <= 3, latency <= 2]",
            "constraints[1]",
        ),
    ],
)
def test_measured_time_needs_steady_state(text: str, where: str) -> None:
    with pytest.raises(InputError, match=r"wanted evolution.mode: steady_state, or cost") as caught:
        space_from_text(text, "space.yaml")
    assert where in str(caught.value)
    steady = space_from_text(f"{text}\nevolution: {{mode: steady_state}}", "space.yaml")
    assert "latency" in steady.measures


def test_a_shift_needs_neighbours() -> None:
    text = "task: {name: mnist1d_shuffled}\nobjectives: {val_shifted_accuracy: max}"
    with pytest.raises(InputError, match="whose positions have no neighbours; wanted val_noisy_"):
        space_from_text(text, "space.yaml")
