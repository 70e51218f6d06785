"""The specification of a search: defaults, and every value that it refuses."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from evoact.language import PRIMITIVES, WIDTHS, named, parse
from evoact.records import (
    OBJECTIVES,
    TASKS,
    Anneal,
    AnnealSpec,
    LanguageSpec,
    SearchSpec,
    costly_early,
)
from evoact.records.grammar import GROUP_SIZES, MOST_CHANNELS, rules
from evoact.records.shape import read_shape

DEFAULT = SearchSpec()


def test_defaults() -> None:
    assert (DEFAULT.task.name, DEFAULT.task.network, DEFAULT.task.epochs) == ("mnist1d", "mlp", 50)
    assert (DEFAULT.evolution.population, DEFAULT.evolution.generations) == (24, 8)
    assert DEFAULT.evolution.seeds == ("relu", "silu")
    assert (DEFAULT.language.parameters, DEFAULT.language.max_nodes) == ("per_layer", 15)
    assert DEFAULT.anneal.default() == Anneal(None, "linear", 0.0, 0.75, path="ladder")
    assert DEFAULT.objectives == {"val_accuracy": "max"}
    assert DEFAULT.primary == "val_accuracy"
    assert (DEFAULT.evaluate.executor, DEFAULT.evaluate.timeout) == ("ray", 600.0)
    assert (DEFAULT.evaluate.confirm.top, DEFAULT.evaluate.confirm.seeds) == (5, 10)
    assert DEFAULT.tracking.mlflow == "embedded"
    assert DEFAULT.run is None
    assert set(DEFAULT.language.primitives) <= set(PRIMITIVES)
    assert set(DEFAULT.objectives) <= set(OBJECTIVES)


def test_round_trip_through_json() -> None:
    run = {
        "seed": 1,
        "cohort": 3,
        "dtype": "float32",
        "threads": 1,
        "device": "cpu",
        "kernels": "c",
    }
    spec = SearchSpec(
        name="full",
        task={"name": "digits", "network": "conv"},
        objectives={"val_loss": "min", "cost": "min"},
        evaluate={"timeout": "2h", "workers": 3},
        run={**run, "versions": {"torch": "2"}},
    )
    assert SearchSpec.model_validate(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec


BAD: list[tuple[str, Any, str]] = [
    ("evolution.population", -1, "greater than or equal to 2"),
    ("evolution.population", 1, "greater than or equal to 2"),
    ("evolution.population", 2.5, "valid integer"),
    ("evolution.population", "many", "valid integer"),
    ("evolution.generations", 0, "greater than or equal to 1"),
    ("evolution.algorithm", "cma", "Input should be 'gp'"),
    ("evolution.mode", "steady", "Input should be 'generational'"),
    ("evolution.crossover", 1.5, "less than or equal to 1"),
    ("evolution.crossover", float("nan"), "finite number"),
    ("evolution.tournament", 0, "greater than or equal to 1"),
    ("evolution.cohort", 0, "greater than or equal to 1"),
    ("evolution.cohort", "large", "auto"),
    ("evolution.seeds", ["rellu"], "unknown function 'rellu'; did you mean 'relu'?"),
    ("evolution.seeds", ["x +"], "expected an expression"),
    (
        "evolution.seeds",
        ["-(0.5 * x * (1 + tanh(0.8 * (x + 0.04 * cube(x)))))"],
        "has 16 nodes, over language.max_nodes 15; raise max_nodes or drop the seed",
    ),
    ("evolution.seeds", ["a + 1 where a = 2"], "seed 'a + 1 where a = 2' does not read x"),
    ("evolution.seeds", "relu", "valid tuple"),
    ("language.primitives", [], "at least 1 item"),
    ("language.primitives", ["tahn"], "unknown primitive 'tahn'; did you mean 'tanh'?"),
    ("language.primitives", ["add", "mul", "add"], "primitive 'add' is listed twice"),
    ("language.primitives", "add", "valid tuple"),
    ("language.parameters", "per_pixel", "'none', 'per_layer' or 'per_channel'"),
    ("language.max_nodes", 0, "greater than or equal to 1"),
    ("language.max_nodes", 129, "less than or equal to 128"),
    ("language.max_nodes", 1, "seed 'relu' has 2 nodes, over language.max_nodes 1"),
    ("language.max_depth", 33, "less than or equal to 32"),
    ("language.widths", [], "is empty; wanted a list of some of 1/4, 1/2, 1, 2"),
    ("language.widths", ["1/3"], "is '1/3', no width ratio; wanted a list of some of 1/4, 1/2, 1"),
    ("language.widths", [True], "is True, no width ratio"),
    ("language.widths", [4], "is 4, no width ratio"),
    ("language.widths", [float("nan")], "is nan, no width ratio"),
    ("language.widths", ["1/0"], "is '1/0', no width ratio"),
    ("language.widths", [None], "is None, no width ratio"),
    ("language.widths", "1/2", "is '1/2', no list"),
    ("language.primitives", ["tanh", "concat"], "'concat' can be part of no expression of width 1"),
    ("language.widths", [1, 1.0], "width 1 is listed twice"),
    ("language.widths", [1, "1/2"], "widths has 1/2, but the primitives listed reach 1; no groupw"),
    ("language.normalise", "half", "'full', 'scale' or 'none'"),
    ("language.shape", 3, "valid string"),
    ("language.shape", "", "expected a placeholder"),
    ("language.shape", "binary(unary(x), unray(x))", "'unray'; did you mean 'unary'?"),
    ("language.shape", "unary(tanh)", "'tanh' is a primitive, and a shape has placeholders"),
    ("language.shape", "binary(x)", "binary stands for 2 values, got 1"),
    ("language.shape", "unary", "expected '(', found 'end of text'"),
    ("language.shape", "x(x)", "unexpected '(' after the shape"),
    ("language.shape", "unary(constant)", "the shape has no x"),
    ("language.shape", "unary(2)", "expected a placeholder (unary, binary, ternary, x, constant"),
    ("language.shape", "unary(" * 40 + "x" + ")" * 40, "nests deeper than 32"),
    ("language.shape", "binary(unary(x), x", "expected ')', found 'end of text'"),
    ("language.shape", "ternary(x, x, x)", "no primitive of 3 values is listed"),
    ("language.shape", "unary(unary(unary(unary(unary(unary(unary(x)))))))", "over max_depth 6"),
    ("language.shape", "binary(x, unary(x))", "seed 'relu' has not the shape 'binary(x, unary(x))"),
    ("anneal.early", [], "at least 1 item"),
    ("anneal.early", ["rellu"], "unknown function 'rellu'; did you mean 'relu'?"),
    ("anneal.schedule", [], "at least 1 item"),
    ("anneal.schedule", ["linar"], "unknown value 'linar'; did you mean 'linear'?"),
    ("anneal.early", "rellu", "unknown function 'rellu'; did you mean 'relu'?"),
    ("anneal.early", "glu", "'glu' has width 1/2, but every candidate has width 1 (language.w"),
    ("anneal.early", ["relu", "relu"], "'relu' is listed twice; list it once"),
    ("anneal.early", 3, "valid tuple"),
    ("anneal.path", "lader", "unknown value 'lader'; did you mean 'ladder'?"),
    ("anneal.path", ["blend", "jump"], "unknown value 'jump'; wanted one of blend, ladder"),
    ("anneal.path", [], "at least 1 item"),
    ("anneal.layers", "lower", "unknown value 'lower'; wanted one of together, lower_first"),
    ("anneal.layers", "upper_frist", "did you mean 'upper_first'?"),
    ("anneal.by", "epochs", "unknown value 'epochs'; did you mean 'epoch'?"),
    ("anneal.start", 0.6, "is [0.25, 0.75], before anneal.start 0.6: g rises from start to end"),
    ("anneal.start", -0.1, "is -0.1; wanted shares of the training, at least 0 and less than 1"),
    ("anneal.end", 1.0, "is 1.0; wanted shares of the training, at least 0 and less than 1"),
    ("anneal.end", 0.9, "anneal.hold 0.2 before they are scored: set anneal.end to at most 0.8"),
    ("anneal.end", [0.1, 0.85], "is [0.1, 0.85], but networks train at g = 1"),
    ("anneal.end", [0.5, 0.1], "is [0.5, 0.1]; wanted the lower end first: [0.1, 0.5]"),
    ("anneal.end", [0.5], "is [0.5]; wanted a share of the training such as 0.4, or a pair"),
    ("anneal.end", [0.1, 0.2, 0.3], "or a pair to draw from such as [0.1, 0.4]"),
    ("anneal.end", "soon", "is 'soon'; wanted a share of the training such as 0.4"),
    ("anneal.end", True, "is True; wanted a share of the training such as 0.4"),
    ("anneal.end", float("nan"), "is nan; wanted shares of the training"),
    ("anneal.hold", 0.05, "greater than or equal to 0.1"),
    ("anneal.hold", 0.6, "set anneal.end to at most 0.4"),
    ("anneal.share_prefix", "maybe", "valid boolean"),
    ("task.name", "mnist", "unknown value 'mnist'; did you mean 'mnist1d'?"),
    ("task.network", "cnn", "unknown value 'cnn'; wanted one of mlp, deep, conv"),
    ("task.epochs", 0, "greater than or equal to 1"),
    ("task.batch_size", 0, "greater than or equal to 1"),
    ("task.learning_rate", 0, "greater than 0"),
    ("task.learning_rate", float("inf"), "finite number"),
    ("task.split_seed", -1, "greater than or equal to 0"),
    ("task.test_seed", -1, "greater than or equal to 0"),
    ("task", {"name": "digits", "test_seed": 1}, "digits is not generated; wanted null, or"),
    ("task", {"name": "digits", "validation_seed": 1}, "validation_seed is 1, but digits is not"),
    ("task", {"test_seed": 3, "validation_seed": 3}, "validation_seed is 3 and test_seed as well"),
    ("objectives", {}, "at least 1 item"),
    ("objectives", {"val_acuracy": "max"}, "did you mean 'val_accuracy'?"),
    ("objectives", {"val_accuracy": "most"}, "'max' or 'min'"),
    ("evaluate.timeout", "10 parsecs", "'10 parsecs' is no duration; wanted seconds or such as"),
    ("evaluate.timeout", "-5m", "is no duration"),
    ("evaluate.timeout", "", "is no duration"),
    ("evaluate.timeout", "1.2.3s", "could not convert"),
    ("evaluate.timeout", 0, "greater than 0"),
    ("evaluate.timeout", "0s", "greater than 0"),
    ("evaluate.timeout", float("inf"), "finite number"),
    ("evaluate.executor", "dask", "'ray' or 'inline'"),
    ("evaluate.workers", 0, "greater than or equal to 1"),
    ("evaluate.cpus_per_worker", 0, "greater than or equal to 1"),
    ("evaluate.gpus_per_worker", 1.5, "wanted a share of one GPU, such as 0.5, or whole ones"),
    ("evaluate.gpus_per_worker", -1, "greater than or equal to 0"),
    ("evaluate.kernels", "gcc", "'auto', 'c', 'torch' or 'triton'"),
    ("evaluate.rungs", [0], "greater than or equal to 1"),
    ("evaluate.rungs", [10, 5], r"is [10, 5]; wanted rising numbers of epochs: [5, 10]"),
    ("evaluate.rungs", [5, 5], r"rising numbers of epochs: [5]"),
    (
        "evaluate.halving",
        "asha",
        "evaluate.rungs is [], wanted epochs; evolution.cohort is auto, wanted 1; evolution.mode "
        "is generational, wanted steady_state; or set evaluate.halving to cohort",
    ),
    ("evaluate.halving", "hyperband", "'cohort' or 'asha'"),
    ("evaluate.reduction", 1, "greater than or equal to 2"),
    ("evolution.mode", "asynchronous", "'generational' or 'steady_state'"),
    ("evaluate.confirm", {"seeds": 1}, "greater than or equal to 2"),
    ("evaluate.confirm", {"top": -1}, "greater than or equal to 0"),
    ("evaluate.confirm", {"baselines": ["gellu"]}, "did you mean 'gelu'?"),
    ("evaluate.confirm", {"sedes": 3}, "Extra inputs are not permitted"),
    ("name", "", "should match pattern"),
    ("name", "../up", "should match pattern"),
    ("name", "a b", "should match pattern"),
    ("name", "a\n", "should match pattern"),
    ("name", "a" * 65, "should match pattern"),
    ("spec_version", 5, "Input should be 4"),
    ("popluation", 8, "Extra inputs are not permitted"),
    ("evolution.popluation", 8, "Extra inputs are not permitted"),
    ("language.primitive", ["add"], "Extra inputs are not permitted"),
    ("task.epoch", 3, "Extra inputs are not permitted"),
    ("anneal.stop", 0.3, "Extra inputs are not permitted"),
    ("tracking.wandb", "on", "Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("key", "value", "message"), BAD, ids=[f"{k}={v}"[:60] for k, v, _ in BAD])
def test_bad_values(key: str, value: Any, message: str) -> None:
    section, _, name = key.rpartition(".")
    data = {section: {name: value}} if section else {name: value}
    with pytest.raises(ValidationError) as caught:
        SearchSpec.model_validate(data)
    assert message in str(caught.value)
    place = ".".join(str(part) for part in caught.value.errors()[0]["loc"])
    assert "seed" in message or place.startswith(section or key)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), (" 2 m ", 120.0), ("45", 45.0), (12, 12.0),
     (0.5, 0.5)],
)  # fmt: skip
def test_durations(text: Any, seconds: float) -> None:
    assert SearchSpec(evaluate={"timeout": text}).evaluate.timeout == seconds


def test_seeds_of_just_the_size() -> None:
    spec = SearchSpec(
        evolution={"seeds": ["mish", "gelu_tanh"]}, language={"max_nodes": 15, "max_depth": 7}
    )
    assert spec.seed_expressions() == (named("mish"), named("gelu_tanh"))


def test_specifications_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        DEFAULT.name = "other"
    with pytest.raises(ValidationError, match="frozen"):
        DEFAULT.task.epochs = 1


def test_genes() -> None:
    data = {"early": ["none", "silu", "auto"], "start": 0.1, "end": [0.2, 0.4], "by": "epoch"}
    anneal = SearchSpec(anneal=data).anneal
    assert anneal.default() is None
    chosen = {"path": "blend", "schedule": "cosine", "start": 0.1, "end": 0.3}
    genes = Anneal(named("silu"), "cosine", 0.1, 0.3, by="epoch")
    assert anneal.genes({**chosen, "early": "silu"}) == genes
    assert anneal.genes({**chosen, "early": "auto"}).early is None
    assert anneal.genes({**chosen, "early": "silu", "path": "ladder"}).early is None
    assert anneal.options()["end"] == (0.2, 0.25, 0.3, 0.35, 0.4)
    assert anneal.options()["start"] == (0.1,)


def test_a_scalar_stands_for_a_list_and_frozen_genes_are_the_upper_ends() -> None:
    data = {"early": "auto", "path": "ladder", "schedule": "sqrt", "end": [0.2, 0.6]}
    anneal = SearchSpec(anneal={**data, "start": [0, 0.2], "evolve": False}).anneal
    assert (anneal.early, anneal.path, anneal.schedule) == (("auto",), ("ladder",), ("sqrt",))
    assert anneal.default() == Anneal(None, "sqrt", 0.2, 0.6, path="ladder")
    back = SearchSpec.model_validate_json(SearchSpec(anneal=anneal).model_dump_json())
    assert back.anneal == anneal


@pytest.mark.parametrize(
    ("epochs", "end", "fine"), [(3, 0.4, True), (2, 0.4, False), (10, 0.1, True), (1, 0.0, True)]
)
def test_by_epoch_needs_an_epoch_to_rise_in(epochs: int, end: float, fine: bool) -> None:
    data = {"task": {"epochs": epochs}, "anneal": {"end": end, "by": "epoch"}}
    if fine:
        assert SearchSpec.model_validate(data).anneal.by == "epoch"
        return
    with pytest.raises(ValidationError) as caught:
        SearchSpec.model_validate(data)
    assert "is epoch, with task.epochs 2" in str(caught.value)
    assert "wanted at least 3 epochs, a longer way, or by: step" in str(caught.value)
    assert caught.value.errors()[0]["loc"] == ("anneal", "by")
    SearchSpec.model_validate(data | {"anneal": {"end": end, "by": "epoch", "early": "none"}})


def test_the_default_suits_every_width() -> None:
    language = {"primitives": ["concat", "tanh"], "widths": [2]}
    spec = SearchSpec(language=language, evolution={"seeds": []})
    assert spec.anneal.early == ("auto", "none")
    assert SearchSpec.model_validate(spec.model_dump(mode="json")) == spec
    with pytest.raises(ValidationError, match="wanted 'auto', which derives"):
        SearchSpec(language=language, evolution={"seeds": []}, anneal={"early": "relu"})


@pytest.mark.parametrize(
    ("anneal", "off"),
    [({}, False), ({"early": "none"}, True), ({"early": ["none", "auto"]}, False),
     ({"early": ["none", "auto"], "evolve": False}, True)],
)  # fmt: skip
def test_whether_annealing_is_off(anneal: Any, off: bool) -> None:
    spec = SearchSpec(anneal=anneal)
    assert spec.anneal.is_off is off
    assert spec.most_controls == (0 if off else 2)


def test_early_functions_that_are_not_cheap_are_told() -> None:
    spec = SearchSpec(anneal={"early": ["relu", "silu", "auto", "none", "abs"]})
    (told,) = costly_early(spec)
    assert told.startswith("anneal.early 'silu' is not piecewise linear: it costs ")
    assert "times relu and 1.0 times silu, the dearest of evolution.seeds" in told
    assert costly_early(SearchSpec(anneal={"early": "tanh"}, evolution={"seeds": []}))


@pytest.mark.parametrize(
    ("population", "cohort", "size"),
    [(24, "auto", 3), (8, "auto", 1), (9, "auto", 2), (2, "auto", 1), (24, 5, 5)],
)
def test_cohort_size_is_of_the_space_alone(population: int, cohort: Any, size: int) -> None:
    spec = SearchSpec(evolution={"population": population, "cohort": cohort})
    assert spec.evolution.cohort_size() == size


def test_signed_objectives() -> None:
    spec = SearchSpec(objectives={"cost": "min", "val_accuracy": "max"})
    assert spec.signed({"val_accuracy": 0.5, "nodes": 9.0, "cost": 2.0}) == (-2.0, 0.5)
    assert spec.primary == "cost"


def test_baselines_are_trained_without_annealing() -> None:
    baselines = DEFAULT.evaluate.confirm.baseline_candidates()
    assert list(baselines) == ["relu", "silu", "gelu"]
    for name, candidate in baselines.items():
        assert candidate.late == named(name).canonical()
        assert (candidate.anneal, candidate.origin) == (None, "baseline")


def test_devices_follow_the_gpus() -> None:
    assert SearchSpec().evaluate.device == "cpu"
    assert SearchSpec(evaluate={"gpus_per_worker": 0.5}).evaluate.device == "cuda"


@pytest.mark.parametrize("name", TASKS)
def test_all_tasks_can_be_named(name: str) -> None:
    assert SearchSpec(task={"name": name}).task.name == name


def test_yaml_reads_off_as_false() -> None:
    assert SearchSpec.model_validate({"tracking": {"mlflow": False}}).tracking.mlflow == "off"


def test_all_primitives_can_be_listed() -> None:
    assert LanguageSpec(primitives=tuple(PRIMITIVES)).primitives == tuple(PRIMITIVES)


WIDENING = ["group_max", "left", "concat", "tanh", "add"]


@pytest.mark.parametrize(
    ("language", "seeds", "message"),
    [
        (
            {"primitives": ["left", "add"], "widths": [2]},
            [],
            "widths has 2, but the primitives listed reach 1/4, 1/2, 1; list primitives",
        ),
        (
            {"primitives": ["group_sort", "softmax"], "widths": ["1/2"]},
            [],
            "widths has 1/2, but the primitives listed reach 1;",
        ),
        (
            {"primitives": WIDENING, "widths": ["1/2"], "shape": "unary(unary(x))"},
            ["left(left(x))"],
            "seed 'left(left(x))' has width 1/4, but language.widths are 1/2; add the width",
        ),
        (
            {"primitives": WIDENING, "widths": [1], "shape": "unary(unary(x))"},
            [],
            "'left' can be part of no expression of width 1 (language.widths) and of the shape "
            "'unary(unary(x))'; add 1/4 or 1/2 to language.widths, or drop it",
        ),
        (
            {"primitives": ["tanh", "concat", "softmax"], "widths": [1]},
            [],
            "add 2 to language.widths, list group_max or left or right too, or drop it",
        ),
        (
            {"primitives": WIDENING, "widths": [1, 2]},
            ["group_max(x, 2)"],
            "seed 'group_max(x, 2)' has width 1/2, but language.widths are 1, 2",
        ),
        (
            {"primitives": ["left"], "widths": [1], "shape": "unary(x)"},
            [],
            "widths has 1, but the primitives listed reach 1/2 in the shape 'unary(x)'",
        ),
        (
            {"primitives": ["mul"], "parameters": "none", "shape": "binary(x, parameter)"},
            [],
            "has a place for a parameter, but the language has none; set language.parameters",
        ),
        (
            {"primitives": ["mul"], "constants": False, "shape": "binary(x, constant)"},
            [],
            "has a place for a constant, but the language has none; set language.constants: true",
        ),
    ],
)
def test_what_the_language_cannot_reach(language: Any, seeds: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SearchSpec(language=language, evolution={"seeds": seeds})
    assert message in str(caught.value)


def test_widths_have_one_writing() -> None:
    language = LanguageSpec(primitives=WIDENING, widths=["1/4", 0.5, " 1 ", 2.0])
    assert [str(width) for width in language.widths] == ["1/4", "1/2", "1", "2"]
    assert language.model_dump(mode="json")["widths"] == ["1/4", "1/2", 1, 2]
    assert LanguageSpec.model_validate(language.model_dump(mode="json")) == language
    assert LanguageSpec().widths == (1,)


def test_shapes_have_one_writing() -> None:
    language = LanguageSpec(shape=" binary( unary(x),x )")
    assert language.shape == "binary(unary(x), x)"
    assert LanguageSpec().shape_tree is None
    assert language.shape_tree is not None
    assert (language.shape_tree.nodes, language.shape_tree.depth) == (4, 2)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("tanh(x) * x", True),
        ("clamp(x, -1, 1) + x", True),  # the bounds come with the primitive
        ("x * tanh(x)", False),
        ("tanh(x) * 2.0", False),
        ("tanh(x)", False),
        ("tanh(tanh(x)) * x", False),
    ],
)
def test_shapes_fit_expressions(text: str, fits: bool) -> None:
    assert read_shape("binary(unary(x), x)").fits(parse(text).root) is fits


def test_rules_keep_groups_small() -> None:
    """Of what channels must be a multiple never exceeds 8, however rules are nested."""
    found = rules(list(PRIMITIVES))
    assert all(rule.inner / (rule.size or 1) >= Fraction(1, MOST_CHANNELS) for rule in found)
    assert {rule.size for rule in found} == {None, *GROUP_SIZES}
    assert {rule.width for rule in found} == {rule.inner for rule in found} == set(WIDTHS)
    assert all(rule.inner == rule.width == 1 for rule in found if rule.row.adds_x)
    assert {rule.inner for rule in rules(["add", "tanh"])} == {1}


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({}, ("ladder",)),
        ({"early": "auto"}, ("ladder",)),
        ({"early": ["relu", "none"]}, ("blend",)),
        ({"early": "relu", "path": ["ladder", "blend"]}, ("ladder", "blend")),
    ],
)
def test_expressions_to_start_from_are_for_the_blend(given: Any, path: tuple[str, ...]) -> None:
    assert AnnealSpec.model_validate(given).path == path


def test_an_early_function_that_no_path_uses_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"'relu' is never used, as anneal\.path ladder"
    ) as error:
        SearchSpec(anneal={"early": ["auto", "relu"], "path": "ladder"})
    assert error.value.errors()[0]["loc"][-2:] == ("early", 1)


def test_a_task_is_a_class_a_file_or_a_name() -> None:
    text = SearchSpec(task="shop.tasks:Demand").task
    assert (text.use, text.label, text.network) == ("shop.tasks:Demand", "Demand", "own")
    again = SearchSpec.model_validate(SearchSpec(task="shop.tasks:Demand").model_dump(mode="json"))
    assert again.task == text
    wide = {"use": "shop:Demand", "options": {"width": 9}, "name": "wide"}
    both = SearchSpec(tasks=["shop:Demand", wide], objectives={"val_r2": "max"})
    assert [task.label for task in both.tasks] == ["Demand", "wide"]
    assert both.keys("val_r2") == ("Demand.val_r2", "wide.val_r2")
    assert SearchSpec(task={"arrays": "a/my data.csv", "network": "deep"}).task.label == (
        "my_data-deep"
    )
    assert hash(text) == hash(again.task)


def test_only_a_task_of_ones_own_measures_what_evoact_does_not_know() -> None:
    own = SearchSpec(task="shop:Demand", objectives={"val_r2": "max"}, constraints=["val_mae < 2"])
    assert own.measures == ("val_r2", "val_mae")
    assert (own.metric, own.maximises) == ("r2", True)
    for more in ({"objectives": {"val_r2": "max"}}, {"constraints": ["val_mae < 2"]}):
        with pytest.raises(ValidationError, match="unknown name"):
            SearchSpec(**more)
    for name in ("val_noisy_accuracy", "val_shifted_accuracy"):
        with pytest.raises(ValidationError, match="which task Demand has not"):
            SearchSpec(task="shop:Demand", objectives={name: "max"})
    with pytest.raises(ValidationError, match="Demand brings its own model"):
        SearchSpec(task="shop:Demand", constraints=["jacobian_condition <= 100"])
    assert SearchSpec(objectives={"val_loss": "min"}).metric == "accuracy"
