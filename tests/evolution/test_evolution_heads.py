"""The head of a network as a gene: drawn, inherited, varied, and part of who a candidate is."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from evoact.errors import InputError
from evoact.evolution import Evolution
from evoact.evolution.genes import draw_head, seed_head, vary_head
from evoact.evolution.surrogate.features import features
from evoact.language import resolve
from evoact.records import HEADS, Candidate, Evaluation, SearchSpec

SEVERAL = ("expgb", "softmax", "linear")


def space(**more: object) -> SearchSpec:
    task = {"name": "digits", "head": list(SEVERAL)}
    settings = {"evolution": {"population": 12, "surrogate": "off"}, "anneal": {"early": ["none"]}}
    return SearchSpec.model_validate({"task": task, **settings, **more})


def generations(spec: SearchSpec, count: int, seed: int = 0) -> list[list[Candidate]]:
    evolution, found = Evolution(spec, seed), []
    for _ in range(count):
        found.append(evolution.ask())
        evolution.tell([Evaluation.ok(c, val_accuracy=_worth(c)) for c in found[-1]])
    return found


def _worth(candidate: Candidate) -> float:
    """Linear heads are best here."""
    return (0.5 if candidate.head == "linear" else 0.0) + 0.01 / candidate.late.nodes


def test_one_head_draws_nothing_and_is_no_gene() -> None:
    rng, same = random.Random(0), random.Random(0)
    assert draw_head(["linear"], rng) is None
    assert vary_head(None, ["linear"], rng) is None
    assert seed_head(["linear"]) is None
    assert rng.random() == same.random()


def test_heads_are_drawn_evenly_and_change_now_and_then() -> None:
    rng = random.Random(1)
    drawn = Counter(draw_head(SEVERAL, rng) for _ in range(3000))
    assert set(drawn) == set(SEVERAL)
    assert min(drawn.values()) > 900
    varied = Counter(vary_head("linear", SEVERAL, rng) for _ in range(3000))
    assert varied["linear"] == pytest.approx(2400, abs=100)
    assert min(varied[head] for head in SEVERAL) > 200


def test_seeds_have_the_first_and_the_best_is_inherited() -> None:
    found = generations(space(), 8)
    assert {c.head for c in found[0] if c.origin == "seed"} == {"expgb"}
    assert {c.head for c in found[0]} == set(SEVERAL)
    first, last = (Counter(c.head for c in found[n]) for n in (0, -1))
    assert last["linear"] >= 7 > first["linear"]
    by_id = {c.id: c for generation in found for c in generation}
    children = [c for c in by_id.values() if c.parents]
    kept = sum(c.head == by_id[c.parents[0]].head for c in children) / len(children)
    assert 0.7 < kept < 0.95  # a fifth mutates; duplicates are bred again


def test_a_search_of_one_head_is_bred_as_before() -> None:
    one = space(task={"name": "digits", "head": "expgb"})
    plain = space(task={"name": "digits"})
    assert generations(one, 2) == generations(plain, 2)
    assert {c.head for found in generations(one, 1) for c in found} == {None}


def test_one_function_with_two_heads_is_two_candidates() -> None:
    plain, heads = Candidate(resolve("silu")), [Candidate(resolve("silu"), head=h) for h in HEADS]
    assert plain.id.startswith("de4a1b732248")  # as before there were heads
    assert len({plain.id, *(c.id for c in heads)}) == 5
    assert "head" not in plain.to_dict()
    for candidate in (plain, *heads):
        again = Candidate.from_dict(candidate.to_dict())
        assert again == candidate
        assert again.head == candidate.head
    with pytest.raises(InputError, match="head is 'exp'; did you mean 'expgb'"):
        Candidate(resolve("silu"), head="exp")
    every = [c for found in generations(space(), 4) for c in found]
    assert len({c.id for c in every}) == len(every)
    texts = Counter(c.text for c in every)
    assert any(n > 1 for n in texts.values())


def test_the_surrogate_sees_heads_where_they_are_genes() -> None:
    one, other, plain = (
        features(Candidate(resolve("silu"), head=head)) for head in ("linear", "expgb", None)
    )
    assert 0.5 < np.linalg.norm(one - other) < 1.0
    assert len(plain) == len(one) - len(HEADS)
    assert np.array_equal(plain, one[: len(plain)])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"objectives": {"val_loss": "min"}}, "losses are not of one kind, but val_loss is an obj"),
        ({"constraints": ["val_loss <= 2.0"]}, "wanted val_accuracy in its place, or one head"),
        ({"task": {"head": ["linear", "linear"]}}, "'linear' is listed twice"),
        ({"task": {"head": []}}, "at least 1 item"),
        (
            {"tasks": [{"name": "digits", "head": "linear"}, {"name": "mnist1d"}], "task": None},
            "is softmax, but that of the first task is linear",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(changes: dict[str, object], told: str) -> None:
    given = {"task": {"name": "digits", "head": list(SEVERAL)}, **changes}
    if given["task"] is None:
        del given["task"]
    with pytest.raises(ValidationError, match=told):
        SearchSpec.model_validate(given)
