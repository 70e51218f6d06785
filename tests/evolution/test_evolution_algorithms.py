"""Algorithms behind one ask and tell: who has children, and at which rates."""

from __future__ import annotations

import random
from typing import Any

import pytest

from evoact.errors import InputError
from evoact.evolution import Evolution
from evoact.evolution.rates import Rates
from evoact.language import named, parse
from evoact.language.standard import standardised
from evoact.records import Candidate, Evaluation, SearchSpec

ALGORITHMS = ("gp", "aging", "random")
CHOICES: dict[str, dict[str, Any]] = {
    "gp": {},
    "aging": {"algorithm": "aging"},
    "random": {"algorithm": "random"},
    "adaptive": {"adaptive": True},
    "adaptive aging": {"algorithm": "aging", "adaptive": True},
    "immigrants": {"immigrants": 0.5},
    "warm": {"warm_start": ["x * tanh(x)", "atan(x)"]},
}


def space(steady: bool = False, front: bool = False, **evolution: Any) -> SearchSpec:
    mode = {"mode": "steady_state"} if steady else {}
    objectives = {"val_accuracy": "max", "cost": "min"} if front else {"val_accuracy": "max"}
    return SearchSpec(
        evolution={"population": 8, "surrogate": "off", **mode, **evolution},
        objectives=objectives,
        language={"max_nodes": 9},
    )


def scored(candidate: Candidate) -> Evaluation:
    if candidate.id[0] == "f":
        return Evaluation.failed(candidate, "diverged")
    value = int(candidate.id[:6], 16) / 16**6
    return Evaluation.ok(candidate, val_accuracy=value, cost=candidate.late.cost)


@pytest.mark.parametrize("front", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("steady", [False, True], ids=["generational", "steady"])
@pytest.mark.parametrize("choice", CHOICES)
def test_the_same_seed_and_tells_give_the_same_asks(choice: str, steady: bool, front: bool) -> None:
    spec = space(steady, front, **CHOICES[choice])
    asked = []
    for shuffled in (False, False, True):
        evolution, rng = Evolution(spec, seed=2), random.Random(4)
        found: list[str] = []
        waiting = [evolution.ask(4)] if steady else []
        for _ in range(8 if steady else 4):
            waiting.append(evolution.ask(4 if steady else None))
            evaluations = [scored(c) for c in waiting.pop(0)]
            found += [e.candidate_id for e in evaluations]
            if shuffled:
                rng.shuffle(evaluations)
            evolution.tell(evaluations)
        assert len(set(found)) == len(found) == 32
        asked.append(found)
    assert asked[0] == asked[1] == asked[2]


def generations(spec: SearchSpec, count: int, seed: int = 0) -> list[list[Candidate]]:
    evolution, found = Evolution(spec, seed), []
    for _ in range(count):
        found.append(evolution.ask())
        evolution.tell([scored(c) for c in found[-1]])
    return found


def test_all_begin_alike() -> None:
    first = [generations(space(algorithm=a), 1)[0] for a in ALGORITHMS]
    assert first[0] == first[1] == first[2]


def test_in_random_search_nobody_has_children() -> None:
    everyone = [c for g in generations(space(algorithm="random"), 4) for c in g]
    assert {c.origin for c in everyone} == {"seed", "random"}
    assert not any(c.parents for c in everyone)


@pytest.mark.parametrize("surrogate", ["off", "on"])
@pytest.mark.parametrize(("algorithm", "ages"), [("gp", {3, 4}), ("aging", {1})])
def test_in_aging_evolution_only_the_youngest_have_children(
    algorithm: str, ages: set[int], surrogate: str
) -> None:
    """Whatever they are worth: here the first ones are the best, and die."""
    asked = space(algorithm=algorithm, immigrants=0.0, surrogate=surrogate)
    evolution, born = Evolution(asked, seed=0), {}
    oldest = 0
    for generation in range(5):
        candidates = evolution.ask()
        born |= {c.id: generation for c in candidates}
        worth = 0.9 - 0.1 * generation
        evolution.tell([Evaluation.ok(c, val_accuracy=worth) for c in candidates])
        oldest = max([oldest, *(generation - born[p] for c in candidates for p in c.parents)])
    assert oldest in ages


def test_in_steady_state_the_oldest_die_one_by_one() -> None:
    evolution = Evolution(space(steady=True, algorithm="aging", immigrants=0.0), seed=0)
    asked: list[Candidate] = []
    for _ in range(30):
        (candidate,) = evolution.ask(1)
        order = [c.id for c in asked]
        assert all(len(asked) - order.index(p) <= 8 for p in candidate.parents)
        asked.append(candidate)
        evolution.tell([Evaluation.ok(candidate, val_accuracy=1.0 / len(asked))])


def test_failures_of_aging_evolution_have_no_children() -> None:
    everyone = [c for g in generations(space(algorithm="aging"), 6) for c in g]
    failed = {c.id for c in everyone if not scored(c).is_ok}
    assert failed
    assert not any(p in failed for c in everyone for p in c.parents)


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.5, 12, 30), (1.0, 40, 40)])
def test_immigrants_are_a_share_of_each_generation(share: float, low: int, high: int) -> None:
    later = [c for g in generations(space(immigrants=share), 6)[1:] for c in g]
    assert low <= sum(c.origin == "random" for c in later) <= high


# Rates


def test_rates_follow_the_operators_that_improve_on_parents() -> None:
    """An objective that only one kind of child serves: the share of that kind grows."""

    def share(adaptive: bool) -> float:
        evolution = Evolution(space(adaptive=adaptive, population=24), seed=1)
        counts = {"mutation:perturb": 0, "all": 0}
        value = {}
        for generation in range(12):
            candidates = evolution.ask()
            for c in candidates:
                best = max((value[p] for p in c.parents), default=0.5)
                value[c.id] = best + 0.01 if c.origin == "mutation:perturb" else best - 0.01
            evolution.tell([Evaluation.ok(c, val_accuracy=value[c.id]) for c in candidates])
            if generation > 5:
                counts["all"] += sum(len(c.parents) > 0 for c in candidates)
                counts["mutation:perturb"] += sum(
                    c.origin == "mutation:perturb" for c in candidates
                )
        return counts["mutation:perturb"] / counts["all"]

    assert share(adaptive=True) > 2 * share(adaptive=False)


def test_rates_have_a_floor_and_add_up() -> None:
    rates = Rates(["a", "b", "c"], crossover=0.4, adaptive=True)
    for _ in range(10_000):
        rates.credit("mutation:a", improved=True)
        for other in ("crossover", "mutation:b", "mutation:c"):
            rates.credit(other, improved=False)
    shares = rates.shares()
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) == pytest.approx(0.04, abs=1e-3)
    assert shares["mutation:a"] == pytest.approx(0.88, abs=1e-2)


@pytest.mark.parametrize("crossover", [0.0, 1.0])
def test_what_is_switched_off_stays_off(crossover: float) -> None:
    rates = Rates(["a", "b"], crossover=crossover, adaptive=True)
    assert rates.shares()["crossover"] == crossover
    assert rates.mutation(random.Random(0)) in {"a", "b"}


def test_seeds_and_random_ones_are_nobodys_credit() -> None:
    rates = Rates(["a"], crossover=0.5, adaptive=True)
    before = rates.shares()
    for origin in ("seed", "warm", "random"):
        rates.credit(origin, improved=True)
    assert rates.shares() == before


# Warm start


def test_a_warm_start_enters_after_the_seeds() -> None:
    evolution = Evolution(space(warm_start=["x * tanh(x)", "atan(x)"]), seed=0)
    first = evolution.ask()
    assert [c.origin for c in first[:5]] == ["seed", "seed", "warm", "warm", "random"]
    assert first[2].late == standardised(parse("x * tanh(x)")).canonical()
    assert first[3].late == standardised(named("atan")).canonical()


def test_a_warm_start_that_nobody_read_is_an_error() -> None:
    with pytest.raises(InputError, match=r"evolution.warm_start is 'runs/first'; wanted a list"):
        Evolution(space(warm_start="runs/first"))
