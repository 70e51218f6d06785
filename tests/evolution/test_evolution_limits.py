"""Limits on what is measured reach selection: constrained domination (Deb et al. 2002)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from evoact.errors import InputError
from evoact.evolution import Evolution
from evoact.evolution.individual import Fitness, Individual
from evoact.evolution.selection import fittest
from evoact.records import Evaluation, SearchSpec


def individual(*values: float, violation: float = 0.0, rung: int = 0) -> Individual:
    made = Individual([])
    made.fitness = Fitness(values, rung, violation)
    made.form = lambda: (str(id(made)),)  # type: ignore[method-assign]  # no two are variants
    return made


@pytest.mark.parametrize("more", [(), (1.0,)], ids=["one objective", "two"])
def test_who_breaks_a_limit_stays_only_where_there_is_room(more: tuple[float, ...]) -> None:
    keeping = [individual(0.1 * i, *more) for i in range(3)]
    little, much = individual(0.9, *more, violation=0.1), individual(0.95, *more, violation=0.2)
    pool = [much, little, *keeping]
    assert set(map(id, fittest(pool, 3))) == set(map(id, keeping))
    assert id(little) in set(map(id, fittest(pool, 4)))
    assert id(much) not in set(map(id, fittest(pool, 4)))


def test_the_rung_comes_after_the_limits_and_before_by_how_much_one_is_broken() -> None:
    order = [
        Fitness([0.1], rung=1),
        Fitness([0.9], rung=0),
        Fitness([0.1], rung=1, violation=0.5),
        Fitness([0.5], rung=0, violation=0.1),
        Fitness([0.9], rung=0, violation=0.2),
    ]
    assert sorted(order, reverse=True) == order
    assert all(a.dominates(b) and not b.dominates(a) for a, b in pairwise(order))


@pytest.mark.parametrize("objectives", [{"val_accuracy": "max"},
                                        {"val_accuracy": "max", "cost": "min"}])  # fmt: skip
def test_parents_are_those_that_keep_the_limits(objectives: dict[str, str]) -> None:
    spec = SearchSpec(
        evolution={"population": 6, "immigrants": 0.0},
        objectives=objectives,
        constraints=["val_loss <= 1"],
    )
    evolution = Evolution(spec, seed=1)
    first = evolution.ask()
    with pytest.raises(InputError, match="has no objective val_loss"):
        evolution.tell([Evaluation.ok(c, val_accuracy=0.5, cost=1.0) for c in first])
    evolution = Evolution(spec, seed=1)
    keeping = {c.id for c in evolution.ask()[:6:2]}
    evolution.tell(
        Evaluation.ok(
            c,
            val_accuracy=0.5 if c.id in keeping else 0.9,
            cost=1.0,
            val_loss=0.5 if c.id in keeping else 2.0,
        )
        for c in first
    )
    evolution._rank()  # as the next ask() does
    kept = fittest(evolution._population, 3)
    assert {i.candidate.id for i in kept if i.candidate} == keeping
