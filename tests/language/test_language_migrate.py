"""Texts of older language versions."""

from __future__ import annotations

import pytest

from evoact.errors import InputError
from evoact.language import LANGUAGE_VERSION, parse
from evoact.language.migrate import migrated


def test_names_that_became_primitives_are_renamed() -> None:
    old = "step * relu(x) + dim * x + beta where step = 0.5, dim = 2.0 per channel, beta = 1.0"
    new, names = migrated(old, 1)
    assert names == {"dim_": "dim", "step_": "step"}
    assert parse(new).names == ("step_", "dim_", "beta")
    assert [p.initial for p in parse(new).parameters] == [0.5, 2.0, 1.0]


def test_a_free_name_is_found() -> None:
    new, names = migrated("sign * x + sign_ where sign = 1.0, sign_ = 2.0", 1)
    assert names == {"sign__": "sign"}
    assert [p.initial for p in parse(new).parameters] == [1.0, 2.0]


def test_texts_of_this_version_stay() -> None:
    text = "concat(x, step(x))"
    assert migrated(text, LANGUAGE_VERSION) == (text, {})


@pytest.mark.parametrize("version", [0, LANGUAGE_VERSION + 1])
def test_other_versions_are_refused(version: int) -> None:
    with pytest.raises(InputError, match=f"language_version is {version}"):
        migrated("x", version)
