import math
import re
from dataclasses import replace

import pytest

from evoact.records import Evaluated
from evoact.tracking import (
    comparison_rows,
    comparisons,
    confirmation_rows,
    contestants,
    control_comparisons,
    sharing,
    verdict,
)


def test_values_against_hand_computed_ones(study, play):
    history = play(study().records())
    winner = contestants(history)[0]
    assert winner.role == "winner"
    # base + .02 + .0005 r with base = .6 + .001 r and r = 1..8: mean r is 4.5
    assert winner.interval("validation accuracy").mean == pytest.approx(0.62675)
    assert winner.interval("test accuracy").mean == pytest.approx(0.61675)
    found = {(c.baseline, c.measure): c for c in comparisons(history)}
    relu = found["relu", "validation accuracy"]
    assert relu.paired.difference == pytest.approx(0.02 + 0.0005 * 4.5)
    # Eight positive differences: 2 / 2**8, and Holm doubles it for two baselines.
    assert relu.paired.p_value == pytest.approx(2 / 256)
    assert relu.corrected == pytest.approx(4 / 256)
    assert (relu.paired.n, relu.skipped) == (8, 0)


def test_failed_replicates_leave_out_their_pairs(study, play):
    history = play(study(failing=(2, 5)).records())
    found = {(c.baseline, c.measure): c for c in comparisons(history)}
    gelu = found["gelu", "test accuracy"]
    assert (gelu.paired.n, gelu.skipped) == (6, 2)
    # gelu is .03 below, the winner .02 + .0005 r above; r in 1, 3, 4, 6, 7, 8
    assert gelu.paired.difference == pytest.approx(0.05 + 0.0005 * 29 / 6)
    assert any("gelu: 2" in sentence for sentence in verdict(history))
    rows = {row["label"]: row for row in confirmation_rows(history)}
    assert (rows["gelu"]["n"], rows["gelu"]["failed"]) == (6, 2)


def test_a_better_winner_is_called_better(study, play):
    sentences = verdict(play(study().records()))
    assert sentences[0].startswith(
        "In validation accuracy the winner is better than relu, the best baseline: +0.0222 ["
    )
    assert "is better than relu" in sentences[1]
    assert "flatters" in sentences[2]


def test_a_worse_winner_is_called_worse(study, play):
    sentences = verdict(play(study(gain=-0.05).records()))
    assert "is worse than relu" in sentences[0]
    assert "is worse than relu" in sentences[1]


def test_a_winner_of_no_difference_is_not_called_better(study, play):
    # Differences of -.002, -.0015, ... .0015: as often below as above.
    sentences = verdict(play(study(gain=-0.0025).records()))
    assert "is not shown to be better than relu" in sentences[0]
    assert "seeds to" not in sentences[0]


@pytest.mark.parametrize(("replicates", "told"), [(5, True), (6, True), (7, False)])
def test_too_few_seeds_are_named(study, play, replicates, told):
    # Two baselines: 2 * 2 / 2**6 is .0625, still above .05.
    sentences = verdict(play(study(replicates=replicates).records()))
    assert ("set evaluate.confirm.seeds to 7 or more" in sentences[0]) is told
    assert ("is not shown to be better" in sentences[0]) is told


def test_a_winner_that_is_a_baseline_says_so(study, play):
    history = play(study(winner="relu", finalists=("relu", "mish"), gain=0.0).records())
    sentences = verdict(history)
    assert "itself the baseline relu" in sentences[0]
    assert "is better than gelu, the best other baseline" in sentences[1]
    assert {c.baseline for c in comparisons(history)} == {"gelu"}
    assert [c.label for c in contestants(history)] == ["relu", "mish", "gelu"]


def test_a_finalist_that_is_a_baseline_is_listed_once(study, play):
    finalists = (study().winner, "relu")
    people = contestants(play(study(finalists=finalists).records()))
    assert [(c.label, c.role) for c in people][1:] == [("relu", "baseline"), ("gelu", "baseline")]


def test_an_annealed_winner_stands_over_its_controls(study, play):
    history = play(study(controls=True).records())
    everyone = contestants(history)
    assert [(c.role, c.label) for c in everyone][:3] == [
        ("winner", study().winner),
        ("control", "static late"),
        ("control", "static early"),
    ]
    assert [c.role for c in everyone][3:] == ["finalist", "baseline", "baseline"]
    rows = confirmation_rows(history)
    assert rows[1]["expression"] == rows[0]["expression"]
    assert rows[2]["expression"] == "relu(x)"
    assert rows[2]["val_mean"] == rows[4]["val_mean"]  # the baseline relu: not trained twice
    assert all(row["test_mean"] is not None for row in rows[:3])
    found = {(c.baseline, c.measure): c for c in control_comparisons(history)}
    late = found["static late", "validation accuracy"]
    # base + .02 + .0005 r against base + .01, r = 1..8
    assert late.paired.difference == pytest.approx(0.01 + 0.0005 * 4.5)
    assert (late.paired.n, late.corrected) == (8, pytest.approx(4 / 256))
    assert {c.baseline for c in comparisons(history)} == {"relu", "gelu"}
    assert [row["baseline"] for row in comparison_rows(history)][4:] == [
        *("static late", "static early")
    ] * 2
    told = [s for s in verdict(history) if "function alone" in s]
    assert told[0].startswith(
        "In test accuracy the winner is better than static late, its late function alone: +0.0122 ["
    )
    assert "static early, its early function alone: +0.0222 [" in told[1]
    assert contestants(play(study().records()))[1].role == "finalist"


def test_too_few_seeds_for_controls_are_named(study, play):
    sentences = verdict(play(study(controls=True, replicates=5).records()))
    assert any("n too small to reach .05: with 5 seeds and 2 controls" in s for s in sentences)


def test_the_saving_of_a_shared_prefix_is_told(study, play):
    records = [
        replace(r, evaluation=replace(r.evaluation, steps=100, shared_steps=30 * (i % 3 == 0)))
        if isinstance(r, Evaluated)
        else r
        for i, r in enumerate(study().records())
    ]
    (told,) = sharing(play(records))
    assert re.fullmatch(r"Shared prefix saved \d{3} of 4,000 steps, \d+ %\.", told)
    assert sharing(play(study().records())) == []


def test_no_winner(study, play):
    history = play(study(winner=None).records())
    assert verdict(history) == ["There is no winner: no candidate could be trained."]
    assert comparison_rows(history) == []


def test_a_baseline_wins_when_there_is_no_finalist(study, play):
    history = play(study(winner="relu", finalists=(), gain=0.0).records())
    assert [(c.label, c.role) for c in contestants(history)] == [
        ("relu", "winner"),
        ("gelu", "baseline"),
    ]
    assert "itself the baseline relu" in verdict(history)[0]


def test_a_winner_that_was_not_confirmed(study, play):
    history = play(study(finalists=()).records())
    assert "evaluate.confirm.top is 0" in verdict(history)[0]


def test_a_winner_whose_trainings_failed(study, play):
    class Failing(study):
        def accuracy(self, label, replicate):
            return None if label == self.winner else super().accuracy(label, replicate)

    sentences = verdict(play(Failing().records()))
    assert sentences[0].startswith("Every training of the winner with fresh seeds failed")
    assert "winner" in sentences[1]
    assert ": 8" in sentences[1]


def test_confirmation_under_way(study, play):
    assert verdict(play(study().records()[:-1])) == [
        "Confirmation has not ended: there is no winner yet."
    ]


def test_no_confirmation(study, play):
    history = play(study().search())
    assert contestants(history) == []
    assert verdict(history) == ["There was no confirmation."]


def test_test_set_is_not_read_for_finalists(study, play):
    rows = confirmation_rows(play(study().records()))
    assert [row["test_mean"] is None for row in rows] == [False, True, False, False]


def test_one_seed_has_no_bounds(study, play):
    rows = confirmation_rows(play(study(replicates=1).records()))
    assert rows[0]["val_low"] is None
    assert rows[0]["val_mean"] == pytest.approx(0.6215)
    row = comparison_rows(play(study(replicates=1).records()))[0]
    assert row["low"] is None
    assert not math.isnan(row["p_value"])
