"""Steady state in this process: who is asked when, and resume from the journal's order."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from study_runs import gone_on, searched

from evoact.errors import StudyError
from evoact.records import Evaluated, GenerationAsked, GenerationTold, SearchSpec, StudyFinished
from evoact.study import Study
from evoact.study.journal import read_journal

POPULATION, GENERATIONS, COHORT = 5, 3, 2


@pytest.fixture
def steady(tiny) -> SearchSpec:
    evolution = tiny.evolution.model_copy(update={"mode": "steady_state"})
    return tiny.model_copy(update={"evolution": evolution})


@pytest.fixture
def unordered(counting):
    """An evaluator whose cohorts end in any order, the evaluations of one as they come."""

    class Unordered(counting):
        def __init__(self, stop_after=None, workers=3, seed=0):
            super().__init__(stop_after, workers)
            self.rng = random.Random(seed)

        def next_evaluations(self):
            waiting = self.inner._waiting
            if not self.ready and waiting:
                # Only what a worker has taken can end.
                place = self.rng.randrange(min(self.workers, len(waiting)))
                for queue in (waiting, self.waiting):
                    chosen = queue[place]
                    del queue[place]
                    queue.appendleft(chosen)
            return super().next_evaluations()

    return Unordered


def check_whole(study) -> None:
    """Every candidate was asked once and evaluated once, and told in its generation."""
    records = read_journal(study.folder)
    asked = [c.id for r in records if isinstance(r, GenerationAsked) for c in r.candidates]
    assert len(asked) == len(set(asked)) == POPULATION * GENERATIONS
    evaluated = [r.evaluation for r in records if isinstance(r, Evaluated)]
    assert set(Counter((e.candidate_id, e.replicate) for e in evaluated).values()) == {1}
    assert {e.candidate_id for e in evaluated if e.replicate == 0} == set(asked)
    told = [r.generation for r in records if isinstance(r, GenerationTold)]
    assert told == list(range(GENERATIONS))
    assert [len(a.candidates) for a in study.history.asked.values()] == [POPULATION] * GENERATIONS
    assert isinstance(records[-1], StudyFinished)
    assert study.winner() is not None


def test_another_cohort_is_asked_as_soon_as_one_ended(steady, tmp_path, counting):
    study = searched(steady, tmp_path, "a", counting(workers=2))
    check_whole(study)
    kinds = []
    for record in read_journal(study.folder):
        if isinstance(record, GenerationAsked):
            kinds.append(len(record.candidates))
        elif isinstance(record, Evaluated) and record.evaluation.replicate == 0:
            kinds.append("e")
    # Two workers and one in reserve; generations of five are cut into 2, 2 and 1.
    assert kinds[:3] == [2, 2, 1]
    assert kinds[3:] == [
        "e",
        "e",
        2,
        "e",
        "e",
        2,
        "e",
        1,
        "e",
        "e",
        2,
        "e",
        "e",
        2,
        "e",
        1,
        *"eeeee",
    ]


@pytest.mark.parametrize("stop_after", [0, 1, 5, 6, 9, 15, 18])
def test_interrupted_and_resumed_equals_uninterrupted(steady, tmp_path, counting, stop_after):
    """With one order of ends, as of one worker, also the results are the same."""
    whole, first, second = counting(), counting(stop_after), counting()
    reference = searched(steady, tmp_path, "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        searched(steady, tmp_path, "cut", first)
    study = gone_on(tmp_path / "cut", second)
    assert first.trained + second.trained == whole.trained
    ours, theirs = (tmp_path / name / "hall_of_fame.csv" for name in ("cut", "whole"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert study.winner() == reference.winner()
    check_whole(study)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_ends_first_nothing_is_trained_twice(steady, tmp_path, unordered, seed):
    rng, trained = random.Random(seed), Counter()
    study = Study.create(steady, tmp_path, "a", 7)
    for stop_after in [rng.randrange(8) for _ in range(3)]:
        evaluator = unordered(stop_after, workers=rng.choice([1, 3]), seed=seed)
        with pytest.raises(KeyboardInterrupt):
            gone_on(study.folder, evaluator)
        trained += evaluator.trained
    last = unordered(seed=seed)
    study = gone_on(study.folder, last)
    assert set((trained + last.trained).values()) == {1}
    check_whole(study)
    before = (study.folder / "journal.jsonl").read_bytes()
    assert gone_on(study.folder, unordered(stop_after=0)).is_finished
    assert (study.folder / "journal.jsonl").read_bytes() == before


def test_with_rungs_a_cohort_ends_whole(steady, tmp_path, unordered):
    data = steady.model_dump(mode="json") | {
        "task": {"name": "digits", "epochs": 2, "batch_size": 359},
        "anneal": {"early": "none"},
    }
    data["evaluate"] |= {"rungs": [1]}
    spec = SearchSpec.model_validate(data)
    first, second = unordered(6), unordered()
    with pytest.raises(KeyboardInterrupt):
        searched(spec, tmp_path, "a", first)
    study = gone_on(tmp_path / "a", second)
    check_whole(study)
    assert set((first.trained + second.trained).values()) == {1}
    assert {e.rung for _, e in study.history.searched()} == {0, 1}


def test_a_journal_that_would_be_bred_otherwise_is_refused(steady, tmp_path, counting):
    with pytest.raises(KeyboardInterrupt):
        searched(steady, tmp_path, "a", counting(stop_after=12))
    journal = tmp_path / "a" / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    asked = [line["candidates"] for line in lines if line["type"] == "generation_asked"]
    next(candidates for candidates in reversed(asked) if len(candidates) == COHORT).reverse()
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(StudyError, match="would be bred otherwise now"):
        gone_on(tmp_path / "a", counting())


def test_an_exhausted_space_ends_the_search(steady, tmp_path, counting):
    data = steady.model_dump(mode="json") | {
        "language": {"primitives": ["neg"], "constants": False, "parameters": "none"},
        "anneal": {"evolve": False, "early": ["none"]},
    }
    data["evolution"] |= {"seeds": ["relu"], "population": 8}
    study = searched(SearchSpec.model_validate(data), tmp_path, "a", counting(workers=2))
    assert study.is_finished
    assert study.history.told == {0}
    assert len(study.history.searched()) < 8


def test_a_hopeless_first_generation_is_an_error_with_the_reason(steady, tmp_path, counting):
    timeout = steady.evaluate.model_copy(update={"timeout": 1e-6})
    with pytest.raises(StudyError, match=r"none of the 5 .* timeout"):
        searched(steady.model_copy(update={"evaluate": timeout}), tmp_path, "a", counting())
