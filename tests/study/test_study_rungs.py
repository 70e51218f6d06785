"""Searches with rungs: a cohort is evaluated, journalled and resumed whole."""

from __future__ import annotations

import csv
import json

import pytest
from study_runs import gone_on, searched

from evoact.records import Candidate, Evaluation, GenerationAsked, Halving, SearchSpec
from evoact.study import Study, estimate_seconds, run
from evoact.study.cohorts import cohorts_of
from evoact.study.journal import read_journal

RUNGS, COHORT = (1, 2), 4


@pytest.fixture
def halved(tiny) -> SearchSpec:
    """Cohorts of four: two stop after an epoch, one after two, one is trained for three."""
    data = tiny.model_dump(mode="json") | {
        "task": {"name": "digits", "epochs": 3, "batch_size": 359},
        "anneal": {"early": "none"},
        "evolution": {"population": 8, "generations": 3, "cohort": COHORT},
    }
    data["evaluate"] |= {"rungs": RUNGS}
    return SearchSpec.model_validate(data)


def test_a_search_halves_its_cohorts_and_confirms_at_full_length(halved, tmp_path, counting):
    study = searched(halved, tmp_path, "a", counting())
    lines = [json.loads(line) for line in (study.folder / "journal.jsonl").read_text().splitlines()]
    cohorts = [line for line in lines if isinstance(line, list)]
    assert [len(cohort) for cohort in cohorts] == [COHORT] * 6
    for cohort in cohorts:
        ok = [r["evaluation"] for r in cohort if r["evaluation"]["status"] == "ok"]
        if len(ok) == COHORT:
            assert sorted((e["rung"], e["epochs"]) for e in ok) == [(0, 1), (0, 1), (1, 2), (2, 3)]
    asked = study.history.confirmation
    confirmed = [e for c in asked.finalists.values() for e in study.history.confirmed(c)]
    assert {(e.rung, e.epochs) for e in confirmed} == {(0, 3)}
    best = study.best()
    rungs = [found.evaluation.rung for found in best]
    assert rungs == sorted(rungs, reverse=True)
    assert set(rungs) == {0, 1, 2}
    assert {c.id for c in asked.finalists.values()} <= {f.candidate.id for f in best[:4]}
    with (study.folder / "hall_of_fame.csv").open() as file:
        rows = list(csv.DictReader(file))
    shown = [(int(row["rung"]), int(row["epochs"])) for row in rows]
    assert shown == [(f.evaluation.rung, f.evaluation.epochs) for f in best[: len(rows)]]


@pytest.mark.parametrize("stop_after", [0, 4, 12, 24, 29])
def test_interrupted_and_resumed_equals_uninterrupted(halved, tmp_path, counting, stop_after):
    whole, first, second = counting(), counting(stop_after), counting()
    reference = searched(halved, tmp_path, "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        searched(halved, tmp_path, "cut", first)
    study = gone_on(tmp_path / "cut", second)
    assert first.trained + second.trained == whole.trained
    ours, theirs = (tmp_path / name / "hall_of_fame.csv" for name in ("cut", "whole"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert study.winner() == reference.winner()


def test_a_torn_cohort_is_trained_again_whole(halved, tmp_path, counting):
    reference = searched(halved, tmp_path, "whole", counting())
    with pytest.raises(KeyboardInterrupt):
        searched(halved, tmp_path, "torn", counting(stop_after=12))
    journal = tmp_path / "torn" / "journal.jsonl"
    *before, last = journal.read_bytes().splitlines(keepends=True)
    assert last.startswith(b"[")
    journal.write_bytes(b"".join(before) + last[: len(last) * 3 // 4])  # more than two of the four
    again = counting()
    with pytest.warns(UserWarning, match="not written whole"):
        study = gone_on(journal.parent, again)
    torn = {record["evaluation"]["candidate_id"] for record in json.loads(last)}
    assert all(again.trained[candidate, 0] == 1 for candidate in torn)
    search = sum(count for (_, replicate), count in again.trained.items() if replicate == 0)
    assert search == 24 - 8
    ours, theirs = (tmp_path / name / "hall_of_fame.csv" for name in ("torn", "whole"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert study.winner() == reference.winner()


def test_a_cohort_of_which_one_is_missing_is_not_split(halved, tmp_path, counting):
    study = Study.create(halved, tmp_path, "a", 0)
    study.open([])
    with pytest.raises(KeyboardInterrupt):
        run(study, counting(stop_after=0))
    (asked,) = (r for r in read_journal(study.folder) if isinstance(r, GenerationAsked))
    for candidate in asked.candidates[1:]:
        evaluation = Evaluation.ok(candidate, val_accuracy=0.5)
        study.history.evaluations[candidate.id, 0] = evaluation
    study.close()
    (cohort,) = cohorts_of(study, asked.candidates, replicate=0)
    assert cohort.candidates == asked.candidates[:COHORT]
    assert cohort.halving == Halving(RUNGS, 2, "val_accuracy", maximise=True)
    everyone = list[Candidate](asked.candidates)
    assert [c.halving for c in cohorts_of(study, everyone, replicate=1)] == [None, None]
    lowest = halved.model_copy(update={"objectives": {"val_loss": "min"}})
    (cohort, *_) = cohorts_of(Study.create(lowest, tmp_path, "b", 0), everyone, replicate=0)
    assert (cohort.halving.objective, cohort.halving.maximise) == ("val_loss", False)


def test_without_rungs_each_evaluation_is_a_line(tiny, tmp_path, counting):
    study = searched(tiny, tmp_path, "a", counting())
    lines = (study.folder / "journal.jsonl").read_text().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_rungs_shorten_the_estimate(halved):
    without = halved.model_copy(
        update={"evaluate": halved.evaluate.model_copy(update={"rungs": ()})}
    )
    assert estimate_seconds(halved) < estimate_seconds(without)
