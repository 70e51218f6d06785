"""Tasks of users in the training loop: the promises of the shipped ones hold for them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from evoact.errors import InputError, StudyError
from evoact.language import parse, resolve
from evoact.records import Anneal, Candidate, Cohort, SearchSpec, Status, TaskSpec
from evoact.training import contract, count_parameters, metric_of, prepared, train_cohort
from evoact.training.making import why_alone
from evoact.training.resident import task_of

TEXTS = ("tanh(x)", "a * x * sigmoid(x) where a = 1.0", "relu(x)")
KINDS = ("Curve", "Noisy", "Signs", "Slope")


def spec(name: str, **more: Any) -> TaskSpec:
    return TaskSpec(use=f"own_tasks:{name}", **{"epochs": 3, "batch_size": 20, **more})


def trained(name: str, *texts: str, seed: int = 1, **more: Any) -> list[dict[str, Any]]:
    candidates = tuple(Candidate(parse(text)) for text in texts)
    found = train_cohort(Cohort(candidates, spec(name), seed=seed, **more))
    return [{**e.to_dict(), "seconds": 0.0} for e in found]


@pytest.mark.parametrize("name", KINDS)
def test_an_evaluation_does_not_depend_on_who_else_is_trained(name: str) -> None:
    together = trained(name, *TEXTS)
    torch.rand(7)  # nor on what the process has drawn
    assert {one["status"] for one in together} == {"ok"}
    assert [one for text in TEXTS for one in trained(name, text)] == together
    assert trained(name, TEXTS[0], seed=2)[0]["curve"] != together[0]["curve"]
    assert trained(name, TEXTS[0], replicate=1)[0]["curve"] != together[0]["curve"]


@pytest.mark.parametrize("name", KINDS)
def test_weights_and_the_activation_are_trained(name: str) -> None:
    _, found, _ = trained(name, *TEXTS)
    first, *_, last = found["curve"]
    assert last["loss"] < first["loss"]
    assert len(found["params"]) == 2
    assert all(values["a0"] != 1.0 for values in found["params"].values())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Curve", None),
        ("Noisy", "(Dropout) has no stacked form"),
        ("Signs", "(Forked) has no stacked form"),
        ("Slope", "step_loss"),
        ("Misleading", "something else"),
    ],
)
def test_a_model_is_stacked_only_if_that_computes_the_same(name: str, why: str | None) -> None:
    found = why_alone(task_of(spec(name)))
    assert found is None if why is None else why in str(found)


def test_metrics_are_those_of_the_task_on_all_parts() -> None:
    (found,) = trained("Curve", "tanh(x)", test=True)
    assert set(found["objectives"]) == {"val_r2", "val_mae", "val_loss", "cost", "nodes"}
    assert set(found["test"]) == {"test_r2", "test_mae", "test_loss"}
    assert metric_of(spec("Curve")) == ("r2", True)


def test_annealing_and_widths_reach_the_model() -> None:
    gliding = Candidate(resolve("silu"), Anneal(resolve("relu"), end=0.5))
    halving, doubling = (
        Candidate(parse(text)) for text in ("group_max(x, 2)", "concat(relu(x), relu(-x))")
    )
    found = train_cohort(Cohort((gliding, halving, doubling), spec("Signs"), seed=1))
    assert [e.status for e in found] == [Status.OK] * 3
    assert found[0].curve[0]["g"] < found[0].curve[-1]["g"] == 1.0
    assert count_parameters(halving, spec("Signs")) < count_parameters(gliding, spec("Signs"))


def test_what_happens_to_one_is_its_status() -> None:
    exploding, well = trained("Noisy", "exp(exp(exp(x)))", "tanh(x)")
    assert exploding["status"] == "diverged"
    assert well["status"] == "ok"
    slow, late = trained("Noisy", "relu(x)", "tanh(x)", timeout=1e-9)
    assert {slow["status"], late["status"]} == {"timeout"}


def test_a_search_is_prepared_or_told_what_is_wrong() -> None:
    task = {"use": "own_tasks:Curve", "options": {"width": 6}}
    asked = SearchSpec(task=task, objectives={"val_mae": "min"})
    assert prepared(asked) == asked
    assert (asked.metric, asked.maximises) == ("mae", False)
    with pytest.raises(InputError, match=r"val_accuracy is asked for, .* measures val_r2 \(max\)"):
        prepared(SearchSpec(task=task))
    with pytest.raises(InputError, match=r"objectives.val_mae is max, .* says that min"):
        prepared(SearchSpec(task=task, objectives={"val_mae": "max"}))
    with pytest.raises(InputError, match=r"task.options {'depth': 3}: TypeError"):
        prepared(SearchSpec(task={**task, "options": {"depth": 3}}))
    with pytest.raises(InputError, match="did you mean 'Curve'"):
        prepared(SearchSpec(task="own_tasks:Curv"))
    with pytest.raises(InputError, match="there is no module 'no_tasks'"):
        prepared(SearchSpec(task="no_tasks:Curve"))
    with pytest.raises(InputError, match=r"no evoact.tasks.UserTask; wanted\s+class Forked"):
        prepared(SearchSpec(task="own_tasks:Forked"))


def test_the_contract_is_kept_by_good_tasks() -> None:
    for name in ("Curve", "Noisy"):
        found = {one.what: one for one in contract(spec(name), elsewhere=name == "Noisy")}
        assert {one.verdict for one in found.values()} == {"ok"}, found
        assert len(found) == 10
    assert "one at a time" in found["speed"].told


@pytest.mark.parametrize(
    ("body", "what", "verdict", "told"),
    [
        ("def data(self, s):\n  return X, Y", "data", "failed", "wanted evoact.tasks.split"),
        ("def data(self, s):\n  return split(X, RNG.normal(size=Y.shape), s)", "data by seed",
         "failed", "differ between two calls"),
        ("def data(self, s):\n  return split(np.tile(X[:20], (8, 1)), Y, s)", "parts are apart",
         "warning", "training inputs too"),
        ("def model(self, activation):\n  return nn.Linear(4, 1)", "model and loss", "failed",
         "no activation of model"),
        ("def model(self, activation):\n  m = Forked(activation)\n  m.acts = [activation(4)]\n"
         "  m.head = nn.Linear(8, 1)\n  return m", "model and loss", "failed", "no modules of the"),
        ("def model(self, activation):\n  m = Forked(activation)\n  m.idle = activation(4)\n"
         "  m.head = nn.Linear(8, 1)\n  return m", "activations reached", "failed", "idle"),
        ("def model(self, activation):\n  torch.manual_seed(3)\n"
         "  return super().model(activation)", "weights by seed", "warning", "same weights"),
        ("def loss(self, output, y):\n  return 0 * output.mean() + y.mean()",
         "steps lower the loss", "failed", "before and"),
        ("def loss(self, output, y):\n  return (output - y).square()", "model and loss", "failed",
         "wanted a tensor of one number"),
        ("def measure(self, output, y):\n  return {'r2': 1.0}", "training", "failed",
         "wanted the metrics"),
        ("def measure(self, output, y):\n  return {'r2': float('nan'), 'mae': 1.0}", "training",
         "failed", "diverged"),
        ("def __init__(self):\n  1 / 0", "imported", "failed", "ZeroDivisionError"),
    ],
)  # fmt: skip
def test_the_contract_tells_what_is_broken(
    body: str, what: str, verdict: str, told: str, tmp_path: Any, monkeypatch: Any
) -> None:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    name = f"broken_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(
        f"from own_tasks import *\nfrom own_tasks import RNG, np\nclass Task(Curve):\n{lines}"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = {
        one.what: one for one in contract(TaskSpec(use=f"{name}:Task", epochs=1), elsewhere=False)
    }
    assert (found[what].verdict, told in found[what].told) == (verdict, True), found


def test_a_worker_that_cannot_have_the_task_ends_the_search_and_blames_no_candidate() -> None:
    candidates = (Candidate(parse("tanh(x)")),)
    for task in (TaskSpec(use="no_tasks:Curve"), TaskSpec(arrays="/no/such/table.csv")):
        with pytest.raises(StudyError, match="cannot be had where it is trained: task"):
            train_cohort(Cohort(candidates, task, seed=0))
