"""The search engine behind `ask` and `tell`."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from evoact.errors import InputError
from evoact.evolution.admission import Admission
from evoact.evolution.generate import Generator
from evoact.evolution.genes import (
    draw_genes,
    draw_head,
    seed_genes,
    seed_head,
    vary_genes,
    vary_head,
)
from evoact.evolution.individual import Fitness, Individual, Score, deap_draws_from
from evoact.evolution.primitive_set import grammar
from evoact.evolution.rates import CROSSOVER, Rates
from evoact.evolution.selection import SURVIVORS, parent
from evoact.evolution.surrogate import surrogate_of
from evoact.evolution.trees import to_tree, valid_expression
from evoact.evolution.variation import Mutation, crossover
from evoact.language import Expression
from evoact.records import Candidate, Evaluation, Rejected, SearchSpec, merits

_ATTEMPTS: Final = 100  # for each candidate asked, before a space counts as exhausted
_TRIES: Final = 3  # offspring for each that the surrogate is to choose from, at most
_FRESH: Final = 0.7  # least share of random ones among those: it finds what nobody leads to
_POOL: Final = 1000  # offspring kept that were not chosen so far
_EXTRA_DEPTHS: Final = (1, 2, 3, 4)  # of random trees, over what it takes to read x


class Evolution:
    """A search of the expressions of a space, by `evolution.algorithm`.

    `ask` returns candidates that were never asked before, no two of them the
    same function with the same annealing genes; `tell` takes their
    evaluations. It trains nothing and knows no workers. All draws come from
    `seed`: the same asks and tells, in the same order, give the same candidates.

    With `evolution.mode: generational` they take turns. With `steady_state`
    more can be asked for while others wait, and any of those told; the first
    `population` candidates are seeds and random ones. With `evolution.surrogate`
    a model of the evaluations so far chooses among many offspring.

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
        self._admission = Admission(space)
        self._survivors = SURVIVORS[space.evolution.algorithm]
        self._rates = Rates(
            list(self._mutation.operators),
            space.evolution.crossover,
            adaptive=space.evolution.adaptive,
        )
        self._first = deque(_first(space))
        self._heads = space.task.head
        self._measured = {key for name in space.measures for key in space.keys(name)}
        self._surrogate = surrogate_of(space)
        self._pool: list[Individual] = []
        self._steady = space.evolution.mode == "steady_state"
        self._population: list[Individual] = []
        self._asked: dict[str, Individual] = {}
        self._admitted = self._told = 0
        self._ranked = True

    def ask(self, n: int | None = None) -> list[Candidate]:
        """Return up to `n` new candidates; fewer when the space is exhausted.

        What was bred but not returned, and why, is in `rejected` afterwards.

        Args:
            n: how many; the space's population by default.

        Raises:
            InputError: `n` is not positive, or candidates asked before were
                not told yet (which is allowed in `steady_state`).
        """
        count = self.space.evolution.population if n is None else n
        if count < 1:
            raise InputError(f"n is {count}; wanted at least 1 candidate to ask for")
        if self._asked and not self._steady:
            raise InputError(
                f"ask() was called while {len(self._asked)} candidates of the last ask() wait "
                "for their evaluations; call tell() with all of them first"
            )
        self.rejected = []
        full = len(self._asked) + count
        with deap_draws_from(self._rng):
            # Here and not in `tell`, so that it is the same whether evaluations
            # come together or one by one.
            self._rank()
            self._population = self._survivors(self._population, self.space.evolution.population)
            while self._first and len(self._asked) < full:
                self._start(*self._first.popleft())
            if self._surrogate is not None and self._surrogate.is_ready and not self._begins:
                self._propose(full - len(self._asked))
            for _ in range(_ATTEMPTS * count):
                if len(self._asked) == full:
                    break
                self._ask_for(self._admit(*self._breed()))
        new = islice(self._asked.values(), full - count, None)
        return [individual.candidate for individual in new if individual.candidate]

    def tell(self, evaluations: Iterable[Evaluation]) -> None:
        """Take the evaluations of the candidates asked last, in any order.

        Failed ones count as seen, and never enter selection.

        Raises:
            InputError: not exactly the candidates asked (in `steady_state`: one
                that was not asked, or told already), or an objective of the
                space is missing.
        """
        told = list(evaluations)
        by_id = {evaluation.candidate_id: evaluation for evaluation in told}
        self._check_told(told, by_id)
        # Whatever the order of telling, in that of asking.
        for individual in sorted(map(self._asked.__getitem__, by_id), key=lambda i: i.number):
            assert individual.candidate is not None, "who was asked for is a candidate"
            evaluation = by_id[individual.candidate.id]
            del self._asked[evaluation.candidate_id]
            if evaluation.is_ok:
                individual.score = Score(evaluation.objectives, evaluation.rung)
                self._population.append(individual)
            self._credit(individual)
            self._inform(individual.candidate, evaluation)
        self._ranked = False
        self._told += len(told)
        if self._steady:
            self.generation = self._told // self.space.evolution.population
        else:
            self.generation += 1

    def _check_told(self, told: Sequence[Evaluation], by_id: dict[str, Evaluation]) -> None:
        if not self._asked:
            raise InputError("tell() was called before ask(); there is nothing to tell")
        missing = set() if self._steady else set(self._asked) - set(by_id)
        strange = [told for told in by_id if told not in self._asked]
        if missing or strange or len(told) != len(by_id):
            wanted = "at most one for each that waits" if self._steady else "one for each of them"
            raise InputError(
                f"tell() got {len(told)} evaluations for {len(self._asked)} candidates: "
                f"{len(missing)} missing, {len(strange)} of candidates that were not asked, "
                f"{len(told) - len(by_id)} twice; wanted {wanted}"
            )
        for evaluation in told:
            lacking = self._measured - set(evaluation.objectives)
            if evaluation.is_ok and lacking:
                raise InputError(
                    f"evaluation of {evaluation.candidate_id[:12]} has no objective "
                    f"{', '.join(sorted(lacking))}; the space asks for "
                    f"{', '.join(self.space.measures)}"
                )

    def _rank(self) -> None:
        """Give the pool their fitness; on several tasks it is relative to the others, so to all."""
        if self._ranked:
            return
        self._ranked = True
        relative = bool(self.space.tasks)
        pool = [i for i in self._population if relative or not i.fitness.valid]
        found = self._fitnesses([i.score for i in pool if i.score])
        for individual, fitness in zip(pool, found, strict=True):
            individual.fitness = fitness

    def _fitnesses(self, group: Sequence[Score]) -> list[Fitness]:
        values = merits(self.space, [score.objectives for score in group])
        return [
            Fitness(its, score.rung, self.space.violation(score.objectives))
            for score, its in zip(group, values, strict=True)
        ]

    def _inform(self, candidate: Candidate | None, evaluation: Evaluation) -> None:
        """Let the surrogate learn; who breaks a limit stands below all who keep them."""
        if self._surrogate is None or candidate is None:
            return
        value = self.space.predicted(evaluation.objectives) if evaluation.is_ok else None
        keeps = value is None or self.space.violation(evaluation.objectives) == 0.0
        self._surrogate.learn(candidate, value, evaluation.rung if keeps else -1)

    def _credit(self, child: Individual) -> None:
        """Count whether an operator's child was better than its parent; a failure was not."""
        if child.of is None or child.candidate is None:
            return
        improved = False
        if child.score is not None:
            its, parents = self._fitnesses([child.score, child.of])
            improved = its.dominates(parents)
        self._rates.credit(child.candidate.origin, improved=improved)

    # Breeding

    def _start(self, expression: Expression, origin: str) -> None:
        """Start from a function that the space names."""
        tree = to_tree(expression, self._rng, self.space.language.shape_tree)
        child = Individual(tree, seed_genes(self.space.anneal), seed_head(self._heads))
        self._ask_for(self._admit(child, origin, ()))

    @property
    def _begins(self) -> bool:
        """Whether it is too early to breed: of a few alone, all would be their children."""
        asked = self._told + len(self._asked)
        return self._steady and asked < self.space.evolution.population

    def _propose(self, count: int) -> None:
        """Ask for the offspring that the surrogate chooses, of new ones and those kept."""
        assert self._surrogate is not None
        wanted = count * self.space.evolution.offspring
        fresh = max(_FRESH, self.space.evolution.immigrants)
        full = len(self._pool) + wanted
        for _ in range(_TRIES * wanted):
            if len(self._pool) == full:
                break
            child = self._admit(*self._breed(fresh))
            self._pool += [child] if child else []
        waiting = [asked.candidate for asked in self._asked.values() if asked.candidate]
        pool = [child.candidate for child in self._pool if child.candidate]
        chosen = self._surrogate.choose(pool, count, waiting)
        for place, predicted in chosen:
            self._pool[place].candidate = replace(pool[place], predicted=predicted)
            self._ask_for(self._pool[place])
        taken = {place for place, _ in chosen}
        left = [child for place, child in enumerate(self._pool) if place not in taken]
        # Where parents die of age, their children must not outlive them here.
        keep = 0 if self.space.evolution.algorithm == "aging" else _POOL
        gone, self._pool = left[: max(0, len(left) - keep)], left[max(0, len(left) - keep) :]
        self._admission.forget(child.candidate for child in gone if child.candidate)

    def _breed(self, immigrants: float | None = None) -> tuple[Individual, str, tuple[str, ...]]:
        spec = self.space.evolution
        share = spec.immigrants if immigrants is None else immigrants
        if self._begins or not self._population or self._rng.random() < share:
            return self._random(), "random", ()
        first = parent(self._population, spec.tournament, self._rng)
        parents = [first]
        if self._rates.crosses(self._rng):
            parents.append(parent(self._population, spec.tournament, self._rng))
            child, origin = crossover(first, parents[1], self._rng), CROSSOVER
        else:
            child, origin = self._mutation(first, self._rates)
        child.anneal = vary_genes(child.anneal, self.space.anneal, self._rng_of_genes)
        child.head = vary_head(child.head, self._heads, self._rng_of_genes)
        return child, origin, tuple(p.candidate.id for p in parents if p.candidate)

    def _random(self) -> Individual:
        tree = self._generator.tree(self._rng.choice(_EXTRA_DEPTHS))
        genes = draw_genes(self.space.anneal, self._rng_of_genes)
        return Individual(tree, genes, draw_head(self._heads, self._rng_of_genes))

    def _admit(self, child: Individual, origin: str, parents: tuple[str, ...]) -> Individual | None:
        """Return an offspring with the candidate that it becomes, unless there is a reason not to.

        One that waits in the pool already, or like it, is no rejection.
        """
        expression = valid_expression(child)
        assert expression is not None, "variation returns valid trees alone"
        if self.space.language.shape is None:  # folding constants changes the shape
            tree, bred = to_tree(expression, self._rng), child
            child = Individual(tree, bred.anneal, bred.head)
            child.of = bred.of
        verdict = self._admission.admit(child, expression, origin, parents)
        if not isinstance(verdict, Rejected):
            child.candidate = verdict
            return child
        pooled = {kept.candidate.id for kept in self._pool if kept.candidate}
        if verdict.duplicate_of not in pooled:
            self.rejected.append(verdict)
        return None

    def _ask_for(self, child: Individual | None) -> None:
        if child is not None and child.candidate is not None:
            child.number = self._admitted
            self._asked[child.candidate.id] = child
            self._admitted += 1


def _first(space: SearchSpec) -> Iterator[tuple[Expression, str]]:
    """Yield what the first generation starts from, and the origin that it gets.

    Raises:
        InputError: `evolution.warm_start` names a study that nobody has read.
    """
    warm = space.evolution.warm_start
    if isinstance(warm, str):
        raise InputError(
            f"evolution.warm_start is {warm!r}; wanted a list of expressions: evoact.search reads "
            "a study, and evoact.study.warmed does for a search of one's own"
        )
    yield from ((expression, "seed") for expression in space.seed_expressions())
    yield from ((expression, "warm") for expression in space.warm_expressions())
