"""Views of searches with rungs, and of generations that are asked cohort by cohort."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
import rich.console

from evoact.records import Evaluated, GenerationAsked
from evoact.tracking import Console, HallOfFameCsv
from evoact.tracking.generation import generation_points
from evoact.tracking.pace import Pace

HASTY = 0.66
"""The value of the one that is best but was stopped early."""


@pytest.fixture
def halved(study):
    spec = study().spec
    spec = {
        **spec,
        "evolution": {**spec["evolution"], "cohort": 4},
        "evaluate": {**spec["evaluate"], "rungs": [48]},
    }
    return [_at_its_rung(record) for record in study(spec=spec).search()]


def _at_its_rung(record):
    if not isinstance(record, Evaluated) or not record.evaluation.is_ok:
        return record
    early = record.evaluation.objectives["val_accuracy"] == HASTY
    rung, epochs = (0, 48) if early else (1, 50)
    return replace(record, evaluation=replace(record.evaluation, rung=rung, epochs=epochs))


def test_the_csv_says_after_how_many_epochs(halved, play, tmp_path):
    path = tmp_path / "hall_of_fame.csv"
    play(halved, HallOfFameCsv(path))
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["rung"], row["epochs"]) for row in rows] == [("1", "50")] * 5 + [("0", "48")]
    assert float(rows[-1]["val_accuracy"]) == HASTY


def test_a_csv_without_rungs_has_no_such_columns(study, play, tmp_path):
    path = tmp_path / "hall_of_fame.csv"
    play(study().search(), HallOfFameCsv(path))
    assert not {"rung", "epochs"} & set(path.read_text().splitlines()[0].split(","))


@pytest.mark.parametrize("terminal", [False, True], ids=["lines", "display"])
def test_the_console_says_after_how_many_epochs(halved, play, terminal):
    out = rich.console.Console(
        file=io.StringIO(), width=120, force_terminal=terminal, _environ={"TERM": "xterm"}
    )
    view = Console(out)
    play(halved, view)
    view.close()
    told = out.file.getvalue()
    if not terminal:
        assert "generation 2/2: best val_accuracy 0.6400 after 50 epochs (" in told
        return
    assert "epochs" in told
    assert told.count(" 50 ") >= 5  # the best five; the hasty one is the sixth


def test_metrics_are_of_the_highest_rung(halved, play):
    history = play(halved)
    points = {name: value for name, value, _ in generation_points(history, 1)}
    assert points["best"] == points["generation_best"] == 0.64
    assert points["median"] == (0.55 + 0.64) / 2


def in_parts(records):
    """Ask every generation two by two, the second half when the first was evaluated."""
    for record in records:
        if isinstance(record, GenerationAsked):
            first, second = record.candidates[:2], record.candidates[2:]
            yield replace(record, candidates=first)
            late = replace(record, candidates=second, rejected=())
        elif isinstance(record, Evaluated) and record.evaluation.candidate_id == second[0].id:
            yield late
            yield record
        else:
            yield record


def test_generations_in_parts_look_like_others(study, play, tmp_path):
    spec = study().spec
    spec = {**spec, "evolution": {**spec["evolution"], "mode": "steady_state"}}
    records = study(spec=spec).search()
    parts = list(in_parts(records))
    assert len(parts) == len(records) + 2
    paths = tmp_path / "whole.csv", tmp_path / "parts.csv"
    whole, history = (
        play(given, HallOfFameCsv(path))
        for given, path in zip((records, parts), paths, strict=True)
    )
    assert paths[0].read_bytes() == paths[1].read_bytes()
    for generation in whole.told:
        assert generation_points(whole, generation) == generation_points(history, generation)
    total = _totals(parts, play)
    assert set(total) == {8 + (2 + 2) * 8}  # whatever was asked already


def _totals(records, play):
    pace, totals = Pace(lambda: 0.0), []

    class Watching:
        def on_record(self, record, history):
            pace.on_record(record, history)
            totals.append(pace.total)

    play(records, Watching())
    return totals


def test_plain_lines_of_steady_state_are_one_a_generation(study, play):
    spec = study().spec
    spec = {**spec, "evolution": {**spec["evolution"], "mode": "steady_state"}}
    out = rich.console.Console(file=io.StringIO(), width=120)
    play(list(in_parts(study(spec=spec).search())), Console(out))
    lines = [line for line in out.file.getvalue().splitlines() if line.startswith("generation")]
    assert [line.partition(":")[0] for line in lines] == ["generation 1/2", "generation 2/2"]
    assert all("4 trained" in line for line in lines)
