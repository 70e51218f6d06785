"""Making offspring: crossover and mutation of trees, mutation of genes."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from typing import Any, Final

from deap import gp

from evoact.evolution.generate import Generator
from evoact.evolution.individual import Individual
from evoact.evolution.primitive_set import Slot, leaf
from evoact.language import Const
from evoact.records import NO_ANNEALING, Anneal
from evoact.records.spec import AnnealSpec

_SUBTREE_DEPTH: Final = 2
_GENE_MUTATION: Final = 0.2
_END_STEPS: Final = 5


def crossover(a: Individual, b: Individual, rng: random.Random) -> Individual:
    """Return a copy of `a` in which a subtree is replaced by one of `b`.

    Not DEAP's `cxOnePoint`: that chooses the type by iterating over a set of
    classes, in an order that changes with every process.
    """
    child = a.child()
    places: dict[str, list[int]] = defaultdict(list)
    for index, node in enumerate(b):
        places[node.ret.__name__].append(index)
    index = rng.choice([i for i, node in enumerate(child) if places[node.ret.__name__]])
    donor = rng.choice(places[child[index].ret.__name__])
    child[child.searchSubtree(index)] = b[b.searchSubtree(donor)]
    return child


class Mutation:
    """Changes a copy of a tree at one place, by an operator chosen at random."""

    def __init__(
        self, pset: gp.PrimitiveSetTyped, generator: Generator, rng: random.Random
    ) -> None:
        self._pset, self._generator, self._rng = pset, generator, rng
        self.operators = {
            "subtree": self._subtree,
            "replace": self._replace,
            "insert": lambda tree: gp.mutInsert(tree, self._pset)[0],
            "shrink": lambda tree: gp.mutShrink(tree)[0],
            "perturb": self._perturb,
        }

    def __call__(self, parent: Individual) -> tuple[Individual, str]:
        """Return a changed copy and the name of the operator."""
        name = self._rng.choice(list(self.operators))
        return self.operators[name](parent.child()), f"mutation:{name}"

    def _subtree(self, tree: Individual) -> Individual:
        def expr(pset: Any, type_: type) -> list[Any]:  # noqa: ARG001  # DEAP's signature
            return self._generator.grow(type_, _SUBTREE_DEPTH)

        mutated: Individual = gp.mutUniform(tree, expr, self._pset)[0]
        return mutated

    def _replace(self, tree: Individual) -> Individual:
        """Put another primitive of the same signature, or another leaf, at one place.

        Not DEAP's `mutNodeReplacement`: that fails at primitives whose signature
        no other in the set has, such as a seed's.
        """
        index = self._rng.randrange(len(tree))
        node = tree[index]
        if node.arity == 0:
            tree[index : index + 1] = self._generator.grow(node.ret, 0)
            return tree
        others = [p for p in self._pset.primitives[node.ret] if p.args == node.args]
        if others:
            tree[index] = self._rng.choice(others)
        return tree

    def _perturb(self, tree: Individual) -> Individual:
        """Move one constant or one parameter's initial value by a normal step."""
        places = [
            i
            for i, node in enumerate(tree)
            if node.arity == 0 and isinstance(node.value, Const | Slot)
        ]
        if not places:
            return self._subtree(tree)
        payload = tree[self._rng.choice(places)].value
        for index in places:
            if tree[index].value == payload:  # a shared parameter stays one
                tree[index] = leaf(self._moved(payload), tree[index].ret)
        return tree

    def _moved(self, payload: Const | Slot) -> Const | Slot:
        if isinstance(payload, Const):
            step = self._rng.gauss(0.0, 0.3 * max(0.5, abs(payload.value)))
            return Const(round(payload.value + step, 3) + 0.0)
        step = self._rng.gauss(0.0, 0.3 * max(0.5, abs(payload.initial)))
        return replace(payload, initial=round(payload.initial + step, 3) + 0.0)


def draw_genes(spec: AnnealSpec, rng: random.Random) -> Anneal | None:
    """Draw annealing genes from the space; its defaults when they do not evolve."""
    if not spec.evolve:
        return spec.default()
    step = rng.randint(1, _END_STEPS)
    end = round(spec.start + (spec.end - spec.start) * step / _END_STEPS, 6)
    return spec.genes(rng.choice(spec.early), rng.choice(spec.schedule), end)


def vary_genes(genes: Anneal | None, spec: AnnealSpec, rng: random.Random) -> Anneal | None:
    """Return the genes, now and then drawn anew."""
    if spec.evolve and rng.random() < _GENE_MUTATION:
        return draw_genes(spec, rng)
    return genes


def seed_genes(spec: AnnealSpec) -> Anneal | None:
    """Return the genes of seed functions: without annealing where that is allowed."""
    return None if NO_ANNEALING in spec.early and spec.evolve else spec.default()
