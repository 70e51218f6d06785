"""Whole searches by each algorithm, with objectives and constraints; interrupted, resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evoact.records import SearchSpec
from evoact.study import Study, run

CHOICES: dict[str, dict[str, Any]] = {
    "generations": {"adaptive": True, "warm_start": ["x * tanh(x)"]},
    "steady": {"mode": "steady_state", "algorithm": "aging", "immigrants": 0.3},
}


def space(tiny: SearchSpec, choice: str) -> SearchSpec:
    data = tiny.model_dump(mode="json")
    confirm = {**data["evaluate"]["confirm"], "baselines": ["relu", "square"]}  # no bound of square
    return SearchSpec.model_validate(
        {
            **data,
            "evolution": {**data["evolution"], **CHOICES[choice]},
            "evaluate": {**data["evaluate"], "confirm": confirm},
            "objectives": {"val_accuracy": "max", "lipschitz": "min", "val_noisy_accuracy": "max"},
            "constraints": ["cost <= 40", "continuous: true"],
        }
    )


def finished(study: Study, evaluator: Any, *, interrupted: bool = False) -> Study:
    study.open([])
    try:
        run(study, evaluator)
        assert not interrupted
    except KeyboardInterrupt:
        assert interrupted
    finally:
        study.close()
    return study


@pytest.mark.parametrize("choice", CHOICES)
def test_a_search_that_was_interrupted_is_the_same(
    choice: str, tiny: SearchSpec, tmp_path: Path, counting: Any
) -> None:
    spec = space(tiny, choice)
    whole = finished(Study.create(spec, tmp_path, "whole", 3), counting())
    stopped = Study.create(spec, tmp_path, "stopped", 3)
    finished(stopped, counting(stop_after=8), interrupted=True)
    again = finished(Study.load(stopped.folder), counting())
    assert [f.candidate.id for f in again.best()] == [f.candidate.id for f in whole.best()]
    assert again.history.rejected == whole.history.rejected
    assert again.winner() == whole.winner() is not None
    conditions = spec.conditions()
    for candidate, evaluation in whole.history.searched():
        assert all(c.holds(candidate.late) for c in conditions)
        if evaluation.is_ok:
            assert {"lipschitz", "val_noisy_accuracy"} <= set(evaluation.objectives)
    squares = whole.history.confirmed(whole.history.confirmation.baselines["square"])
    assert squares
    assert not any("lipschitz" in e.objectives for e in squares)
