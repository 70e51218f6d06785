"""Who has children and who stays, by DEAP's operators."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from deap import tools

from evoact.evolution.individual import Individual


def fittest(pool: list[Individual], size: int) -> list[Individual]:
    """Return the best `size` of a pool: by value, or by NSGA-II (Deb et al. 2002).

    By value, only the best stays of those that differ in numbers alone: variants
    of one formula would soon fill the population, and nothing else be found.
    """
    if not pool:
        return []
    if len(pool[0].fitness.values) == 1:
        kept: list[Individual] = tools.selBest(_best_of_each_form(pool), size)
    else:
        # Also of a pool that is small enough: this sets the crowding distances.
        kept = tools.selNSGA2(pool, min(size, len(pool)))
    return kept


def youngest(pool: list[Individual], size: int) -> list[Individual]:
    """Return the `size` of a pool that were asked last (Real et al. 2019).

    Whoever is lucky once dies too: only what is good again in its children stays.
    """
    kept = sorted(pool, key=lambda individual: individual.number)[-size:]
    if kept and len(kept[0].fitness.values) > 1:
        tools.emo.assignCrowdingDist(kept)  # what tournaments ask for
    return kept


def nobody(pool: list[Individual], size: int) -> list[Individual]:  # noqa: ARG001  # as the others
    """Return no one: whatever comes next is random."""
    return []


SURVIVORS: Final[Mapping[str, Callable[[list[Individual], int], list[Individual]]]] = (
    MappingProxyType({"gp": fittest, "aging": youngest, "random": nobody})
)
"""Who of a pool stays, by `evolution.algorithm`."""


def _best_of_each_form(pool: list[Individual]) -> list[Individual]:
    best: dict[tuple[str, ...], Individual] = {}
    for individual in pool:
        known = best.setdefault(individual.form(), individual)
        if individual.fitness > known.fitness:
            best[individual.form()] = individual
    return list(best.values())


def parent(population: list[Individual], tournament: int, rng: random.Random) -> Individual:
    """Return the winner of a tournament.

    With several objectives, the winner of two by dominance, then by crowding.
    """
    if len(population[0].fitness.values) == 1:
        winner: Individual = tools.selTournament(population, 1, tournament)[0]
        return winner
    if len(population) < 4:  # what selTournamentDCD draws at once
        return rng.choice(population)
    dominant: Individual = tools.selTournamentDCD(population, 1)[0]
    return dominant
