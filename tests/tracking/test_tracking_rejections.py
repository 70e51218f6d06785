"""What was rejected before training, counted by reason."""

from __future__ import annotations

import pytest

from evoact.language import named
from evoact.records import (
    Candidate,
    Evaluated,
    Evaluation,
    GenerationAsked,
    History,
    Rejected,
    SearchSpec,
    StudyStarted,
    decode,
    encode,
)
from evoact.study import Study
from evoact.study.generations import record_asked
from evoact.tracking.rejections import rejection_points, rejections

RELU = Candidate(named("relu"))
ASKED = GenerationAsked(
    0,
    (RELU,),
    (
        Rejected("x", "linear", origin="seed"),
        Rejected("relu(x)", "duplicate", RELU.id, "warm"),
        Rejected("2.0", "duplicate", RELU.id, "crossover"),
        Rejected("log(x)", "not standardised: no mean", origin="random"),
        Rejected("sqrt(x)", "not standardised: no variance", origin="random"),
        Rejected("exp(x)", "duplicate", RELU.id),
    ),
)


def test_rejections_are_counted_by_kind_and_own_functions_named() -> None:
    spec = SearchSpec().model_dump(mode="json")
    told = Evaluated(Evaluation.ok(RELU, val_accuracy=0.5))
    first, *others = rejections(History.of([StudyStarted("demo", 0, spec, {}), ASKED, told]))
    assert first == (
        "Of what the search bred, 1 were evaluated, 3 duplicates were avoided, and 3 were "
        "rejected before training: 2 not standardised, 1 linear."
    )
    assert others == [
        "Of evolution.seeds, 'x' was not trained: linear.",
        "Of evolution.warm_start, 'relu(x)' was not trained: duplicate.",
    ]


def test_rejections_are_metrics_by_kind_from_the_first_of_a_kind_on() -> None:
    later = GenerationAsked(1, (), (Rejected("x", "violates cost <= 2"), Rejected("x", "linear")))
    history = History.of([ASKED, later])
    assert rejection_points(history, 0) == {
        "rejected_linear": 1.0,
        "rejected_duplicate": 3.0,
        "rejected_not_standardised": 2.0,
    }
    assert rejection_points(history, 1) == {
        "rejected_linear": 1.0,
        "rejected_duplicate": 0.0,
        "rejected_not_standardised": 0.0,
        "rejected_violates_cost_below_2": 1.0,
    }


def test_every_name_of_such_a_metric_is_one_of_mlflow() -> None:
    from mlflow.utils.validation import _validate_metric_name

    reasons = ("violates lipschitz <= 1e-3", "violates monotone: yes", "no (a) + b é", "cost > 1")
    asked = GenerationAsked(0, (), tuple(Rejected("x", reason) for reason in reasons))
    names = rejection_points(History.of([asked]), 0)
    assert len(names) == len(reasons)
    for name in names:
        _validate_metric_name(name)


def test_nothing_rejected_says_nothing() -> None:
    assert rejections(History.of([GenerationAsked(0, (RELU,), ())])) == []


def test_origins_are_journalled_and_may_be_missing_in_older_lines() -> None:
    (again,) = decode(encode(ASKED))
    assert again == ASKED
    older = encode(ASKED).replace(', "origin": "seed"', "", 1)
    assert older != encode(ASKED)
    (read,) = decode(older)
    assert isinstance(read, GenerationAsked)
    assert read.rejected[0] == Rejected("x", "linear")


def test_a_search_warns_of_own_functions_that_it_rejects(tmp_path) -> None:
    study = Study.create(SearchSpec(), tmp_path, "demo", 0)
    study.open([])
    with pytest.warns(UserWarning, match="is not trained") as caught:
        record_asked(study, ASKED)
    study.close()
    assert [str(w.message).partition(";")[0] for w in caught] == [
        "evolution.seeds: 'x' is not trained: linear",
        "evolution.warm_start: 'relu(x)' is not trained: duplicate",
    ]
