"""What is tuned, trained and told, with accuracies that are known beforehand."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from contextlib import closing

import pytest
from comparison_known import Known, plan_of
from scipy import stats

from evoact.comparison import (
    ComparisonJournal,
    differences_figure,
    markdown,
    print_comparison,
    run_comparison,
)
from evoact.language import resolve
from evoact.records import Anneal

BASE = {"tanh(x)": 0.80, "relu(x)": 0.70, "silu(x)": 0.75, "2.0 * relu(x)": 0.70}


def accuracy(text: str, replicate: int, rate: float, gain: str) -> float:
    """Better at .01 than at .03 for all but relu; the seed's luck is common, its noise is not."""
    best = 0.03 if text == "relu(x)" else 0.01
    luck = 0.01 * math.sin(replicate)
    noise = 0.002 * math.sin(ord(text[0]) * replicate)
    return BASE[text] + luck + noise - 0.05 * (rate != best) - 0.1 * (gain != "own")


@pytest.fixture
def ran(tmp_path):
    def run(expressions=("tanh",), formula=accuracy, **settings):
        settings = {"rates": (0.01, 0.03), "seeds": 8, **settings}
        plan, evaluator = plan_of(expressions, **settings), Known(formula)
        with closing(ComparisonJournal(tmp_path / str(next(numbers)), plan)) as journal:
            return run_comparison(plan, evaluator, journal), evaluator.asked

    numbers = itertools.count()
    return run


def test_each_gets_its_own_best_setting_of_the_same_grid(ran) -> None:
    result, _ = ran(gains=("own", "relu"))
    chosen = {s.entrant.label: s.setting.learning_rate for s in result.standings}
    assert chosen == {"tanh": 0.01, "relu": 0.03, "silu": 0.01}
    assert {s.setting.gain for s in result.standings} == {"own"}
    grids = [[t.setting for t in s.tried] for s in result.standings]
    assert all(grid == list(result.plan.settings) for grid in grids)


def test_the_same_effort_goes_into_everyone(ran) -> None:
    more = {"anneal": Anneal(resolve("relu"), "cosine", 0.0, 0.5), "controls": True}
    result, asked = ran(["tanh", "2 * max(x, 0)"], gains=("own", "relu"), more=more)
    tuned = Counter(
        (c.id, cohort.task.learning_rate, cohort.gain, cohort.replicate)
        for cohort in asked
        if not cohort.test
        for c in cohort.candidates
    )
    plan = result.plan
    everyone, grid = (
        {e.candidate.id for e in plan.entrants},
        itertools.product(plan.rates, plan.gains),
    )
    assert tuned == Counter(
        (of, rate, gain, replicate)
        for rate, gain in grid
        for of in everyone
        for replicate in plan.tuning_replicates
    )
    assert {e.role for e in plan.entrants} == {"contestant", "control", "rescaled", "baseline"}


def test_parameters_of_networks_and_of_activations_are_accounted_for(ran, capsys) -> None:
    from rich.console import Console

    def formula(text, *about):
        return accuracy("tanh(x)", *about)

    result, _ = ran(["max(x, a * x) where a = 0.25"], formula, baselines=("relu", "crelu"))
    prelu, relu, crelu = ((s.parameters, s.activation_parameters) for s in result.standings)
    assert prelu == (relu[0] + 2, 2)  # one for each of two layers
    assert crelu[1] == 0
    assert crelu[0] == pytest.approx(relu[0], rel=0.02)  # its width is twice that of its input
    print_comparison(Console(width=120), result)
    shown = capsys.readouterr().out
    accounts = shown[shown.index("Accounts") : shown.index("Contestant minus")]
    assert "parameters" in accounts
    assert "in activations" in accounts
    for total, own in (prelu, relu, crelu):
        assert re.search(rf" {total:,} +{own} ", accounts), (total, own, accounts)


def test_test_data_are_read_after_all_choices_once_for_each_network(ran) -> None:
    result, asked = ran()
    reading = [cohort.test for cohort in asked]
    assert reading == sorted(reading)  # False before True
    tuned = {c.replicate for c in asked if not c.test}
    reported = [
        (c.id, cohort.replicate) for cohort in asked if cohort.test for c in cohort.candidates
    ]
    assert tuned == set(result.plan.tuning_replicates)
    assert sorted(reported) == sorted(
        (c.id, r) for c in result.plan.candidates for r in result.plan.replicates
    )
    assert {(c.seed, c.kernels) for c in asked} == {(0, "torch")}


def test_a_setting_at_which_trainings_fail_is_not_chosen(ran) -> None:
    def formula(text, replicate, rate, gain):
        failing = text == "tanh(x)" and rate == 0.01 and replicate == 20_002
        return None if failing else accuracy(text, replicate, rate, gain)

    result, _ = ran(formula=formula)
    assert result.standings[0].setting.learning_rate == 0.03


def test_differences_are_paired_and_tested_as_scipy_does(ran) -> None:
    result, _ = ran()
    found = result.comparisons("baseline", "test accuracy")
    assert [(c.who, c.baseline) for c in found] == [("tanh", "relu"), ("tanh", "silu")]
    tanh, relu, silu = (list(s.measured.test.values()) for s in result.standings)
    p_values = []
    for one, other in zip(found, (relu, silu), strict=True):
        d = [a - b for a, b in zip(tanh, other, strict=True)]
        low, high = stats.t.interval(0.95, 7, stats.tmean(d), stats.sem(d))
        assert (one.paired.difference, one.paired.low, one.paired.high) == pytest.approx(
            (stats.tmean(d), low, high)
        )
        p_values.append(stats.wilcoxon(d, method="exact").pvalue)
        assert one.paired.p_value == pytest.approx(p_values[-1])
    # All eight differences have one sign: p is 2 / 2^8 for both, and Holm doubles the first.
    assert p_values == [2**-7] * 2
    assert [one.corrected for one in found] == pytest.approx([2**-6] * 2)


def test_intervals_are_bootstrapped_from_20_seeds(ran) -> None:
    result, _ = ran(seeds=20)
    assert result.interval == "BCa bootstrap"
    (one, _) = result.comparisons("baseline", "test accuracy")
    tanh, relu, _ = (list(s.measured.test.values()) for s in result.standings)
    d = [a - b for a, b in zip(tanh, relu, strict=True)]
    wanted = stats.bootstrap(
        (d,), lambda x, axis: x.mean(axis), method="BCa", n_resamples=50_000, random_state=1
    ).confidence_interval
    assert (one.paired.low, one.paired.high) == pytest.approx(tuple(wanted), abs=6e-5)


@pytest.mark.parametrize(("seeds", "said"), [(6, True), (7, False)])
def test_too_few_seeds_are_told(ran, seeds: int, said: bool) -> None:
    result, _ = ran(seeds=seeds)
    sentences = [s for s in result.verdict() if "n too small to reach .05" in s]
    assert bool(sentences) is said  # 2 comparisons: 2 * 2^-5 > .05 > 2 * 2^-6
    if said:
        assert "with 6 seeds and 2 comparisons no p-value below 0.0625" in sentences[0]
        assert "set seeds to 7 or more" in sentences[0]


def test_better_worse_and_neither_are_told_alike(ran) -> None:
    def formula(text, replicate, rate, gain):
        shift = {"relu(x)": -0.02, "silu(x)": 0.02, "gelu(x)": 0.02 * math.sin(2 * replicate)}
        return 0.7 + shift.get(text, 0.0)

    result, _ = ran(formula=formula, baselines=("relu", "silu", "gelu"), seeds=10)
    sentences = [s for s in result.verdict() if s.startswith("In test accuracy tanh ")]
    outcomes = [s.removeprefix("In test accuracy tanh ").partition(":")[0] for s in sentences]
    assert outcomes == [
        "is better than relu",
        "is worse than silu",
        "is not shown to be better than gelu",
    ]


def test_a_scaled_relu_is_named_as_such(ran) -> None:
    result, _ = ran(["2 * max(x, 0)"])
    assert "2 * max(x, 0) is relu, rescaled: = 2 * relu(x)." in result.verdict()[0]
    (one,) = result.comparisons("rescaled", "test accuracy")
    assert (one.paired.difference, one.corrected) == (0.0, 1.0)


def test_failed_trainings_leave_their_pairs_out_and_are_told(ran) -> None:
    def formula(text, replicate, rate, gain):
        return (
            None
            if (text, replicate) == ("silu(x)", 10_003)
            else accuracy(text, replicate, rate, gain)
        )

    result, _ = ran(formula=formula)
    relu, silu = result.comparisons("baseline", "test accuracy")
    assert (relu.paired.n, silu.paired.n, silu.skipped) == (8, 7, 1)
    assert any("silu: 1" in sentence for sentence in result.verdict())


def test_nothing_but_failures_is_told(ran) -> None:
    result, _ = ran(formula=lambda text, *_: None if text == "tanh(x)" else 0.5)
    assert any("Every training of tanh" in sentence for sentence in result.verdict())
    assert json.dumps(result.to_dict(), allow_nan=False)
    assert "| tanh |" in markdown(result)
    differences_figure(result)


def test_an_end_of_the_grid_is_told(ran) -> None:
    result, _ = ran(rates=(0.01, 0.03, 0.1))
    (sentence,) = [s for s in result.verdict() if "end of the grid" in s]
    assert sentence.endswith("tanh (0.01), silu (0.01).")


def test_controls_of_an_annealed_contestant(ran) -> None:
    genes = Anneal(resolve("relu"), "cosine", 0.0, 0.5)
    result, _ = ran(more={"anneal": genes, "controls": True})
    found = result.comparisons("control", "test accuracy")
    assert [c.baseline for c in found] == ["static late", "static early"]
    text = " ".join(result.verdict())
    assert "annealed tanh is not shown to be better than its late function alone" in text
    assert "annealed tanh is better than its early function alone" in text


def test_json_tells_all(ran) -> None:
    result, _ = ran(gains=("own", "relu"))
    data = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert data["task"]["name"] == "digits"
    assert data["replicates"] == list(range(10_001, 10_009))
    assert data["rates"] == [0.01, 0.03]
    assert data["kernels"] == "torch"
    tanh = data["contestants"][0]
    assert (tanh["parameters"], tanh["activation_parameters"]) == (8970, 0)
    assert len(tanh["test"]["by_replicate"]) == 8
    assert len(tanh["tuning"]) == 4
    assert {c["role"] for c in data["comparisons"]} == {"baseline"}
    assert data["comparisons"][0]["smallest_p"] == 2**-6
    assert data["latency"]["relu(x)"]["torch"] > 0.0


def test_equal_trainings_are_equal_results_whatever_the_times(ran) -> None:
    (one, _), (other, _) = ran(), ran()
    assert one == other
    changed, _ = ran(formula=lambda *about: accuracy(*about) - 0.01)
    assert one != changed


def test_report_and_terminal_show_the_same(ran, capsys) -> None:
    from rich.console import Console

    result, _ = ran(["2 * max(x, 0)"])
    print_comparison(Console(width=120), result)
    shown, report = capsys.readouterr().out, markdown(result)
    for text in ("8,970", "paired t", "+0.0000 [+0.0000, +0.0000]", "baseline relu"):
        assert text in shown
        assert text in report
    assert all(f"- {sentence}\n" in report for sentence in result.verdict())


def test_the_figure_has_a_row_for_each_comparison(ran, tmp_path) -> None:
    from evoact.tracking import save_figure

    result, _ = ran(["2 * max(x, 0)", "tanh"])
    figure = differences_figure(result)
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == [
        "2 * max(x, 0) - relu",
        "2 * max(x, 0) - silu",
        "tanh - relu",
        "tanh - silu",
        "2 * max(x, 0) - relu rescaled",
    ]
    for name in ("one.svg", "two.svg"):
        save_figure(differences_figure(result), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
