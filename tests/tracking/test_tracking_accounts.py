"""What a study spent, and by how much its search flattered: every number by hand."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
import rich.console
from scipy import stats

from evoact.records import ConfirmationAsked, Evaluated, History, RaceAsked
from evoact.tracking import print_summary, summary_data
from evoact.tracking.curse import curse_told, flattered, winners_curse
from evoact.tracking.spent import spent

STEPS, SHARED = 30, 10  # of each training that ended well; every second one shared some


def with_steps(records):
    """Give evaluations that ended well their steps."""
    count = 0
    for record in records:
        if isinstance(record, Evaluated) and record.evaluation.is_ok:
            count += 1
            shared = SHARED * (count % 2)
            evaluation = replace(record.evaluation, steps=STEPS, shared_steps=shared)
            record = replace(record, evaluation=evaluation)  # noqa: PLW2901  # mapped in place
        yield record


def shown(history: History) -> str:
    console = rich.console.Console(file=io.StringIO(), width=120)
    print_summary(console, history)
    return console.file.getvalue()


def test_what_was_spent_by_stage(study, play) -> None:
    history = play(list(with_steps(study(failing=(2,)).records())))
    search, confirmation, everything = spent(history)
    # Eight candidates, of which two failed; two finalists and two baselines under eight seeds.
    assert (search.stage, search.trainings, search.failed, search.epochs) == ("search", 8, 2, 3)
    assert search.steps == 6 * STEPS - 3 * SHARED
    assert search.seconds == 6 * 1.5 + 2 * 0.5
    assert (confirmation.trainings, confirmation.failed) == (32, 1)
    assert confirmation.seconds == 31 * 1.5 + 0.5
    assert everything.trainings == 40
    assert everything.steps == search.steps + confirmation.steps
    assert everything.seconds == search.seconds + confirmation.seconds
    rows = [line.split() for line in shown(history).splitlines()]
    assert ["search", "3", "8", "2", "150", "10", "s"] in rows
    assert ["all", "3", "40", "3", f"{everything.steps:,}", "57", "s"] in rows


def test_what_was_spent_by_rung(study, play) -> None:
    spec = {**study().spec, "anneal": {"evolve": False, "early": ["none"]}}
    spec["evaluate"] = {**spec["evaluate"], "rungs": [1, 2]}
    spec["evolution"] = {**spec["evolution"], "cohort": 4}
    spec["task"] = {"epochs": 3}

    def rung(record, position):
        if not isinstance(record, Evaluated) or not record.evaluation.is_ok:
            return record
        where = position % 3
        return replace(record, evaluation=replace(record.evaluation, rung=where, epochs=where + 1))

    records = [rung(record, n) for n, record in enumerate(with_steps(study(spec=spec).search()))]
    found = spent(play(records))
    assert [(one.stage, one.rung, one.epochs) for one in found] == [
        ("search", -1, None),  # those that failed
        ("search", 0, 1),
        ("search", 1, 2),
        ("search", 2, 3),
        ("all", -1, None),
    ]
    assert [one.failed for one in found] == [2, 0, 0, 0, 2]
    assert sum(one.trainings for one in found[:-1]) == found[-1].trainings == 8
    text = shown(History.of(records))
    assert "search, rung 2" in text


def test_a_race_is_told_apart(study, play) -> None:
    records = study().records()
    (place,) = [n for n, r in enumerate(records) if isinstance(r, ConfirmationAsked)]
    race = RaceAsked(tuple(c.id for c in records[place].finalists.values()), (101,))
    who = next(r for r in records if isinstance(r, Evaluated)).evaluation
    raced = Evaluated(replace(who, replicate=101))
    found = spent(play([*records[:place], race, raced, *records[place:]]))
    assert [(one.stage, one.trainings) for one in found] == [
        ("search", 8), ("race", 1), ("confirmation", 32), ("all", 41),
    ]  # fmt: skip


def test_nothing_trained_spends_nothing(study, play) -> None:
    history = play(study().records()[:1])
    assert spent(history) == []
    assert "Budget spent" not in shown(history)


def test_the_winners_curse_is_search_minus_confirmed(study, play) -> None:
    history = play(study().records())
    winner, mish = flattered(history)
    seeds = range(1, 9)
    confirmed = [0.6 + 0.001 * r + 0.02 + 0.0005 * r for r in seeds]
    assert winner.search == 0.66
    assert winner.confirmed.mean == pytest.approx(stats.tmean(confirmed))
    assert winner.by == pytest.approx(0.66 - stats.tmean(confirmed))
    assert mish.by == pytest.approx(0.64 - stats.tmean([0.601 + 0.001 * r for r in seeds]))
    curse = winners_curse([winner, mish])
    both = [winner.by, mish.by]
    low, high = stats.t.interval(0.95, 1, stats.tmean(both), stats.sem(both))
    assert (curse.mean, curse.low, curse.high) == pytest.approx((stats.tmean(both), low, high))
    text = shown(history)
    assert f"{winner.by:+.4f}" in text
    assert "Winner's curse in val_accuracy" in text
    assert f"flattered the 2 finalists by {curse.mean:+.4f} [{low:+.4f}, {high:+.4f}]" in " ".join(
        text.split()
    )


def test_less_may_be_better(study, play) -> None:
    spec = {**study().spec, "objectives": {"val_loss": "min"}}

    def with_loss(record):
        if not isinstance(record, Evaluated) or not record.evaluation.is_ok:
            return record
        loss = {"val_loss": 1.0 if record.evaluation.replicate else 0.75}
        return replace(record, evaluation=replace(record.evaluation, objectives=loss))

    history = play([with_loss(record) for record in study(spec=spec).records()])
    assert [one.by for one in flattered(history)] == [0.25, 0.25]  # the search saw less loss
    assert "in val_loss the" in curse_told(history)[0]


def test_one_finalist_has_no_interval(study, play) -> None:
    (told,) = curse_told(play(study(finalists=(study().winner,)).records()))
    assert "in val_accuracy the search flattered the finalist by +0.0333, their score" in told


def test_who_stopped_at_a_rung_or_failed_is_left_out(study, play) -> None:
    def shorter(record):
        is_mish = isinstance(record, Evaluated) and record.evaluation.objectives.get(
            "val_accuracy"
        ) == 0.64  # fmt: skip
        if not is_mish:
            return record
        return replace(record, evaluation=replace(record.evaluation, epochs=2))

    assert len(flattered(play([shorter(record) for record in study().records()]))) == 1
    nothing = [r for r in study().records() if not isinstance(r, Evaluated)]
    assert flattered(play(nothing)) == []
    assert winners_curse([]) is None
    assert curse_told(play(study().search())) == []


def test_plain_data_say_the_same(study, play) -> None:
    history = play(list(with_steps(study().records())))
    data = json.loads(json.dumps(summary_data(history), allow_nan=False))
    assert data["evaluated"] == 8
    assert data["rejected"] == {"duplicate": 1}
    assert [one["trainings"] for one in data["spent"]] == [8, 32, 40]
    curse = data["winners_curse"]
    assert curse["n"] == len(curse["finalists"]) == 2
    assert curse["mean"] == winners_curse(flattered(history)).mean
    assert {row["role"] for row in data["confirmed"]} == {"winner", "finalist", "baseline"}
    assert data["verdict"]
    alone = play(study(finalists=(study().winner,)).records())
    assert summary_data(alone)["winners_curse"]["low"] is None
    searched = summary_data(play(study().search()))
    assert searched["winners_curse"] is None
    assert searched["confirmed"] == []
