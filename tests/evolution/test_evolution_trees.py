"""Trees from and to expressions, random trees, and each way to vary them."""

import random

import pytest

from evoact.evolution.generate import Generator
from evoact.evolution.individual import Individual, deap_draws_from
from evoact.evolution.primitive_set import Value, primitive_set, to_expression, to_tree
from evoact.evolution.variation import Mutation, crossover
from evoact.language import PRIMITIVES, ZOO, ExpressionError, named, parse
from evoact.records import LanguageSpec

EVERYTHING = LanguageSpec(primitives=tuple(PRIMITIVES), parameters="per_channel")


def tools(spec=EVERYTHING, seed=0):
    rng = random.Random(seed)
    pset = primitive_set(spec, rng)
    generator = Generator(pset, rng)
    return rng, generator, Mutation(pset, generator, rng)


@pytest.mark.parametrize("name", ZOO)
def test_expression_survives_being_a_tree(name):
    expression = named(name)
    assert to_expression(to_tree(expression, random.Random(0))) == expression


def test_a_shared_parameter_stays_shared():
    expression = parse("a * x + tanh(a + b) where a = 1.0, b = 1.0")
    again = to_expression(to_tree(expression, random.Random(0)))
    assert again == expression
    assert len(again.parameters) == 2


@pytest.mark.parametrize("depth", [0, 1, 2, 5])
def test_random_trees_are_complete_typed_and_within_their_depth(depth):
    _, generator, _ = tools()
    for _ in range(300):
        tree = Individual(generator.grow(Value, depth))
        assert tree.height <= depth + 1  # numbers of clamp and the like hang below
        assert is_typed(tree)


def is_typed(tree) -> bool:
    wanted = [Value]
    for node in tree:
        if not wanted or node.ret is not wanted.pop():
            return False
        if node.arity:
            wanted += reversed(node.args)
    return not wanted


def test_every_primitive_is_generated():
    _, generator, _ = tools()
    used = {node.name for _ in range(3000) for node in generator.grow(Value, 3) if node.arity}
    assert used == set(PRIMITIVES)


def test_variation_gives_typed_trees_and_leaves_parents_alone():
    rng, generator, mutate = tools(seed=1)
    population = [Individual(generator.grow(Value, 4)) for _ in range(40)]
    before = [str(tree) for tree in population]
    origins = set()
    with deap_draws_from(rng):
        for _ in range(2000):
            a, b = rng.choice(population), rng.choice(population)
            mutant, origin = mutate(a)
            origins.add(origin)
            for child in (mutant, crossover(a, b, rng)):
                assert is_typed(child)
                assert child is not a
    assert [str(tree) for tree in population] == before
    assert origins == {f"mutation:{name}" for name in mutate.operators}


def test_variation_bears_primitives_that_the_set_does_not_have():
    """Seeds may be written with others than the space's primitives."""
    rng, _, mutate = tools(LanguageSpec(primitives=("add", "mul"), constants=False), seed=3)
    tree = Individual(to_tree(parse("clamp(tanh(x), -1, 1) * silu(x)"), rng))
    with deap_draws_from(rng):
        for _ in range(300):
            mutant, _ = mutate(tree)
            assert is_typed(mutant)
            to_expression(mutant)


def test_perturbing_moves_all_uses_of_a_parameter():
    rng, _, mutate = tools(seed=2)
    tree = Individual(to_tree(parse("a * x + a where a = 1.0"), rng))
    moved = to_expression(mutate.operators["perturb"](tree.child()))
    assert len(moved.parameters) == 1
    assert moved.parameters[0].initial != 1.0


def test_non_finite_constants_are_an_error_of_the_tree():
    _, generator, _ = tools()
    del generator
    tree = to_tree(parse("log(x)"), random.Random(0))
    tree[1] = to_tree(parse("-1.0 * x"), random.Random(0))[1]
    with pytest.raises(ExpressionError, match="nan"):
        to_expression(tree)
