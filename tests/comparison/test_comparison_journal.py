"""What is kept of a comparison: interrupted anywhere, and gone on with."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from comparison_known import Known, plan_of

from evoact.comparison import ComparisonJournal, run_comparison
from evoact.errors import InputError, StudyError
from evoact.records import Cohort, ComparisonStarted, SearchSpec, TrainingsAsked
from evoact.study import Study, read_journal

PLAN = plan_of(["tanh"], rates=(0.01, 0.03), seeds=3, tuning_seeds=2)


def accuracy(text: str, replicate: int, rate: float, gain: str) -> float | None:
    if (text, replicate) == ("tanh(x)", 20_002):
        return None
    best = 0.03 if text == "relu(x)" else 0.01
    return 0.8 - 0.05 * (rate != best) - 0.001 * (replicate % 7) - 0.01 * len(text)


class Interrupted(Known):
    """Stops at a cohort as Ctrl-C does."""

    def __init__(self, after: int) -> None:
        super().__init__(accuracy)
        self.left = after

    def next_evaluations(self):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().next_evaluations()


def run(runs: Path, evaluator: Known, plan=PLAN, **settings):
    with closing(ComparisonJournal(runs, plan, **settings)) as journal:
        return run_comparison(plan, evaluator, journal), journal


def asked(cohorts: list[Cohort]) -> Counter:
    return Counter(
        (c.id, cohort.task.learning_rate, cohort.replicate, cohort.test)
        for cohort in cohorts
        for c in cohort.candidates
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted comparison, and what it asked."""
    evaluator = Known(accuracy)
    return run(tmp_path_factory.mktemp("whole"), evaluator)[0], evaluator.asked


@pytest.mark.parametrize("after", range(8))
def test_interrupted_anywhere_it_goes_on_to_the_same_end(whole, tmp_path: Path, after: int) -> None:
    result, everything = whole
    first, second = Interrupted(after), Known(accuracy)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, first)
    again, _ = run(tmp_path, second)
    assert again == result
    done = asked(everything) - asked(second.asked)
    assert done.total() == 3 * after if after <= 4 else done.total() > 12
    assert not asked(second.asked) - asked(everything)


def test_a_part_of_a_cohort_that_ended_is_not_trained_again(whole, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Interrupted(1))
    (folder,) = tmp_path.iterdir()
    path = folder / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])  # killed while it wrote
    evaluator = Known(accuracy)
    with pytest.warns(UserWarning, match="not written whole"):
        result, _ = run(tmp_path, evaluator)
    assert result == whole[0]
    assert asked(whole[1]).total() - asked(evaluator.asked).total() == 2


def test_a_finished_one_is_read_alone(whole, tmp_path: Path) -> None:
    result, journal = run(tmp_path, Known(accuracy))
    before = (journal.folder / "journal.jsonl").read_bytes()
    evaluator = Known(accuracy)
    again, _ = run(tmp_path, evaluator)
    assert evaluator.asked == []
    assert again == result == whole[0]
    assert again.latency == result.latency
    assert (journal.folder / "journal.jsonl").read_bytes() == before


def test_the_journal_says_what_was_chosen_and_of_what_each_training_is(tmp_path: Path) -> None:
    result, journal = run(tmp_path, Known(accuracy))
    records = read_journal(journal.folder)
    assert isinstance(records[0], ComparisonStarted)
    assert records[0].plan["rates"] == [0.01, 0.03]
    assert records[0].versions["kernels"] == "torch (as asked)"
    *_, last = (record for record in records if isinstance(record, TrainingsAsked))
    chosen = {s.entrant.candidate.id: s.setting.learning_rate for s in result.standings}
    assert {of: data["learning_rate"] for of, data in last.settings.items()} == chosen
    assert last.replicates == PLAN.replicates


def test_equal_plans_have_one_name_and_others_another(tmp_path: Path) -> None:
    for plan in (PLAN, replace(PLAN, seed=1), replace(PLAN, seeds=4)):
        run(tmp_path, Known(accuracy), plan)
    assert len({path.name for path in tmp_path.iterdir()}) == 3
    assert all(path.name.startswith("compare-digits-") for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(PLAN, seed=1), r"\(seed 0 there, 1 here\)"),
        (replace(PLAN, rates=(0.01,)), r"rates \[0\.01, 0\.03\] there, \[0\.01\] here"),
        (plan_of(["mish"], rates=(0.01, 0.03), seeds=3, tuning_seeds=2), "tanh, relu, silu there"),
    ],
)
def test_another_plan_of_the_same_name_is_refused(tmp_path: Path, other, told: str) -> None:
    _, journal = run(tmp_path, Known(accuracy), name="mine")
    assert journal.folder == tmp_path / "compare-mine"
    before = (journal.folder / "journal.jsonl").read_bytes()
    with pytest.raises(InputError, match=rf"{told}.*nothing is overwritten: choose another name"):
        run(tmp_path, Known(accuracy), other, name="mine")
    assert (journal.folder / "journal.jsonl").read_bytes() == before


def test_nothing_else_is_written_to(tmp_path: Path) -> None:
    Study.create(SearchSpec(), tmp_path, "compare-study", 0)
    (tmp_path / "compare-mine").mkdir()
    (tmp_path / "compare-mine" / "notes.txt").write_text("precious")
    (tmp_path / "compare-file").write_text("precious")
    for name, told in (
        ("study", "is no comparison; nothing is overwritten"),
        ("mine", "has no journal; nothing is overwritten"),
        ("file", "cannot be made"),
        ("../else", "--name is '../else'; wanted letters"),
    ):
        with pytest.raises(InputError, match=told):
            ComparisonJournal(tmp_path, PLAN, name)
    assert [path.name for path in (tmp_path / "compare-mine").iterdir()] == ["notes.txt"]


def test_two_processes_do_not_write_one_comparison(tmp_path: Path) -> None:
    with closing(ComparisonJournal(tmp_path, PLAN)), pytest.raises(StudyError, match="in use"):
        ComparisonJournal(tmp_path, PLAN)
    ComparisonJournal(tmp_path, PLAN).close()


def test_other_versions_are_warned_of(tmp_path: Path) -> None:
    _, journal = run(tmp_path, Known(accuracy))
    path = journal.folder / "journal.jsonl"
    first, rest = path.read_text().split("\n", 1)
    data = json.loads(first)
    data["versions"]["torch"] = "1.0"
    path.write_text(f"{json.dumps(data)}\n{rest}")
    with pytest.warns(UserWarning, match=r"comparison compare-digits-.* \(torch 1\.0 -> "):
        run(tmp_path, Known(accuracy))


def test_a_comparison_is_told_to_be_no_study(tmp_path: Path) -> None:
    _, journal = run(tmp_path, Known(accuracy))
    with pytest.raises(InputError, match=r"is a comparison, no study.*same `evoact compare`"):
        Study.load(journal.folder)
