"""Annealing genes: drawn, varied, and those of the seeds."""

from __future__ import annotations

import random
from typing import Final

from evoact.records import NO_ANNEALING, Anneal
from evoact.records.spec import AnnealSpec

_MUTATION: Final = 0.2
_END_STEPS: Final = 5


def draw_genes(spec: AnnealSpec, rng: random.Random) -> Anneal | None:
    """Draw annealing genes from the space; its defaults when they do not evolve."""
    if not spec.evolve:
        return spec.default()
    step = rng.randint(1, _END_STEPS)
    end = round(spec.start + (spec.end - spec.start) * step / _END_STEPS, 6)
    return spec.genes(rng.choice(spec.early), rng.choice(spec.schedule), end)


def vary_genes(genes: Anneal | None, spec: AnnealSpec, rng: random.Random) -> Anneal | None:
    """Return the genes, now and then drawn anew."""
    if spec.evolve and rng.random() < _MUTATION:
        return draw_genes(spec, rng)
    return genes


def seed_genes(spec: AnnealSpec) -> Anneal | None:
    """Return the genes of seed functions: without annealing where that is allowed."""
    return None if NO_ANNEALING in spec.early and spec.evolve else spec.default()
