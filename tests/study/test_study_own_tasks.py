"""Searches on what users bring: tables, and what is told of tasks that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from study_runs import gone_on, searched

import evoact
from evoact.errors import InputError
from evoact.records import SearchSpec
from evoact.study import space_from_text


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("shop", "task: 'shop' names no class; wanted module:Class"),
        ({"use": "shop:Demand", "arrays": "x.csv"}, "task.arrays: 'x.csv' is beside task.use"),
        ({"arrays": "x.txt"}, "task.arrays: 'x.txt' is no .npz or .csv file"),
        ({"options": {"a": 1}}, "task.options: {'a': 1} is without task.use"),
        ({"target": "y"}, "task.target: 'y' is without task.arrays"),
        ({"arrays": "x.csv", "network": "conv"}, "unknown value 'conv'; wanted one of mlp, deep"),
        ({"use": "shop:Demand", "network": "mlp"}, "unknown value 'mlp'; wanted one of own"),
        ({"use": "shop:Demand", "name": "a b"}, "'a b' is no name"),
        ({"use": "shop:Demand", "test_seed": 3}, "Demand is not generated"),
    ],
)
def test_a_task_that_is_none_is_told_at_its_key(task: Any, told: str) -> None:
    with pytest.raises(InputError) as caught:
        space_from_text(yaml.safe_dump({"task": task}), "space.yaml")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def written(folder: Path, kind: str) -> Path:
    """Write a table whose last column is a number, or a class by name."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(120, 3)).round(4)
    wanted = x[:, 0] * x[:, 1]
    targets = wanted.round(4) if kind == "regression" else np.where(wanted > 0, "yes", "no")
    rows = [",".join([*map(str, row), str(y)]) for row, y in zip(x, targets, strict=True)]
    path = folder / "table.csv"
    path.write_text("\n".join(["a,b,c,y", *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("kind", "objective"), [("regression", "val_rmse"), ("classification", "val_accuracy")]
)
def test_a_table_is_searched_from_yaml_alone(
    kind: str, objective: str, tiny: SearchSpec, tmp_path: Path, monkeypatch: Any
) -> None:
    written(tmp_path, kind)
    monkeypatch.chdir(tmp_path)
    better = "min" if kind == "regression" else "max"
    data = tiny.model_dump(mode="json", exclude={"task", "tasks", "run"})
    task = {"arrays": "table.csv", "epochs": 2, "batch_size": 30}
    spec = SearchSpec.model_validate({**data, "task": task, "objectives": {objective: better}})
    study = evoact.search(spec, "runs", "table")
    assert study.spec.task.arrays == str(tmp_path / "table.csv")
    best = study.best(2)
    values = [found.evaluation.objectives[objective] for found in best]
    assert values == sorted(values, reverse=better == "max")
    confirmed = (study.folder / "winners" / "confirmation.csv").read_text()
    assert "baseline" in confirmed
    assert (study.folder / "winners" / "winner.py").is_file()


CODE = """
import numpy as np
from torch import nn

from evoact.tasks import UserTask, split

X = np.random.default_rng(5).normal(size=(120, 3))


class Curve(UserTask):
    metrics = {"mse": "min"}

    def data(self, split_seed):
        return split(X, np.sin(X[:, :1]) * X[:, 1:2], split_seed)

    def model(self, activation):
        return nn.Sequential(
            nn.Linear(3, 8), activation(8), nn.Dropout(0.1), nn.Linear(8, 8), activation(8),
            nn.Linear(8, 1),
        )

    def measure(self, output, y):
        return {"mse": float((output - y).square().mean())}
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: Any) -> Any:
    """A module of a user on Python's path."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "curves.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield "curves:Curve"


@pytest.fixture
def own(module: str, tiny: SearchSpec) -> SearchSpec:
    data = tiny.model_dump(mode="json", exclude={"task", "tasks", "run"})
    task = {"use": module, "epochs": 3, "batch_size": 24}
    return SearchSpec.model_validate({**data, "task": task, "objectives": {"val_mse": "min"}})


def test_interrupted_and_resumed_it_is_the_same(
    own: SearchSpec, tmp_path: Path, counting: Any
) -> None:
    whole = searched(own, tmp_path, "whole", counting())
    with pytest.raises(KeyboardInterrupt):
        searched(own, tmp_path, "cut", counting(7))
    study = gone_on(tmp_path / "cut", counting())
    ours, theirs = (tmp_path / name / "hall_of_fame.csv" for name in ("cut", "whole"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert study.winner() == whole.winner()
    values = [f.evaluation.objectives["val_mse"] for f in whole.best()]
    assert values == sorted(values)  # less is better


def test_rungs_and_limits_are_of_what_the_task_measures(
    own: SearchSpec, tmp_path: Path, counting: Any
) -> None:
    data = own.model_dump(mode="json", exclude={"run"})
    data["anneal"] = {"early": ["none"]}
    data["evaluate"] |= {"rungs": [1]}
    data["constraints"] = ["val_mse <= 0.4"]
    study = searched(SearchSpec.model_validate(data), tmp_path, "halved", counting())
    assert {e.rung for _, e in study.history.searched() if e.is_ok} == {0, 1}


def test_functions_are_compared_on_it(module: str, tmp_path: Path) -> None:
    result = evoact.compare(
        module, ["x * tanh(x)"], baselines=["relu"], epochs=2, seeds=2, tuning_seeds=1,
        rates=(0.001, 0.03), runs_dir=tmp_path,
    )  # fmt: skip
    (difference, *_) = result.comparisons("baseline", "test accuracy")
    assert difference.measure == "test mse"
    assert difference.is_better == (difference.paired.difference < 0)
    for standing in result.standings:
        best = min(standing.tried, key=lambda one: one.score)
        assert best.setting == standing.setting
        assert "val_mse" in standing.to_dict()["tuning"][0]
    assert all("mse" in sentence for sentence in result.verdict() if sentence.startswith("In "))
