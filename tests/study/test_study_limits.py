"""Whole searches with limits on what is measured, and with measured time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from study_runs import searched

from evoact.records import Evaluation, SearchSpec
from evoact.tracking.limits import limits_told


@pytest.mark.parametrize("race", [False, True])
def test_limits_reach_hall_of_fame_and_confirmation(
    race: bool, tiny: SearchSpec, tmp_path: Path, counting: Any
) -> None:
    free = searched(tiny, tmp_path, None, counting(), seed=3)
    losses = sorted(e.objectives["val_loss"] for _, e in free.history.searched() if e.is_ok)
    middle = losses[len(losses) // 2]
    spec = tiny.model_copy(
        update={
            "constraints": (f"val_loss >= {middle:.6f}", "val_shifted_accuracy >= 0.01"),
            "evaluate": tiny.evaluate.model_copy(
                update={"confirm": tiny.evaluate.confirm.model_copy(update={"race": race})}
            ),
        }
    )
    study = searched(spec, tmp_path, None, counting(), seed=3)
    found = study.best()
    breaks = [spec.violation(f.evaluation.objectives) > 0 for f in found]
    assert breaks == sorted(breaks)
    assert True in breaks
    assert False in breaks
    assert all("val_shifted_accuracy" in f.evaluation.objectives for f in found)
    finalists = study.history.confirmation.finalists.values()
    judged = study.history.raced if race else study.history.confirmed
    broken = {c.id: spec.violation(Evaluation.means(judged(c))) for c in finalists}
    winner = study.winner()
    assert broken[winner.id] == min(broken.values())
    told = limits_told(winner, study.history)
    assert bool(told) == bool(spec.violation(Evaluation.means(study.history.confirmed(winner))))


def test_measured_latency_in_steady_state(tiny: SearchSpec, tmp_path: Path, counting: Any) -> None:
    spec = tiny.model_copy(
        update={
            "evolution": tiny.evolution.model_copy(update={"mode": "steady_state"}),
            "objectives": {"val_accuracy": "max", "latency": "min"},
            "constraints": ("latency <= 1000",),
        }
    )
    study = searched(spec, tmp_path, None, counting(), seed=3)
    for candidate in study.history.confirmation.baselines.values():
        for evaluation in study.history.confirmed(candidate):
            assert 0.0 < evaluation.objectives["latency"] < 100.0
    assert all(f.evaluation.objectives["latency"] > 0.0 for f in study.best())
