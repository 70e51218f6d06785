"""Heads in the training loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from evoact.errors import InputError
from evoact.language import resolve
from evoact.records import Candidate, Cohort, TaskSpec
from evoact.records.task_spec import HEADS
from evoact.training import diagnosed, train_cohort
from evoact.training.prepared import prepared_task

RELU, SILU = (Candidate(resolve(name)) for name in ("relu", "silu"))


def trained(*candidates: Candidate, head: str, **more: Any) -> Any:
    task = TaskSpec(name="digits", head=head, epochs=6, **more)
    return train_cohort(Cohort(candidates, task, seed=1))


@pytest.mark.parametrize("head", HEADS)
def test_networks_learn_with_each(head: str) -> None:
    one, other = trained(RELU, SILU, head=head)
    assert min(e.objectives["val_accuracy"] for e in (one, other)) > 0.9
    losses = [entry["loss"] for entry in one.curve]
    assert 0.0 < losses[-1] < 0.5 * losses[0]
    (alone,) = trained(SILU, head=head)
    assert alone.objectives == other.objectives
    assert alone.curve == other.curve


def test_they_are_trained_otherwise() -> None:
    assert len({str(trained(RELU, head=head)[0].objectives) for head in HEADS}) == len(HEADS)


def test_candidates_of_one_cohort_have_heads_of_their_own() -> None:
    several = [*HEADS[1:], HEADS[0]]
    mixed = [Candidate(resolve("relu"), head=head) for head in (*several, None)]
    task = TaskSpec(name="digits", head=several, epochs=2)
    found = train_cohort(Cohort(tuple(mixed), task, seed=1))
    for candidate, evaluation in zip(mixed, found, strict=True):
        alone = TaskSpec(name="digits", head=candidate.head or several[0], epochs=2)
        (wanted,) = train_cohort(Cohort((RELU,), alone, seed=1))
        assert evaluation.objectives == wanted.objectives
        assert evaluation.curve == wanted.curve


def test_a_diagnosis_has_the_loss_of_its_head() -> None:
    task = TaskSpec(name="digits", head="expgb", epochs=3)
    cohort = Cohort((RELU,), task, seed=1)
    found, (trained_,) = diagnosed(cohort), train_cohort(cohort)
    assert found.scores["val_loss"] == pytest.approx(trained_.objectives["val_loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ({"head": "expbg"}, "unknown value 'expbg'; did you mean 'expgb'"),
        ({"name": "wine", "head": "linear"}, "for classes, beside a task with a loss of its own"),
        (
            {"arrays": "a.csv", "kind": "regression", "head": "linear"},
            "for classes, beside kind: regression; wanted softmax",
        ),
    ],
)
def test_what_has_no_head_is_refused(task: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        TaskSpec(**task)


def test_a_file_of_numbers_is_refused_before_a_search(tmp_path: Path) -> None:
    path = str(tmp_path / "data.npz")
    np.savez(path, x=np.random.default_rng(0).random((20, 3)), y=np.linspace(0, 1, 20))
    with pytest.raises(InputError, match="head is 'linear', which is for classes"):
        prepared_task(TaskSpec(arrays=path, head="linear"))
