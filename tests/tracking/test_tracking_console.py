import io

import pytest
import rich.console

from evoact.language import parse
from evoact.records import Evaluated, GenerationAsked
from evoact.tracking import SKETCH, Console, failures, print_summary, sparkline
from evoact.tracking.board import best_table
from evoact.tracking.pace import Pace


class Clock:
    """A clock that moves when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def timed_replay(records, tracker, clock, play, seconds=3.0):
    """Each training takes `seconds`; all else takes no time."""

    class Waits:
        def on_record(self, record, history):
            clock.now += seconds if isinstance(record, Evaluated) else 0.0

        def close(self):
            pass

    return play(records, Waits(), tracker)


def plain():
    return rich.console.Console(file=io.StringIO(), width=60, force_terminal=False)


def terminal(width=100):
    return rich.console.Console(
        file=io.StringIO(), width=width, height=40, force_terminal=True, legacy_windows=False
    )


def test_plain_lines(study, play):
    clock, console = Clock(), plain()
    tracker = Console(console, clock=clock)
    timed_replay(study().records(), tracker, clock, play)
    tracker.close()
    lines = console.file.getvalue().splitlines()
    # 8 in the search, then (2 finalists + 2 baselines) * 8 seeds, 3 s each.
    assert lines == [
        "generation 1/2: best val_accuracy 0.6100 (silu(x)), "
        "4 trained, 1 failed, 0 rejected, about 2 min left",
        "generation 2/2: best val_accuracy 0.6600 "
        "(0.5 * tanh(x) + x * sigmoid(a0 * x) where a0 = 1.5), "
        "4 trained, 1 failed, 1 rejected, about 2 min left",
        "confirmation: 2 finalists and 2 baselines with 8 fresh seeds each, about 2 min left",
        "confirmation: 8/32 trained, about 72 s left",
        "confirmation: 16/32 trained, about 48 s left",
        "confirmation: 24/32 trained, about 24 s left",
        "confirmation: 32/32 trained",
    ]


def test_plain_lines_when_nothing_can_be_trained(study, play):
    console = plain()
    nothing = study(generations=[("relu", "silu")], scores=[(None, None)])
    play(nothing.search(), Console(console))
    assert "no candidate could be trained yet, 2 trained, 2 failed" in console.file.getvalue()


def test_live_display(study, play):
    clock, console = Clock(), terminal()
    tracker = Console(console, clock=clock)
    timed_replay(study().records(), tracker, clock, play)
    tracker.close()
    shown = console.file.getvalue()
    last = shown[shown.rindex("demo") :]
    assert "finished, 38 trained, 2 diverged, 1 rejected" in last
    assert "40/40" in last
    assert "0.6600" in last
    assert "relu -> late, blend, cosine 0-0.5" in last
    assert sparkline(parse(study().winner)) in last
    # A training of 1.5 s every 3 s.
    assert "0.5 workers busy" in last
    assert "log(x)" in last
    assert "loss nan in epoch 1" in last
    assert "mish" in last
    assert "\x1b[?25h" in shown[shown.rindex("\x1b[?25l") :], "the cursor is shown again"


def test_terminals_without_the_characters_get_no_sketches(study, play):
    raw = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    console = rich.console.Console(
        file=raw, width=100, height=40, force_terminal=True, legacy_windows=False
    )
    table = best_table(play(study().search()), console)
    assert SKETCH not in [column.header for column in table.columns]
    assert SKETCH in [c.header for c in best_table(play(study().search()), terminal()).columns]


def test_notebooks_get_plain_lines(study, play):
    notebook = rich.console.Console(file=io.StringIO(), force_jupyter=True, force_terminal=True)
    tracker = Console(notebook)
    assert type(tracker._view) is type(Console(plain())._view)


def test_the_last_failures_come_first(study, play):
    history = play(study().search())
    assert [line.plain.split("  ")[1] for line in failures(history)] == ["log(x)", "exp(exp(x))"]


def test_live_display_in_the_middle(study, play):
    clock, console = Clock(), terminal()
    tracker = Console(console, clock=clock)
    timed_replay(study().search()[:4], tracker, clock, play)
    tracker.close()
    tracker.close()
    shown = console.file.getvalue()
    last = shown[shown.rindex("demo") :]
    assert "generation 1/2" in last
    assert "2/40" in last
    assert "about 2 min left" in last


def test_long_expressions_are_cut(study, play):
    console = terminal(width=70)
    long = " + ".join(f"tanh({i + 2} * x)" for i in range(20))
    tracker = Console(console)
    play(study(generations=[("relu", long)], scores=[(0.1, 0.2)]).search(), tracker)
    tracker.close()
    assert "…" in console.file.getvalue()
    assert long not in console.file.getvalue()


def test_live_display_is_left_after_an_error(study, play):
    console = terminal()
    tracker = Console(console)
    history = play(study().search()[:3], tracker)
    with pytest.raises(AttributeError):
        tracker.on_record(GenerationAsked(9, (None,), ()), history.apply(None))
    tracker.close()
    assert "\x1b[?25h" in console.file.getvalue()


def test_replayed_records_do_not_count_for_the_speed(study, play):
    clock = Clock()
    pace = Pace(clock)
    records = study().search()
    history = play(records[:8], pace)
    assert pace.done == 4
    assert pace.left() is None
    for record in records[8:]:
        clock.now += 10.0 if isinstance(record, Evaluated) else 0.0
        history.apply(record)
        pace.on_record(record, history)
    assert pace.done + 32 == pace.total == 40
    # One was replayed with the generation's head; four took 10 s each.
    assert pace.left() == pytest.approx(320.0)


def test_total_follows_what_was_asked(study, play):
    pace = Pace(Clock())
    history = play(study().search(), pace)
    assert pace.total == 8 + (2 + 2) * 8
    same = study(finalists=(study().winner, "relu"))  # relu is a baseline too
    for record in same.confirmation()[:1]:
        history.apply(record)
        pace.on_record(record, history)
    assert pace.total == 8 + 3 * 8


def test_given_total_is_kept(study, play):
    pace = Pace(Clock(), total=99)
    play(study().search(), pace)
    assert pace.total == 99


def test_summary_fits_a_small_terminal(study, play):
    console = rich.console.Console(file=io.StringIO(), width=80)
    print_summary(console, play(study().records()))
    text = console.file.getvalue()
    assert "…" not in text
    assert "0.6268 ± 0.0031" in text
    assert "+0.0222 [+0.0212, +0.0233]" in text


def test_summary(study, play):
    console = rich.console.Console(file=io.StringIO(), width=140)
    print_summary(console, play(study(failing=(2,)).records()))
    text = console.file.getvalue()
    rows = [line.split() for line in text.splitlines()]
    roles = {"winner", "finalist"}
    assert [row[0] for row in rows if row and row[0] in roles] == sorted(roles, reverse=True)
    assert "0.6268" in text
    assert next(row for row in rows if row[:1] == ["finalist"])[-1] == "-"
    assert "baseline gelu" in text
    assert "is better than relu, the best baseline" in " ".join(text.split())
    assert "gelu: 1" in text


def test_summary_of_a_study_without_a_better_function(study, play):
    console = rich.console.Console(file=io.StringIO(), width=140)
    print_summary(console, play(study(gain=-0.05, replicates=3).records()))
    text = " ".join(console.file.getvalue().split())
    assert "is not shown to be better than relu" in text
    assert "set evaluate.confirm.seeds to 7 or more" in text
