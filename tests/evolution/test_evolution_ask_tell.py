"""The search engine without workers: ask, tell, and what is refused."""

import random
import subprocess
import sys

import numpy as np
import pytest

import evoact
from evoact.errors import InputError
from evoact.evolution import Evolution
from evoact.evolution.individual import Individual
from evoact.evolution.trees import to_expression
from evoact.language import fingerprint, named, parse, same_values
from evoact.language.standard import standardised
from evoact.records import Candidate, Evaluation, SearchSpec
from evoact.study import load_space

GRID = np.linspace(-4, 4, 81)
TARGET = standardised(named("mish")).numpy()(GRID)


def closeness(candidate: Candidate) -> float:
    """An objective without networks: closeness to mish, across channels where it is groupwise."""
    if candidate.late.is_groupwise:
        return -float(candidate.late.cost)
    values = np.nan_to_num(candidate.late.numpy()(GRID), nan=1e3, posinf=1e3, neginf=-1e3)
    return -float(np.mean(np.clip(values - TARGET, -1e3, 1e3) ** 2))


def tell(evolution: Evolution, candidates: list[Candidate]) -> None:
    evolution.tell(
        [Evaluation.ok(c, val_accuracy=closeness(c), cost=c.late.cost) for c in candidates]
    )


def asked(space: SearchSpec, seed: int, generations: int = 6) -> list[Candidate]:
    evolution, found = Evolution(space, seed), []
    for _ in range(generations):
        candidates = evolution.ask()
        found += candidates
        tell(evolution, candidates)
    return found


def individuals(space: SearchSpec, seed: int, generations: int) -> list[Individual]:
    """Return what the candidates of a search are bred from."""
    evolution, found = Evolution(space, seed), []
    for _ in range(generations):
        candidates = evolution.ask()
        found += evolution._asked.values()
        tell(evolution, candidates)
    return found


SINGLE = SearchSpec()
FRONT = SearchSpec(objectives={"val_accuracy": "max", "cost": "min"})
FROZEN = SearchSpec(anneal={"evolve": False, "early": ["relu"], "schedule": ["cosine"]})
BARE = SearchSpec(
    language={"parameters": "none", "constants": False, "primitives": ["add", "tanh"]}
)
NUMBERS = SearchSpec(language={"primitives": ["clamp", "leaky_relu", "signed_pow", "mul"]})
CHANNELS = SearchSpec(language={"parameters": "per_channel"})
GROUPS = SearchSpec(
    language={
        "primitives": ["add", "mul", "neg", "tanh", "relu", "left", "right", "concat", "group_max"],
        "parameters": "per_channel",
        "widths": ["1/2", 1, 2],
    },
    anneal={"early": ["relu", "concat(x, -x)"]},
    evolution={"seeds": ["relu", "concat(relu(x), relu(-x))", "left(x) * sigmoid(right(x))"]},
)
SHAPED = load_space("search_spaces/core_units.yaml")


@pytest.mark.parametrize("space", [SINGLE, FRONT, FROZEN, BARE, NUMBERS, CHANNELS, SHAPED])
def test_every_candidate_is_new_valid_and_within_limits(space):
    bred = individuals(space, seed=1, generations=5)
    candidates = [individual.candidate for individual in bred]
    assert len({c.id for c in candidates}) == len(candidates) > 0
    for individual in bred:  # the limits hold for what is bred from
        assert len(individual) <= space.language.max_nodes
        assert individual.height <= space.language.max_depth
    for candidate in candidates:
        assert parse(candidate.text) == candidate.late
        values = candidate.late.numpy()(np.linspace(-2.4, 2.4, 480))  # not at 0: 0 / 0
        assert np.isfinite(values).all()
        assert np.ptp(values) > 0


def test_no_two_candidates_are_one_function_with_the_same_genes():
    candidates = asked(SINGLE, seed=2)
    by_genes: dict = {}
    for candidate in candidates:
        by_genes.setdefault(candidate.anneal, []).append(fingerprint(candidate.late))
    for prints in by_genes.values():
        for i, a in enumerate(prints):
            assert not any(same_values(a, b) for b in prints[i + 1 :] if a.shape == b.shape)


def test_no_two_candidates_differ_by_scale_and_shift_alone():
    """One class: `f`, `s * f + c`, `-f` and `f(-x)`."""
    seeds = ["tanh", "3 - 2 * tanh(x)", "relu", "relu(-x)", "-softplus(x)", "softplus", "abs"]
    space = SearchSpec(evolution={"seeds": seeds}, anneal={"evolve": False})
    evolution = Evolution(space, seed=0)
    candidates = evolution.ask(len(seeds))
    assert [c.origin for c in candidates].count("seed") == 4
    assert [r.reason for r in evolution.rejected][:3] == ["duplicate"] * 3
    assert evolution.rejected[0].duplicate_of == candidates[0].id


@pytest.mark.parametrize(("mode", "count"), [("full", 1), ("scale", 2), ("none", 3)])
def test_modes_of_normalisation_say_what_is_one_function(mode, count):
    seeds = ["softplus(x)", "2 * softplus(x)", "softplus(x) - 1"]
    space = SearchSpec(
        language={"normalise": mode}, evolution={"seeds": seeds}, anneal={"evolve": False}
    )
    candidates = [c for c in Evolution(space, seed=0).ask(4) if c.origin == "seed"]
    assert len(candidates) == count
    for candidate in candidates:
        assert standardised(candidate.late, mode).canonical() == candidate.late


def test_what_cannot_be_standardised_is_rejected_with_the_reason():
    space = SearchSpec(evolution={"seeds": ["reciprocal(x)", "relu"]})
    evolution = Evolution(space, seed=0)
    candidates = evolution.ask(3)
    assert candidates[0].late == standardised(named("relu")).canonical()
    (refused, *_) = evolution.rejected
    assert refused.text == "1.0 / x" or "reciprocal" in refused.text
    assert "standardised" in refused.reason or "not finite" in refused.reason


def test_scales_and_shifts_do_not_pile_up():
    """What standardises is in the candidate's text and not in the tree that is bred from."""
    for individual in individuals(SINGLE, seed=0, generations=8):
        bred = to_expression(individual).canonical()
        assert standardised(bred).canonical() == individual.candidate.late


def test_candidates_of_other_widths_start_from_a_function_of_their_own():
    candidates = asked(GROUPS, seed=0, generations=4)
    assert {c.late.width for c in candidates} == set(GROUPS.language.widths)
    annealed = [c for c in candidates if c.anneal]
    assert all(c.early.width == c.late.width for c in annealed)
    wide = {c.anneal.early_text for c in annealed if c.late.width == 2}
    assert "concat(x, -x)" in wide
    narrow = {c.anneal.early_text for c in annealed if c.late.width == 0.5}
    assert narrow == {"auto"}  # no early function of this width is listed


def test_a_shape_holds_for_all_candidates():
    bred = individuals(SHAPED, seed=0, generations=4)
    assert len(bred) == 4 * SHAPED.evolution.population
    assert all([node.arity for node in tree] == [2, 1, 0, 1, 0] for tree in bred)
    assert all(len(tree) == 5 for tree in bred)


def volume(candidates: list[Candidate]) -> float:
    """Area that a front covers over the reference (-1, cost 60)."""
    points = sorted(((closeness(c), c.late.cost) for c in candidates), key=lambda p: (p[1], -p[0]))
    area, best = 0.0, -1.0
    for score, cost in points:
        area += max(0.0, score - best) * max(0.0, 60.0 - cost)
        best = max(best, score)
    return area


@pytest.mark.parametrize(
    ("space", "merit"), [(SINGLE, lambda cs: max(map(closeness, cs))), (FRONT, volume)]
)
def test_selection_improves_on_what_was_random(space, merit):
    better = 0
    for seed in range(6):
        unseeded = space.model_copy(
            update={
                "evolution": space.evolution.model_copy(update={"seeds": (), "surrogate": "off"})
            }
        )
        candidates = asked(unseeded, seed, generations=8)
        better += merit(candidates) > merit(candidates[: space.evolution.population])
    assert better >= 4


def test_same_seed_same_candidates_whatever_the_global_generators_do():
    reference = [c.id for c in asked(SINGLE, seed=3, generations=3)]
    random.seed(99)
    state = random.getstate()
    evolution, found = Evolution(SINGLE, seed=3), []
    for _ in range(3):
        candidates = evolution.ask()
        random.random()
        found += [c.id for c in candidates]
        tell(evolution, candidates[::-1])  # the order of telling does not matter
    assert found == reference
    assert random.getstate() != state  # only our own draws above moved it
    assert [c.id for c in asked(SINGLE, seed=4, generations=3)] != reference


def test_same_candidates_in_another_process():
    code = (
        "from evoact.evolution import Evolution; from evoact.records import *\n"
        "groups = {'primitives': ['add', 'left', 'concat', 'tanh', 'group_sort'],\n"
        "          'widths': [2, 1, '1/2'], 'parameters': 'per_channel'}\n"
        "shape = {'shape': 'binary(unary(x), parameter)', 'primitives': ['mul', 'tanh', 'sin']}\n"
        "for language in ({}, groups, shape):\n"
        "    e = Evolution(SearchSpec(language=language, evolution={'seeds': []}), 5)\n"
        "    for g in range(3):\n"
        "        cs = e.ask(16)\n"
        "        e.tell([Evaluation.ok(c, val_accuracy=c.late.nodes / 99) for c in cs])\n"
        "        print(*[c.id for c in cs])\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin"},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_global_generator_is_left_alone():
    random.seed(1)
    expected = random.Random(1).random()
    asked(FRONT, seed=0, generations=2)
    assert random.random() == expected


def test_seeds_come_first_and_lineage_is_recorded():
    candidates = asked(SINGLE, seed=0)
    assert [c.late for c in candidates[:2]] == [
        standardised(named(name)).canonical() for name in ("relu", "silu")
    ]
    assert all(c.anneal is None for c in candidates[:2])
    ids = {c.id for c in candidates}
    bred = [c for c in candidates if c.origin not in ("seed", "random")]
    assert bred
    assert all(c.parents and set(c.parents) <= ids for c in bred)
    assert {len(c.parents) for c in bred if c.origin == "crossover"} == {2}


def test_genes_stay_within_the_space():
    genes = [c.anneal for c in asked(SINGLE, seed=0)]
    assert {g.schedule for g in genes if g} == {"linear", "cosine"}
    assert None in genes
    assert {g.end for g in genes if g} <= {0.25, 0.375, 0.5, 0.625, 0.75}
    assert {g.start for g in genes if g} == {0.0}
    frozen = {c.anneal for c in asked(FROZEN, seed=0, generations=2)}
    assert [g.to_dict() for g in frozen if g] == [
        {
            "early": "relu(x)",
            "schedule": "cosine",
            "start": 0.0,
            "end": 0.75,
            "path": "blend",
            "layers": "together",
            "by": "step",
        }
    ]


def test_failures_are_seen_but_never_selected():
    evolution = Evolution(SINGLE, seed=0)
    good, *bad = evolution.ask()
    evolution.tell(
        [Evaluation.failed(c, "diverged") for c in bad] + [Evaluation.ok(good, val_accuracy=0.1)]
    )
    second = evolution.ask()
    assert not {c.id for c in second} & {c.id for c in [good, *bad]}
    assert {parent for c in second for parent in c.parents} <= {good.id}


def test_goes_on_when_everything_failed():
    evolution = Evolution(SINGLE, seed=0)
    evolution.tell([Evaluation.failed(c, "no luck") for c in evolution.ask()])
    assert {c.origin for c in evolution.ask()} == {"random"}


def test_exhausted_space_gives_fewer_and_then_none():
    space = SearchSpec(
        language={"primitives": ["neg"], "constants": False, "parameters": "none"},
        anneal={"evolve": False, "early": ["none"]},
        evolution={"seeds": ["relu"], "population": 8, "screens": {"linear": False}},
    )
    evolution = Evolution(space, seed=0)
    first = evolution.ask()
    assert 2 <= len(first) < 8
    tell(evolution, first)
    rest = evolution.ask()
    assert {r.reason for r in evolution.rejected} >= {"duplicate"}
    tell(evolution, rest) if rest else None
    assert len(first) + len(rest) <= 6  # x, -x, and relu of them inside and out


def test_rejections_name_their_reason_and_the_duplicate():
    evolution, rejected, seen = Evolution(SINGLE, seed=0), [], set()
    for _ in range(6):
        candidates = evolution.ask()
        seen |= {c.id for c in candidates}
        rejected += evolution.rejected
        tell(evolution, candidates)
    duplicates = [r for r in rejected if r.reason == "duplicate"]
    assert duplicates
    assert all(r.duplicate_of in seen for r in duplicates)
    assert any(r.reason == "constant" for r in rejected)


def misuse_ask_twice(evolution):
    evolution.ask(3)
    evolution.ask(3)


def misuse_tell_first(evolution):
    evolution.tell([])


def misuse_tell_strangers(evolution):
    evolution.ask(2)
    evolution.tell([Evaluation.ok(Candidate(named("mish")), val_accuracy=0.5)])


def misuse_tell_twice(evolution):
    first, second = evolution.ask(2)
    done = [Evaluation.ok(c, val_accuracy=0.5) for c in (first, second, second)]
    evolution.tell(done)


def misuse_tell_some(evolution):
    evolution.tell([Evaluation.ok(evolution.ask(2)[0], val_accuracy=0.5)])


def misuse_objective(evolution):
    evolution.tell([Evaluation.ok(c, loss=0.5) for c in evolution.ask(2)])


def misuse_count(evolution):
    evolution.ask(0)


@pytest.mark.parametrize(
    ("misuse", "message"),
    [
        (misuse_ask_twice, "call tell"),
        (misuse_tell_first, "before ask"),
        (misuse_tell_strangers, "1 of candidates that were not asked"),
        (misuse_tell_twice, "1 twice"),
        (misuse_tell_some, "1 missing"),
        (misuse_objective, "no objective val_accuracy"),
        (misuse_count, "at least 1"),
    ],
)
def test_misuse_is_a_clear_error(misuse, message):
    with pytest.raises(InputError, match=message):
        misuse(Evolution(SINGLE, seed=0))


def test_public_names_of_the_readme():
    evolution = evoact.Evolution(SINGLE, seed=0)
    candidates = evolution.ask(4)
    evolution.tell(
        [evoact.Evaluation.ok(c, val_accuracy=0.61) for c in candidates[:3]]
        + [evoact.Evaluation.failed(candidates[3], "diverged")]
    )
    assert evolution.generation == 1
