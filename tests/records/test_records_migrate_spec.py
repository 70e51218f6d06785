"""Specifications of older versions mean what they meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from evoact.records import SPEC_VERSION, Evaluated, GenerationAsked, SearchSpec, decode
from evoact.records.migrate_spec import migrated_spec

FIXTURES = Path(__file__).parents[1] / "fixtures"
V1, V2, V3 = (
    yaml.safe_load((FIXTURES / f"spec_v{version}" / "space.yaml").read_text())
    for version in (1, 2, 3)
)


def test_a_space_of_version_1_is_read() -> None:
    spec = SearchSpec.model_validate(V1)
    assert spec.spec_version == SPEC_VERSION == 4
    # A grid of five up to `end`; group_max has a width that no candidate had, and
    # meant to train without annealing.
    assert spec.anneal.options()["end"] == (0.2, 0.3, 0.4, 0.5, 0.6)
    assert (spec.anneal.start, spec.anneal.hold) == (0.1, 0.2)
    assert spec.anneal.early == ("none", "relu")
    assert (spec.anneal.path, spec.anneal.layers, spec.anneal.by) == (
        (("blend",), "together", "step")
    )
    assert spec.task.epochs == 2
    assert (spec.run.kernels, spec.evaluate.kernels) == ("torch", "torch")
    assert SearchSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_a_study_of_version_2_goes_on_with_torch() -> None:
    spec = SearchSpec.model_validate(V2)
    assert (spec.run.kernels, spec.evaluate.kernels) == ("torch", "torch")
    assert (spec.evaluate.timeout, spec.evolution.mode) == (90.0, "generational")
    assert (spec.evolution.screens.linear, spec.evolution.screens.depth) == (False, 0)
    kept = spec.model_dump(mode="json", exclude={"spec_version": True, "evaluate": True})
    for section, said in V2.items():
        if isinstance(said, dict) and section in kept:
            assert {key: kept[section][key] for key in said} == said  # there are more
    assert kept["run"] == {**V2["run"], "kernels": "torch"}
    assert SearchSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_a_space_of_version_2_without_a_study_takes_what_is_there() -> None:
    space = {key: value for key, value in V2.items() if key != "run"}
    for data in (space, {**space, "run": None}):
        assert SearchSpec.model_validate(data).evaluate.kernels == "auto"
    assert migrated_spec({"spec_version": 2, "run": {}, "evaluate": 3})["evaluate"] == 3


def test_a_study_of_version_3_goes_on_without_a_surrogate() -> None:
    spec = SearchSpec.model_validate(V3)
    assert (spec.spec_version, spec.evolution.surrogate) == (SPEC_VERSION, "off")
    space = {**V3, "run": None}
    assert SearchSpec.model_validate(space).evolution.surrogate == "auto"
    assert migrated_spec({"spec_version": 3, "run": {}, "evolution": 3})["evolution"] == 3


@pytest.mark.parametrize(
    ("anneal", "start", "end", "hold"),
    [
        ({}, 0.0, (0.1, 0.5), 0.2),
        ({"end": 0.4}, 0.0, (0.08, 0.4), 0.2),
        ({"end": 0.4, "evolve": False}, 0.0, 0.4, 0.2),
        ({"end": 0.85}, 0.0, (0.17, 0.85), 0.15),
        ({"start": 0.92, "end": 0.97}, 0.9, 0.9, 0.1),
        ({"end": 0.0}, 0.0, 0.0, 0.2),
    ],
)
def test_ends_of_version_1(anneal: dict[str, Any], start: float, end: Any, hold: float) -> None:
    spec = SearchSpec.model_validate({"spec_version": 1, "anneal": anneal}).anneal
    assert (spec.start, spec.end, spec.hold) == (start, end, hold)


@pytest.mark.parametrize("anneal", [3, {"end": "late"}, {"early": [7]}, {"early": ["rellu"]}])
def test_what_was_wrong_is_wrong(anneal: Any) -> None:
    with pytest.raises(ValidationError, match="anneal"):
        SearchSpec.model_validate({"spec_version": 1, "anneal": anneal})


@pytest.mark.parametrize("version", [0, 5, "1", True, 1.0, None])
def test_other_versions_are_refused(version: object) -> None:
    data = {"spec_version": version}
    assert migrated_spec(data) is data
    with pytest.raises(ValidationError, match="Input should be 4"):
        SearchSpec.model_validate(data)


def test_migrating_leaves_what_was_given_as_it_is() -> None:
    before = yaml.safe_dump(V1)
    migrated_spec(V1)
    assert yaml.safe_dump(V1) == before


def test_journals_of_version_1_have_the_genes_of_then() -> None:
    lines = (FIXTURES / "language_v1" / "study" / "journal.jsonl").read_text().splitlines()
    records = [record for line in lines for record in decode(line)]
    everyone = [c for r in records if isinstance(r, GenerationAsked) for c in r.candidates]
    annealed = [c for c in everyone if c.anneal]
    assert annealed
    for candidate in annealed:
        assert candidate.anneal is not None
        genes = candidate.anneal
        assert (genes.path, genes.layers, genes.by) == ("blend", "together", "step")
        assert candidate.early == genes.early
    evaluations = [r.evaluation for r in records if isinstance(r, Evaluated)]
    assert {(e.steps, e.shared_steps) for e in evaluations} == {(0, 0)}
