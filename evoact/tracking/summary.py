"""The final report of a study, on the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from evoact.records import History
from evoact.stats import Interval, pairs_needed, smallest_p_value
from evoact.tracking.confirmation import (
    BASELINE,
    CONTROL,
    FINALIST,
    TEST,
    VALIDATION,
    WINNER,
    Comparison,
    Contestant,
    comparisons,
    contestants,
    control_comparisons,
    measure_text,
    tasks_of,
)
from evoact.tracking.curse import curse_measure, curse_table, curse_told, flattered
from evoact.tracking.describe import annealing_text, novelty_text, spec_of
from evoact.tracking.limits import limits_told
from evoact.tracking.predictions import predictions
from evoact.tracking.race import race_told
from evoact.tracking.rejections import rejections
from evoact.tracking.spent import spent, spent_table

if TYPE_CHECKING:
    from rich.console import Console

SIGNIFICANT: Final = 0.05
_LEAST_SHOWN: Final = 0.0001
_CHOSEN_HERE: Final = (
    "The winner was chosen by its {validation}, which flatters it; the {test} does not."
)
_CHOSEN_BY_RACE: Final = (
    "The winner was chosen in a race, under other seeds than these but on the same validation "
    "data, which flatters its {validation}; the {test} does not."
)
_UNNAMED: Final = (WINNER, FINALIST)  # what they are called is an id


def print_summary(console: Console, history: History) -> None:
    """Print what confirmation with fresh seeds found, a verdict, and what it took."""
    everyone = contestants(history)
    tasks = tasks_of(history)
    if everyone:
        title = f"Confirmed with fresh seeds{', means over tasks' if tasks else ''}"
        console.print(results_table(title, everyone, _caption(everyone)))
    if found := comparisons(history):
        console.print(comparison_table("Winner minus baseline", found))
    for task in tasks:
        of_task = contestants(history, task)
        console.print(results_table(f"On {task}", of_task, _caption(of_task)))
        if found := comparisons(history, task):
            console.print(comparison_table(f"On {task}, winner minus baseline", found))
    if controls := control_comparisons(history):
        console.print(comparison_table("Winner minus its controls", controls))
    if finalists := flattered(history):
        console.print(curse_table(finalists, curse_measure(spec_of(history))))
    if budget := spent(history):
        console.print(spent_table(budget))
    console.print()
    counts = (race_told, curse_told, sharing, rejections, predictions)
    for sentence in [*verdict(history), *(told for count in counts for told in count(history))]:
        console.print(Text(sentence))


def results_table(title: str, everyone: Sequence[Contestant], caption: str) -> Table:
    """Return the table of mean accuracies with their intervals."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("who", no_wrap=True)
    table.add_column("expression", overflow="fold")
    metric = everyone[0].metric
    for name in (f"val {metric}", "n", f"test {metric}"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in everyone:
        table.add_row(
            Text(_who(one)),
            _candidate_text(one),
            Text(interval_text(one.interval(VALIDATION))),
            str(len(one.validation)),
            Text(interval_text(one.interval(TEST))),
            style="bold" if one.role == WINNER else None,
        )
    table.caption, table.caption_justify = caption, "left"
    return table


def _caption(everyone: Sequence[Contestant]) -> str:
    and_controls = ", its controls" if any(one.role == CONTROL for one in everyone) else ""
    return (
        f"mean and 95 % interval; the test set speaks for winner{and_controls} and baselines only"
    )


def _who(one: Contestant) -> str:
    if one.role == CONTROL:
        return f"  {one.label}"  # under the winner, whose control it is
    return one.role if one.role in _UNNAMED else f"{one.role} {one.label}"


def _candidate_text(one: Contestant) -> Text:
    text = annealing_text(one.candidate)
    genes = f"\n{text}" if text != "-" else ""
    return Text.assemble(one.candidate.text, (genes, "dim"))


def interval_text(interval: Interval | None) -> str:
    """Return a mean with half its interval.

    >>> interval_text(Interval(0.5, 0.49, 0.51, 10)), interval_text(None)
    ('0.5000 ± 0.0100', '-')
    """
    if interval is None:
        return "-"
    if math.isnan(interval.low):
        return f"{interval.mean:.4f}"
    return f"{interval.mean:.4f} ± {interval.high - interval.mean:.4f}"


def comparison_table(title: str, found: Sequence[Comparison]) -> Table:
    """Return the table of paired differences; the title's last word says to what."""
    others = title.rpartition(" ")[2].removesuffix("s")
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    several = len({one.who for one in found}) > 1
    table.add_column("measure", no_wrap=True)
    if several:
        table.add_column("who", overflow="fold")
    table.add_column(others, overflow="fold")
    for name in ("difference", "corrected p", "pairs"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            one.measure.replace("validation", "val"),
            *([Text(one.who)] if several else []),
            Text(one.baseline),
            Text(difference_text(one)),
            p_text(one.corrected),
            str(one.paired.n),
        )
    table.caption = f"same seeds, paired; exact signed-rank test, Holm's correction over {others}s"
    table.caption_justify = "left"
    return table


def difference_text(one: Comparison) -> str:
    """Return a mean difference with its interval, signs said."""
    text = f"{one.paired.difference:+.4f}"
    if math.isnan(one.paired.low):
        return text
    return f"{text} [{one.paired.low:+.4f}, {one.paired.high:+.4f}]"


def verdict(history: History) -> list[str]:
    """Return in words whether the winner is better than the best baseline.

    The best baseline is the one with the best mean on validation data, so
    that the test set chooses nothing.
    """
    everyone = contestants(history)
    if not everyone:
        return ["There was no confirmation."]
    winner = next((one for one in everyone if one.role == WINNER), None)
    if winner is None:
        return [_without_winner(history)]
    own = _own_baseline(winner, history)
    best = "the best other baseline" if own else "the best baseline"
    judged = _against_best(everyone, comparisons(history), best)
    if len(judged) > 1:
        chosen = _CHOSEN_BY_RACE if history.race else _CHOSEN_HERE
        names = {"validation": VALIDATION, "test": TEST}
        told = {key: measure_text(name, winner.metric) for key, name in names.items()}
        judged.append(chosen.format(**told))
    known = novelty_text(winner.candidate.late)
    broken = limits_told(winner.candidate, history)
    return [*own, *judged, *broken, *_against_controls(history), *_failures(everyone), known]


def _without_winner(history: History) -> str:
    if history.finished is None:
        return "Confirmation has not ended: there is no winner yet."
    if history.finished.winner is None:
        return "There is no winner: no candidate could be trained."
    return (
        "The winner is the best of the search alone: it was not trained with fresh seeds, "
        "as evaluate.confirm.top is 0."
    )


def _own_baseline(winner: Contestant, history: History) -> list[str]:
    assert history.confirmation is not None
    for name, candidate in history.confirmation.baselines.items():
        if candidate.id == winner.candidate.id:
            return [f"The winner is itself the baseline {name}: the search found nothing better."]
    return []


def _against_best(everyone: list[Contestant], found: list[Comparison], words: str) -> list[str]:
    means = {one.label: one.interval(VALIDATION) for one in everyone if one.role == BASELINE}
    known = {label: interval.mean for label, interval in means.items() if interval}
    if not next(one for one in everyone if one.role == WINNER).validation:
        return ["Every training of the winner with fresh seeds failed: nothing is confirmed."]
    if not known:
        return ["No baseline was confirmed: there is nothing to compare the winner with."]
    best = (max if everyone[0].maximises else min)(known, key=lambda label: known[label])
    sentences = []
    for of_test in (False, True):
        family = [one for one in found if one.is_of_test == of_test]
        sentences += [_judged(one, words) for one in family if one.baseline == best]
    return sentences


def _against_controls(history: History) -> list[str]:
    """Say what annealing gave: against the same network with one function throughout."""
    found = [one for one in control_comparisons(history) if one.is_of_test]
    words = {"static late": "its late function alone", "static early": "its early function alone"}
    return [_judged(one, words.get(one.baseline, CONTROL), CONTROL) for one in found]


def p_text(p: float) -> str:
    """Return a p-value as people read it.

    >>> p_text(0.0312), p_text(0.0000019)
    ('0.0312', '< 0.0001')
    """
    return f"{p:.4f}" if p >= _LEAST_SHOWN else f"< {_LEAST_SHOWN}"


def _judged(one: Comparison, words: str, others: str = BASELINE) -> str:
    sentence = judged(one, "the winner", f"{one.baseline}, {words}")
    return f"{sentence} {too_few(one, others, 'evaluate.confirm.seeds')}".rstrip()


def judged(one: Comparison, who: str, whom: str) -> str:
    """Return in words whether one is better than another, or not shown to be."""
    if one.corrected >= SIGNIFICANT:
        outcome = "is not shown to be better than"
    else:
        outcome = "is better than" if one.is_better else "is worse than"
    equal = "" if p_text(one.corrected).startswith("<") else "= "
    return (
        f"In {one.measure} {who} {outcome} {whom}: "
        f"{difference_text(one)}, corrected p {equal}{p_text(one.corrected)}."
    )


def too_few(one: Comparison, others: str, seeds: str) -> str:
    """Return the sentence that there are too few seeds to show anything, or nothing.

    Args:
        one: a comparison.
        others: what its family consists of, such as `baseline`.
        seeds: the setting that says how many seeds there are.
    """
    smallest = smallest_p_value(one.paired.n, one.family)
    if smallest <= SIGNIFICANT:
        return ""
    plural = "" if one.family == 1 else "s"
    return (
        f"n too small to reach .05: with {one.paired.n} seeds and {one.family} "
        f"{others}{plural} no p-value below {smallest:.4g} can come out: set {seeds} to "
        f"{pairs_needed(one.family, SIGNIFICANT)} or more."
    )


def sharing(history: History) -> list[str]:
    """Say how many optimiser steps were saved by sharing the part before g rises.

    Nothing for a study that shared none.
    """
    everyone = history.evaluations.values()
    shared, steps = (sum(getattr(e, name) for e in everyone) for name in ("shared_steps", "steps"))
    if not shared:
        return []
    return [f"Shared prefix saved {shared:,} of {steps:,} steps, {100 * shared / steps:.0f} %."]


def _failures(everyone: list[Contestant]) -> list[str]:
    failed = [one for one in everyone if one.failed]
    if not failed:
        return []
    listed = ", ".join(f"{one.role} {one.label}: {one.failed}" for one in failed)
    return [f"Trainings that failed and are left out, with their pairs: {listed}."]
