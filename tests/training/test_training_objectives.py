"""Objectives beyond accuracy: measured when they are asked for, and only then."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from evoact.diagnostics import record
from evoact.language import resolve
from evoact.records import Candidate, Cohort, TaskSpec
from evoact.tasks import make_task
from evoact.training import fitted_network, train_cohort

TASK = TaskSpec(name="digits", epochs=2, noise=1.0)
ASKED = ("val_noisy_accuracy", "lipschitz", "smoothness", "sparsity")


def cohort(*texts: str, objectives: tuple[str, ...] = ASKED, **task: object) -> Cohort:
    candidates = tuple(Candidate(resolve(text)) for text in texts)
    changed = TaskSpec(**{**TASK.model_dump(), **task})
    return Cohort(candidates, changed, seed=1, objectives=objectives)


def test_only_what_is_asked_is_measured() -> None:
    (plain,) = train_cohort(cohort("relu", objectives=("val_accuracy",)))
    assert set(plain.objectives) == {"val_accuracy", "val_loss", "cost", "nodes"}
    (full,) = train_cohort(cohort("relu"))
    assert set(full.objectives) == {*plain.objectives, *ASKED}
    assert {**full.objectives, **plain.objectives} == full.objectives
    assert full.curve == plain.curve
    static = {name: full.objectives[name] for name in ("lipschitz", "sparsity", "smoothness")}
    assert static == {"lipschitz": 1.0, "sparsity": 0.5, "smoothness": 0.714826}


def test_noise_costs_accuracy_and_does_not_depend_on_the_cohort() -> None:
    alone = [train_cohort(cohort(text))[0] for text in ("relu", "tanh")]
    together = train_cohort(cohort("relu", "tanh"))
    assert [e.objectives for e in together] == [e.objectives for e in alone]
    for evaluation in alone:
        assert evaluation.objectives["val_noisy_accuracy"] < evaluation.objectives["val_accuracy"]
    other_seed = train_cohort(replace(cohort("relu"), seed=2))[0]
    assert other_seed.objectives != alone[0].objectives


def test_little_noise_is_little_loss() -> None:
    (found,) = train_cohort(cohort("relu", noise=1e-9))
    values = found.objectives
    assert values["val_noisy_accuracy"] == pytest.approx(values["val_accuracy"], abs=0.01)


def test_a_shift_costs_accuracy_and_is_the_same_for_all() -> None:
    asked = ("val_shifted_accuracy",)
    alone = [train_cohort(cohort(text, objectives=asked))[0] for text in ("relu", "tanh")]
    together = train_cohort(cohort("relu", "tanh", objectives=asked))
    assert [e.objectives for e in together] == [e.objectives for e in alone]
    farther = train_cohort(cohort("relu", objectives=asked, shift=2))[0]
    near, far = (e.objectives["val_shifted_accuracy"] for e in (alone[0], farther))
    assert far < near < alone[0].objectives["val_accuracy"]


@pytest.mark.parametrize("kernels", ["torch", "c"])
def test_latency_is_measured_where_candidates_are_trained(kernels: str) -> None:
    asked = replace(cohort("relu", "erf(x) + erf(2.0 * x)"), objectives=("latency",))
    fast, slow = train_cohort(replace(asked, kernels=kernels))
    assert 0.0 < fast.objectives["latency"] < slow.objectives["latency"]


def test_a_bound_that_is_infinite_is_left_out_and_no_failure() -> None:
    (found,) = train_cohort(cohort("square(x)"))
    assert found.is_ok
    assert "lipschitz" not in found.objectives
    assert "smoothness" in found.objectives


INSIDE = ("zero_fraction", "effective_rank", "jacobian_condition")


def test_inside_a_network_is_measured_as_the_same_network_alone() -> None:
    texts = ("relu", "tanh", "concat(relu(x), relu(-x))")
    together = train_cohort(cohort(*texts, objectives=INSIDE))
    for text, found in zip(texts, together, strict=True):
        alone = cohort(text, objectives=INSIDE)
        (same,) = train_cohort(alone)
        assert found.objectives == same.objectives
        network = fitted_network(alone)
        x = torch.from_numpy(make_task("digits", "mlp", 0).splits.validation.x[:256])
        zeros = torch.cat([(layer.after == 0).flatten() for layer in record(network, x)[1]])
        values = found.objectives
        assert values["zero_fraction"] == pytest.approx(float(zeros.float().mean()), abs=1e-3)
        assert 1.0 < values["effective_rank"] < record(network, x)[1][-1].features.shape[1]
        assert values["jacobian_condition"] > 1.0
    relu, tanh, crelu = (found.objectives["zero_fraction"] for found in together)
    assert tanh == 0.0
    assert crelu == pytest.approx(0.5, abs=1e-6)  # of each pair one is 0
    assert 0.3 < relu < 0.7


def test_a_network_that_loses_its_inputs_has_the_worst_condition_and_is_no_failure() -> None:
    (found,) = train_cohort(cohort("step(x)", objectives=("zero_fraction", "jacobian_condition")))
    assert found.is_ok
    assert 1.0 < found.objectives["jacobian_condition"] <= 1e13


def test_a_network_that_diverges_leaves_its_neighbours_measured() -> None:
    good, bad = train_cohort(cohort("relu", "exp(500 * abs(x))", objectives=INSIDE))
    assert not bad.is_ok
    assert good.objectives == train_cohort(cohort("relu", objectives=INSIDE))[0].objectives
