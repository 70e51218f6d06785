"""Warm starts: from a study, a table, or a list; resolved, so that nothing else is needed later."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from evoact.errors import InputError
from evoact.language import parse, strip_affine
from evoact.records import SearchSpec
from evoact.study import Study, load_space, space_from_text, warmed

HEADER = "rank,id,expression\n"


def space(source: str | list[str], **evolution: object) -> SearchSpec:
    return SearchSpec(evolution={"warm_start": source, "population": 8, **evolution})


def table(folder: Path, *texts: str) -> str:
    path = folder / "hall_of_fame.csv"
    path.write_text(HEADER + "".join(f'{i},id,"{text}"\n' for i, text in enumerate(texts, 1)))
    return str(path)


def test_from_a_study_that_is_gone_afterwards(smoke_run: Path, tmp_path: Path) -> None:
    source = tmp_path / "first"
    shutil.copytree(smoke_run, source)
    study = Study.create(space(str(source)), tmp_path, "second", 0)
    shutil.rmtree(source)
    texts = load_space(study.folder / "space.yaml").evolution.warm_start
    best = [strip_affine(found.expression) for found in Study.load(smoke_run).best()]
    assert [parse(text) for text in texts] == list(dict.fromkeys(best))[:3]
    again = Study.load(tmp_path / "second").spec
    assert again.evolution.warm_start == texts
    assert again == load_space(study.folder / "space.yaml")


def test_a_study_and_its_table_say_the_same(smoke_run: Path) -> None:
    from_csv = warmed(space(str(smoke_run / "hall_of_fame.csv")))
    assert warmed(space(str(smoke_run))) == from_csv


def test_texts_of_a_table_are_parsed_with_and_without_a_quote(tmp_path: Path) -> None:
    made = warmed(space(table(tmp_path, "'-2 * tanh(x)", "tanh(x)", "3 * sin(x) - 1")))
    assert made.evolution.warm_start == ("tanh(x)", "sin(x)")


def test_without_normalisation_scales_are_kept(tmp_path: Path) -> None:
    spec = SearchSpec(
        language={"normalise": "none"},
        evolution={"warm_start": table(tmp_path, "3 * sin(x) - 1"), "population": 8},
    )
    assert [str(parse(t)) for t in warmed(spec).evolution.warm_start] == ["3.0 * sin(x) - 1.0"]


def test_half_of_what_seeds_leave_is_filled(tmp_path: Path) -> None:
    texts = [f"tanh({i} * x)" for i in range(1, 9)]
    assert len(warmed(space(table(tmp_path, *texts))).evolution.warm_start) == 3
    alone = warmed(space(table(tmp_path, *texts), seeds=[]))
    assert len(alone.evolution.warm_start) == 4


def test_what_the_language_would_not_breed_is_left_out_and_told(tmp_path: Path) -> None:
    source = table(tmp_path, "left(x) * sigmoid(right(x))", "tanh(x)")
    with pytest.warns(UserWarning, match="1 expressions are left out; the first: .*has width 1/2"):
        assert warmed(space(source)).evolution.warm_start == ("tanh(x)",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "wanted the folder of a study, such as runs/first, a hall_of_fame.csv, or a list"),
        ("", "has no column 'expression'; wanted a hall_of_fame.csv"),
        ("rank\n1\n", "has no column 'expression'"),
        (HEADER, "has no column 'expression'"),
        (HEADER + "1,id,__import__('os').system('true')\n", ":2: "),
        (HEADER + "1,id,\n", ":2: "),
        (HEADER + "1,id,tahn(x)\n", "did you mean 'tanh'"),
        (HEADER + '1,id,"concat(x, x)"\n', "none of its expressions can enter this search"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "hall_of_fame.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message.replace("(", r"\(")) as caught:
        warmed(space(str(path)))
    assert "evolution.warm_start" in str(caught.value)


def test_a_list_stands_in_the_space_itself() -> None:
    text = "evolution: {warm_start: [atan(x), mish], population: 8}"
    spec = space_from_text(text, "space.yaml")
    assert warmed(spec) is spec
    assert yaml.safe_load(text)["evolution"]["warm_start"] == list(spec.evolution.warm_start)


@pytest.mark.parametrize(
    ("warm", "message"),
    [
        ("[tahn]", r"space.yaml:1: evolution.warm_start: .*unknown function 'tahn'; did you mean"),
        ("['a + 1 where a = 2']", "does not read x; drop it from evolution.warm_start"),
        ("[tanh, sin, atan, erf, abs, mish, exp]", "evolution.seeds are 2 and evolution.warm_star"),
        ("3", "evolution.warm_start: "),
    ],
)
def test_wrong_lists_are_refused(warm: str, message: str) -> None:
    text = f"evolution: {{warm_start: {warm}, population: 8}}"
    with pytest.raises(InputError, match=message):
        space_from_text(text, "space.yaml")
