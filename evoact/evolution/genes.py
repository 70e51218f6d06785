"""Genes beside the tree: drawn, varied, those of the seeds, and those that a function can have."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from evoact.errors import InputError
from evoact.language import Expression
from evoact.language.early import auto_early, check_path
from evoact.records import NO_ANNEALING, Anneal, AnnealSpec
from evoact.records.anneal import AUTO, BLEND, LADDER

_MUTATION: Final = 0.2
_ALL_ANEW: Final = 0.5  # share of mutations; the others change one gene


def draw_genes(spec: AnnealSpec, rng: random.Random) -> Anneal | None:
    """Draw annealing genes from the space; its defaults when they do not evolve."""
    if not spec.evolve:
        return spec.default()
    return spec.genes({gene: rng.choice(values) for gene, values in spec.options().items()})


def vary_genes(genes: Anneal | None, spec: AnnealSpec, rng: random.Random) -> Anneal | None:
    """Return the genes, now and then with one of them changed, or all drawn anew."""
    if not spec.evolve or rng.random() >= _MUTATION:
        return genes
    near = [] if genes is None or rng.random() < _ALL_ANEW else list(_neighbours(genes, spec, rng))
    if not near:
        return draw_genes(spec, rng)
    gene = rng.choice(list(dict.fromkeys(name for name, _ in near)))
    return rng.choice([other for name, other in near if name == gene])


def _neighbours(
    genes: Anneal, spec: AnnealSpec, rng: random.Random
) -> Iterator[tuple[str, Anneal | None]]:
    """Yield what differs in one gene, with the gene's name."""
    now: dict[str, Any] = {name: getattr(genes, name) for name in spec.options()}
    now["early"] = _listed_early(genes, spec, rng)
    for name, values in spec.options().items():
        for value in values:
            other = spec.genes({**now, name: value})
            if other != genes:
                yield name, other


def _listed_early(genes: Anneal, spec: AnnealSpec, rng: random.Random) -> str:
    """Return the early function as the space lists it.

    Where the path derives it, one is chosen for the path `blend`.
    """
    if genes.early is not None:
        return str(genes.early)
    if genes.path == BLEND:
        return AUTO
    return rng.choice([text for text in spec.early if text != NO_ANNEALING] or [AUTO])


def draw_head(heads: Sequence[str], rng: random.Random) -> str | None:
    """Draw the head of a candidate; None, and no draw, where all have the same."""
    return rng.choice(heads) if len(heads) > 1 else None


def vary_head(head: str | None, heads: Sequence[str], rng: random.Random) -> str | None:
    """Return the head, now and then another one."""
    others = [other for other in heads if other != head] if len(heads) > 1 else []
    return rng.choice(others) if others and rng.random() < _MUTATION else head


def seed_head(heads: Sequence[str]) -> str | None:
    """Return the head of seed functions: the first, as that of baselines."""
    return heads[0] if len(heads) > 1 else None


def seed_genes(spec: AnnealSpec) -> Anneal | None:
    """Return the genes of seed functions: without annealing where that is allowed."""
    return None if NO_ANNEALING in spec.early and spec.evolve else spec.default()


def fitting_genes(genes: Anneal | None, late: Expression) -> Anneal | None:
    """Return the genes that a late function can have, one writing for equal trainings.

    A path that cannot serve the function becomes `blend`, an early function of
    another width `auto`. None, for training with the late function alone, where
    no early function can be derived, where it is the late one itself, and where
    g is 1 from the first step on.

    >>> from evoact.language import named
    >>> fitting_genes(Anneal(named("relu")), named("glu")).early_text
    'auto'
    >>> fitting_genes(Anneal(named("relu"), end=0.0), named("silu"))
    """
    if genes is None or genes.end == 0.0:
        return None
    if genes.early is not None and genes.early.width != late.width:
        genes = replace(genes, early=None)
    early = _early(genes, late)
    if early is None and genes.path != BLEND:
        genes = replace(genes, path=BLEND)
        early = _early(genes, late)
    if early is None or early.canonical() == late.canonical():
        return None
    if genes.start == genes.end:  # g jumps: there is no way for it to take
        genes = replace(genes, schedule="linear", layers="together")
    return genes


def _early(genes: Anneal, late: Expression) -> Expression | None:
    if genes.early is not None:
        return genes.early
    try:
        check_path(late, genes.path)
        # A ladder's rungs take a tenth of a second; the same functions have no way to go.
        return auto_early(late, BLEND if genes.path == LADDER else genes.path)
    except InputError:
        return None
