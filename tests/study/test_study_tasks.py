"""Whole searches on several tasks at once: each candidate on all, combined by ranks."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import rich.console
from study_runs import gone_on, searched

from evoact.cli.looking import show_top
from evoact.errors import InputError
from evoact.language import parse
from evoact.records import Candidate, Evaluation, SearchSpec, merits
from evoact.study import InlineEvaluator, Study, space_from_text
from evoact.study.cohorts import cohorts_of
from evoact.tracking import ConfirmationCsv, HallOfFameCsv, WinnerFiles, print_summary
from evoact.training import train_cohort

TASKS = [
    {"name": "digits", "epochs": 1, "batch_size": 256},
    {"name": "digits", "network": "deep", "epochs": 2, "batch_size": 128},
]
LABELS = ("digits-mlp", "digits-deep")


@pytest.fixture
def several(tiny: SearchSpec) -> SearchSpec:
    data = tiny.model_dump(exclude={"task", "tasks"})
    return SearchSpec.model_validate({**data, "tasks": TASKS})


def listeners(folder: Path) -> list[Any]:
    winners = folder / "winners"
    files = WinnerFiles(folder), ConfirmationCsv(winners / "confirmation.csv")
    return [HallOfFameCsv(folder / "hall_of_fame.csv"), *files]


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


@pytest.mark.parametrize("combine", ["mean_rank", "worst"])
def test_hall_of_fame_and_winner_are_by_ranks_on_all_tasks(
    combine: str, several: SearchSpec, tmp_path: Path
) -> None:
    evaluate = several.evaluate.model_copy(update={"combine": combine})
    spec = several.model_copy(update={"evaluate": evaluate})
    study = searched(spec, tmp_path, "a", InlineEvaluator(), listeners)
    found = [(c, e) for c, e in study.history.searched() if e.is_ok]
    for _, evaluation in found:
        each = [evaluation.objectives[f"{label}.val_accuracy"] for label in LABELS]
        assert evaluation.objectives["val_accuracy"] == pytest.approx(fmean(each))
    values = merits(spec, [e.objectives for _, e in found])
    by_id = {c.id: value for (c, _), value in zip(found, values, strict=True)}
    hall = [by_id[f.candidate.id] for f in study.best()]
    assert hall == sorted(hall, reverse=True)
    finalists = list(study.history.confirmation.finalists.values())
    means = [Evaluation.means(study.history.confirmed(c)) for c in finalists]
    judged = dict(zip([c.id for c in finalists], merits(spec, means), strict=True))
    assert judged[study.winner().id] == max(judged.values())


def test_confirmation_reports_each_task(several: SearchSpec, tmp_path: Path) -> None:
    study = searched(several, tmp_path, "a", InlineEvaluator(), listeners)
    rows = read(study.folder / "winners" / "confirmation.csv")
    assert {row["task"] for row in rows} == {"mean", *LABELS}
    relu = {row["task"]: float(row["test_mean"]) for row in rows if row["label"] == "relu"}
    assert relu["mean"] == pytest.approx(fmean(relu[label] for label in LABELS))
    assert relu[LABELS[0]] != relu[LABELS[1]]
    hall = read(study.folder / "hall_of_fame.csv")
    assert all(float(row[f"{label}.val_accuracy"]) > 0.0 for row in hall for label in LABELS)
    console = rich.console.Console(file=io.StringIO(), width=120)
    print_summary(console, study.history)
    text = console.file.getvalue()
    for title in ("means over tasks", *(f"On {label}, winner minus baseline" for label in LABELS)):
        assert title in text
    again = Study.load(study.folder)
    assert again.spec.tasks == study.spec.tasks
    assert (study.folder / "winners" / "winner.py").is_file()


def test_what_is_trained_is_what_each_task_alone_would_give(
    several: SearchSpec, tmp_path: Path
) -> None:
    study = searched(several, tmp_path, "a", InlineEvaluator(), listeners)
    candidates = [c for c, e in study.history.searched() if e.is_ok][:2]
    empty = Study.create(several, tmp_path, "b", 7)
    (cohort,) = cohorts_of(empty, candidates, 0)
    for place, task in enumerate(several.tasks):
        alone = train_cohort(replace(cohort, task=task, tasks=()))
        for candidate, evaluation in zip(candidates, alone, strict=True):
            together = study.history.evaluations[candidate.id, 0].objectives
            assert together[task.key("val_loss")] == evaluation.objectives["val_loss"], place


@pytest.mark.parametrize(("mode", "stop_after"), [("generational", 9), ("steady_state", 4)])
def test_interrupted_and_resumed_it_is_the_same(
    mode: str, stop_after: int, several: SearchSpec, tmp_path: Path, counting: Any
) -> None:
    evolution = several.evolution.model_copy(update={"mode": mode})
    confirm = several.evaluate.confirm.model_copy(update={"race": True, "top": 3, "seeds": 2})
    evaluate = several.evaluate.model_copy(update={"confirm": confirm})
    spec = several.model_copy(update={"evolution": evolution, "evaluate": evaluate})
    whole = searched(spec, tmp_path, "whole", counting(), listeners)
    with pytest.raises(KeyboardInterrupt):
        searched(spec, tmp_path, "cut", counting(stop_after), listeners)
    study = gone_on(tmp_path / "cut", counting(), listeners)
    ours, theirs = (tmp_path / name / "hall_of_fame.csv" for name in ("cut", "whole"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert study.winner() == whole.winner()


def test_who_fails_on_one_task_failed(several: SearchSpec, tmp_path: Path) -> None:
    empty = Study.create(several, tmp_path, "a", 7)
    candidates = [Candidate(parse("log(x)")), Candidate(parse("tanh(x)"))]
    (cohort,) = cohorts_of(empty, candidates, 0)
    bad, good = train_cohort(cohort)
    assert not bad.is_ok
    assert bad.reason.startswith("on digits-mlp: ")
    assert good.is_ok
    assert good.epochs == len(good.curve) == 1  # as far as both tasks have epochs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks: [{name: digits}, {name: digits, epochs: 3}]", "is digits-mlp once more"),
        ("task: {name: mnist1d}\ntasks: [{name: digits}, {name: mnist1d}]", "wanted one of both"),
        ("task: {name: mnist1d}\ntasks: [{name: digits}]", "wanted one of both"),
        (
            "anneal: {early: [none]}\nevaluate: {rungs: [5]}\n"
            "tasks: [{name: digits}, {name: mnist1d}]",
            "wanted no rungs, or one task",
        ),
        ("tasks: [{name: digits}, {name: mnist1e}]", "did you mean 'mnist1d'"),
        ("evaluate: {combine: median}", "combine"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        space_from_text(text, "space.yaml")
    assert message in str(caught.value)


def test_one_of_several_is_one() -> None:
    assert space_from_text("tasks: [{name: digits}]", "a") == space_from_text(
        "task: {name: digits}", "a"
    )


def test_top_shows_the_means(
    several: SearchSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = searched(several, tmp_path, "a", InlineEvaluator(), listeners)
    show_top(study.folder, 3, as_json=False)
    assert LABELS[0] not in capsys.readouterr().out
    show_top(study.folder, 3, as_json=True)
    assert f"{LABELS[0]}.val_accuracy" in capsys.readouterr().out
