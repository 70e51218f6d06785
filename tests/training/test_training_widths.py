"""Candidates that change the number of channels, in every layout of channels."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import nn

from evoact.errors import InputError
from evoact.language import resolve
from evoact.records import Anneal, Candidate, Cohort, Evaluation, Status, TaskSpec
from evoact.tasks import NETWORKS, Task, load
from evoact.training import build_network, train_cohort, trained_parameters

GLU = "left(x) * sigmoid(right(x))"
CRELU = "concat(relu(x), relu(-x))"
LAYOUTS = ("mlp", "conv", "attention")
# Recorded before there were widths, for relu: the sum of the sizes of all
# parameters, and one of the head's. Not to the bit: other processors draw
# other last bits.
OF_OLD = {
    ("digits", "mlp"): (1081.4393427398172, -0.20549967885017395),
    ("digits", "conv"): (732.1036789730078, 0.023144898936152458),
    ("mnist1d", "mlp"): (1745.3864828037895, -0.11222187429666519),
    ("mnist1d", "conv"): (674.0960378298478, -0.058302562683820724),
}


def candidate(text: str, early: str | None = None) -> Candidate:
    return Candidate(resolve(text), Anneal(resolve(early), "linear", 0.0, 0.5) if early else None)


def task(network: str, name: str = "digits") -> Task:
    return Task(load("digits", 0), NETWORKS[name, network])


def trained(*candidates: Candidate, network: str, **more: Any) -> list[Evaluation]:
    spec = TaskSpec(name="digits", network=network, **{"epochs": 4, **more})
    return train_cohort(Cohort(candidates, task=spec, seed=7))


@pytest.mark.parametrize("key", OF_OLD, ids="-".join)
def test_first_weights_are_those_of_old(key: tuple[str, str]) -> None:
    name, layout = key
    network = build_network(candidate("relu"), task(layout, name), 3, 1)
    parameters = [p.detach().double() for p in network.parameters()]
    total, one = OF_OLD[key]
    assert sum(float(p.abs().sum()) for p in parameters) == pytest.approx(total, rel=1e-6)
    assert float(network.head.weight[0, 0].detach()) == pytest.approx(one, rel=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("text", ["group_max(x, 4)", GLU, "group_sort(x, 2)", CRELU])
def test_candidates_of_every_width_learn(text: str, layout: str) -> None:
    (evaluation,) = trained(candidate(text), network=layout)
    assert evaluation.reason == ""
    assert evaluation.objectives["val_accuracy"] > 0.7  # chance is 0.1


@pytest.mark.parametrize("text", ["relu", "gelu", "tanh(x)"])
def test_attention_learns(text: str) -> None:
    (evaluation,) = trained(candidate(text), network="attention", epochs=8)
    assert evaluation.objectives["val_accuracy"] > 0.85


@pytest.mark.parametrize("layout", LAYOUTS)
def test_annealed_candidates_of_a_width_learn(layout: str) -> None:
    gliding = candidate("left(x) * sigmoid(a * right(x)) where a = 1.0", "group_max(x, 2)")
    (evaluation,) = trained(gliding, network=layout)
    assert evaluation.reason == ""
    assert evaluation.objectives["val_accuracy"] > 0.7
    names = {"mlp": ["act1", "act2"], "conv": ["act1", "act2"], "attention": ["block1.act"]}
    assert list(evaluation.params) == names[layout]
    assert all(layer["a0"] != 1.0 for layer in evaluation.params.values())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_evaluation_is_the_same_again(layout: str) -> None:
    def found() -> tuple[Any, ...]:
        _, evaluation = trained(candidate("relu"), candidate(CRELU), network=layout, epochs=1)
        return evaluation.objectives, evaluation.curve

    assert found() == found()


def test_parameters_per_channel_are_as_many_as_the_channels_there() -> None:
    halved = candidate("a * group_max(x, 2) where a = 2.0 per channel")
    network = build_network(halved, task("attention"), 0, 0, "round")
    assert network.block1.expand.out_features == 64
    assert network.block1.contract.in_features == 32
    params = trained_parameters(network)
    assert params == {"block1.act": {"a0": [2.0] * 32}}


def test_early_and_late_both_get_full_groups() -> None:
    both = candidate("group_sort(x, 2)", "group_sort(x, 3)")
    network = build_network(both, task("mlp"), 0, 0, "round")
    assert network.dense1.out_features == 66
    network = build_network(candidate("group_sort(x, 2)"), task("mlp"), 0, 0, "round")
    assert network.dense1.out_features == 64


def test_the_policy_of_the_task_decides() -> None:
    three = candidate("group_sort(x, 3)")
    (strict,) = trained(three, network="mlp", width="strict", epochs=1)
    assert strict.status is Status.FAILED
    assert strict.reason == (
        "InputError: channels of layer dense1 are 64; the activation after it wants a "
        "multiple of 3; set task.width: round (or equal_parameters)"
    )
    (rounded,) = trained(three, network="mlp", width="round", epochs=1)
    (equal,) = trained(three, network="mlp", epochs=1)
    assert (rounded.status, equal.status) == (Status.OK, Status.OK)
    with pytest.raises(InputError, match=r"width policy is 'stritc'; did you mean 'strict'\?"):
        build_network(three, task("mlp"), 0, 0, "stritc")


def test_candidates_of_one_width_share_initial_weights() -> None:
    one, other = (
        build_network(candidate(text), task("mlp"), 7, 0) for text in ("group_max(x, 2)", GLU)
    )
    assert torch.equal(one.dense1.weight, other.dense1.weight)
    ratio = one.dense2.weight / other.dense2.weight
    torch.testing.assert_close(ratio, torch.full_like(ratio, float(ratio[0, 0].detach())))


def test_networks_of_users_are_asked_for_the_width() -> None:
    asked: list[Any] = []

    class Own:
        """A task with a network of its own."""

        @staticmethod
        def network(activation: Any, width: Any) -> nn.Module:
            asked.append(width)
            return nn.Sequential(nn.Linear(2, 4), activation(4, -1))

    own: Task = Own()  # type: ignore[assignment]
    network = build_network(candidate("group_max(x, 4)"), own, 0, 0, "strict")
    assert [(w.ratio, w.multiple, w.policy) for w in asked] == [(Fraction(1, 4), 4, "strict")]
    assert network(torch.ones(3, 5, 2)).shape == (3, 5, 1)
