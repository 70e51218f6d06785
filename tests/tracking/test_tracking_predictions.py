"""What the surrogate predicted, against what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evoact.language import parse
from evoact.records import (
    Candidate,
    Evaluated,
    Evaluation,
    GenerationAsked,
    History,
    Predicted,
    Record,
    SearchSpec,
    StudyStarted,
    decode,
    encode,
)
from evoact.tracking import summary_data
from evoact.tracking.predictions import predictions


def history(means: list[float], values: list[float], sd: float = 0.05) -> History:
    candidates = [
        Candidate(parse(f"tanh({k} * x)"), predicted=Predicted(mean, sd))
        for k, mean in enumerate(means, 1)
    ]
    spec = SearchSpec(objectives={"cost": "min", "val_accuracy": "max"}).model_dump(mode="json")
    records: list[Record] = [StudyStarted("demo", 0, spec, {})]
    records += decode(encode(GenerationAsked(0, tuple(candidates), ())))
    records += [
        Evaluated(Evaluation.ok(candidate, cost=3.0, val_accuracy=value))
        for candidate, value in zip(candidates, values, strict=True)
    ]
    return History.of(records)


def test_rank_correlation_and_coverage_of_the_objective_that_is_trained() -> None:
    means = [0.5 + 0.01 * k for k in range(10)]
    near = [mean + 0.02 for mean in means[:8]]
    (sentence,) = predictions(history(means, [*near, 0.9, 0.95]))
    assert "chose 10 candidates; of the 10 trained to the end its val_accuracy" in sentence
    assert "rank correlation 1.00" in sentence
    assert "95 % interval held 80 % of it" in sentence
    (reversed_,) = predictions(history(means, means[::-1], sd=1.0))
    assert "rank correlation -1.00" in reversed_
    assert "held 100 %" in reversed_
    (equal,) = predictions(history([0.5] * 10, means))
    assert "rank correlation - with" in equal


def test_plain_data_say_the_same() -> None:
    means = [0.5 + 0.01 * k for k in range(10)]
    found = summary_data(history(means, [*means[:8], 0.9, 0.95]))["surrogate"]
    assert found == {
        "measure": "val_accuracy",
        "chosen": 10,
        "n": 10,
        "rank_correlation": pytest.approx(1.0),
        "inside": 0.8,
        "expected": 0.95,
    }
    assert summary_data(history([0.5] * 10, means))["surrogate"]["rank_correlation"] is None
    assert summary_data(history([0.5] * 9, [0.4] * 9))["surrogate"] is None


def test_those_stopped_before_the_last_rung_do_not_count() -> None:
    found = history([0.5] * 12, [0.4 + 0.01 * k for k in range(12)])
    for place, (key, evaluation) in enumerate(found.evaluations.items()):
        found.evaluations[key] = replace(evaluation, rung=int(place >= 2))
    assert "chose 12 candidates; of the 10 trained to the end" in predictions(found)[0]


def test_nothing_is_said_of_few_predictions_or_none() -> None:
    assert predictions(history([0.5] * 9, [0.4] * 9)) == []
    assert predictions(History()) == []
