"""A cohort in, evaluations out: the promises that searches stand on."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from evoact.language import LANGUAGE_VERSION, parse, resolve
from evoact.nn import Activation, Annealed
from evoact.records import Anneal, Candidate, Cohort, Evaluation, Status, TaskSpec
from evoact.tasks import Task, make_task
from evoact.training import build_network, reproducible, train_cohort, trained_parameters
from evoact.training.loop import steps_per_epoch

DIGITS = TaskSpec(name="digits", network="mlp", epochs=3, batch_size=100)
SWISH = "x * sigmoid(beta * x) where beta = 1.0"


def candidate(text: str, anneal: Anneal | None = None) -> Candidate:
    return Candidate(resolve(text), anneal)


def cohort(*candidates: Candidate, **more: Any) -> Cohort:
    return Cohort(candidates, **{"task": DIGITS, "seed": 7, **more})


def trained(*texts: str, **more: Any) -> list[Evaluation]:
    return train_cohort(cohort(*map(candidate, texts), **more))


def but_seconds(evaluation: Evaluation) -> dict[str, Any]:
    data = evaluation.to_dict()
    assert data.pop("seconds") > 0
    return data


GLIDING = candidate("x * tanh(softplus(x))", Anneal(parse("relu(x)"), "cosine", 0.0, 0.5))
MIXED = (
    candidate("relu"),
    candidate(SWISH),
    candidate("max(x, 0) + a * min(x, 0) where a = 0.25 per channel"),
    GLIDING,
)


@pytest.fixture(scope="module")
def alone() -> dict[str, dict[str, Any]]:
    """The evaluation of each of some candidates, in a cohort of its own."""
    return {c.id: but_seconds(train_cohort(cohort(c))[0]) for c in MIXED}


def test_relu_learns_digits() -> None:
    (evaluation,) = trained("relu", task=DIGITS.model_copy(update={"epochs": 6}))
    assert evaluation.status is Status.OK
    assert evaluation.objectives["val_accuracy"] > 0.9
    losses = [entry["loss"] for entry in evaluation.curve]
    assert losses[-1] < 0.5 * losses[0]
    assert evaluation.curve[-1]["val_accuracy"] == evaluation.objectives["val_accuracy"]


@pytest.mark.parametrize("network", ["mlp", "conv", "attention"])
@pytest.mark.parametrize("name", ["digits", "mnist1d"])
def test_every_task_is_learnt_from(
    name: str, network: str, monkeypatch: Any, tmp_path: Any
) -> None:
    monkeypatch.setenv("EVOACT_CACHE", str(tmp_path))
    task = TaskSpec(name=name, network=network, epochs=1)
    (evaluation,) = trained("silu", task=task)
    assert evaluation.reason == ""
    assert 0.2 < evaluation.objectives["val_accuracy"] < 1.0


def test_objectives_of_the_text_are_those_of_the_late_function() -> None:
    (evaluation,) = train_cohort(cohort(GLIDING))
    assert evaluation.objectives["cost"] == GLIDING.late.cost
    assert evaluation.objectives["nodes"] == GLIDING.late.nodes
    assert set(evaluation.objectives) == {"val_accuracy", "val_loss", "cost", "nodes"}


# Common random numbers


def weights(text: str, seed: int = 7, replicate: int = 0) -> dict[str, torch.Tensor]:
    task = make_task("digits", "mlp", 0)
    network = build_network(candidate(text), task, seed, replicate)
    return {name: p.detach() for name, p in network.named_parameters() if "dense" in name}


def test_candidates_share_initial_weights_before_the_gain() -> None:
    one, other = weights("x"), weights("0.5 * x")  # gains 1 and 2: the bits are the same
    assert one.keys() == other.keys()
    for name in one:
        factor = 2.0 if name == "dense2.weight" else 1.0
        assert torch.equal(factor * one[name], other[name]), name
    relu, square = weights("relu"), weights("square(x)")
    ratio = relu["dense2.weight"] / square["dense2.weight"]
    torch.testing.assert_close(ratio, torch.full_like(ratio, math.sqrt(6)))
    assert not torch.equal(one["dense1.weight"], weights("x", seed=8)["dense1.weight"])
    assert not torch.equal(one["dense1.weight"], weights("x", replicate=1)["dense1.weight"])


def test_annealed_candidates_start_with_the_gain_of_the_early_function() -> None:
    task = make_task("digits", "mlp", 0)
    late = build_network(candidate("relu"), task, 7, 0)
    gliding = build_network(candidate("1000 * x", Anneal(resolve("relu"))), task, 7, 0)
    assert torch.equal(late.dense2.weight, gliding.dense2.weight)
    assert isinstance(gliding.act1, Annealed)
    assert isinstance(late.act1, Activation)


def batches(text: str, **more: Any) -> list[torch.Tensor]:
    """Return what the network of a candidate is trained on, batch by batch."""
    seen: list[torch.Tensor] = []

    def record(module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if isinstance(module, nn.Sequential) and torch.is_grad_enabled():
            seen.append(inputs[0][0].clone())  # of the first network in the stack

    with register_module_forward_pre_hook(record):
        assert trained(text, **more)[0].is_ok
    return seen


def test_candidates_see_the_data_in_one_order() -> None:
    trained("relu")  # how large a stack may be is found once, by a pass of its own
    one, other = batches("relu"), batches(SWISH)
    assert len(one) == 3 * steps_per_epoch(1077, 100) == 33
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not torch.equal(one[0], one[11])  # shuffled anew each epoch
    whole = torch.cat(one[:11])
    assert torch.equal(whole.sort(dim=0).values, torch.cat(one[11:22]).sort(dim=0).values)
    fresh = batches("relu", replicate=1)
    assert not torch.equal(one[0], fresh[0])


# Composition invariance


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0), (1, 1)])
def test_an_evaluation_does_not_depend_on_its_neighbours(
    order: tuple[int, ...], alone: dict[str, dict[str, Any]]
) -> None:
    together = train_cohort(cohort(*(MIXED[i] for i in order)))
    assert [e.candidate_id for e in together] == [MIXED[i].id for i in order]
    for evaluation in together:
        assert but_seconds(evaluation) == alone[evaluation.candidate_id]


@pytest.mark.parametrize("seed", [0, 123])
def test_the_global_generator_does_not_matter(seed: int, alone: dict[str, Any]) -> None:
    torch.manual_seed(seed)
    assert but_seconds(train_cohort(cohort(MIXED[1]))[0]) == alone[MIXED[1].id]


def test_a_fresh_process_gives_the_same_bits(alone: dict[str, dict[str, Any]]) -> None:
    work = cohort(*MIXED)
    code = (
        "import json, sys, torch; torch.set_num_threads(2); torch.manual_seed(99)\n"
        "from evoact.records import Cohort; from evoact.training import train_cohort\n"
        "work = Cohort.from_dict(json.load(sys.stdin))\n"
        "json.dump([e.to_dict() for e in train_cohort(work)], sys.stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(work.to_dict()),
        capture_output=True,
        text=True,
        check=True,
    )
    for data in json.loads(done.stdout):
        assert but_seconds(Evaluation.from_dict(data)) == alone[data["candidate_id"]]


def test_replicates_and_seeds_are_fresh(alone: dict[str, dict[str, Any]]) -> None:
    mine = alone[MIXED[0].id]
    for change in ({"replicate": 1}, {"seed": 8}):
        (other,) = train_cohort(cohort(MIXED[0], **change))
        assert other.replicate == change.get("replicate", 0)
        assert other.curve[0]["loss"] != mine["curve"][0]["loss"]
        assert other.is_ok


# What happens to one candidate is its status


BAD = {
    "log(x)": (Status.DIVERGED, "loss nan"),
    "1e30 * x * x": (Status.DIVERGED, "in epoch 1"),
    "a * x where a = 1e300": (Status.FAILED, "RuntimeError: value cannot be converted"),
}


@pytest.mark.parametrize("text", BAD)
def test_a_fault_is_a_status_and_leaves_its_neighbours_alone(
    text: str, alone: dict[str, dict[str, Any]]
) -> None:
    first, bad, last = train_cohort(cohort(MIXED[1], candidate(text), MIXED[3]))
    status, reason = BAD[text]
    assert bad.status is status
    assert reason in bad.reason
    assert (bad.objectives, bad.test, bad.params) == ({}, {}, {})
    assert bad.environment == first.environment
    assert but_seconds(first) == alone[MIXED[1].id]
    assert but_seconds(last) == alone[MIXED[3].id]


def test_divergence_says_where() -> None:
    late = candidate("log(x)", Anneal(resolve("relu"), "linear", 0.4, 0.5))
    (evaluation,) = train_cohort(cohort(late, task=DIGITS.model_copy(update={"epochs": 10})))
    assert evaluation.status is Status.DIVERGED
    assert evaluation.reason.startswith("loss nan, gradient norm nan in epoch 5, g = 1.00")


def test_a_function_without_a_value_on_the_test_part_alone() -> None:
    """Its root of `c - abs(x)` is of a negative number for the largest input of all only."""
    spec = TaskSpec(name="mnist1d", epochs=1, learning_rate=1e-12, test_seed=1)
    late = "x + a * sqrt(c - abs(x)) where a = 1e-6, c = {}"
    task = make_task("mnist1d", "mlp", 0, 1)
    network = build_network(candidate(late.format(1e6)), task, 7, 0)
    seen: list[float] = []
    for place in (network.act1, network.act2):
        place.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].abs().max().item()))
    for part in (task.splits.train, task.splits.validation, task.splits.test):
        network(torch.from_numpy(part.x))
    known, unseen = max(seen[:4]), max(seen[4:])
    assert known < unseen
    one = candidate(late.format(0.5 * (known + unseen)))
    (usual,) = train_cohort(cohort(one, task=spec))
    (tested,) = train_cohort(cohort(one, task=spec, test=True))
    assert usual.status is Status.OK
    assert tested.status is Status.DIVERGED
    assert "'test_loss': nan" in tested.reason


def test_timeout() -> None:
    slow, other = trained("relu", "silu", timeout=1e-9)
    assert (slow.status, other.status) == (Status.TIMEOUT, Status.TIMEOUT)
    assert slow.reason == "stopped in epoch 1 after 1e-09 s"
    assert slow.seconds > 0


def test_the_threads_are_put_back_even_after_a_fault() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        (evaluation,) = trained("a * x where a = 1e300")
        assert evaluation.status is Status.FAILED
        assert evaluation.environment["threads"] == 1
        assert torch.get_num_threads() == 2
        seen = []
        with pytest.raises(KeyError), reproducible("cpu"):
            raise KeyError(seen.append(torch.get_num_threads()))
        assert seen == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_on_cuda_algorithms_are_deterministic_and_put_back() -> None:
    """These are settings: they can be read without a device."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with reproducible("cuda"):
            assert torch.are_deterministic_algorithms_enabled()
            assert torch.get_float32_matmul_precision() == "highest"
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(precision)


# What an evaluation tells


def test_environment(alone: dict[str, dict[str, Any]]) -> None:
    assert alone[MIXED[0].id]["environment"] == {
        "device": "cpu",
        "dtype": "float32",
        "threads": 1,
        "kernels": "torch",
        "torch": torch.__version__,
        "evoact": version("evoact"),
        "language": LANGUAGE_VERSION,
    }


def test_curves_are_complete(alone: dict[str, dict[str, Any]]) -> None:
    for data in alone.values():
        assert [entry["epoch"] for entry in data["curve"]] == [1, 2, 3]
        assert data["epochs"] == 3
        for entry in data["curve"]:
            assert set(entry) == {"epoch", "loss", "grad_norm", "val_accuracy", "val_loss", "g"}
            assert all(math.isfinite(value) for value in entry.values())
            assert entry["grad_norm"] > 0
        json.dumps(data)


def test_g_rises_to_one_before_the_end() -> None:
    late = candidate("silu", Anneal(resolve("relu"), "linear", 0.25, 0.75))
    (evaluation,) = train_cohort(cohort(late, task=DIGITS.model_copy(update={"epochs": 8})))
    g = [entry["g"] for entry in evaluation.curve]
    assert g == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1, 1, 1], abs=1e-9)
    (plain,) = trained("silu")
    assert [entry["g"] for entry in plain.curve] == [1.0, 1.0, 1.0]


def test_annealing_makes_a_difference(alone: dict[str, dict[str, Any]]) -> None:
    (plain,) = train_cohort(cohort(Candidate(GLIDING.late)))
    assert plain.curve[-1]["loss"] != alone[GLIDING.id]["curve"][-1]["loss"]
    (early,) = train_cohort(
        cohort(candidate("x * tanh(softplus(x))", Anneal(resolve("relu"), "cosine", 0.8, 0.9)))
    )
    relu = alone[MIXED[0].id]["curve"]
    assert early.curve[0] == {**relu[0], "g": 0.0}  # as long as g is 0 it is the early one
    assert early.curve[1] == {**relu[1], "g": 0.0}
    assert early.curve[2]["loss"] != relu[2]["loss"]


def test_the_test_set_is_read_when_asked_only(alone: dict[str, dict[str, Any]]) -> None:
    assert all(data["test"] == {} for data in alone.values())
    (tested,) = train_cohort(cohort(MIXED[0], test=True))
    assert set(tested.test) == {"test_accuracy", "test_loss"}
    assert tested.test["test_accuracy"] > 0.5
    data = but_seconds(tested)
    assert {**data, "test": {}} == alone[MIXED[0].id]


def test_trained_parameters_are_told_by_layer(alone: dict[str, dict[str, Any]]) -> None:
    assert alone[MIXED[0].id]["params"] == {}
    swish = alone[MIXED[1].id]["params"]
    assert swish.keys() == {"act1", "act2"}
    assert all(layer.keys() == {"a0"} and layer["a0"] != 1.0 for layer in swish.values())
    prelu = alone[MIXED[2].id]["params"]
    assert [len(prelu[layer]["a0"]) for layer in ("act1", "act2")] == [64, 64]
    late = Anneal(parse("a * max(x, 0) where a = 1"), "linear", 0.0, 0.5)
    (evaluation,) = train_cohort(cohort(candidate(SWISH, late)))
    assert evaluation.params.keys() == {"act1", "act2"}
    assert all(layer.keys() == {"a0"} for layer in evaluation.params.values())


def test_parameters_of_the_late_function_only() -> None:
    class OneLayer:
        """A task with a network of one activation."""

        @staticmethod
        def network(activation: Any, width: Any) -> nn.Module:
            return nn.Sequential(nn.Linear(2, 2), activation(2, 1))

    late = candidate("b * x where b = 3", Anneal(parse("a * x where a = 5")))
    task: Task = OneLayer()  # type: ignore[assignment]
    assert trained_parameters(build_network(late, task, 0, 0)) == {"1": {"a0": 3.0}}


# The loop


@pytest.mark.parametrize(
    ("samples", "batch", "steps"), [(100, 100, 1), (101, 100, 2), (1, 100, 1), (1077, 100, 11)]
)
def test_steps_per_epoch(samples: int, batch: int, steps: int) -> None:
    assert steps_per_epoch(samples, batch) == steps


def test_the_budget_decides() -> None:
    """Epochs, batch size and learning rate of the task are those of the training."""
    (base,) = trained("silu")
    for change in ({"batch_size": 50}, {"learning_rate": 0.001}, {"split_seed": 1}):
        (other,) = trained("silu", task=DIGITS.model_copy(update=change))
        assert other.curve[-1]["loss"] != base.curve[-1]["loss"], change
    (short,) = trained("silu", task=DIGITS.model_copy(update={"epochs": 1}))
    assert len(short.curve) == short.epochs == 1


def test_an_empty_cohort() -> None:
    assert train_cohort(replace(cohort(), candidates=())) == []
