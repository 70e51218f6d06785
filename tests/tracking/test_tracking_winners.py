"""The winner's files, of groupwise expressions too."""

import json
from dataclasses import replace

import pytest

from evoact.export import load_state
from evoact.language import parse
from evoact.records import Evaluated
from evoact.records.params import save_params
from evoact.tracking import WinnerFiles

GATE = (
    "a0 * concat(left(x) * sigmoid(a1 * right(x)), a2 * right(x)) "
    "where a0 = 1.0 per channel, a1 = 0.5, a2 = 1.0 per channel"
)
MAXMIN = "group_sort(x, 2)"


@pytest.fixture
def written(study, play, tmp_path):
    def write(text, params):
        (digest,) = save_params(tmp_path / "params", params)
        generations = (("relu", text),)
        made = study(generations=generations, scores=((0.5, 0.6),), winner=text, finalists=(text,))

        def with_params(record):
            is_confirmed = isinstance(record, Evaluated) and record.evaluation.replicate == 1
            return replace(record, params=digest) if is_confirmed else record

        play([with_params(record) for record in made.records()], WinnerFiles(tmp_path))
        return tmp_path / "winners"

    return write


def test_a_gate_with_values_per_channel(written, tmp_path):
    assert str(parse(GATE).canonical()) == GATE
    params = {
        "act1": {"a0": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "a1": 0.1, "a2": [0.5, 1.0, 1.5]},
        "act2": {"a0": [1.0] * 16, "a1": 0.2, "a2": [0.5] * 8},
    }
    folder = written(GATE, params)
    programs = [path.name for path in sorted(folder.glob("*.pt2"))]
    assert programs == ["winner.pt2", "winner_trained.act1.pt2", "winner_trained.act2.pt2"]
    told = json.loads((folder / "winner_trained.json").read_text())
    assert told["widths"] == {"act1": 6, "act2": 16}
    trained = load_state(folder / "winner_trained.json", "act2")
    assert (trained.channels, trained.a1.item()) == (16, pytest.approx(0.2))
    assert load_state(folder / "winner.json", channels=6).a1.item() == 0.5
    for suffix in ("png", "svg"):
        assert (tmp_path / "figures" / f"winner.{suffix}").stat().st_size > 0


def test_a_sort_without_parameters_is_a_recipe(written):
    folder = written(MAXMIN, {})
    assert (folder / "winner.pt2").exists()
    assert load_state(folder / "winner.json", channels=4).channels == 4
    assert "TRAINED" not in (folder / "winner.py").read_text()
    assert not list(folder.glob("winner_trained*"))
