"""Whole searches over activations that change the number of channels: trained and exported."""

from __future__ import annotations

import pytest
import torch

import evoact
from evoact.export import export
from evoact.records import SearchSpec
from evoact.study import Study
from evoact.study.study import Found

SEEDS = ["relu", "concat(relu(x), relu(-x))", "left(x) * sigmoid(right(x))", "group_max(x, 2)"]


def space(network: str, parameters: str) -> SearchSpec:
    """A search of a few seconds, in which most candidates change the width."""
    return SearchSpec(
        name=f"groupwise-{network}",
        task={"name": "digits", "network": network, "epochs": 2, "batch_size": 128},
        language={
            "primitives": ["add", "mul", "neg", "tanh", "relu", "left", "right", "concat",
                           "group_max", "group_sort", "partial"],
            "parameters": parameters,
            "widths": ["1/2", 1, 2],
            "max_nodes": 9,
        },
        anneal={"early": ["relu", "concat(x, -x)", "none"], "end": [0.08, 0.4]},
        evolution={"population": 6, "generations": 2, "seeds": SEEDS},
        evaluate={"executor": "inline", "confirm": {"top": 1, "seeds": 2, "baselines": ["relu"]}},
        tracking={"mlflow": "off"},
    )  # fmt: skip


@pytest.mark.parametrize(("network", "parameters"), [("mlp", "per_channel"), ("conv", "per_layer")])
def test_search_trains_and_exports_activations_that_change_the_width(
    network: str, parameters: str, tmp_path
) -> None:
    study = evoact.search(space(network, parameters), runs_dir=tmp_path, seed=3)
    assert study.is_finished
    evaluations = [e for _, e in study.history.searched()]
    assert sum(e.is_ok for e in evaluations) >= 10, [e.reason for e in evaluations if not e.is_ok]
    changing = [found for found in study.best() if found.expression.width != 1]
    assert changing
    assert {found.expression.width for found in study.best()} >= {0.5, 2}
    assert all(found.evaluation.objectives["val_accuracy"] > 0.2 for found in changing[:1])
    for found in study.best():
        genes = found.candidate.anneal
        assert genes is None or found.candidate.early.width == found.expression.width
    assert Study.load(study.folder).best(3) == study.best(3)
    check_export(study, changing[0], tmp_path)


def check_export(study: Study, found: Found, folder) -> None:
    """Export what a search found, and run what was exported: it is read back by `export`."""
    files = export(
        found.expression,
        folder / "out",
        formats=["source", "state"],
        trained=study.trained_params(found.candidate),
        stem="best",
    )
    assert {file.name for file in files} >= {"best.py"}
    activation = evoact.Activation(found.expression, channels=16)
    output = activation(torch.randn(4, 16))
    assert output.shape == (4, 16 * found.expression.width)
