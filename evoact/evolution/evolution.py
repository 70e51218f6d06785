"""The search engine behind `ask` and `tell`."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Final

from evoact.errors import InputError
from evoact.evolution.admission import Admission
from evoact.evolution.generate import Generator
from evoact.evolution.genes import draw_genes, seed_genes, vary_genes
from evoact.evolution.individual import Fitness, Individual, deap_draws_from
from evoact.evolution.primitive_set import grammar
from evoact.evolution.selection import parent, survivors
from evoact.evolution.trees import to_tree, valid_expression
from evoact.evolution.variation import Mutation, crossover
from evoact.records import Candidate, Evaluation, Rejected, SearchSpec

_ATTEMPTS: Final = 100  # for each candidate asked, before a space counts as exhausted
_IMMIGRANTS: Final = 0.1  # share of random trees in every generation
_EXTRA_DEPTHS: Final = (1, 2, 3, 4)  # of random trees, over what it takes to read x


class Evolution:
    """Genetic programming over the expressions of a search space.

    `ask` returns candidates that were never asked before, no two of them the
    same function with the same annealing genes; `tell` takes their
    evaluations. It trains nothing and knows no workers. All draws come from
    `seed`: the same tells give the same asks.

    >>> from evoact.records import SearchSpec
    >>> evolution = Evolution(SearchSpec(), seed=0)
    >>> candidates = evolution.ask(4)
    >>> [c.origin for c in candidates]
    ['seed', 'seed', 'random', 'random']
    >>> evolution.tell([Evaluation.ok(c, val_accuracy=0.5) for c in candidates])
    >>> evolution.generation
    1
    """

    def __init__(self, space: SearchSpec, seed: int = 0) -> None:
        self.space = space
        self.generation = 0
        self.rejected: list[Rejected] = []
        self._rng = random.Random(seed)  # noqa: S311  # a search, not a secret
        # Genes have draws of their own: a space without annealing, the control of
        # another, starts from the same expressions.
        self._rng_of_genes = random.Random(f"{seed} genes")  # noqa: S311  # likewise
        made = grammar(space.language, self._rng)
        self._generator = Generator(made, self._rng)
        self._mutation = Mutation(made, self._generator, self._rng)
        self._admission = Admission(space.language)
        self._population: list[Individual] = []
        self._asked: dict[str, Individual] = {}

    def ask(self, n: int | None = None) -> list[Candidate]:
        """Return up to `n` new candidates; fewer when the space is exhausted.

        What was bred but not returned, and why, is in `rejected` afterwards.

        Args:
            n: how many; the space's population by default.

        Raises:
            InputError: `n` is not positive, or candidates asked before were
                not told yet.
        """
        count = self.space.evolution.population if n is None else n
        if count < 1:
            raise InputError(f"n is {count}; wanted at least 1 candidate to ask for")
        if self._asked:
            raise InputError(
                f"ask() was called while {len(self._asked)} candidates of the last ask() wait "
                "for their evaluations; call tell() with all of them first"
            )
        self.rejected = []
        with deap_draws_from(self._rng):
            self._seed(count)
            for _ in range(_ATTEMPTS * count):
                if len(self._asked) == count:
                    break
                self._admit(*self._breed())
        return [i.candidate for i in self._asked.values() if i.candidate]

    def tell(self, evaluations: Iterable[Evaluation]) -> None:
        """Take the evaluations of all candidates asked last, in any order.

        Failed ones count as seen, and never enter selection.

        Raises:
            InputError: not exactly the candidates asked, or an objective of
                the space is missing.
        """
        told = list(evaluations)
        by_id = {evaluation.candidate_id: evaluation for evaluation in told}
        self._check_told(told, by_id)
        for candidate_id, individual in self._asked.items():
            evaluation = by_id[candidate_id]
            if evaluation.is_ok:
                individual.fitness = Fitness(self.space.signed(dict(evaluation.objectives)))
                self._population.append(individual)
        with deap_draws_from(self._rng):
            self._population = survivors(self._population, self.space.evolution.population)
        self._asked = {}
        self.generation += 1

    def _check_told(self, told: Sequence[Evaluation], by_id: dict[str, Evaluation]) -> None:
        if not self._asked:
            raise InputError("tell() was called before ask(); there is nothing to tell")
        if set(by_id) != set(self._asked) or len(told) != len(by_id):
            missing, strange = set(self._asked) - set(by_id), set(by_id) - set(self._asked)
            raise InputError(
                f"tell() got {len(told)} evaluations for {len(self._asked)} candidates: "
                f"{len(missing)} missing, {len(strange)} of candidates that were not asked, "
                f"{len(told) - len(by_id)} twice; wanted one for each candidate of the last ask()"
            )
        for evaluation in told:
            lacking = set(self.space.objectives) - set(evaluation.objectives)
            if evaluation.is_ok and lacking:
                raise InputError(
                    f"evaluation of {evaluation.candidate_id[:12]} has no objective "
                    f"{', '.join(sorted(lacking))}; the space asks for "
                    f"{', '.join(self.space.objectives)}"
                )

    # Breeding

    def _seed(self, count: int) -> None:
        """Start the first generation from the space's named functions."""
        if self.generation > 0:
            return
        for expression in self.space.seed_expressions()[:count]:
            tree = to_tree(expression, self._rng, self.space.language.shape_tree)
            self._admit(Individual(tree, seed_genes(self.space.anneal)), "seed", ())

    def _breed(self) -> tuple[Individual, str, tuple[str, ...]]:
        if not self._population or self._rng.random() < _IMMIGRANTS:
            return self._random(), "random", ()
        spec = self.space.evolution
        first = parent(self._population, spec.tournament, self._rng)
        parents = [first]
        if self._rng.random() < spec.crossover:
            parents.append(parent(self._population, spec.tournament, self._rng))
            child, origin = crossover(first, parents[1], self._rng), "crossover"
        else:
            child, origin = self._mutation(first)
        child.anneal = vary_genes(child.anneal, self.space.anneal, self._rng_of_genes)
        return child, origin, tuple(p.candidate.id for p in parents if p.candidate)

    def _random(self) -> Individual:
        tree = self._generator.tree(self._rng.choice(_EXTRA_DEPTHS))
        return Individual(tree, draw_genes(self.space.anneal, self._rng_of_genes))

    def _admit(self, child: Individual, origin: str, parents: tuple[str, ...]) -> None:
        """Make a candidate of an offspring, unless there is a reason not to."""
        expression = valid_expression(child)
        assert expression is not None, "variation returns valid trees alone"
        if self.space.language.shape is None:  # folding constants changes the shape
            child = Individual(to_tree(expression, self._rng), child.anneal)
        verdict = self._admission.admit(child, expression, origin, parents)
        if isinstance(verdict, Rejected):
            self.rejected.append(verdict)
        else:
            child.candidate = verdict
            self._asked[verdict.id] = child
