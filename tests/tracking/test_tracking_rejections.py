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
from evoact.tracking.rejections import rejections

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
        "Of what the search bred, 1 were trained; 6 were rejected before: "
        "3 duplicate, 2 not standardised, 1 linear."
    )
    assert others == [
        "Of evolution.seeds, 'x' was not trained: linear.",
        "Of evolution.warm_start, 'relu(x)' was not trained: duplicate.",
    ]


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
