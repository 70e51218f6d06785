"""Annealing genes: drawn within the space, varied one at a time, made to suit the function."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from evoact.evolution import Evolution
from evoact.evolution.genes import draw_genes, fitting_genes, seed_genes, vary_genes
from evoact.language import named, parse
from evoact.language.early import auto_early
from evoact.records import Anneal, AnnealSpec, Candidate, Evaluation, SearchSpec

EVERYTHING = AnnealSpec(
    early=["relu", "abs", "auto", "none"],
    path=["blend", "ladder", "sharpness"],
    schedule=["linear", "sqrt", "loss"],
    start=[0.0, 0.2],
    end=[0.2, 0.6],
    layers="lower_first",
)
FROZEN = AnnealSpec(early=["relu", "none"], schedule="cosine", end=[0.2, 0.4], evolve=False)
GENES = ("schedule", "start", "end", "path")


def drawn(spec: AnnealSpec, count: int = 400) -> list[Anneal | None]:
    rng = random.Random(1)
    return [draw_genes(spec, rng) for _ in range(count)]


def test_every_option_is_drawn_and_nothing_else() -> None:
    found = drawn(EVERYTHING)
    annealed = [genes for genes in found if genes]
    assert len(annealed) < len(found)
    for name in GENES:
        assert {getattr(g, name) for g in annealed} == set(EVERYTHING.options()[name])
    assert {g.early_text for g in annealed if g.path == "blend"} == {"relu(x)", "abs(x)", "auto"}
    assert {g.early_text for g in annealed if g.path != "blend"} == {"auto"}
    assert {(g.layers, g.by) for g in annealed} == {("lower_first", "step")}


def test_frozen_genes_are_the_first_of_each_list() -> None:
    assert set(drawn(FROZEN)) == {Anneal(named("relu"), "cosine", 0.0, 0.4)}
    rng = random.Random(0)
    genes = FROZEN.default()
    assert {vary_genes(genes, FROZEN, rng) for _ in range(100)} == {genes}
    assert seed_genes(FROZEN) == genes


def test_seeds_start_without_annealing_where_that_is_allowed() -> None:
    assert seed_genes(EVERYTHING) is None
    without = EVERYTHING.model_copy(update={"early": ("auto",)})
    assert seed_genes(without) == without.default()


def differing(a: Anneal, b: Anneal) -> set[str]:
    return {key for key, value in a.to_dict().items() if b.to_dict()[key] != value}


@pytest.mark.parametrize("path", ["blend", "ladder"])
def test_variation_changes_one_gene_or_all(path: str) -> None:
    early = named("relu") if path == "blend" else None
    genes = Anneal(early, "linear", 0.1, 0.3, path, "lower_first")
    rng = random.Random(3)
    varied = [vary_genes(genes, EVERYTHING, rng) for _ in range(4000)]
    changed = [v for v in varied if v != genes]
    assert 0.1 < len(changed) / len(varied) < 0.25
    assert None in changed
    by_one = [differing(genes, v) for v in changed if v and len(differing(genes, v)) == 1]
    assert len(by_one) > len(changed) / 4
    expected = {*GENES, "early"} if path == "blend" else {*GENES}
    assert set().union(*by_one) >= expected - {"path"}
    for other in filter(None, varied):
        assert set(other.to_dict()) == set(genes.to_dict())
        if other.path == "blend" and path == "ladder":  # an early function of the list, then
            assert other.early_text in {"relu(x)", "abs(x)", "auto"}


def test_variation_stays_in_a_space_without_auto() -> None:
    spec = AnnealSpec(early=["relu", "none"], path=["blend", "ladder"])
    genes: Anneal | None = Anneal(None, "linear", 0.0, 0.3, "ladder")
    rng = random.Random(0)
    for _ in range(500):
        genes = vary_genes(genes, spec, rng)
        if genes and genes.path == "blend":
            assert genes.early_text == "relu(x)"


RELU = named("relu")


@pytest.mark.parametrize(
    ("genes", "late", "wanted"),
    [
        (None, "tanh(x)", None),
        (Anneal(RELU), "tanh(x)", Anneal(RELU)),
        (Anneal(RELU), "left(x)", Anneal(None)),
        (Anneal(None, path="sharpness"), "tanh(x)", Anneal(None)),
        (Anneal(None, path="sharpness"), "silu(x)", Anneal(None, path="sharpness")),
        (Anneal(None, path="ladder"), "left(x) * sigmoid(right(x))", Anneal(None)),
        (Anneal(None, path="ladder"), "tanh(x)", Anneal(None, path="ladder")),
        (Anneal(RELU, end=0.0), "tanh(x)", None),
        (Anneal(RELU), "relu(x)", None),
        (Anneal(None), "leaky_relu(x, 0.1)", None),
        (Anneal(None), "group_max(x, 2)", None),
        (Anneal(RELU, "cosine", 0.3, 0.3, layers="upper_first"), "tanh(x)",
         Anneal(RELU, "linear", 0.3, 0.3)),
    ],
)  # fmt: skip
def test_genes_are_made_to_suit_the_function(
    genes: Anneal | None, late: str, wanted: Anneal | None
) -> None:
    assert fitting_genes(genes, parse(late).canonical()) == wanted
    Candidate(parse(late), wanted)  # nothing is refused


GROUPS = {
    "primitives": ["add", "mul", "tanh", "softplus", "left", "right", "concat", "group_max"],
    "widths": ["1/2", 1, 2],
    "parameters": "per_channel",
}


@pytest.mark.parametrize("language", [{}, GROUPS])
def test_a_search_over_all_genes_asks_for_no_training_twice(language: dict) -> None:
    space = SearchSpec(
        language=language,
        anneal=EVERYTHING,
        evolution={"seeds": ["tanh", "softplus"], "surrogate": "off"},
    )
    evolution, candidates = Evolution(space, seed=5), []
    for _ in range(4):
        asked = evolution.ask()
        candidates += asked
        evolution.tell([Evaluation.ok(c, val_accuracy=c.late.nodes / 99) for c in asked])
    paths = {c.anneal.path for c in candidates if c.anneal}
    assert paths >= {"blend", "ladder"}
    assert "sharpness" in paths or language == GROUPS  # few of these have slopes at both ends
    assert None in {c.anneal for c in candidates}
    trainings = {(c.text, str(c.early), c.anneal and replace(c.anneal, early=None))
                 for c in candidates}  # fmt: skip
    assert len(trainings) == len(candidates) == len({c.id for c in candidates})
    for candidate in candidates:
        if candidate.early is not None:
            assert candidate.early.width == candidate.late.width
            assert candidate.early != candidate.late


def test_a_derived_early_function_is_no_other_training() -> None:
    late = parse("tanh(x)")
    listed = str(auto_early(late, "blend"))
    evolution = Evolution(
        SearchSpec(
            language={"normalise": "none"},
            anneal={"early": ["auto", listed], "schedule": "linear", "end": 0.3},
            evolution={"seeds": ["tanh"]},
        ),
        seed=0,
    )
    found = [c for _ in range(3) for c in ask_and_tell(evolution) if str(c.late) == "tanh(x)"]
    assert len(found) == 1


def ask_and_tell(evolution: Evolution) -> list[Candidate]:
    asked = evolution.ask()
    evolution.tell([Evaluation.ok(c, val_accuracy=-float(c.late.nodes)) for c in asked])
    return asked


def test_the_control_without_annealing_starts_from_the_same_expressions() -> None:
    spaces = [SearchSpec(anneal={"early": early}) for early in (["relu", "none"], ["none"])]
    first, control = ([c.late for c in Evolution(space, seed=2).ask()] for space in spaces)
    assert first[:10] == control[:10]  # until one is a duplicate but for its genes
