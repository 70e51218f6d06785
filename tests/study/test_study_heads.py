"""A search in which each candidate has a head of its own: every view shows it."""

from __future__ import annotations

import csv

from study_runs import gone_on, searched

import evoact
from evoact.comparison.entrants import entrants_of
from evoact.records import Anneal, Candidate, SearchSpec
from evoact.study import make_evaluator
from evoact.tracking import annealing_text

HEADS = ("linear", "expgb", "softmax")


def space(**changes: object) -> SearchSpec:
    data = {
        "name": "heads",
        "task": {"name": "digits", "epochs": 2, "batch_size": 256, "head": list(HEADS)},
        "language": {"primitives": ["mul", "tanh", "sin"], "max_nodes": 5},
        "anneal": {"early": ["auto"], "end": 0.4},
        "evolution": {"population": 6, "generations": 2, "seeds": ["silu"], "cohort": 3},
        "evaluate": {
            "executor": "inline",
            "confirm": {"top": 3, "seeds": 2, "baselines": ["relu"]},
        },
        "tracking": {"mlflow": "off"},
    }
    return SearchSpec.model_validate(data | changes)


def test_heads_are_in_journal_table_words_and_controls(tmp_path):
    study = evoact.search(space(), runs_dir=tmp_path, name="heads", seed=2)
    found = [candidate for candidate, _ in study.history.searched()]
    assert {c.head for c in found} == set(HEADS)
    with (study.folder / "hall_of_fame.csv").open() as file:
        rows = {row["id"]: row["head"] for row in csv.DictReader(file)}
    assert rows
    assert all(head == study.history.candidates[id_].head for id_, head in rows.items())
    best = study.best(1)[0].candidate
    assert annealing_text(best).endswith(f"head {best.head}")
    assert all(c.head for c in study.history.confirmation.finalists.values())
    assert {c.head for c in study.history.confirmation.baselines.values()} == {None}
    controls = study.history.controls.controls.values()
    assert {c.head for c in controls} == {study.winner().head}
    assert all(e.is_ok for control in controls for e in study.history.confirmed(control))
    again = evoact.Study.load(study.folder)
    assert [c.to_dict() for c, _ in again.history.searched()] == [c.to_dict() for c in found]


def test_who_is_compared_keeps_its_head():
    found = Candidate(evoact.parse("tanh(x) + x"), Anneal(None, path="ladder"), head="expgb")
    entrants = entrants_of([found], ["tanh"], controls=True)
    assert len(entrants) > 3
    for entrant in entrants:
        assert entrant.candidate.head == (None if entrant.role == "baseline" else "expgb")


def test_the_same_search_is_found_again(tmp_path):
    spec = space()
    first, second = (
        searched(spec, tmp_path, name, make_evaluator(spec)) for name in ("one", "other")
    )
    tables = [(s.folder / "hall_of_fame.csv").read_bytes() for s in (first, second)]
    assert tables[0] == tables[1]
    assert gone_on(first.folder, make_evaluator(spec)).history.finished
