"""Evaluations and the lines of a journal."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoact.errors import InputError
from evoact.language import named, parse
from evoact.records import (
    Anneal,
    Candidate,
    ComparisonFinished,
    ComparisonStarted,
    ConfirmationAsked,
    ControlsAsked,
    Evaluated,
    Evaluation,
    GenerationAsked,
    GenerationTold,
    RaceAsked,
    Record,
    Rejected,
    SearchSpec,
    Status,
    StudyFinished,
    StudyStarted,
    TrainingsAsked,
    decode,
    encode,
)

RELU, SILU = Candidate(named("relu")), Candidate(named("silu"), Anneal(named("relu")), "seed")
FULL = Evaluation(
    RELU.id,
    Status.OK,
    objectives={"val_accuracy": 0.5, "cost": 3.0},
    replicate=2,
    rung=1,
    epochs=7,
    test={"test_accuracy": 0.25},
    curve=({"epoch": 1, "loss": 1.5, "g": 0.0}, {"epoch": 2, "loss": 0.5, "g": 1.0}),
    params={"act1": {"a0": 0.3}, "act2": {"a0": [0.1, 0.2]}},
    seconds=1.25,
    environment={"device": "cpu", "threads": 1},
    steps=70,
    shared_steps=20,
)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["objectives", "test"])
def test_only_finite_numbers_are_results(where: str, bad: float) -> None:
    with pytest.raises(InputError, match=r"loss is .*; wanted a finite number.*failed\("):
        Evaluation(RELU.id, Status.OK, **{where: {"cost": 1.0, "loss": bad}})


def test_ok_and_failed() -> None:
    good = Evaluation.ok(RELU, val_accuracy=0.5)
    assert good.is_ok
    assert (good.candidate_id, good.objectives) == (RELU.id, {"val_accuracy": 0.5})
    with pytest.raises(InputError, match="val_accuracy is nan"):
        Evaluation.ok(RELU, val_accuracy=math.nan)
    bad = Evaluation.failed(RELU, "no luck", Status.TIMEOUT, replicate=3)
    assert not bad.is_ok
    assert (bad.reason, bad.status, bad.replicate, bad.objectives) == (
        ("no luck", Status.TIMEOUT, 3, {})
    )
    assert Evaluation.failed(RELU, "why").status is Status.FAILED


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.OK])
def test_what_failed_has_no_objectives(status: Status) -> None:
    with pytest.raises(InputError, match=f"status {status} has no objectives"):
        Evaluation(RELU.id, status, objectives={"val_accuracy": 0.5})


def test_evaluation_round_trip() -> None:
    data = json.loads(json.dumps(FULL.to_dict()))
    back = Evaluation.from_dict(data)
    assert back == FULL
    assert back.status is Status.OK
    assert Evaluation.from_dict({**data, "of a newer version": 1}) == FULL
    with pytest.raises(dataclasses.FrozenInstanceError):
        back.seconds = 0.0  # type: ignore[misc]


RECORDS = [
    StudyStarted("demo", 3, SearchSpec().model_dump(mode="json"), {"torch": "2.6"}),
    GenerationAsked(0, (RELU, SILU), (Rejected("x + 0", "duplicate", RELU.id),
                                      Rejected("log(x)", "not finite"))),
    GenerationAsked(1, (), ()),
    Evaluated(dataclasses.replace(FULL, params={}), "abc"),
    Evaluated(Evaluation.failed(SILU, "loss nan", Status.DIVERGED)),
    GenerationTold(4),
    RaceAsked((SILU.id, RELU.id), (4, 5)),
    ConfirmationAsked({"mine": SILU}, {"relu": RELU}, (1, 2, 3)),
    ControlsAsked(SILU.id, {"static late": Candidate(named("silu")), "static early": RELU}),
    StudyFinished(RELU.id),
    StudyFinished(None),
    ComparisonStarted("compare-a", {"rates": [0.01], "task": {"name": "digits"}}, {"torch": "2"}),
    TrainingsAsked({RELU.id: {"learning_rate": 0.01, "gain": "own"}}, (20_001, 20_002)),
    ComparisonFinished({"relu(x)": {"torch": 1.0}}),
]  # fmt: skip


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_record_round_trip(record: Record) -> None:
    line = encode(record)
    assert "\n" not in line
    assert decode(line) == [record]
    assert encode(*decode(line)) == line


def test_every_record_type_is_in_the_table() -> None:
    assert {type(record) for record in RECORDS} == set(Record.__args__)


def test_candidates_keep_their_history_in_the_journal() -> None:
    child = Candidate(parse("tanh(x)"), None, "crossover", (RELU.id, SILU.id))
    (back,) = decode(encode(GenerationAsked(0, (child,), ())))
    assert isinstance(back, GenerationAsked)
    assert back.candidates[0].origin == "crossover"
    assert back.candidates[0].parents == (RELU.id, SILU.id)


def test_nan_in_a_curve_becomes_null() -> None:
    curve = ({"loss": math.nan, "g": math.inf}, {"loss": -math.inf, "g": 0.5})
    line = encode(Evaluated(Evaluation.failed(RELU, "it diverged", curve=curve)))
    assert "NaN" not in line
    assert "Infinity" not in line
    (back,) = decode(line)
    assert isinstance(back, Evaluated)
    assert back.evaluation.curve == ({"loss": None, "g": None}, {"loss": None, "g": 0.5})


def test_trained_parameters_are_not_in_the_line() -> None:
    assert "act1" not in encode(Evaluated(FULL, "abc"))
    assert '"params": "abc"' in encode(Evaluated(FULL, "abc"))


TEXTS = st.text(max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@settings(derandomize=True, deadline=None, database=None)
@given(reason=TEXTS, name=TEXTS, value=NUMBERS, environment=st.dictionaries(TEXTS, TEXTS | NUMBERS))
def test_any_text_and_number_survives(
    reason: str, name: str, value: float, environment: dict[str, object]
) -> None:
    evaluation = Evaluation(
        RELU.id, Status.OK, reason, {name: value}, seconds=abs(value), environment=environment
    )
    assert decode(encode(Evaluated(evaluation))) == [Evaluated(evaluation)]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        encode(RECORDS[3])[:-7],
        '{"type": "unheard of"}',
        "{}",
        "[]",
        "[[]]",
        '{"type": "generation_told"}',
        '{"type": "generation_told", "generation": 1, "more": 2}',
        '{"type": "generation_asked", "generation": 1}',
        '{"type": "evaluated", "evaluation": {"candidate_id": "a", "status": "odd", "curve": []}}',
    ],
)
def test_what_is_no_record(line: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode(line)


def test_records_that_are_true_together_are_one_line() -> None:
    line = encode(*RECORDS)
    assert "\n" not in line
    assert decode(line) == list(RECORDS)
    assert [encode(record) for record in decode(line)] == [encode(r) for r in RECORDS]
