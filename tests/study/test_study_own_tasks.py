"""Searches on what users bring: tables, and what is told of tasks that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

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
