"""The promise of the grammar: whatever is bred is a valid tree of the right types."""

import random
import time
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from evoact.evolution.generate import Generator
from evoact.evolution.individual import Individual
from evoact.evolution.primitive_set import Slot, grammar
from evoact.evolution.trees import to_expression, to_tree
from evoact.evolution.types import SizeType, ValueType
from evoact.evolution.variation import Mutation, crossover
from evoact.language import PRIMITIVES, Param, parse
from evoact.language.widths import reads_x
from evoact.records import LanguageSpec, SearchSpec
from evoact.records.shape import LEAVES
from evoact.study import load_space

TWO = "binary(unary(x), unary(x))"
GROUPS = ["group_max", "group_sort", "concat", "left", "right", "partial", "softmax"]
SHIPPED = {path.stem: load_space(path) for path in sorted(Path("search_spaces").glob("*.yaml"))}
SPACES = SHIPPED | {
    "per_channel": SearchSpec(
        language={
            "primitives": ["add", "mul", "max", "neg", "tanh", "relu", *GROUPS],
            "parameters": "per_channel",
            "widths": ["1/4", "1/2", 1, 2],
        },
        evolution={"seeds": ["relu", "a * left(x) + right(b * x) where a = 1 per channel, b = 2"]},
    ),
    "everything": SearchSpec(
        language={
            "primitives": list(PRIMITIVES),
            "parameters": "per_channel",
            "widths": [2, 1, 0.5, 0.25],
            "max_nodes": 25,
        },
    ),
    "risky": SearchSpec(
        language={"primitives": ["log", "sqrt", "div", "reciprocal", "pow", "exp", "sub"]}
    ),
    "leafless": SearchSpec(
        language={
            "primitives": ["left", "concat", "tanh", "mul"],
            "constants": False,
            "parameters": "none",
            "widths": [2, "1/2"],
        },
        evolution={"seeds": []},
    ),
    "shaped": SearchSpec(
        language={
            "primitives": ["mul", "log", "tanh", "clamp", "left", "group_max", "if_positive"],
            "parameters": "per_channel",
            "shape": "ternary(binary(unary(x), parameter), unary(unary(constant)), unary(x))",
            "widths": [1, "1/2", "1/4"],
        },
        evolution={"seeds": []},
    ),
}


def is_well_typed(tree: list, roots: tuple) -> bool:
    """Walk a prefix list: each node gives what its place wants, and the list ends with it."""

    def end_of(index: int, wanted: type) -> int:
        node = tree[index]
        assert node.ret is wanted, (str(node.name), node.ret.__name__, wanted.__name__)
        after = index + 1
        for arg in getattr(node, "args", ()):
            after = end_of(after, arg)
        return after

    return tree[0].ret in roots and end_of(0, tree[0].ret) == len(tree)


def check(tree: list, spec: LanguageSpec, roots: tuple) -> None:
    """Raise where a tree is not all that the grammar promises."""
    assert is_well_typed(tree, roots)
    expression = to_expression(tree)
    assert reads_x(expression.root)
    assert expression.width == tree[0].ret.width
    assert expression.width in spec.widths
    for node in tree:
        if node.arity == 0 and issubclass(node.ret, SizeType):
            assert node.value.value == node.ret.size
    if spec.parameters == "per_channel":
        folded = to_tree(expression, random.Random(0))  # a branch never taken may be gone
        uses = slot_widths(folded)
        assert is_well_typed(folded, roots) or spec.shape
        assert set(expression.layout.parameters) == uses <= slot_widths(tree)
    assert expression.channel_multiple <= 8
    if spec.shape:
        assert has_shape(tree, spec)


def slot_widths(tree: list) -> set:
    return {node.ret.width for node in tree if node.arity == 0 and isinstance(node.value, Slot)}


def has_shape(tree: list, spec: LanguageSpec) -> bool:
    """Whether a prefix list has the space's shape, literals aside; by its names alone."""
    arities = ["", "unary", "binary", "ternary"]
    leaves = {"X": "x", "str": "x", "Const": "constant", "Slot": "parameter"}
    assert set(leaves.values()) == set(LEAVES)
    words = []
    for node in tree:
        if not issubclass(node.ret, ValueType):
            continue
        values = [arg for arg in getattr(node, "args", ()) if issubclass(arg, ValueType)]
        words.append(arities[len(values)] if values else leaves[type(node.value).__name__])
    wanted = spec.shape.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return words == wanted


class Breeder:
    """Breeds from a space as a search does, without training: all children live."""

    def __init__(self, space: SearchSpec, seed: int) -> None:
        self.spec, self.rng = space.language, random.Random(seed)
        self.grammar = grammar(self.spec, self.rng)
        self.generator = Generator(self.grammar, self.rng)
        self.mutate = Mutation(self.grammar, self.generator, self.rng)
        shape = self.spec.shape_tree
        seeds = space.seed_expressions()
        self.trees = [Individual(to_tree(seed, self.rng, shape)) for seed in seeds]
        self.origins: dict[str, int] = {}

    def breed(self) -> tuple[str, Individual]:
        kind = self.rng.randrange(3) if len(self.trees) > 1 else 0
        if kind == 0:
            return "random", Individual(self.generator.tree(self.rng.randint(1, 4)))
        a, b = self.rng.sample(self.trees, 2)
        if kind == 1:
            return "crossover", crossover(a, b, self.rng)
        child, name = self.mutate(a)
        return name, child

    def run(self, count: int, seconds: float = float("inf")) -> int:
        """Breed and check so many trees, or as many as the time allows."""
        end = time.monotonic() + seconds
        for done in range(count):
            if time.monotonic() > end:
                return done
            origin, tree = self.breed()
            check(tree, self.spec, self.grammar.roots)
            self.origins[origin] = self.origins.get(origin, 0) + 1
            if len(tree) <= self.spec.max_nodes and tree.height <= self.spec.max_depth:
                self.trees = [*self.trees[-60:], tree]
        return count


@pytest.mark.parametrize("name", SPACES)
def test_all_that_is_bred_is_valid_and_well_typed(name):
    breeder = Breeder(SPACES[name], seed=1)
    done = breeder.run(10_000, seconds=2.5 if name in SHIPPED else 1.0)
    assert done >= 300  # even on a busy machine; 10,000 take 6 to 15 seconds
    assert len(breeder.origins) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_ten_thousand_bred_are_valid_and_well_typed(name):
    breeder = Breeder(SPACES[name], seed=2)
    count = 33_000 if name in SHIPPED else 10_000  # so that each way alone comes to 10,000
    assert breeder.run(count) == count == sum(breeder.origins.values())
    if name in SHIPPED:
        grown, crossed = breeder.origins["random"], breeder.origins["crossover"]
        assert min(grown, crossed, count - grown - crossed) >= 10_000


def test_operators_give_what_they_were_asked_and_not_a_copy():
    breeder = Breeder(SPACES["per_channel"], seed=3)
    breeder.run(200)
    unchanged = 0
    for _ in range(500):
        parent = breeder.rng.choice(breeder.trees)
        child, _ = breeder.mutate(parent)
        unchanged += list(child) == list(parent)
    assert unchanged < 10


def test_generation_mostly_reads_x():
    """A leaf at another width than 1 is no constant, but a little tree of `x`."""
    breeder = Breeder(SPACES["per_channel"], seed=4)
    leaves = [
        node.name == "x" or node.name == "ARG0" or node.value == "x"
        for _ in range(500)
        for node in breeder.generator.tree(3)
        if node.arity == 0 and issubclass(node.ret, ValueType)
    ]
    assert sum(leaves) / len(leaves) > 0.6


def test_all_widths_and_primitives_are_bred():
    breeder = Breeder(SPACES["everything"], seed=5)
    trees = [breeder.generator.tree(3) for _ in range(3000)]
    assert {tree[0].ret.width for tree in trees} == set(breeder.spec.widths)
    assert {node.name for tree in trees for node in tree if node.arity} == set(PRIMITIVES)


@pytest.mark.parametrize(
    ("language", "refused"),
    [
        ({"primitives": ["tanh", "left", "concat"], "widths": [1]}, None),
        ({"primitives": ["tanh", "group_max"], "widths": [1, 0.5]}, None),
        ({"primitives": ["tanh", "group_max", "add"], "widths": [1]}, "group_max"),
        ({"primitives": ["tanh", "left", "concat"], "widths": [0.25]}, None),
        ({"primitives": ["tanh", "left", "concat"], "widths": [2], "shape": TWO}, "left"),
    ],
)
def test_primitives_are_refused_that_are_not_bred(language, refused):
    if refused:
        with pytest.raises(ValidationError, match=f"'{refused}' can be part of no expression"):
            LanguageSpec(**language)
    widths = tuple(map(Fraction, language["widths"]))
    spec = LanguageSpec().model_copy(update={**language, "widths": widths})
    breeder = Breeder(SearchSpec().model_copy(update={"language": spec}), seed=7)
    trees = [breeder.generator.tree(3) for _ in range(300)]
    bred = {node.name for tree in trees for node in tree if node.arity}
    assert bred == set(language["primitives"]) - {refused}


def test_width_of_a_root_can_evolve():
    breeder = Breeder(SPACES["per_channel"], seed=6)
    parent = Individual(to_tree(parse("left(x) * tanh(right(x))"), breeder.rng))
    widths = {breeder.mutate(parent)[0][0].ret.width for _ in range(300)}
    assert len(widths) > 1
    assert widths <= set(breeder.spec.widths)


def test_a_parameter_at_two_widths_is_given_apart_per_channel():
    rng = random.Random(0)
    tree = to_tree(parse("left(a * x) * (b * right(x)) where a = 1 per channel, b = 2"), rng)
    slots = [i for i, node in enumerate(tree) if isinstance(getattr(node, "value", None), Slot)]
    first, second = slots
    assert {tree[first].ret.width, tree[second].ret.width} == {Fraction(1), Fraction(1, 2)}
    tree[second] = type(tree[first])(tree[first].value, False, tree[second].ret)
    expression = to_expression(tree)
    assert len(expression.parameters) == 2
    assert set(expression.layout.parameters) == {Fraction(1), Fraction(1, 2)}
    assert sum(isinstance(n, Param) for n in [*expression.root.args[0].args[0].args]) == 1


def test_group_sizes_stay_what_the_types_say():
    breeder = Breeder(SPACES["per_channel"], seed=7)
    parent = Individual(to_tree(parse("group_max(x, 2)"), breeder.rng))
    for _ in range(300):
        mutant = breeder.mutate.operators["perturb"](parent.child())
        sizes = [n.value.value for n in mutant if issubclass(n.ret, SizeType)]
        assert all(size in (2, 4, 8) for size in sizes)
    sorts = Individual(to_tree(parse("group_sort(x, 2)"), breeder.rng))
    replaced = {
        str(to_expression(breeder.mutate.operators["replace"](sorts.child()))) for _ in range(300)
    }
    assert {"group_sort(x, 4)", "group_sort(x, 8)", "softmax(x)"} <= replaced


def test_seeds_of_other_primitives_and_group_sizes_can_be_bred_from():
    breeder = Breeder(SPACES["leafless"], seed=8)
    odd = parse(
        "multistep(left(group_sort(concat(x, -x), 6)) * left(a * concat(x, x)), 12) "
        "where a = 1 per channel"
    )
    narrow = Individual(to_tree(parse("left(x)"), breeder.rng))
    tree = Individual(to_tree(odd, breeder.rng))
    roots = (tree[0].ret, narrow[0].ret, *breeder.grammar.roots)
    for _ in range(300):
        for child in (
            breeder.mutate(tree)[0],
            crossover(tree, narrow, breeder.rng),
            crossover(narrow, tree, breeder.rng),
        ):
            assert is_well_typed(child, roots)
            to_expression(child)
