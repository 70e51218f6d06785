"""Who takes part, on what grid, from which seeds."""

from __future__ import annotations

import pytest
from comparison_known import plan_of

from evoact.comparison import entrants_of
from evoact.errors import InputError
from evoact.language import ZOO, resolve
from evoact.records import Anneal, Candidate


def told(entrants) -> list[tuple[str, str, str]]:
    return [(e.role, e.label, e.candidate.text) for e in entrants]


def test_a_named_function_has_no_rescaled_rival() -> None:
    assert told(entrants_of(["mish"], ["relu"])) == [
        ("contestant", "mish", "x * tanh(softplus(x))"),
        ("baseline", "relu", "relu(x)"),
    ]


@pytest.mark.parametrize(
    "text", ["2 * max(x, 0)", "relu(3 * x) - 0.5", "1.71286 * relu(x) - 0.683332"]
)
def test_the_rival_of_a_scaled_relu_is_itself(text: str) -> None:
    one, rival, _ = entrants_of([text], ["relu"])
    assert (rival.role, rival.label, rival.of) == ("rescaled", "relu", text)
    assert rival.candidate == one.candidate


def test_the_rival_of_another_function_is_the_best_rescaling() -> None:
    one, rival, _ = entrants_of(["x * erf(x) + 0.1 * sin(3 * x)"], ["relu"])
    assert rival.candidate != one.candidate
    assert rival.label in ZOO


def test_what_is_far_from_all_named_functions_has_no_rescaled_rival() -> None:
    found = entrants_of(["-group_sort(abs(x), 8)"], ["relu"])
    assert [entrant.role for entrant in found] == ["contestant", "baseline"]


def test_groupwise_functions_meet_rivals_of_their_width() -> None:
    _, rival, *_ = entrants_of(["1.1 * left(x) * sigmoid(0.8 * right(x))"], ["relu", "glu"])
    assert rival.candidate.late.width == resolve("glu").width


def test_controls_are_the_late_and_the_early_function_alone() -> None:
    genes = Anneal(resolve("relu"), "cosine", 0.0, 0.5)
    one, late, early, *_ = entrants_of(["silu"], ["gelu"], anneal=genes, controls=True)
    assert one.candidate.anneal == genes
    assert told([late, early]) == [
        ("control", "static late", "silu(x)"),
        ("control", "static early", "relu(x)"),
    ]
    assert late.candidate.anneal is early.candidate.anneal is None
    assert one.label == late.of == early.of == "annealed silu"


def test_candidates_of_a_study_keep_their_own_annealing() -> None:
    genes = Anneal(resolve("relu"), "cosine", 0.0, 0.5)
    found = Candidate(resolve("silu"), genes, origin="mutation", parents=("a",))
    entrants = entrants_of([found, Candidate(resolve("mish"))], ["gelu"], controls=True)
    assert [(e.role, e.label) for e in entrants] == [
        ("contestant", "annealed silu(x)"),
        ("control", "static late"),
        ("control", "static early"),
        ("contestant", "x * tanh(softplus(x))"),
        ("baseline", "gelu"),
    ]
    assert entrants[0].candidate.anneal == genes
    with pytest.raises(InputError, match="nothing is annealed"):
        entrants_of([Candidate(resolve("mish"))], ["gelu"], controls=True)


def test_long_texts_get_short_labels_of_their_own() -> None:
    texts = [f"x * sigmoid(x) + 0.1 * sin(3 * x) + {c} * tanh(2 * x)" for c in (0.1, 0.2)]
    labels = [e.label for e in entrants_of(texts, ["relu"]) if e.role == "contestant"]
    assert len(set(labels)) == 2
    assert all(label.startswith("x * sigmoid(x)") for label in labels)


def test_tuning_seeds_are_none_of_those_reported_nor_of_a_study() -> None:
    made = plan_of(["tanh"], seeds=10_000, tuning_seeds=10_000)
    assert not set(made.replicates) & set(made.tuning_replicates)
    assert min(made.replicates) > 1000  # those of a study count from 0
    assert len(made.replicates) == len(made.tuning_replicates) == 10_000


def test_one_setting_needs_no_tuning() -> None:
    made = plan_of(["tanh"], rates=(0.01,), seeds=5)
    assert made.tuning_replicates == ()
    assert made.trainings == 3 * 5


def test_the_grid_is_of_rates_and_gains() -> None:
    made = plan_of(["tanh"], rates=(0.01, 0.03), gains=("own", "relu"), seeds=2, tuning_seeds=3)
    assert [(s.learning_rate, s.gain) for s in made.settings] == [
        (0.01, "own"), (0.01, "relu"), (0.03, "own"), (0.03, "relu"),
    ]  # fmt: skip
    assert made.trainings == 3 * (4 * 3 + 2)


def test_nobody_is_compared_with_itself_but_all_with_each_baseline() -> None:
    made = plan_of(["silu", "tanh"], ["relu", "silu"])
    pairs = [(a.label, b.label) for a, b in made.rivals("baseline")]
    assert pairs == [("silu", "relu"), ("tanh", "relu"), ("tanh", "silu")]
    assert len(made.candidates) == 3


@pytest.mark.parametrize(
    ("expressions", "more", "message"),
    [
        (["silo"], {}, "did you mean"),
        (["x +"], {}, "x +"),
        (["silu", "x * sigmoid(x)"], {}, "is 'silu'; give it once"),
        (["relu"], {"baselines": ["relu"]}, "at least one baseline"),
        ([], {}, "wanted a list"),
        ("silu", {}, "wanted a list"),
        (["silu"], {"baselines": []}, "wanted a list"),
        (["silu"], {"controls": True}, "nothing is annealed"),
        (["tanh"], {"anneal": Anneal(None, path="sharpness")}, "tanh"),
    ],
)
def test_who_cannot_take_part_is_told(expressions, more, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("+", r"\+")):
        entrants_of(expressions, **more)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": 1}, "seeds is 1; wanted 2"),
        ({"seeds": 10_001}, "seeds is 10001"),
        ({"tuning_seeds": 0}, "tuning seeds is 0; wanted 1"),
        ({"seeds": 2.5}, "wanted an integer"),
        ({"seed": -1}, "seed is -1"),
        ({"rates": ()}, "wanted positive"),
        ({"rates": (0.01, -1.0)}, "wanted positive"),
        ({"rates": (float("nan"),)}, "wanted positive"),
        ({"rates": (0.01, 0.01)}, "each once"),
    ],
)
def test_numbers_that_cannot_be_are_told(settings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_of(["tanh"], **settings)
