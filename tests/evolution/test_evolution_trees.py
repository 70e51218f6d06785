"""Trees from and to expressions, random trees, and each way to vary them."""

import random

import pytest

from evoact.errors import InputError
from evoact.evolution.generate import Generator
from evoact.evolution.individual import Individual
from evoact.evolution.primitive_set import grammar
from evoact.evolution.trees import is_well_typed, to_expression, to_tree, valid_expression
from evoact.evolution.types import Share, ValueType, value_type
from evoact.evolution.variation import Mutation, crossover
from evoact.language import PRIMITIVES, WIDTHS, ZOO, ExpressionError, named, parse, resolve
from evoact.records import LanguageSpec

EVERYTHING = LanguageSpec(primitives=tuple(PRIMITIVES), parameters="per_channel", widths=WIDTHS)
POINTWISE = LanguageSpec(parameters="per_channel")


def tools(spec=EVERYTHING, seed=0):
    rng = random.Random(seed)
    made = grammar(spec, rng)
    generator = Generator(made, rng)
    return rng, made, generator, Mutation(made, generator, rng)


GROUPWISE = [
    "left(x) * sigmoid(right(x))",
    "concat(relu(x), relu(-x))",
    "concat(group_max(a * x, 2), b * left(x)) where a = 1 per channel, b = 2 per channel",
    "partial(tanh(x), 0.25) + multistep(x, 5)",
    "group_sort(group_sort(x, 3), 24)",
]


@pytest.mark.parametrize("text", [*ZOO, *GROUPWISE])
def test_expression_survives_being_a_tree(text):
    expression = resolve(text)
    tree = to_tree(expression, random.Random(0))
    assert to_expression(tree) == expression
    assert is_well_typed(tree, [value_type(expression.width)])


def test_a_shared_parameter_stays_shared():
    expression = parse("a * x + tanh(a + b) where a = 1.0, b = 1.0")
    again = to_expression(to_tree(expression, random.Random(0)))
    assert again == expression
    assert len(again.parameters) == 2


@pytest.mark.parametrize("spec", [EVERYTHING, POINTWISE], ids=["everything", "pointwise"])
@pytest.mark.parametrize("depth", [0, 1, 2, 5])
def test_random_trees_are_complete_typed_and_within_their_depth(spec, depth):
    _, made, generator, _ = tools(spec)
    least = {1: 0, 2: 1, 0.5: 1, 0.25: 1}  # group_max(x, 4) is as shallow as left(x)
    for root in made.roots:
        for _ in range(100):
            tree = Individual(generator.grow(root, depth))
            # Numbers of clamp and the like hang below.
            assert tree.height <= max(depth, least[root.width]) + 1
            assert is_well_typed(tree, [root])


def test_a_space_without_groupwise_primitives_has_width_1_only():
    _, made, _, _ = tools(POINTWISE)
    values = [t for t in made.pset.terminals if issubclass(t, ValueType)]
    assert values == [value_type(WIDTHS[2])] == list(made.roots)


def test_types_tell_apart_what_is_not_a_whole_tree():
    _, made, _, _ = tools()
    (root,) = {t for t in made.roots if t.width == 1}
    tree = to_tree(parse("partial(tanh(x), 0.5)"), random.Random(0))
    assert is_well_typed(tree, [root])
    for wrong in (tree[:-1], [*tree, tree[-1]], tree[1:2], [], tree[::-1]):
        assert not is_well_typed(wrong, [root])
    assert not is_well_typed(tree, [value_type(WIDTHS[0])])


def test_every_primitive_is_generated():
    _, _, generator, _ = tools()
    used = {node.name for _ in range(3000) for node in generator.tree(3) if node.arity}
    assert used == set(PRIMITIVES)


@pytest.mark.parametrize("name", ["subtree", "replace", "insert", "shrink", "perturb"])
def test_operators_give_typed_trees_and_leave_parents_alone(name):
    rng, made, generator, mutate = tools(seed=1)
    population = [Individual(generator.tree(3)) for _ in range(40)]
    before = [str(tree) for tree in population]
    changed = 0
    for _ in range(400):
        parent = rng.choice(population)
        mutant = mutate.operators[name](parent.child())
        assert is_well_typed(mutant, made.roots)
        changed += list(mutant) != list(parent)
    assert changed > 100
    assert [str(tree) for tree in population] == before


def test_crossover_leaves_parents_alone():
    rng, made, generator, _ = tools(seed=1)
    population = [Individual(generator.tree(3)) for _ in range(40)]
    before = [str(tree) for tree in population]
    children = [crossover(*rng.sample(population, 2), rng) for _ in range(400)]
    assert all(is_well_typed(child, made.roots) for child in children)
    assert len({str(child) for child in children} - set(before)) > 100
    assert [str(tree) for tree in population] == before


def test_trees_that_share_no_type_are_copied():
    rng = random.Random(0)
    a = Individual(to_tree(parse("x"), rng))
    b = Individual(to_tree(parse("x"), rng, LanguageSpec(shape="x").shape_tree))
    child = crossover(a, b, rng)
    assert child is not a
    assert list(child) == list(a)


def test_variation_bears_primitives_that_the_set_does_not_have():
    """Seeds may be written with others than the space's primitives."""
    rng, made, _, mutate = tools(LanguageSpec(primitives=("add", "mul"), constants=False), seed=3)
    tree = Individual(to_tree(parse("clamp(tanh(x), -1, 1) * silu(x)"), rng))
    for _ in range(300):
        mutant, _ = mutate(tree)
        assert is_well_typed(mutant, made.roots)
        to_expression(mutant)


def test_replacing_keeps_the_literals_that_fit():
    rng, _, _, mutate = tools(LanguageSpec(primitives=("clamp", "leaky_relu", "signed_pow")))
    tree = Individual(to_tree(parse("clamp(x, -1, 3)"), rng))
    texts = {str(to_expression(mutate.operators["replace"](tree.child()))) for _ in range(200)}
    assert "clamp(x, -1.0, 3.0)" in texts
    assert {"leaky_relu(x, -1.0)", "signed_pow(x, -1.0)"} <= texts


def test_perturbing_moves_all_uses_of_a_parameter():
    rng, _, _, mutate = tools(seed=2)
    tree = Individual(to_tree(parse("a * x + a where a = 1.0"), rng))
    moved = to_expression(mutate.operators["perturb"](tree.child()))
    assert len(moved.parameters) == 1
    assert moved.parameters[0].initial != 1.0


def test_perturbing_keeps_literals_what_they_must_be():
    rng, _, _, mutate = tools(seed=2)
    tree = Individual(to_tree(parse("partial(multistep(group_sort(x, 2), 2), 0.9)"), rng))
    for _ in range(300):
        tree = mutate.operators["perturb"](tree)
        to_expression(tree)
        share = next(node.value.value for node in tree if node.ret is Share)
        assert 0.05 <= share <= 0.95


def test_non_finite_constants_are_an_error_of_the_tree():
    tree = to_tree(parse("log(x)"), random.Random(0))
    tree[1] = to_tree(parse("-1.0 * x"), random.Random(0))[1]
    with pytest.raises(ExpressionError, match="nan"):
        to_expression(tree)
    assert valid_expression(tree) is None


def test_what_does_not_read_x_is_no_valid_tree():
    tree = to_tree(parse("a + 1 where a = 1"), random.Random(0))
    assert valid_expression(tree) is None
    assert valid_expression(to_tree(parse("partial(a, 0.5) where a = 1"), random.Random(0)))


def test_constants_that_are_never_finite_are_an_error():
    spec = LanguageSpec(primitives=["div", "zero", "exp"], shape="binary(x, unary(constant))")
    _, _, generator, _ = tools(spec)
    assert valid_expression(generator.tree(1))
    hopeless = LanguageSpec(
        primitives=["mul", "exp"],
        shape="binary(x, unary(unary(unary(unary(unary(unary(constant)))))))",
        max_depth=7,
    )
    with pytest.raises(InputError, match=r"language\.primitives"):
        tools(hopeless)[2].tree(1)


def test_the_zoo_can_be_bred():
    rng, made, _, mutate = tools()
    for name in ZOO:
        tree = Individual(to_tree(named(name), rng))
        assert is_well_typed(mutate(tree)[0], made.roots), name
