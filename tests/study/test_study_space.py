"""Reading search spaces: every mistake has a file, a line, a key and a cure."""

from pathlib import Path

import pytest
import yaml

from evoact.errors import InputError
from evoact.records import SearchSpec
from evoact.study import dump_space, load_space, space_from_text

SPACES = sorted(Path("search_spaces").glob("*.yaml"))


@pytest.mark.parametrize("path", SPACES, ids=lambda p: p.stem)
def test_shipped_spaces_are_valid_and_survive_being_resolved(path):
    spec = load_space(path)
    assert space_from_text(dump_space(spec), "again") == spec


def test_overrides_are_yaml_at_a_dotted_key():
    spec = space_from_text(
        "name: a", "f", ["task.epochs=3", "anneal.early=[tanh, none]", "evaluate.timeout=2m"]
    )
    assert (spec.task.epochs, spec.anneal.early, spec.evaluate.timeout) == (
        3,
        ("tanh", "none"),
        120,
    )


def test_off_is_off_though_yaml_reads_it_as_false():
    assert space_from_text("tracking: {mlflow: off}", "f").tracking.mlflow == "off"


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("evolution:\n  populaton: 3", ["f.yaml:2", "populaton", "did you mean 'population'"]),
        ("evolution:\n  population: -3", ["f.yaml:2", "evolution.population", "-3", "greater"]),
        ("task: {epochs: many}", ["f.yaml:1", "task.epochs", "many", "integer"]),
        ("language:\n\n  primitives: []", ["f.yaml:3", "language.primitives", "at least 1"]),
        ("language: {primitives: [add, tahn]}", ["primitives", "tahn", "did you mean 'tanh'"]),
        ("language: {primitives: [add, add]}", ["'add' is listed twice"]),
        ("anneal:\n  start: 0.6\n  end: 0.5", ["f.yaml:3: anneal.end: is 0.5, before anneal.st"]),
        ("anneal:\n  path: lader", ["f.yaml:2: anneal.path: ", "'lader'; did you mean 'ladder'"]),
        ("anneal:\n  layers: upper", ["f.yaml:2: anneal.layers: ", "'upper'", "upper_first"]),
        ("anneal:\n  by: steps", ["f.yaml:2: anneal.by: ", "did you mean 'step'"]),
        (
            "anneal:\n  end: [0.5, 0.9]",
            ["f.yaml:2: anneal.end: is [0.5, 0.9]", "set anneal.end to at most 0.8"],
        ),
        (
            "task: {epochs: 3}\nanneal:\n  end: 0.1\n  by: epoch",
            ["f.yaml:4: anneal.by: is epoch, with task.epochs 3", "at least 10 epochs"],
        ),
        (
            "anneal:\n  early:\n    - relu\n    - glu",
            ["f.yaml:4: anneal.early[1]: 'glu' has width 1/2", "wanted 'auto'"],
        ),
        ("anneal: {schedule: [cosin]}", ["anneal.schedule[0]", "cosin", "cosine"]),
        ("anneal: {end: 1.5}", ["anneal.end", "1.5", "less than 1", "shares of the"]),
        ("anneal: {early: ['rleu']}", ["anneal.early", "rleu", "did you mean"]),
        ("objectives: {accuracy: max}", ["objectives", "accuracy", "val_accuracy"]),
        ("objectives: {val_accuracy: up}", ["objectives.val_accuracy", "'up'"]),
        ("objectives: {}", ["objectives", "at least 1"]),
        ("evolution: {seeds: [\"__import__('os')\"]}", ["evolution.seeds[0]", "unexpected"]),
        (
            "task: {epochs: 20}\nanneal: {early: none}\nevaluate:\n  rungs: [5, 20]",
            ["f.yaml:4: evaluate.rungs: is [5, 20]", "task.epochs is 20"],
        ),
        (
            "task: {epochs: 20}\nanneal: {end: [0.1, 0.3]}\nevaluate:\n  rungs: [9, 15]",
            [
                "f.yaml:4: evaluate.rungs: is [9, 15]",
                "anneal.hold 0.2: wanted the first rung at 10",
            ],
        ),
        (
            "task: {epochs: 4}\nevaluate:\n  rungs: [2]",
            ["f.yaml:3: evaluate.rungs: is [2]", "which leaves no rung below task.epochs 4"],
        ),
        (
            "anneal: {early: none}\nevaluate: {rungs: [5]}\nobjectives: {cost: min}",
            ["f.yaml:2: evaluate.rungs", "cost, which needs no training", "val_accuracy or val_lo"],
        ),
        (
            "anneal: {early: none}\nevaluate: {rungs: [5]}\nevolution: {population: 8}",
            ["f.yaml:2: evaluate.rungs", "evolution.cohort auto makes cohorts of 1", "2 or more"],
        ),
        ("evaluate: {timeout: soon}", ["evaluate.timeout", "'soon'", "10m"]),
        ("evolution: {cohort: some}", ["evolution.cohort", "'some'", "'auto'", "integer"]),
        ("task: {name: mnist}", ["task.name", "'mnist'", "mnist1d"]),
        ("name: ../up", ["name", "../up"]),
        ("spec_version: 99", ["spec_version is 99", "install a newer evoact"]),
        ("nmae: a\nname: b", ["f.yaml:1", "did you mean 'name'"]),
        ("name: a\nname: b", ["f.yaml:2", "stands at line 1"]),
        ("a: [1, 2\nb: 3", ["f.yaml:2", "not valid YAML"]),
        ("a: !!python/object/apply:os.system [ls]", ["f.yaml:1", "not valid YAML", "python"]),
        ("", ["f.yaml is empty"]),
        ("- a\n- b", ["f.yaml holds a list"]),
        ("task: 3", ["f.yaml:1", "task", "3"]),
        (
            "language: {max_nodes: 2}\nevolution: {seeds: [mish]}",
            ["'mish' has 5 nodes", "max_nodes"],
        ),
        (
            "language: {max_depth: 1}\nevolution: {seeds: [mish]}",
            ["'mish' has depth 3", "max_depth"],
        ),
        ("evolution: {population: 2, seeds: [relu, silu, gelu]}", ["more than evolution.popul"]),
        ("a: &a [*a]", ["f.yaml", "recursive"]),
        ("a: " + "[" * 3000, ["f.yaml", "not valid YAML"]),
        ("name: 2001-99-99", ["f.yaml", "not valid YAML"]),
        ("task: {learning_rate: .inf}", ["task.learning_rate", "finite"]),
    ],
)
def test_mistakes_are_told_with_their_place_and_cure(text, fragments):
    with pytest.raises(InputError) as caught:
        space_from_text(text, "f.yaml")
    for fragment in fragments:
        assert fragment in str(caught.value)


WIDTHS_WANTED = "wanted a list of some of 1/4, 1/2, 1, 2, as in widths: [1/2, 1]"


@pytest.mark.parametrize(
    ("widths", "told"),
    [
        ("[3]", f"widths[0]: is 3, no width ratio; {WIDTHS_WANTED}"),
        ("[1, 0]", f"widths[1]: is 0, no width ratio; {WIDTHS_WANTED}"),
        ("[wide]", f"widths[0]: is 'wide', no width ratio; {WIDTHS_WANTED}"),
        ("1/2", f"widths: is '1/2', no list; {WIDTHS_WANTED}"),
        ("2", f"widths: is 2, no list; {WIDTHS_WANTED}"),
        ("{1: 2}", f"widths: is {{1: 2}}, no list; {WIDTHS_WANTED}"),
        ("[]", f"widths: is empty; {WIDTHS_WANTED}"),
        ("[1, 1.0]", "widths: width 1 is listed twice"),
    ],
)
def test_wrong_widths_are_told_once_with_an_example(widths, told):
    with pytest.raises(InputError) as caught:
        space_from_text(f"name: a\nlanguage:\n  widths: {widths}", "f.yaml")
    assert str(caught.value) == f"f.yaml:3: language.{told}"


@pytest.mark.parametrize("text", ["anneal: {schedule: [cosin]}", "objectives: {accuracy: max}"])
def test_wrong_items_are_not_told_again_as_too_few(text):
    with pytest.raises(InputError) as caught:
        space_from_text(text, "f.yaml")
    assert "\n" not in str(caught.value)
    assert "at least" not in str(caught.value)


NO_WAY_BACK = """\
language:
  widths: [1]
  primitives:
    - tanh
    - group_max
    - left
evolution: {seeds: [tanh]}
"""


def test_primitives_that_no_width_can_use_are_told():
    with pytest.raises(InputError) as caught:
        space_from_text(NO_WAY_BACK, "f.yaml")
    first, second = str(caught.value).splitlines()
    assert first == (
        "f.yaml:5: language.primitives[1]: 'group_max' can be part of no expression of width 1 "
        "(language.widths); add 1/4 or 1/2 to language.widths, list concat too, or drop it"
    )
    assert second.startswith("f.yaml:6: language.primitives[2]: 'left' can be part of no")
    space_from_text(NO_WAY_BACK.replace("[1]", "[1, 1/2]"), "f.yaml")
    space_from_text(NO_WAY_BACK.replace("- tanh", "- concat"), "f.yaml", ["evolution.seeds=[]"])


def test_several_mistakes_are_told_at_once():
    with pytest.raises(InputError) as caught:
        space_from_text("evolution: {population: 0}\ntask: {epochs: 0}", "f.yaml")
    assert "f.yaml:1: evolution.population" in str(caught.value)
    assert "f.yaml:2: task.epochs" in str(caught.value)


@pytest.mark.parametrize(
    "override",
    ["task.epochs", "=3", "name.a=1", "task.epochs=[1", "name=2001-99-99", "name=" + "[" * 3000],
)
def test_bad_overrides(override):
    with pytest.raises(InputError, match="--set"):
        space_from_text("name: a", "f", [override])


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        load_space(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        load_space(tmp_path / "b.yaml")


def test_resolved_yaml_writes_every_default_out():
    data = yaml.safe_load(dump_space(SearchSpec()))
    assert set(data) == set(SearchSpec.model_fields)
    assert data["evaluate"]["confirm"] == {
        "top": 5,
        "seeds": 10,
        "baselines": ["relu", "silu", "gelu"],
        "controls": True,
        "race": False,
        "survivors": 5,
    }
