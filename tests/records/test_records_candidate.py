"""Candidates, their genes and cohorts: what they are is what their id says."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import pytest

import evoact.nn
import evoact.tasks
from evoact.errors import InputError
from evoact.language import LANGUAGE_VERSION, named, parse
from evoact.language.early import PATHS, auto_early
from evoact.records import (
    NETWORKS,
    SCHEDULES,
    TASKS,
    Anneal,
    Candidate,
    Cohort,
    TaskSpec,
    cut,
)

SILU = "de4a1b732248"
ANNEAL = Anneal(named("relu"), "cosine", 0.1, 0.5)


def candidate(late: str, anneal: Anneal | None = None) -> Candidate:
    return Candidate(parse(late), anneal)


def test_id_is_that_of_every_process_and_release() -> None:
    code = (
        "from evoact.records import *; from evoact.language import *;"
        "print(Candidate(parse('x * sigmoid(b * x) where b = 1'),"
        " Anneal(named('relu'), 'cosine', 0.1, 0.5)).id)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = candidate("sigmoid(b * x) * x where b = 1.0", ANNEAL)
    assert done.stdout.strip() == here.id
    assert candidate("silu(x)").short_id == SILU  # a new id is a new language version


@pytest.mark.parametrize(
    "same",
    [
        "b * x + tanh(x) where b = 1",
        "tanh(x) + x * gamma where gamma = 1.0 per layer",
        "(x * q + tanh(x)) where q = 1e0",
    ],
)
def test_equal_writings_have_one_id(same: str) -> None:
    one = candidate("a * x + tanh(x) where a = 1.0")
    assert candidate(same).id == one.id
    assert candidate(same) == one
    assert len({candidate(same), one}) == 1
    assert candidate(same).text == "tanh(x) + a0 * x where a0 = 1.0"


@pytest.mark.parametrize(
    "other",
    [
        candidate("a * x + tanh(x) where a = 2", ANNEAL),
        candidate("a * x + tanh(x) where a = 1 per channel", ANNEAL),
        candidate("x + tanh(x)", ANNEAL),
        candidate("a * x + tanh(x) where a = 1"),
        candidate("a * x + tanh(x) where a = 1", Anneal(named("silu"), "cosine", 0.1, 0.5)),
        candidate("a * x + tanh(x) where a = 1", Anneal(named("relu"), "linear", 0.1, 0.5)),
        candidate("a * x + tanh(x) where a = 1", Anneal(named("relu"), "cosine", 0.0, 0.5)),
        candidate("a * x + tanh(x) where a = 1", Anneal(named("relu"), "cosine", 0.1, 0.6)),
        candidate("a * x + tanh(x) where a = 1", replace(ANNEAL, early=None)),
        candidate("a * x + tanh(x) where a = 1", replace(ANNEAL, early=None, path="ladder")),
        candidate("a * x + tanh(x) where a = 1", replace(ANNEAL, layers="lower_first")),
        candidate("a * x + tanh(x) where a = 1", replace(ANNEAL, by="epoch")),
    ],
    ids=lambda c: f"{c.text} {c.anneal and c.anneal.to_dict()}",
)
def test_every_gene_is_part_of_the_id(other: Candidate) -> None:
    one = candidate("a * x + tanh(x) where a = 1", ANNEAL)
    assert other.id != one.id
    assert other != one


def test_genes_have_one_writing() -> None:
    """Equal genes are equal, and so is the id, however they were written."""
    one = Anneal(parse("max(x, 0)"), "linear", 0.0, 0.5)
    other = Anneal(parse("max(0, x)"), "linear", 0, 0.5)
    assert one == other
    assert candidate("x", one) == candidate("x", other)
    assert candidate("x", one).id == candidate("x", other).id
    named_one = Anneal(parse("max(x, beta * x) where beta = 0.1"))
    assert str(named_one.early) == "max(x, a0 * x) where a0 = 0.1"


def test_origin_and_parents_are_history_and_not_identity() -> None:
    child = Candidate(named("silu"), None, "crossover", ("one", "two"))
    assert child == Candidate(named("silu"))
    assert child.id == Candidate(named("silu")).id


@pytest.mark.parametrize(
    ("genes", "message"),
    [
        ({"schedule": "cosin"}, "schedule is 'cosin'; did you mean 'cosine'?; wanted one of"),
        ({"path": "lader"}, "path is 'lader'; did you mean 'ladder'?; wanted one of blend"),
        ({"path": "ladder"}, "early is 'relu(x)' and path is 'ladder', which derives its early"),
        ({"layers": "lower"}, "layers is 'lower'; wanted one of together, lower_first"),
        ({"by": "epochs"}, "by is 'epochs'; did you mean 'epoch'?"),
        ({"start": -0.1}, "start is -0.1 and end is 0.5"),
        ({"start": 0.6}, "start is 0.6 and end is 0.5; wanted 0 <= start <= end < 1"),
        ({"end": 1.0}, "end is 1.0"),
        ({"end": float("nan")}, "end is nan"),
    ],
)
def test_bad_genes(genes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Anneal(named("relu"), **genes)  # type: ignore[arg-type]
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "anneal",
    [
        None,
        ANNEAL,
        Anneal(parse("max(a * x, x) where a = 0.1")),
        Anneal(None),
        Anneal(None, "loss", 0.1, 0.3, "ladder", "upper_first", "epoch"),
    ],
)
def test_candidate_round_trip(anneal: Anneal | None) -> None:
    one = Candidate(parse("tanh(c * x) + x where c = 3 per channel"), anneal, "mutation", ("p",))
    data = json.loads(json.dumps(one.to_dict()))
    back = Candidate.from_dict(data)
    assert back == one
    assert (back.id, back.origin, back.parents) == (one.id, "mutation", ("p",))
    assert data["id"] == one.id
    assert back.to_dict() == one.to_dict()


def test_early_and_late_must_be_equally_wide() -> None:
    with pytest.raises(InputError) as caught:
        candidate("left(x)", ANNEAL)
    assert "'left(x)' of width 1/2" in str(caught.value)
    assert "'relu(x)' of width 1;" in str(caught.value)
    assert candidate("left(x)", Anneal(parse("group_max(x, 2)"))).late.width == 0.5


def test_genes_of_older_records_are_read_and_keep_their_ids() -> None:
    old = {"early": "relu(x)", "schedule": "cosine", "start": 0.1, "end": 0.5}
    assert Anneal.from_dict(old) == ANNEAL
    # What this candidate's id was when genes were these four: a study of then is this study.
    identity = json.dumps([LANGUAGE_VERSION, "silu(x)", old])
    assert candidate("silu(x)", ANNEAL).id == hashlib.sha256(identity.encode()).hexdigest()
    assert set(ANNEAL.to_dict()) == {*old, "path", "layers", "by"}
    late = Candidate.from_dict({**candidate("silu(x)").to_dict(), "anneal": old, "id": "then"})
    assert (late.anneal, late.id, str(late.early)) == (ANNEAL, "then", "relu(x)")


def test_early_functions_are_derived_for_every_path() -> None:
    silu = parse("silu(x)")
    found = {path: Candidate(silu, Anneal(None, path=path)).early for path in PATHS}
    assert found == {path: auto_early(silu, path).canonical() for path in PATHS}
    assert Candidate(silu).early is None
    assert Candidate(silu, ANNEAL).early == ANNEAL.early
    half = Candidate(parse("left(x) * sigmoid(right(x))"), Anneal(None))
    assert half.early is not None
    assert half.early.width == half.late.width == 0.5


@pytest.mark.parametrize(("late", "path"), [("tanh(x)", "sharpness"), ("softmax(x)", "ladder")])
def test_a_path_that_cannot_serve_a_function_says_so(late: str, path: str) -> None:
    with pytest.raises(InputError, match=path):
        candidate(late, Anneal(None, path=path))


def test_equal_trainings_have_equal_ids() -> None:
    """What was derived for a blend counts as if it were given."""
    silu = parse("silu(x)")
    derived = Candidate(silu, Anneal(None))
    given = Candidate(silu, Anneal(derived.early))
    assert derived == given
    assert derived.to_dict()["anneal"]["early"] == "auto"
    assert given.to_dict()["anneal"]["early"] == str(derived.early)


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        candidate("x").late = parse("tanh(x)")  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        ANNEAL.end = 0.2  # type: ignore[misc]


def test_cohort_round_trip() -> None:
    cohort = Cohort(
        (candidate("x", ANNEAL), candidate("tanh(x)")),
        TaskSpec(name="digits", network="conv", epochs=3, batch_size=7, learning_rate=0.5),
        seed=5,
        replicate=2,
        timeout=1.5,
        device="cuda",
        test=True,
        share_prefix=True,
    )
    back = Cohort.from_dict(json.loads(json.dumps(cohort.to_dict())))
    assert back == cohort
    assert [c.id for c in back.candidates] == [c.id for c in cohort.candidates]
    assert (back.seed, back.replicate, back.timeout, back.device, back.test) == (
        (5, 2, 1.5, "cuda", True)
    )


@pytest.mark.parametrize(
    ("size", "groups"), [(1, [1] * 5), (2, [2, 2, 1]), (3, [3, 2]), (5, [5]), (9, [5])]
)
def test_cut_keeps_the_order(size: int, groups: list[int]) -> None:
    five = [candidate(f"x + {i}") for i in range(5)]
    cohorts = cut(iter(five), size)
    assert [len(group) for group in cohorts] == groups
    assert [c for group in cohorts for c in group] == five
    assert cut([], size) == []


def test_closed_lists_are_those_of_the_rooms_that_need_torch() -> None:
    assert set(SCHEDULES) == set(evoact.nn.SHAPES)
    assert {(task, network) for task in TASKS for network in NETWORKS} == set(evoact.tasks.NETWORKS)
    assert set(TASKS) == set(evoact.tasks.DATA_SETS)
