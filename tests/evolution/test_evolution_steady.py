"""Steady state: asking while others wait; and selection where candidates reached several rungs."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from evoact.errors import InputError
from evoact.evolution import Evolution
from evoact.evolution.individual import Fitness, Individual, deap_draws_from
from evoact.evolution.selection import fittest, parent
from evoact.language import named
from evoact.records import Candidate, Evaluation, SearchSpec

STEADY = SearchSpec(evolution={"mode": "steady_state", "population": 8, "seeds": ["relu", "silu"]})
FRONT = STEADY.model_copy(update={"objectives": {"val_accuracy": "max", "cost": "min"}})


def scored(candidate: Candidate) -> Evaluation:
    value = int(candidate.id[:6], 16) / 16**6
    return Evaluation.ok(candidate, val_accuracy=value, cost=candidate.late.cost)


def searched(space: SearchSpec, *, one_by_one: bool = False) -> list[Candidate]:
    """Ask for three at a time, with two cohorts waiting that end in any order."""
    evolution, rng = Evolution(space, seed=3), random.Random(5)
    cohorts = [evolution.ask(3), evolution.ask(3)]
    found = [c for cohort in cohorts for c in cohort]
    for _ in range(8):
        evaluations = [scored(c) for c in cohorts.pop(rng.randrange(2))]
        if one_by_one:
            for evaluation in evaluations:
                evolution.tell([evaluation])
        else:
            evolution.tell(evaluations)
        cohorts.append(evolution.ask(3))
        found += cohorts[-1]
    assert evolution.generation == 3
    return found


@pytest.mark.parametrize("space", [STEADY, FRONT], ids=["one", "two"])
def test_the_same_asks_and_tells_give_the_same_candidates(space: SearchSpec) -> None:
    found = searched(space)
    assert len({c.id for c in found}) == len(found) == 30
    assert searched(space) == found
    assert searched(space, one_by_one=True) == found


def test_the_first_population_is_seeds_and_random_ones() -> None:
    origins = [c.origin for c in searched(STEADY)]
    assert origins[:8] == ["seed"] * 2 + ["random"] * 6
    assert {"crossover"} < set(origins[8:])


def test_seeds_that_one_ask_has_no_room_for_come_with_the_next() -> None:
    evolution = Evolution(STEADY, seed=0)
    assert [c.origin for c in (*evolution.ask(1), *evolution.ask(2))] == ["seed", "seed", "random"]


def test_what_waits_can_be_told_in_any_parts_but_only_once() -> None:
    evolution = Evolution(STEADY, seed=0)
    first, second = evolution.ask(2)
    evolution.tell([scored(second)])
    with pytest.raises(InputError, match=r"1 of candidates that were not asked.*at most one"):
        evolution.tell([scored(second)])
    with pytest.raises(InputError, match="1 twice"):
        evolution.tell([scored(first)] * 2)
    with pytest.raises(InputError, match="1 of candidates that were not asked"):
        evolution.tell([scored(Candidate(named("mish")))])
    evolution.tell([scored(first)])
    with pytest.raises(InputError, match="before ask"):
        evolution.tell([])


# Rungs


def told(space: SearchSpec, rungs: int, size: int = 24) -> list[Individual]:
    """Return a population in which who reached a higher rung has lower values."""
    space = space.model_copy(
        update={"evolution": space.evolution.model_copy(update={"population": size})}
    )
    evolution, rng = Evolution(space, seed=0), random.Random(1)
    for _ in range(2):
        evaluations = []
        for candidate in evolution.ask(size):
            rung = rng.randrange(rungs)
            values = {"val_accuracy": 0.9 - 0.3 * rung + 0.1 * rng.random(), "cost": 9.0 + rung}
            evaluations.append(replace(Evaluation.ok(candidate, **values), rung=rung))
        evolution.tell(evaluations)
    evolution._rank()  # as the next ask() does
    return evolution._population


@pytest.mark.parametrize("space", [STEADY, FRONT], ids=["one", "two"])
def test_who_reached_a_higher_rung_stays_and_wins(space: SearchSpec) -> None:
    pool = told(space, rungs=3)
    count = sum(i.fitness.rung == 2 for i in pool)
    assert 2 < count < len(pool)
    kept = fittest(list(pool), count + 1)
    assert [i.fitness.rung for i in kept] == sorted((i.fitness.rung for i in kept), reverse=True)
    assert min(i.fitness.rung for i in kept[:2]) == 2
    rng = random.Random(0)
    kept = fittest(list(pool), len(pool))
    with deap_draws_from(rng):
        parents = [parent(kept, 3, rng).fitness.rung for _ in range(300)]
    average = sum(i.fitness.rung for i in kept) / len(kept)
    assert sum(parents) / len(parents) > average + 0.3


def test_one_rung_is_compared_as_ever() -> None:
    values = [(0.1, 0.9), (0.9, 0.1), (0.5, 0.5), (0.1, 0.1), (0.9, 0.9)]
    for a in values:
        for b in values:
            ours, theirs = Fitness(a, rung=1), Fitness(b, rung=1)
            assert (ours > theirs, ours == theirs, ours <= theirs) == (a > b, a == b, a <= b)
            covers = a != b and all(x >= y for x, y in zip(a, b, strict=True))
            assert ours.dominates(theirs) == covers
    assert Fitness((0.5,), 0) != Fitness((0.5,), 1)
    assert hash(Fitness((0.5,), 0)) != hash(Fitness((0.5,), 1))
