"""The `evolution` section of a specification: how candidates are bred and selected."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from evoact.records.section import ExpressionText, Positive, Section, read_switch


class ScreensSpec(Section):
    """What is rejected before it is trained, besides what is not finite or constant.

    `linear` functions make a network no more than one layer. With a `depth`,
    signal and gradient are followed through so many random layers with the
    function's own gain, and one that makes either explode or vanish there is
    rejected; 0 lets all through. Its reason stands in the journal.
    """

    linear: bool = True
    depth: Annotated[int, Field(ge=0, le=1000)] = 4


class EvolutionSpec(Section):
    """How candidates are bred and selected.

    `algorithm` says who has children. With `gp` the best of all so far (by
    NSGA-II where there are several objectives); with `aging` the youngest
    `population`, whatever they are worth (regularised evolution, Real et al.
    2019); with `random` nobody: the control, of the same generator, screens and
    deduplication. Parents win a `tournament` of so many.

    `crossover` is the share of children that have two parents, `immigrants` that
    of random ones. `adaptive` moves the rates of crossover and of each mutation
    towards those whose children were better than their parent.

    The first generation is `seeds`, then `warm_start`, then random ones.
    `warm_start` is the folder of a study, a `hall_of_fame.csv`, or expressions; a
    study resolves it to expressions when it begins.

    With a `surrogate` many offspring are bred for each that is trained,
    `offspring` of them, and those are trained that a model of the trainings so
    far finds most promising: by the `upper_bound` of its prediction, or by
    `expected_improvement`, and unlike each other. Seven tenths of them are random
    (more by `immigrants`): children of the best alone lead nowhere new. It
    predicts the first of the objectives that training measures. `auto` is on where candidates are
    functions of one number, the search has at least 40 evaluations, and the
    algorithm is not `random`, the control. The first 8 evaluations are without.

    With `mode: steady_state` workers never wait for a generation: of what is
    known when a cohort ends, the next one is bred. What is found then depends
    on which training ends first. A generation is then every `population`
    candidates, in the order that they are asked.
    """

    algorithm: Literal["gp", "aging", "random"] = "gp"
    mode: Literal["generational", "steady_state"] = "generational"
    population: Annotated[int, Field(ge=2)] = 24
    generations: Positive = 8
    seeds: tuple[ExpressionText, ...] = ("relu", "silu")
    warm_start: str | tuple[ExpressionText, ...] = ()
    crossover: Annotated[float, Field(ge=0, le=1)] = 0.4
    immigrants: Annotated[float, Field(ge=0, le=1)] = 0.1
    adaptive: bool = False
    tournament: Annotated[int, Field(ge=1)] = 3
    surrogate: Annotated[Literal["off", "on", "auto"], BeforeValidator(read_switch)] = "auto"
    acquisition: Literal["upper_bound", "expected_improvement"] = "upper_bound"
    offspring: Annotated[int, Field(ge=2, le=100)] = 4
    screens: ScreensSpec = ScreensSpec()
    cohort: Literal["auto"] | Positive = "auto"

    @property
    def warm(self) -> tuple[str, ...]:
        """The expressions of `warm_start`; none while it is the name of a file."""
        return () if isinstance(self.warm_start, str) else self.warm_start

    def cohort_size(self) -> int:
        """Return how many candidates go to a worker at once.

        Of the space alone, never of timing or the number of workers, so that
        a study's cohorts are the same wherever it runs.
        """
        return math.ceil(self.population / 8) if self.cohort == "auto" else self.cohort


def check_first(evolution: EvolutionSpec) -> None:
    """Raise `ValueError` where the first generation has no room for what it starts from."""
    given = {"seeds": len(evolution.seeds), "warm_start": len(evolution.warm)}
    if sum(given.values()) > evolution.population:
        what = " and ".join(f"evolution.{key} are {n}" for key, n in given.items() if n)
        raise ValueError(
            f"{what}, more than evolution.population {evolution.population}; "
            "raise the population or drop some"
        )
