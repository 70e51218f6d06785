"""A tiny search in each space of a shipped task that is a class."""

from __future__ import annotations

from pathlib import Path

import pytest

import evoact
from evoact.study import load_space

SMALL = (
    "evaluate.executor=inline", "evaluate.gpus_per_worker=0", "evaluate.rungs=[]",
    "evolution.population=3", "evolution.generations=1", "evolution.cohort=3",
    "evaluate.confirm.top=1", "evaluate.confirm.seeds=2", "evaluate.confirm.race=false",
    "tracking.mlflow=off",
)  # fmt: skip
TASKS = {
    "image": ["task.options.size=32", "task.epochs=2"],
    "burgers": ["task.options.points=40", "task.options.hidden=[8, 8]", "task.epochs=2"],
    "characters": ["task.options={context: 32, channels: 8, hidden: 16}", "task.epochs=1"],
    "tabular": [],
    "compositional": ["task.options={hidden: 6, samples: 400}", "task.epochs=4"],
    "rings": ["task.options.samples=400", "task.epochs=4"],
    "deep": ["task.options.depth=3", "task.options.width=8", "task.epochs=3"],
    "cones": ["task.options.samples=64", "task.options.hidden=[8, 8]", "task.epochs=2"],
    "cifar": [
        "task.options.generated=true", "task.options.samples=16", "task.batch_size=4",
        "task.epochs=10", "language.parameters=per_layer", "anneal.end=[0.1, 0.2]",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", TASKS)
def test_a_tiny_search_runs(name: str, tmp_path: Path) -> None:
    given = load_space(f"search_spaces/{name}.yaml")
    baseline, seeds = given.evaluate.confirm.baselines[0], given.evolution.seeds[-2:]
    own = [*SMALL, *TASKS[name], f"evolution.seeds={list(map(str, seeds))}"]
    own.append(f"evaluate.confirm.baselines=['{baseline}']")
    spec = load_space(f"search_spaces/{name}.yaml", own)
    study = evoact.search(spec, tmp_path, name)
    assert study.winner() is not None
    assert f"val_{given.metric}" in study.best(1)[0].evaluation.objectives
    assert (study.folder / "winners" / "winner.py").is_file()
