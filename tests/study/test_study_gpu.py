"""Searches on a real GPU: whole, and in shares that Ray gives several workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from study_runs import searched

from evoact.nn.kernels.triton_program import TOGETHER
from evoact.records import SearchSpec
from evoact.study import InlineEvaluator, Study, load_space, make_evaluator

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]

SPACE = Path(__file__).parents[2] / "search_spaces" / "smoke.yaml"
COHORT = 20  # more than one program computes, see `TOGETHER`
MANY = ("evolution.population=40", "evolution.generations=2", f"evolution.cohort={COHORT}")


def spec(*settings: str, **evaluate: Any) -> SearchSpec:
    """The smoke search on a GPU."""
    space = load_space(SPACE, ["tracking.mlflow=off", *settings])
    return space.model_copy(update={"evaluate": space.evaluate.model_copy(update=evaluate)})


def devices(study: Study) -> set[tuple[str, str]]:
    """What trained the candidates of a study."""
    found = study.history.evaluations.values()
    return {(e.environment["device"], e.environment["kernels"].partition(" ")[0]) for e in found}


def contents(study: Study) -> dict[Any, dict[str, Any]]:
    """All that was measured of candidates, but for the time and who trained with them."""
    found = {key: one.to_dict() for key, one in study.history.evaluations.items()}
    for data in found.values():
        del data["seconds"], data["shared_steps"]
    return found


def assert_same(one: Study, other: Study) -> None:
    assert contents(one) == contents(other)
    files = [(study.folder / "hall_of_fame.csv").read_bytes() for study in (one, other)]
    assert files[0] == files[1]


def test_a_search_is_trained_on_the_gpu_and_repeats(tmp_path: Path) -> None:
    one = searched(spec(gpus_per_worker=1), tmp_path, "one", InlineEvaluator())
    two = searched(spec(gpus_per_worker=1), tmp_path, "two", InlineEvaluator())
    assert devices(one) == {(torch.cuda.get_device_name(), "triton")}
    assert_same(one, two)


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.parametrize("settings", [(), MANY], ids=["small", "several programs"])
def test_workers_with_shares_of_a_gpu_find_the_same(
    tmp_path: Path, settings: tuple[str, ...]
) -> None:
    assert COHORT > TOGETHER
    whole = searched(spec(*settings, gpus_per_worker=1), tmp_path, "whole", InlineEvaluator())
    shares = spec(*settings, executor="ray", workers=3, gpus_per_worker=0.3)
    assert shares.evaluate.kernels == "auto"
    evaluator = make_evaluator(shares)
    try:
        shared = searched(shares, tmp_path, "shared", evaluator)
    finally:
        evaluator.close()
    assert devices(shared) == {(torch.cuda.get_device_name(), "triton")}
    assert_same(whole, shared)


SHARE = """
import torch
from evoact.training.environment import limit_memory
limit_memory(0.25)
total = torch.cuda.get_device_properties(0).total_memory
kept = torch.empty(total // 5, dtype=torch.uint8, device="cuda")
try:
    torch.empty(total // 5, dtype=torch.uint8, device="cuda")
except torch.OutOfMemoryError:
    print("refused")
"""


def test_a_share_of_a_gpu_is_one_of_its_memory() -> None:
    call = [sys.executable, "-c", SHARE]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
