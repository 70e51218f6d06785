"""Shipped tasks in the training loop: they keep the contract that users' tasks must keep."""

from __future__ import annotations

from typing import Any

import pytest

from evoact.language import parse, resolve
from evoact.records import SHIPPED, Candidate, Cohort, TaskSpec
from evoact.study import named_task
from evoact.training import code_folders, contract, metric_of, train_cohort
from evoact.training.making import why_alone
from evoact.training.resident import task_of

SMALL: dict[str, dict[str, Any]] = {
    "image": {"options": {"size": 32, "hidden": [16, 16], "first": 15.0}, "batch_size": 256},
    "burgers": {"options": {"points": 40, "hidden": [12, 12]}, "batch_size": 40},
    "heat": {"options": {"points": 40, "hidden": [12, 12]}, "batch_size": 40},
    "characters": {"options": {"context": 32, "channels": 8, "hidden": 16, "blocks": 1}},
    "diabetes": {},
    "wine": {},
    "breast_cancer": {},
    "compositional": {"options": {"hidden": 6, "samples": 400}},
    "rings": {"options": {"samples": 400}},
    "cifar10": {"options": {"samples": 12, "generated": True}, "batch_size": 4},
    "cifar100": {
        "options": {"samples": 12, "generated": True, "network": "wrn10_2"},
        "batch_size": 4,
    },
    "deep": {"options": {"depth": 4, "width": 8}, "batch_size": 256},
    "cones": {"options": {"samples": 40, "hidden": [8, 8]}, "batch_size": 40},
}
ALONE = ("burgers", "heat", "cifar10", "cifar100", "cones")


def spec(name: str, **more: Any) -> TaskSpec:
    return TaskSpec(name=name, **{"epochs": 2, **SMALL[name], **more})


def test_all_are_tried_here() -> None:
    assert set(SMALL) == set(SHIPPED)


@pytest.mark.parametrize("name", SMALL)
def test_the_contract_is_kept(name: str) -> None:
    found = {one.what: one for one in contract(spec(name), elsewhere=False)}
    wrong = {what: one for what, one in found.items() if one.verdict != "ok"}
    # Some windows of the text say the same: lines of a table.
    wrong.pop("parts are apart" if name == "characters" else "", None)
    assert wrong == {}
    assert len(found) == 10
    assert ("one at a time" in found["speed"].told) == (name in ALONE)


@pytest.mark.parametrize(
    ("more", "alone"),
    [
        ({"backbone": "dirac"}, "DiracLinear"),
        ({"backbone": "selfnormalising", "dropout": 0.1}, "AlphaDropout"),
        ({"backbone": "selfnormalising", "data": "mnist1d"}, None),
    ],
)
def test_deep_networks_of_each_kind_keep_it(more: dict[str, Any], alone: str | None) -> None:
    options = {**SMALL["deep"]["options"], **more}
    found = {one.what: one for one in contract(spec("deep", options=options), elsewhere=False)}
    assert {one.verdict for one in found.values()} == {"ok"}
    told = found["speed"].told
    assert "in stacks" in told if alone is None else f"({alone}) has no stacked form" in told


def test_a_critic_too_steep_fails_and_leaves_the_others() -> None:
    candidates = (Candidate(parse("3 * x")), Candidate(resolve("maxmin")))
    steep, fine = train_cohort(Cohort(candidates, spec("cones"), seed=0))
    assert fine.is_ok
    assert not steep.is_ok
    assert "wanted an activation of Lipschitz constant 1" in str(steep.reason)


def test_they_have_names() -> None:
    assert named_task("burgers").use == SHIPPED["burgers"]
    assert named_task("image", epochs=3).label == "image"
    assert metric_of(spec("burgers")) == ("rel_l2", False)
    assert metric_of(spec("wine")) == ("accuracy", True)
    again = TaskSpec.model_validate_json(spec("image").model_dump_json())
    assert again == spec("image")


def test_workers_have_them_without_being_sent_any_folder() -> None:
    from evoact.records import SearchSpec

    assert code_folders(SearchSpec(task={"name": "wine"})) == []


def test_equations_are_differentiated_twice_whatever_computes_activations() -> None:
    candidates = (Candidate(parse("a * tanh(x) where a = 1.0")), Candidate(resolve("silu")))
    by = {
        kernels: train_cohort(Cohort(candidates, spec("burgers"), seed=0, kernels=kernels))
        for kernels in ("torch", "c")
    }
    values = {k: [one.objectives["val_rel_l2"] for one in found] for k, found in by.items()}
    assert values["c"] == values["torch"]
    assert all(one.params["network.1"]["a0"] != 1.0 for one in by["c"][:1])
    assert "step_loss" in str(why_alone(task_of(spec("burgers"))))


def test_tasks_of_several_measures_are_trained_on_together() -> None:
    tasks = (spec("diabetes"), spec("wine"))
    cohort = Cohort((Candidate(resolve("tanh")),), tasks[0], seed=0, test=True, tasks=tasks)
    (found,) = train_cohort(cohort)
    assert found.is_ok
    assert {"val_loss", "diabetes.val_r2", "wine.val_accuracy"} < set(found.objectives)
    assert not {"val_r2", "val_accuracy"} & set(found.objectives)
    losses = [found.objectives[f"{name}.val_loss"] for name in ("diabetes", "wine")]
    assert found.objectives["val_loss"] == pytest.approx(sum(losses) / 2)
    assert {"val_loss", "loss"} < set(found.curve[-1])
    assert "val_r2" not in found.curve[-1]


@pytest.mark.slow
def test_burgers_is_solved() -> None:
    task = {"options": {"points": 500, "hidden": [24, 24, 24]}, "batch_size": 500}
    long = TaskSpec(name="burgers", epochs=1500, learning_rate=0.005, **task)
    (found,) = train_cohort(Cohort((Candidate(resolve("tanh")),), long, seed=0))
    assert found.objectives["val_rel_l2"] < 0.05
