"""The final report of a study, on the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from evoact.records import History
from evoact.stats import Interval, pairs_needed
from evoact.tracking.confirmation import (
    BASELINE,
    CONTROL,
    TEST,
    VALIDATION,
    WINNER,
    Comparison,
    Contestant,
    comparisons,
    contestants,
    control_comparisons,
)
from evoact.tracking.describe import annealing_text, novelty_text
from evoact.tracking.rejections import rejections

if TYPE_CHECKING:
    from rich.console import Console

SIGNIFICANT: Final = 0.05


def print_summary(console: Console, history: History) -> None:
    """Print what confirmation with fresh seeds found: results, comparisons, a verdict."""
    everyone = contestants(history)
    if everyone:
        console.print(_results_table(everyone))
    found = comparisons(history)
    if found:
        console.print(_comparison_table("Winner minus baseline", found))
    if controls := control_comparisons(history):
        console.print(_comparison_table("Winner minus its controls", controls))
    console.print()
    for sentence in [*verdict(history), *sharing(history), *rejections(history)]:
        console.print(Text(sentence))


def _results_table(everyone: list[Contestant]) -> Table:
    table = Table(title="Confirmed with fresh seeds", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("who", no_wrap=True)
    table.add_column("expression", overflow="fold")
    for name in ("val accuracy", "n", "test accuracy"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in everyone:
        table.add_row(
            Text(_who(one)),
            _candidate_text(one),
            _interval_text(one.interval(VALIDATION)),
            str(len(one.validation)),
            _interval_text(one.interval(TEST)),
            style="bold" if one.role == WINNER else None,
        )
    and_controls = ", its controls" if any(one.role == CONTROL for one in everyone) else ""
    table.caption = (
        f"mean and 95 % interval; the test set speaks for winner{and_controls} and baselines only"
    )
    table.caption_justify = "left"
    return table


def _who(one: Contestant) -> str:
    if one.role == CONTROL:
        return f"  {one.label}"  # under the winner, whose control it is
    return f"{BASELINE} {one.label}" if one.role == BASELINE else one.role


def _candidate_text(one: Contestant) -> Text:
    genes = f"\n{annealing_text(one.candidate)}" if one.candidate.anneal else ""
    return Text.assemble(one.candidate.text, (genes, "dim"))


def _interval_text(interval: Interval | None) -> Text:
    if interval is None:
        return Text("-")
    if math.isnan(interval.low):
        return Text(f"{interval.mean:.4f}")
    return Text(f"{interval.mean:.4f} ± {interval.high - interval.mean:.4f}")


def _comparison_table(title: str, found: list[Comparison]) -> Table:
    others = title.rpartition(" ")[2].removesuffix("s")
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("measure", no_wrap=True)
    table.add_column(others, no_wrap=True)
    for name in ("difference", "corrected p", "pairs"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            one.measure.replace("validation", "val"),
            Text(one.baseline),
            Text(_difference_text(one)),
            f"{one.corrected:.4f}",
            str(one.paired.n),
        )
    table.caption = f"same seeds, paired; exact signed-rank test, Holm's correction over {others}s"
    table.caption_justify = "left"
    return table


def _difference_text(one: Comparison) -> str:
    text = f"{one.paired.difference:+.4f}"
    if math.isnan(one.paired.low):
        return text
    return f"{text} [{one.paired.low:+.4f}, {one.paired.high:+.4f}]"


def verdict(history: History) -> list[str]:
    """Return in words whether the winner is better than the best baseline.

    The best baseline is the one with the highest mean validation accuracy, so
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
    known = novelty_text(winner.candidate.late)
    return [*own, *judged, *_against_controls(history), *_failures(everyone), known]


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
    best = max(known, key=lambda label: known[label])
    sentences = []
    for measure in (VALIDATION, TEST):
        family = [one for one in found if one.measure == measure]
        sentences += [_judged(one, len(family), words) for one in family if one.baseline == best]
    if len(sentences) > 1:
        sentences.append(
            "The winner was chosen by its validation accuracy, which flatters it; "
            "the test accuracy does not."
        )
    return sentences


def _against_controls(history: History) -> list[str]:
    """Say what annealing gave: against the same network with one function throughout."""
    found = [one for one in control_comparisons(history) if one.measure == TEST]
    words = {"static late": "its late function alone", "static early": "its early function alone"}
    return [_judged(one, len(found), words.get(one.baseline, CONTROL), CONTROL) for one in found]


def _judged(one: Comparison, family: int, words: str, others: str = BASELINE) -> str:
    if one.corrected >= SIGNIFICANT:
        outcome = "is not shown to be better than"
    else:
        outcome = "is better than" if one.paired.difference > 0 else "is worse than"
    sentence = (
        f"In {one.measure} the winner {outcome} {one.baseline}, {words}: "
        f"{_difference_text(one)}, corrected p = {one.corrected:.4f}."
    )
    needed = pairs_needed(family, SIGNIFICANT)
    if one.paired.n < needed:
        sentence += (
            f" With {one.paired.n} seeds and {family} "
            f"{others}{'' if family == 1 else 's'} no p-value below {SIGNIFICANT} can "
            f"come out: set evaluate.confirm.seeds to {needed} or more."
        )
    return sentence


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
