"""Successive halving in a cohort: the stack shrinks at fixed rungs."""

from __future__ import annotations

from typing import Any

import pytest

from evoact.language import resolve
from evoact.records import Candidate, Cohort, Evaluation, Halving, Status, TaskSpec
from evoact.training import loop, train_cohort

TEXTS = ("relu(x)", "silu(x)", "0.001 * x", "tanh(x)", "group_max(x, 2)", "sin(9.0 * x)")
HALVING = Halving(rungs=(2, 4), reduction=2, objective="val_accuracy", maximise=True)


def trained(*texts: str, **more: Any) -> list[Evaluation]:
    task = TaskSpec(name="digits", network="mlp", epochs=6, batch_size=359)
    return train_cohort(Cohort(tuple(Candidate(resolve(t)) for t in texts), task, seed=1, **more))


@pytest.fixture(scope="module")
def full() -> list[Evaluation]:
    return trained(*TEXTS)


@pytest.mark.parametrize("objective", ["val_accuracy", "val_loss"])
def test_the_best_of_each_rung_go_on(objective: str, full: list[Evaluation]) -> None:
    maximise = objective == "val_accuracy"
    found = trained(*TEXTS, halving=Halving((2, 4), 2, objective, maximise))
    assert sorted(e.rung for e in found) == [0, 0, 0, 1, 2, 2]  # 6, then 3, then 2
    for rung, epochs in ((0, 2), (1, 4)):
        stopped = [e for e in found if e.rung == rung]
        further = [e for e in found if e.rung > rung]
        sign = 1 if maximise else -1
        assert max(sign * e.curve[epochs - 1][objective] for e in stopped) <= min(
            sign * e.curve[epochs - 1][objective] for e in further
        )
    for evaluation, whole in zip(found, full, strict=True):
        assert evaluation.epochs == len(evaluation.curve) == (2, 4, 6)[evaluation.rung]
        assert evaluation.curve == whole.curve[: evaluation.epochs]  # to the bit
        assert evaluation.objectives[objective] == evaluation.curve[-1][objective]
        assert evaluation.steps == 3 * evaluation.epochs


def test_those_that_diverged_are_not_counted() -> None:
    found = trained("log(x)", "relu(x)", "silu(x)", "tanh(x)", halving=HALVING)
    assert found[0].status is Status.DIVERGED
    assert sorted(e.rung for e in found[1:]) == [0, 1, 2]


def test_one_alone_goes_on_to_the_end() -> None:
    (only,) = trained("relu(x)", halving=HALVING)
    assert (only.rung, only.epochs) == (2, 6)


def test_without_halving_there_is_one_rung(full: list[Evaluation]) -> None:
    assert {(e.rung, e.epochs) for e in full} == {(0, 6)}


def test_a_large_validation_part_counts_as_a_whole_where_trainings_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    halving = Halving((2,), 2, "val_accuracy", True)
    whole = trained("relu(x)", "tanh(x)", halving=halving)
    monkeypatch.setattr(loop, "GLANCE", 90)  # of 360
    found = trained("relu(x)", "tanh(x)", halving=halving)
    for one, other in zip(found, whole, strict=True):
        assert (one.rung, one.objectives) == (other.rung, other.objectives)
        for epoch, (point, wanted) in enumerate(zip(one.curve, other.curve, strict=True), 1):
            is_whole = epoch in {2, one.epochs}
            assert (point["val_loss"] == wanted["val_loss"]) == is_whole
            right = point["val_accuracy"] * 90  # samples, if it is a glance
            assert is_whole or right == pytest.approx(round(right), abs=1e-3)
            assert point["loss"] == wanted["loss"]
