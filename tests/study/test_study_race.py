"""The race for the confirmation: who leaves it, under which seeds, and after interruptions."""

from collections import Counter
from dataclasses import replace
from statistics import fmean

import pytest
from study_runs import searched

from evoact.language import parse
from evoact.records import Candidate, Evaluation, GenerationAsked, History, RaceAsked, SearchSpec
from evoact.study import Evaluator, Study, run
from evoact.study.confirm import confirmation
from evoact.study.journal import read_journal
from evoact.tracking.race import race_told


class Scripted(Evaluator):
    """Gives what a function of candidate text and replicate says: races of known outcome."""

    def __init__(self, accuracy):
        self.accuracy, self.waiting, self.trained = accuracy, [], Counter()

    def submit(self, cohort):
        self.waiting.append(cohort)

    def next_evaluations(self):
        cohort = self.waiting.pop(0)
        self.trained.update((c.text, cohort.replicate) for c in cohort.candidates)
        assert not cohort.test
        return [self.evaluation(c, cohort.replicate) for c in cohort.candidates]

    def evaluation(self, candidate, replicate):
        value = self.accuracy(candidate.text, replicate)
        if value is None:
            return Evaluation.failed(candidate, "script", replicate=replicate)
        return replace(Evaluation.ok(candidate, val_accuracy=value), replicate=replicate)

    def remember(self, reached):
        pass

    def close(self):
        pass


TEXTS = ["tanh(x)", "relu(x)", "sin(x)", "atan(x)"]


def raced(tiny, folder, accuracy, **confirm):
    """Return a study of four candidates after its race, the search being told already."""
    confirm = {"top": 4, "seeds": 8, "race": True, "baselines": [], **confirm}
    spec = SearchSpec.model_validate(
        {**tiny.model_dump(), "evaluate": {"executor": "inline", "confirm": confirm}}
    )
    study = Study.create(spec, folder, None, 0)
    study.open([])
    candidates = tuple(Candidate(parse(text)) for text in TEXTS)
    study.record(GenerationAsked(0, candidates, ()))
    evaluator = Scripted(accuracy)
    study.record_evaluations([evaluator.evaluation(c, 0) for c in candidates])
    asked = confirmation(study, evaluator)
    study.record(asked)
    study.close()
    return study, [c.text for c in asked.finalists.values()], evaluator


def test_who_is_worse_leaves_and_the_others_go_on(tiny, tmp_path):
    scores = {"tanh(x)": 0.7, "relu(x)": 0.9, "sin(x)": 0.1, "atan(x)": 0.9}

    def accuracy(text, replicate):
        swing = 0.01 if (replicate % 2 == 0) == (text == "relu(x)") else 0.0
        return scores[text] - 0.0001 * replicate + swing

    study, left, evaluator = raced(tiny, tmp_path, accuracy)
    assert set(left) == {"relu(x)", "atan(x)"}
    assert [asked.replicates for asked in study.history.race] == [
        (9, 10, 11, 12, 13),
        (14,),
        (15,),
        (16,),
    ]
    assert [len(asked.contestants) for asked in study.history.race] == [4, 2, 2, 2]
    assert evaluator.trained.total() == 4 * 5 + 2 * 3
    means = {text: fmean(accuracy(text, r) for r in range(9, 17)) for text in left}
    assert left == sorted(left, key=means.get, reverse=True)
    assert race_told(study.history) == [
        "Race: of 4 candidates 2 were confirmed, after up to 8 seeds of the race's own "
        "(26 trainings)."
    ]


def test_one_that_is_better_ends_the_race(tiny, tmp_path):
    ranks = {text: place for place, text in enumerate(reversed(TEXTS))}
    study, left, evaluator = raced(tiny, tmp_path, lambda text, _: 0.5 + 0.01 * ranks[text])
    assert left == ["tanh(x)"]
    assert evaluator.trained.total() == 4 * 5
    assert study.history.confirmation.replicates == tuple(range(1, 9))


def test_equals_stay_and_the_best_survivors_are_confirmed(tiny, tmp_path):
    study, left, _ = raced(tiny, tmp_path, lambda *_: 0.5, survivors=3)
    assert len(left) == 3
    assert all(len(asked.contestants) == 4 for asked in study.history.race)


def test_failures_leave_unless_all_fail(tiny, tmp_path):
    def accuracy(text, replicate):
        if replicate == 10 or (text == "sin(x)" and replicate == 11):
            return None
        return 0.9 if text == "sin(x)" else 0.5

    study, left, _ = raced(tiny, tmp_path, accuracy, survivors=4)
    assert set(left) == set(TEXTS) - {"sin(x)"}
    assert len(study.history.race) == 4


def test_a_minimised_objective_races_downwards(tiny, tmp_path):
    ranks = {text: place for place, text in enumerate(TEXTS)}
    spec = tiny.model_copy(update={"objectives": {"val_accuracy": "min"}})
    _, left, _ = raced(spec, tmp_path, lambda text, _: 0.5 + 0.01 * ranks[text])
    assert left == ["tanh(x)"]


@pytest.fixture
def racing(tiny) -> SearchSpec:
    confirm = {"top": 4, "seeds": 6, "race": True, "survivors": 2, "baselines": ["relu"]}
    evolution = {"population": 5, "generations": 1, "cohort": 2}
    return SearchSpec.model_validate(
        {
            **tiny.model_dump(),
            "evolution": evolution,
            "anneal": {"early": ["none"]},
            "evaluate": {"executor": "inline", "confirm": confirm},
        }
    )


def test_the_race_reads_no_test_set_and_chooses_the_winner(racing, tmp_path, counting):
    history = searched(racing, tmp_path, "a", counting()).history
    of_race = {r for asked in history.race for r in asked.replicates}
    confirmed = set(history.confirmation.replicates)
    assert confirmed == set(range(1, 7))
    assert not of_race & confirmed
    for (_, replicate), evaluation in history.evaluations.items():
        assert bool(evaluation.test) == (evaluation.is_ok and replicate in confirmed)
    finalists = list(history.confirmation.finalists.values())
    assert 1 <= len(finalists) <= 2
    assert all(len(history.confirmed(c)) == 6 for c in finalists)
    means = {c.id: fmean(e.objectives["val_accuracy"] for e in history.raced(c)) for c in finalists}
    assert history.finished.winner == max(means, key=means.get)


@pytest.mark.parametrize("stop_after", [5, 6, 17, 25, 30])
@pytest.mark.parametrize("mode", ["generational", "steady_state"])
def test_interrupted_and_resumed_it_is_the_same_race(racing, tmp_path, counting, stop_after, mode):
    evolution = racing.evolution.model_copy(update={"mode": mode})
    spec = racing.model_copy(update={"evolution": evolution})
    whole, first, second = counting(), counting(stop_after), counting()
    reference = searched(spec, tmp_path, "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        searched(spec, tmp_path, "cut", first)
    study = Study.load(tmp_path / "cut")
    study.open([])
    run(study, second)
    study.close()
    assert first.trained + second.trained == whole.trained
    assert set((first.trained + second.trained).values()) == {1}
    assert study.history.race == reference.history.race
    assert study.winner() == reference.winner()
    assert History.of(read_journal(study.folder)).race == study.history.race
    assert all(isinstance(asked, RaceAsked) for asked in study.history.race)
