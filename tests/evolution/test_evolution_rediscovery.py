"""Symbolic regression by ask and tell: silu is found where it is not listed.

Every candidate is standardised, and so is the target; the objective is the
mean square distance on quantiles of the standard normal.
"""

import numpy as np
import pytest
from scipy import special

from evoact.evolution import Evolution
from evoact.language import named
from evoact.language.standard import standardised
from evoact.records import Candidate, Evaluation, SearchSpec
from evoact.study import load_space

INPUTS = special.ndtri((np.arange(200) + 0.5) / 200)
TARGET = standardised(named("silu")).numpy()(INPUTS)
FOUND = -1e-8

_UNITS = load_space("search_spaces/core_units.yaml")
CORE_UNITS = _UNITS.model_copy(
    update={
        "language": _UNITS.language.model_copy(
            update={"primitives": tuple(p for p in _UNITS.language.primitives if p != "silu")}
        )
    }
)
FREE = SearchSpec(
    language={
        "primitives": ["add", "sub", "mul", "max", "min", "neg", "abs", "square", "sigmoid",
                       "tanh", "relu", "softplus", "gaussian"],
        "parameters": "none",
        "max_nodes": 7,
    },
    anneal={"evolve": False, "early": ["none"]},
    evolution={"seeds": [], "population": 40},
)  # fmt: skip


def closeness(candidate: Candidate) -> float:
    """The negative distance to silu, or to its mirror image: these are one class."""
    values = candidate.late.numpy()(INPUTS)
    distances = [np.mean((sign * values - TARGET[::step]) ** 2)
                 for sign in (1, -1) for step in (1, -1)]  # fmt: skip
    return -float(np.clip(np.nan_to_num(min(distances), nan=1e3), 0.0, 1e3))


def evaluations_until_found(space: SearchSpec, seed: int, most: int) -> int | None:
    """Return how many evaluations it took to find silu, or None."""
    evolution, done = Evolution(space, seed), 0
    while done < most:
        candidates = evolution.ask()
        if not candidates:
            return None
        values = [closeness(candidate) for candidate in candidates]
        if max(values) > FOUND:
            return done + 1 + next(i for i, value in enumerate(values) if value > FOUND)
        done += len(candidates)
        evolution.tell(
            [Evaluation.ok(c, val_accuracy=v) for c, v in zip(candidates, values, strict=True)]
        )
    return None


SPACES = pytest.mark.parametrize("space", [CORE_UNITS, FREE], ids=["units", "free"])


@SPACES
def test_silu_is_rediscovered(space):
    """From seeds that are quick; how often it succeeds is measured by the slow test."""
    counts = [evaluations_until_found(space, seed, most=300) for seed in (1, 4)]
    assert any(count is not None for count in counts), counts


@pytest.mark.slow
@SPACES
def test_silu_is_rediscovered_from_most_seeds(space):
    """Measured: from 8 of 8 seeds, after 151 (units) and 97 (free) evaluations in the median."""
    counts = [evaluations_until_found(space, seed, most=800) for seed in range(8)]
    assert sum(count is not None for count in counts) >= 6, counts
