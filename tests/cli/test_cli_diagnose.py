"""`evoact diagnose`: a table, a figure and JSON of one training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import evoact
from evoact.cli.app import app
from evoact.errors import InputError
from evoact.records import Candidate, Cohort, TaskSpec
from evoact.training import train_cohort

SHORT = ("--task", "digits", "--epochs", "2", "--kernels", "torch")


def called(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["diagnose", *arguments], env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    return result.output


def test_a_table_by_layer_and_a_figure(tmp_path: Path) -> None:
    figure = tmp_path / "layers.svg"
    text = called("relu", *SHORT, "--plot", str(figure))
    assert text.startswith("relu(x)\n")
    first, second = (
        [line.split()[0] for line in part.splitlines() if line.strip().startswith(("in", "act"))]
        for part in text.split("rank: effective")[0].split("zeros: exactly 0")
    )
    assert first == second == ["input", "act1", "act2"]
    assert "lipschitz certified" in text
    assert figure.stat().st_size > 5_000


def test_json_is_of_the_network_that_a_search_scores() -> None:
    data = json.loads(called("max(x, a * x) where a = 0.25", *SHORT, "--seed", "3", "--json"))
    candidate = Candidate(evoact.parse("max(x, a * x) where a = 0.25"))
    task = TaskSpec(name="digits", epochs=2)
    (scored,) = train_cohort(Cohort((candidate,), task, 3))
    assert data["scores"]["val_accuracy"] == pytest.approx(scored.objectives["val_accuracy"])
    assert data["scores"]["val_loss"] == pytest.approx(scored.objectives["val_loss"], rel=1e-5)
    assert data["trained"] == scored.params
    assert [row["name"] for row in data["layers"]] == ["input", "act1", "act2"]
    assert data["whole"]["linear_regions"] > 1.0
    assert data["whole"]["lipschitz_seen"] < data["whole"]["lipschitz_bound"]
    assert 0.0 < data["layers"][1]["information_lost"] < data["layers"][2]["information_lost"]


def test_other_networks_tell_what_does_not_apply() -> None:
    found = evoact.diagnose("left(x) * sigmoid(right(x))", "digits", network="attention", epochs=1)
    assert {"lipschitz_bound", "linear_regions"} <= set(found.diagnosis.notes)
    assert found.diagnosis.layers[-1].contraction is not None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("relu",), "--task is missing"),
        (("relu", "--task", "digits", "--rank", "1"), "--rank is for the folder of a study"),
        (("relu", "--task", "digitz"), "task is 'digitz'; did you mean 'digits'"),
        (("runs/nowhere", "--task", "digits"), "is no study"),
        (("relu", "--task", "digits", "--plot", "x.pdf"), "--plot is x.pdf"),
    ],
)
def test_wrong_input_is_told_before_anything_is_trained(
    arguments: tuple[str, ...], told: str
) -> None:
    result = CliRunner().invoke(app, ["diagnose", *arguments])
    assert isinstance(result.exception, InputError)
    assert told in str(result.exception)


@pytest.mark.slow
def test_a_study_is_diagnosed_by_its_folder(smoke_run: Path) -> None:
    data = json.loads(called(str(smoke_run), "--json"))
    assert data["expression"] == str(evoact.Study.load(smoke_run).winner().late)
