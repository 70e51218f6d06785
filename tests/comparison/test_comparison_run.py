"""Comparisons that train: in this process, on Ray, again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import evoact
from evoact.errors import InputError
from evoact.language import resolve
from evoact.nn.kernels import available
from evoact.records import Candidate, Cohort, TaskSpec
from evoact.study import named_task
from evoact.training import resolve_kernels, train_cohort

SHORT = {"epochs": 2, "seeds": 3, "tuning_seeds": 2, "rates": (0.003, 0.03)}
NEEDS_C = pytest.mark.skipif(not available(), reason="no C compiler here")
FUNCTIONS = ["x * erf(x) + 0.1 * sin(3 * x)", "concat(relu(x), relu(-x))"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


def compared(runs: Path, **more) -> evoact.ComparisonResult:
    settings = {"baselines": ["relu", "silu"], "gain": True, **SHORT, **more}
    return evoact.compare("digits", FUNCTIONS, runs_dir=runs, **settings)


@pytest.fixture(scope="module")
def result(runs) -> evoact.ComparisonResult:
    return compared(runs)


def test_everyone_is_trained_and_measured(result) -> None:
    assert len(result.standings) == 5  # crelu is in the zoo and has no rescaled rival
    for standing in result.standings:
        assert list(standing.measured.test) == list(result.plan.replicates)
        assert all(0.1 < value <= 1.0 for value in standing.measured.test.values())
        assert standing.measured.failed == 0
    assert max(s.measured.interval("test accuracy").mean for s in result.standings) > 0.8


def test_parameters_are_about_equal_though_widths_differ(result) -> None:
    counts = [standing.parameters for standing in result.standings]
    assert len(set(counts)) > 1
    assert max(counts) == pytest.approx(min(counts), rel=0.02)


def test_what_is_reported_is_a_training_like_any_other(result) -> None:
    standing = result.standings[-1]
    setting = standing.setting
    task = TaskSpec(name="digits", epochs=2, learning_rate=setting.learning_rate)
    cohort = Cohort(
        (Candidate(resolve("silu")),),
        task,
        seed=0,
        replicate=10_002,
        test=True,
        kernels=resolve_kernels("auto").name,
        gain=setting.gain,
    )
    (evaluation,) = train_cohort(cohort)
    assert standing.measured.test[10_002] == evaluation.test["test_accuracy"]
    assert standing.measured.validation[10_002] == evaluation.objectives["val_accuracy"]


def test_the_gain_option_changes_the_first_weights_of_all_but_relus(result) -> None:
    for standing in result.standings:
        own, relu = (tried.loss for tried in standing.tried[:2])
        of_relu = standing.entrant.candidate.text in {"relu(x)", "concat(relu(x), relu(-x))"}
        assert (own == relu) is of_relu


def test_again_it_is_the_same(result, tmp_path: Path) -> None:
    again = compared(tmp_path)
    assert again == result
    assert {**again.to_dict(), "latency": 0} == {**result.to_dict(), "latency": 0}


def test_the_same_call_trains_nothing_twice(result, runs: Path) -> None:
    told: list[str] = []
    again = compared(runs, tell=told.append)
    assert again.to_dict() == result.to_dict()
    (folder,) = runs.iterdir()
    assert told[0] == f"Every training is kept in {folder}"
    assert told[-1] == "3 fresh seeds: 15 trainings, 15 of them kept"


@pytest.mark.parametrize("kernels", ["torch", pytest.param("c", marks=NEEDS_C)])
def test_activations_are_computed_as_asked(kernels: str, tmp_path: Path) -> None:
    found = evoact.compare(
        "digits", ["tanh"], baselines=["relu"], kernels=kernels, runs_dir=tmp_path,
        epochs=1, seeds=2, rates=[0.01],
    )  # fmt: skip
    assert found.to_dict()["kernels"] == kernels
    assert found.environment["kernels"].partition(" ")[0] == kernels
    assert set(found.latency["tanh(x)"]) == {"torch", kernels}


def test_an_unknown_way_to_compute_them_is_told() -> None:
    with pytest.raises(InputError, match=r"kernels is 'torhc'.*mean 'torch'.*wanted auto, c or"):
        evoact.compare("digits", ["tanh"], kernels="torhc")


@pytest.mark.ray
@pytest.mark.slow
def test_workers_find_the_same(evoact_command, workshop) -> None:
    short = ("--epochs", "2", "--seeds", "3", "--tuning-seeds", "2", "--rates", "0.003,0.03")
    found = []
    for executor in ("inline", "ray"):
        file = workshop / f"{executor}.json"
        evoact_command(
            "compare", "digits", *FUNCTIONS, *short,
            "--executor", executor, "--name", executor, "--json", str(file),
        )  # fmt: skip
        found.append({**json.loads(file.read_text()), "latency": None})
    assert found[0] == found[1]


def test_other_seeds_find_something_else(result, tmp_path: Path) -> None:
    other = evoact.compare(
        "digits", ["tanh"], baselines=["relu"], seed=1, gain=True, runs_dir=tmp_path, **SHORT
    )
    ours = [s.measured.test for s in result.standings if s.entrant.label == "relu"]
    theirs = [s.measured.test for s in other.standings if s.entrant.label == "relu"]
    assert ours != theirs


def test_annealed_contestants_and_their_controls(tmp_path: Path) -> None:
    genes = evoact.Anneal(None, "cosine", 0.0, 0.5, "ladder")
    found = evoact.compare(
        "digits", ["tanh"], baselines=["relu"], anneal=genes, controls=True,
        runs_dir=tmp_path, epochs=2, seeds=2, rates=[0.01],
    )  # fmt: skip
    tanh, late, *_ = found.standings
    assert tanh.measured.test != late.measured.test
    assert late.entrant.candidate.late == resolve("tanh")
    assert [c.baseline for c in found.comparisons("control", "test accuracy")] == [
        "static late",
        "static early",
    ]


def test_latency_is_relative_to_relu(result) -> None:
    assert result.latency["relu(x)"]["torch"] == pytest.approx(1.0, abs=0.5)
    slow = result.latency["x * erf(x) + 0.1 * sin(3.0 * x)"]
    assert slow["torch"] > 1.5


def test_a_task_is_a_name_a_file_or_a_specification(tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("task: {name: digits, network: conv, epochs: 7}\n")
    assert named_task(space) == TaskSpec(name="digits", network="conv", epochs=7)
    assert named_task(str(space), epochs=3).epochs == 3
    assert named_task(TaskSpec(name="digits"), network="attention").network == "attention"


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        ("digit", {}, "did you mean 'digits'"),
        ("cifar11", {}, "did you mean 'cifar10'.; wanted digits, mnist1d, .* or the YAML"),
        ("missing.yaml", {}, "cannot read search space missing.yaml"),
        ("digits", {"network": "cov"}, "did you mean 'conv'"),
        ("digits", {"epochs": 0}, "epochs is 0"),
        ("digits", {"width": "equal"}, "width is 'equal'"),
    ],
)
def test_an_unknown_task_is_told(task: str, changes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        evoact.compare(task, ["tanh"], **changes)


def test_a_network_that_cannot_be_is_told_before_any_is_trained() -> None:
    with pytest.raises(InputError, match=r"group_sort\(x, 3\): channels of layer dense1 are 64"):
        evoact.compare("digits", ["group_sort(x, 3)"], width="strict")
