"""A study in memory: who is in the hall of fame."""

from __future__ import annotations

import dataclasses
import random

import pytest

from evoact.language import parse
from evoact.records import (
    Candidate,
    ConfirmationAsked,
    Evaluated,
    Evaluation,
    GenerationAsked,
    GenerationTold,
    History,
    Record,
    Rejected,
    SearchSpec,
    Status,
    StudyFinished,
    StudyStarted,
)

ONE = SearchSpec(objectives={"val_accuracy": "max"})
TWO = SearchSpec(objectives={"val_accuracy": "max", "cost": "min"})
THREE = SearchSpec(objectives={"val_loss": "min", "cost": "min", "nodes": "min"})


def candidates(count: int) -> list[Candidate]:
    return [Candidate(parse("tanh(" * (i % 4) + f"x + {i}" + ")" * (i % 4))) for i in range(count)]


def told(evaluations: dict[Candidate, Evaluation]) -> History:
    """Three generations, told in another order than asked."""
    everyone = list(evaluations)
    records: list[Record] = [
        GenerationAsked(number, tuple(everyone[number::3]), ()) for number in range(3)
    ]
    return History.of([*records, *(Evaluated(e) for e in reversed(evaluations.values()))])


def results(seed: int, count: int = 40) -> dict[Candidate, Evaluation]:
    rng = random.Random(seed)
    everyone = candidates(count)
    rng.shuffle(everyone)
    return {
        c: Evaluation.failed(c, "it diverged", Status.DIVERGED)
        if rng.random() < 0.2
        else Evaluation.ok(
            c,
            val_accuracy=rng.randint(0, 6) / 6,
            val_loss=rng.randint(0, 6) / 6,
            cost=float(rng.randint(1, 6)),
            nodes=float(c.late.nodes),
        )
        for c in everyone
    }


@pytest.mark.parametrize("seed", range(5))
def test_one_objective(seed: int) -> None:
    evaluations = results(seed)
    ok = [c for c, e in evaluations.items() if e.is_ok]
    wanted = sorted(
        ok, key=lambda c: (-evaluations[c].objectives["val_accuracy"], c.late.nodes, c.id)
    )
    hall = told(evaluations).hall_of_fame(ONE)
    assert hall == wanted
    assert told(evaluations).hall_of_fame(ONE, 3) == wanted[:3]
    lowest = SearchSpec(objectives={"val_loss": "min"})
    losses = [evaluations[c].objectives["val_loss"] for c in told(evaluations).hall_of_fame(lowest)]
    assert losses == sorted(losses)


@pytest.mark.parametrize("spec", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("seed", range(5))
def test_more_objectives_by_brute_force(spec: SearchSpec, seed: int) -> None:
    evaluations = results(seed)
    ok = [c for c, e in evaluations.items() if e.is_ok]

    def better_or_equal(a: Candidate, b: Candidate, name: str, direction: str) -> bool:
        x, y = evaluations[a].objectives[name], evaluations[b].objectives[name]
        return x >= y if direction == "max" else x <= y

    def dominates(a: Candidate, b: Candidate) -> bool:
        forth = all(better_or_equal(a, b, *item) for item in spec.objectives.items())
        back = all(better_or_equal(b, a, *item) for item in spec.objectives.items())
        return forth and not back

    front = {c for c in ok if not any(dominates(other, c) for other in ok)}
    hall = told(evaluations).hall_of_fame(spec)
    assert set(hall) == front
    assert len(hall) == len(front)
    assert 0 < len(front) < len(ok)
    direction = 1 if spec.objectives[spec.primary] == "min" else -1
    first = [direction * evaluations[c].objectives[spec.primary] for c in hall]
    assert first == sorted(first)


def at_rungs(values: list[tuple[int, float, float]]) -> tuple[History, list[Candidate]]:
    everyone = candidates(len(values))
    evaluations = {
        c: dataclasses.replace(Evaluation.ok(c, val_accuracy=v, cost=cost), rung=rung)
        for c, (rung, v, cost) in zip(everyone, values, strict=True)
    }
    return told(evaluations), everyone


def test_the_highest_rung_comes_first_whatever_the_values() -> None:
    history, (a, b, c, d) = at_rungs([(0, 0.9, 1.0), (2, 0.3, 1.0), (1, 0.8, 1.0), (2, 0.4, 1.0)])
    assert history.hall_of_fame(ONE) == [d, b, c, a]
    assert history.hall_of_fame(ONE, 1) == [d]


def test_dominance_is_within_a_rung() -> None:
    rows = [(0, 0.9, 1.0), (0, 0.8, 2.0), (1, 0.5, 5.0), (1, 0.6, 7.0), (1, 0.4, 6.0)]
    history, (cheap, _, c, d, _) = at_rungs(rows)
    assert history.hall_of_fame(TWO) == [d, c, cheap]


def test_a_generation_may_be_asked_in_parts() -> None:
    first, second, third = candidates(3)
    history = History.of(
        [
            GenerationAsked(0, (first,), (Rejected("x", "linear"),)),
            GenerationAsked(0, (second,), (Rejected("2", "constant"),)),
            GenerationAsked(1, (third,), ()),
        ]
    )
    assert [len(asked.candidates) for asked in history.asked.values()] == [2, 1]
    assert history.born == {first.id: 0, second.id: 0, third.id: 1}
    assert [r.text for r in history.rejected] == ["x", "2"]


def test_ties_go_to_the_smaller_and_then_to_the_id() -> None:
    small, large = Candidate(parse("x + 9")), Candidate(parse("tanh(tanh(x))  + 1"))
    twins = [Candidate(parse(f"x + {i}")) for i in range(6)]
    evaluations = {c: Evaluation.ok(c, val_accuracy=0.5) for c in (large, *twins, small)}
    hall = told(evaluations).hall_of_fame(ONE)
    assert hall[-1] == large
    assert [c.id for c in hall[:-1]] == sorted(c.id for c in (small, *twins))


def test_confirmation_is_no_part_of_the_hall_of_fame() -> None:
    found, baseline = candidates(2)
    history = History.of(
        [
            GenerationAsked(0, (found,), ()),
            Evaluated(Evaluation.ok(found, val_accuracy=0.5)),
            ConfirmationAsked({"found": found}, {"baseline": baseline}, (1, 2, 3)),
            Evaluated(dataclasses.replace(Evaluation.ok(found, val_accuracy=0.1), replicate=1)),
            Evaluated(dataclasses.replace(Evaluation.ok(baseline, val_accuracy=0.9), replicate=1)),
            Evaluated(dataclasses.replace(Evaluation.failed(found, "why"), replicate=3)),
        ]
    )
    assert history.hall_of_fame(ONE) == [found]
    assert history.searched() == [(found, Evaluation.ok(found, val_accuracy=0.5))]
    assert [e.replicate for e in history.confirmed(found)] == [1, 3]
    assert [e.replicate for e in history.confirmed(baseline)] == [1]
    assert history.candidates == {found.id: found, baseline.id: baseline}


def test_a_history_holds_what_its_records_say() -> None:
    first, second = candidates(2)
    evaluation = Evaluation.ok(first, val_accuracy=0.5)
    spec = SearchSpec(name="mine", evolution={"population": 5})
    records: list[Record] = [
        StudyStarted("mine", 3, spec.model_dump(mode="json"), {}),
        GenerationAsked(0, (first,), (Rejected("x", "linear"),)),
        Evaluated(evaluation, "hash"),
        GenerationTold(0),
        GenerationAsked(1, (first, second), (Rejected("2", "constant"),)),
        StudyFinished(first.id),
    ]
    history = History.of(records)
    assert history.spec == spec
    assert history.born == {first.id: 0, second.id: 1}
    assert history.evaluations == {(first.id, 0): evaluation}
    assert history.params == {(first.id, 0): "hash"}
    assert history.told == {0}
    assert [r.text for r in history.rejected] == ["x", "2"]
    assert history.finished == StudyFinished(first.id)
    assert history.hall_of_fame(ONE) == [first]  # second is not evaluated
    live = History()
    for record in records:
        live.apply(record)
    assert live == history


def test_an_empty_history() -> None:
    assert History().hall_of_fame(ONE) == []
    assert History().hall_of_fame(TWO) == []
    assert History().searched() == []
    assert History().rejected == []


@pytest.mark.parametrize("spec", [ONE, TWO, THREE], ids=["one", "two", "three"])
def test_asked_for_again_and_again_it_is_as_asked_for_once(spec: SearchSpec) -> None:
    evaluations = results(0)
    history, seen = told({}), {}
    for number, (candidate, evaluation) in enumerate(evaluations.items()):
        history.apply(GenerationAsked(number, (candidate,), ()))
        history.apply(Evaluated(evaluation))
        seen[candidate] = evaluation
        hall = history.hall_of_fame(spec)
        assert hall == told(seen).hall_of_fame(spec)
        best = [seen[c].objectives[spec.primary] for c in hall[:1]]
        assert history.leader(spec, number) == (best[0] if best else None)
    assert history.leader(spec, -1) is None
    assert history.hall_of_fame(ONE) == told(evaluations).hall_of_fame(ONE)


def test_statuses_are_counted_once_a_training() -> None:
    first, second = candidates(2)
    ok = Evaluation.ok(first, val_accuracy=0.5)
    history = History.of([GenerationAsked(0, (first, second), ()), Evaluated(ok), Evaluated(ok)])
    history.apply(Evaluated(Evaluation.failed(second, "why")))
    assert dict(history.statuses) == {"ok": 1, "failed": 1}
    assert history.hall_of_fame(ONE) == [first]
