"""Screens before training: known functions, reasons, and the user's own seeds."""

from __future__ import annotations

import random

import pytest

from evoact.evolution import Evolution
from evoact.evolution.admission import Admission
from evoact.evolution.individual import Individual
from evoact.evolution.screens import NOT_FINITE, Screens
from evoact.evolution.trees import to_tree
from evoact.language import ZOO, ExpressionError, is_affine, named, parse, resolve
from evoact.language.standard import standardised
from evoact.records import Evaluation, Rejected, SearchSpec

EXPLODES, VANISHES = "signal explodes at depth", "signal vanishes at depth"


def space(normalise: str = "none", **screens: object) -> SearchSpec:
    return SearchSpec(
        language={"normalise": normalise, "max_nodes": 40, "max_depth": 20},
        evolution={"screens": screens, "seeds": []},
    )


def verdict(text: str, spec: SearchSpec) -> str:
    """Return why a function is rejected, or nothing."""
    expression = resolve(text)
    tree = Individual(to_tree(expression, random.Random(0)))
    found = Admission(spec).admit(tree, expression, "seed", ())
    return found.reason if isinstance(found, Rejected) else ""


GOOD = ("relu", "silu", "selu", "gelu", "tanh", "elu", "mish", "leaky_relu", "abs")


@pytest.mark.parametrize("normalise", ["none", "scale", "full"])
@pytest.mark.parametrize("name", GOOD)
def test_what_trains_passes_at_any_depth(name: str, normalise: str) -> None:
    assert verdict(name, space(normalise, depth=16)) == ""


@pytest.mark.parametrize(
    ("text", "normalise", "reason"),
    [
        ("exp(x)", "none", EXPLODES),
        ("exp(x)", "full", EXPLODES),
        ("cube(x)", "full", EXPLODES),
        ("sinh(x)", "scale", EXPLODES),
        ("sin(30 * x)", "full", "gradient explodes at depth"),
        ("0.001 * tanh(x)", "none", VANISHES),  # its gain is at its bound
        ("0.001 * tanh(x)", "full", ""),
        ("log(x)", "none", NOT_FINITE),
        ("reciprocal(x)", "full", "not standardised"),
        ("reciprocal(x)", "none", NOT_FINITE),
        ("sin(x) ** 2 + cos(x) ** 2", "none", "constant"),
        ("0.5 * x - 1", "full", "linear"),
        ("identity(x)", "none", "linear"),
    ],
)
def test_known_faults(text: str, normalise: str, reason: str) -> None:
    assert verdict(text, space(normalise)).partition(":")[0] == reason


def test_screens_can_be_switched_off() -> None:
    assert verdict("0.5 * x - 1", space(linear=False)) == ""
    assert verdict("exp(x)", space(depth=0)) == ""
    assert verdict("0.01 * x", space(linear=False, depth=8)) == VANISHES
    assert verdict("0.01 * x", space("full", linear=False, depth=8)) == ""
    assert verdict("softplus", space(depth=16)) == "gradient vanishes at depth"  # E[f'^2] < E[f^2]
    assert verdict("softplus", space("full", depth=16)) == ""


def test_by_default_few_named_functions_are_rejected() -> None:
    """The screens are for what cannot train, not for what is unusual."""
    screens, rejected = Screens(SearchSpec()), set()
    for name in list(ZOO)[::3]:
        try:
            late = standardised(named(name))
        except ExpressionError:
            continue
        if not is_affine(late) and screens.of_scored(late):
            rejected.add(name)
    assert 0 < len(rejected) < 0.08 * len(ZOO) / 3, rejected


def test_the_same_function_is_rejected_again_and_never_told_a_duplicate() -> None:
    admission, spec = Admission(space("full")), space("full")
    for text in ("exp(x)", "2 * exp(x)", "exp(x)"):
        expression = parse(text)
        tree = Individual(to_tree(expression, random.Random(0)))
        found = admission.admit(tree, expression, "random", ())
        assert isinstance(found, Rejected)
        assert (found.reason, found.duplicate_of, found.origin) == (EXPLODES, None, "random")
    assert spec.evolution.screens.depth == 4


def test_a_seed_that_is_rejected_is_told_as_one() -> None:
    spec = SearchSpec(evolution={"seeds": ["identity", "exp", "relu", "2 * relu(x)"]})
    evolution = Evolution(spec, seed=0)
    candidates = evolution.ask(4)
    assert [c.origin for c in candidates].count("seed") == 1
    told = {r.reason: r.origin for r in evolution.rejected if r.origin == "seed"}
    assert told == {"linear": "seed", EXPLODES: "seed", "duplicate": "seed"}


def test_nothing_that_is_screened_is_asked() -> None:
    spec = SearchSpec(
        language={"primitives": ["add", "mul", "exp", "cube", "neg", "tanh"], "max_nodes": 9},
        evolution={"seeds": []},
    )
    evolution, screens, reasons = Evolution(spec, seed=0), Screens(spec), set()
    for _ in range(4):
        candidates = evolution.ask()
        reasons |= {r.kind for r in evolution.rejected}
        assert not any(is_affine(c.late) or screens.of_scored(c.late) for c in candidates)
        evolution.tell([Evaluation.ok(c, val_accuracy=c.late.cost) for c in candidates])
    assert {"linear", "duplicate", EXPLODES} <= reasons


# Constraints and objectives on the expression alone


def test_constraints_are_screens() -> None:
    spec = SearchSpec(
        language={"normalise": "none"},
        constraints=["cost <= 6", "lipschitz <= 1", "smoothness > 0.1", {"bounded": True}],
        evolution={"seeds": ["silu", "tanh", "relu"]},
    )
    evolution = Evolution(spec, seed=0)
    candidates = evolution.ask(6)
    assert [c.text for c in candidates if c.origin == "seed"] == ["tanh(x)"]
    seeds = {r.text: r.reason for r in evolution.rejected if r.origin == "seed"}
    assert seeds == {"silu(x)": "violates lipschitz <= 1", "relu(x)": "violates bounded: true"}
    for candidate in candidates:
        assert all(c.holds(candidate.late) for c in spec.conditions())
    counted = {r.kind for r in evolution.rejected}
    assert {"violates lipschitz <= 1", "violates bounded"} <= counted


def test_constraints_hold_for_the_function_as_it_is_scored() -> None:
    """Standardised, relu costs a product and a difference more."""
    for normalise, holds in (("none", True), ("full", False)):
        spec = SearchSpec(language={"normalise": normalise}, constraints=["cost <= 1"])
        reasons = {r.reason for r in _rejected(spec, "relu")}
        assert ("violates cost <= 1" not in reasons) is holds


def _rejected(spec: SearchSpec, seed: str) -> list[Rejected]:
    seeded = spec.evolution.model_copy(update={"seeds": (seed,), "population": 2})
    evolution = Evolution(spec.model_copy(update={"evolution": seeded}), seed=0)
    evolution.ask(1)
    return [r for r in evolution.rejected if r.origin == "seed"]


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        ("x * tanh(x)", None),
        ("square", "lipschitz is infinite"),
        ("left(x) * tanh(right(x))", "lipschitz is not known"),
    ],
)
def test_an_objective_needs_a_value(seed: str, reason: str | None) -> None:
    spec = SearchSpec(
        objectives={"val_accuracy": "max", "lipschitz": "min"},
        language={"primitives": ["add", "mul", "tanh", "left", "concat"], "widths": [1, "1/2"]},
    )
    found = [r.reason for r in _rejected(spec, seed)]
    assert found == ([reason] if reason else [])
