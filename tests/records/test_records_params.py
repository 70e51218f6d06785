"""Files of trained parameters: named by their content, and checked against it."""

from __future__ import annotations

from pathlib import Path

import pytest

from evoact.errors import StudyError
from evoact.records import load_params, save_params

PARAMS = {"act1": {"a0": 0.5, "a1": [1.0, 2.0]}, "block.act2": {"a0": -3.0}}


def test_round_trip(tmp_path: Path) -> None:
    (digest,) = save_params(tmp_path / "params", PARAMS)
    assert digest is not None
    assert load_params(tmp_path / "params", digest) == PARAMS
    assert save_params(tmp_path / "params", PARAMS) == [digest]
    assert [p.name for p in (tmp_path / "params").iterdir()] == [f"{digest}.safetensors"]
    (other,) = save_params(tmp_path / "params", {"act1": {"a0": 0.25}})
    assert other != digest


def test_nothing_to_write(tmp_path: Path) -> None:
    assert save_params(tmp_path / "params", {}, {}) == [None, None]
    assert not (tmp_path / "params").exists()


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    (digest,) = save_params(tmp_path, PARAMS)
    assert digest is not None
    path = tmp_path / f"{digest}.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(StudyError, match="was changed"):
        load_params(tmp_path, digest)
    path.unlink()
    with pytest.raises(StudyError, match="cannot be read"):
        load_params(tmp_path, digest)
