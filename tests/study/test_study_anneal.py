"""Searches whose annealing genes evolve: every view shows them, and the winner has its controls."""

from __future__ import annotations

import csv
import json

import pytest
from study_runs import searched

import evoact
from evoact import api
from evoact.records import SearchSpec
from evoact.study import Study, run, with_control
from evoact.tracking import GENES, contestants

PATHS = ("blend", "ladder", "sharpness")
GENES_OF_ALL = {
    "early": ["relu", "auto", "none"],
    "path": [*PATHS],
    "schedule": ["linear", "cosine"],
    "start": [0.0, 0.2],
    "end": [0.3, 0.7],
    "layers": "lower_first",
}


def space(**changes) -> SearchSpec:
    """A search of a few seconds, of functions that are not piecewise linear."""
    data = {
        "name": "annealing",
        "task": {"name": "mnist1d", "epochs": 2, "batch_size": 256},
        "language": {"primitives": ["add", "mul", "tanh", "softplus", "sin"], "max_nodes": 7},
        "anneal": GENES_OF_ALL,
        "evolution": {"population": 8, "generations": 2, "seeds": ["silu"], "cohort": 2},
        "evaluate": {
            "executor": "inline",
            "confirm": {"top": 2, "seeds": 2, "baselines": ["relu"]},
        },
        "tracking": {"mlflow": "off"},
    }
    return SearchSpec.model_validate(data | changes)


def test_journal_csv_and_mlflow_show_the_genes(tmp_path):
    study = evoact.search(space(tracking={"mlflow": "embedded"}), runs_dir=tmp_path, seed=1)
    annealed = {c.id: c for c, _ in study.history.searched() if c.anneal}
    assert {c.anneal.path for c in annealed.values()} == set(PATHS)
    assert len({c.anneal for c in annealed.values()}) > len(PATHS)
    assert all(e.is_ok for _, e in study.history.searched())
    lines = (study.folder / "journal.jsonl").read_text().splitlines()
    asked = [json.loads(line) for line in lines]
    journalled = [c for r in asked if r["type"] == "generation_asked" for c in r["candidates"]]
    for candidate in journalled:
        genes = candidate["anneal"]
        assert genes is None or {*genes} == {*GENES} - {"early_function"}
    with (study.folder / "hall_of_fame.csv").open() as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    for candidate_id in rows.keys() & annealed.keys():
        genes, row = annealed[candidate_id].anneal, rows[candidate_id]
        assert row["early_function"] == str(annealed[candidate_id].early)
        assert {k: row[k] for k in genes.to_dict()} == {
            k: f"{v}" for k, v in genes.to_dict().items()
        }
    check_mlflow(tmp_path, annealed)


def check_mlflow(folder, annealed) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("evoact")
    runs = client.search_runs([experiment.experiment_id], max_results=200)
    (parent,) = [run for run in runs if run.data.tags["evoact.role"] == "study"]
    assert parent.data.params["anneal.end"] == "[0.3, 0.7]"
    shown = [run for run in runs if run.data.tags.get("evoact.candidate") in annealed]
    assert shown
    for shown_run in shown:
        genes = annealed[shown_run.data.tags["evoact.candidate"]].anneal
        params = shown_run.data.params
        assert set(GENES) <= set(params)
        assert {k: params[k] for k in genes.to_dict()} == {
            k: f"{v}" for k, v in genes.to_dict().items()
        }
        assert params["early_function"] != "auto"


ALWAYS = {"early": ["auto", "abs"], "schedule": "linear", "end": 0.5}
QUICK = {"name": "digits", "epochs": 1, "batch_size": 256}


def controlled(**changes) -> SearchSpec:
    """As above, but every candidate is annealed, so that the winner is."""
    return space(**{"task": QUICK, "anneal": ALWAYS, **changes})


def test_an_annealed_winner_is_confirmed_next_to_its_controls(tmp_path):
    study = evoact.search(controlled(), runs_dir=tmp_path, seed=3)
    winner, asked = study.winner(), study.history.controls
    assert winner.anneal
    assert asked.of == winner.id
    late, early = asked.controls["static late"], asked.controls["static early"]
    assert (late.late, late.anneal) == (winner.late, None)
    assert (early.late, early.anneal) == (winner.early.canonical(), None)
    replicates = [1, 2]
    for candidate in (winner, late, early):
        confirmed = study.history.confirmed(candidate)
        assert [e.replicate for e in confirmed] == replicates
    everyone = contestants(study.history)
    assert [c.role for c in everyone][:3] == ["winner", "control", "control"]
    text = (study.folder / "winners" / "confirmation.csv").read_text()
    assert "static late,control," in text
    assert "static early,control," in text
    assert Study.load(study.folder).history.controls == asked


@pytest.mark.parametrize("confirm", [{"controls": False}, {"top": 0}])
def test_controls_can_be_left_out(tmp_path, confirm):
    evaluate = {"executor": "inline", "confirm": {"seeds": 2, "baselines": ["relu"], **confirm}}
    study = evoact.search(controlled(evaluate=evaluate), runs_dir=tmp_path)
    assert study.history.controls is None


@pytest.mark.parametrize("left", [1, 3])
def test_resumed_among_the_controls(tmp_path, counting, left):
    spec = controlled()
    whole = counting()
    finished = searched(spec, tmp_path, "whole", whole, seed=3)
    first, second = counting(whole.trained.total() - left), counting()
    with pytest.raises(KeyboardInterrupt):
        searched(spec, tmp_path, "cut", first, seed=3)
    study = Study.load(tmp_path / "cut")
    study.open([])
    run(study, second)
    study.close()
    assert first.trained + second.trained == whole.trained
    assert second.trained.total() == left
    assert study.history.controls == finished.history.controls
    assert study.winner() == finished.winner()


def test_static_late_is_the_same_search_without_annealing(tmp_path):
    spec = controlled()
    study = evoact.search(spec, runs_dir=tmp_path, seed=3, control="static-late")
    assert study.name == "annealing-static-late"
    assert all(c.anneal is None for c in study.history.candidates.values())
    assert study.history.controls is None
    changed = with_control(spec, "static-late").model_dump()
    assert {k for k, v in spec.model_dump().items() if changed[k] != v} == {"anneal", "name"}


def test_static_early_confirms_the_early_functions_alone():
    spec = with_control(space(name="a" * 64), "static-early")
    assert spec.evaluate.confirm.baselines == ("relu",)
    assert spec.name == "a" * 51 + "-static-early"
    listed = with_control(controlled(), "static-early").evaluate.confirm
    assert (listed.baselines, listed.controls) == (("relu", "abs"), True)
    assert with_control(spec, None) is spec


@pytest.mark.parametrize(
    ("control", "message"), [("static-lat", "did you mean 'static-late'"), ("static-early", "none")]
)
def test_controls_that_there_are_not(control, message):
    with pytest.raises(evoact.errors.InputError, match=message):
        with_control(space(anneal={"early": "none"}), control)


def test_a_costly_early_function_is_told_once_before_the_search(tmp_path):
    few = {"population": 2, "generations": 1, "seeds": ["silu"]}
    spec = controlled(evolution=few, anneal={**ALWAYS, "early": ["auto", "tanh"]})
    with pytest.warns(UserWarning, match=r"anneal.early 'tanh' is not piecewise") as caught:
        study = evoact.search(spec, runs_dir=tmp_path)
    assert len(caught) == 1
    api.resume(study.folder)  # says nothing: warnings are errors here


def test_cohorts_say_whether_to_share_the_prefix(tmp_path, counting):
    spec = controlled(anneal={**ALWAYS, "early": "auto", "share_prefix": True})

    class Looking(counting):
        def submit(self, cohort):
            assert cohort.share_prefix
            super().submit(cohort)

    searched(spec, tmp_path, "shared", Looking(), seed=3)
