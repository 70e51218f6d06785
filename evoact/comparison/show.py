"""A comparison as tables and sentences: on the terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from evoact.comparison.plan import CONTESTANT, RESCALED
from evoact.comparison.result import RIVALS, ComparisonResult
from evoact.comparison.standing import Standing
from evoact.tracking import (
    BASELINE,
    CONTROL,
    TEST,
    VALIDATION,
    annealing_text,
    comparison_table,
    difference_text,
    interval_text,
    p_text,
    results_table,
)

if TYPE_CHECKING:
    from rich.console import Console

_TITLES: Final = {
    BASELINE: "Contestant minus baseline",
    RESCALED: "Contestant minus its nearest named function, rescaled",
    CONTROL: "Contestant minus its controls",
}


def print_comparison(console: Console, result: ComparisonResult) -> None:
    """Print results, accounts, comparisons and a verdict."""
    title = f"{result.plan.seeds} fresh seeds each"
    measured = [one.measured for one in result.standings]
    console.print(results_table(title, measured, "mean and 95 % interval"))
    console.print(_accounts_table(result))
    for role in RIVALS:
        if found := result.comparisons(role):
            table = comparison_table(_TITLES[role], found)
            table.caption = _caption(result)
            console.print(table)
    console.print()
    for sentence in result.verdict():
        console.print(Text(sentence))


def _caption(result: ComparisonResult) -> str:
    return (
        f"same seeds, paired; 95 % interval: {result.interval}; exact signed-rank test, Holm's "
        "correction over the rows of a measure"
    )


def _accounts_table(result: ComparisonResult) -> Table:
    caption = (
        f"rate{' and gain' if len(result.plan.gains) > 1 else ''} chosen on validation data with "
        f"{len(result.plan.tuning_replicates)} other seeds, of the same grid for all; "
        "time of a forward and backward pass over relu's"
    )
    table = Table(title="Accounts", box=box.SIMPLE_HEAD, title_justify="left")
    table.caption, table.caption_justify = caption, "left"
    head, rows = _accounts(result)
    table.add_column(head[0], overflow="fold")
    for name in head[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _accounts(result: ComparisonResult) -> tuple[list[str], list[list[str]]]:
    """Return what each was given, and what it takes: names of columns, and rows."""
    ways = sorted({way for times in result.latency.values() for way in times}, reverse=True)
    named = {"torch": "time, eager", "c": "time, C"}
    with_gain = len(result.plan.gains) > 1
    gain = ["gain"] if with_gain else []
    head = ["who", "rate", *gain, "parameters", "in activations", *(named[way] for way in ways)]
    rows = []
    for one in result.standings:
        times = result.latency[one.entrant.candidate.text]
        rows.append(
            [
                _who(one),
                f"{one.setting.learning_rate:g}",
                *([one.setting.gain] if with_gain else []),
                f"{one.parameters:,}",
                f"{one.activation_parameters:,}",
                *(f"{times[way]:.2f}" for way in ways),
            ]
        )
    return head, rows


def _who(one: Standing) -> str:
    if one.entrant.role in (CONTESTANT, CONTROL):
        return one.entrant.label
    return f"{one.entrant.role} {one.entrant.label}"


def markdown(result: ComparisonResult) -> str:
    """Return a report in Markdown: the tables of `print_comparison` and its sentences."""
    plan = result.plan
    task = plan.task
    parts = [
        f"# Comparison on {task.name} ({task.network}, {task.epochs} epochs)",
        "\n".join(f"- {sentence}" for sentence in result.verdict()),
        _results_markdown(result),
        *(
            f"{_TITLES[role]}:\n\n{_comparisons_markdown(result, role)}"
            for role in RIVALS
            if plan.rivals(role)
        ),
        f"Pairs: {_caption(result)}.",
        _method(result),
    ]
    return "\n\n".join(parts) + "\n"


def _results_markdown(result: ComparisonResult) -> str:
    head, accounts = _accounts(result)
    rows = [
        [
            row[0],
            f"`{one.measured.candidate.text}`",
            annealing_text(one.measured.candidate),
            interval_text(one.measured.interval(VALIDATION)),
            interval_text(one.measured.interval(TEST)),
            str(len(one.measured.test)),
            *row[1:],
        ]
        for one, row in zip(result.standings, accounts, strict=True)
    ]
    return _table([head[0], "expression", "annealing", "validation", "test", "n", *head[1:]], rows)


def _comparisons_markdown(result: ComparisonResult, role: str) -> str:
    rows = [
        [
            one.measure,
            one.who,
            one.baseline,
            difference_text(one),
            p_text(one.corrected),
            str(one.paired.n),
        ]
        for one in result.comparisons(role)
    ]
    return _table(["measure", "who", role, "difference", "corrected p", "pairs"], rows)


def _method(result: ComparisonResult) -> str:
    plan = result.plan
    rates = ", ".join(f"{rate:g}" for rate in plan.rates)
    tuned = "not tuned: the grid has one setting"
    if plan.tuning_replicates:
        tuned = (
            f"chosen for each by {plan.tuning_seeds} seeds that are not reported, on validation "
            f"data, of learning rates {rates} and gains {', '.join(plan.gains)}"
        )
    said = ", ".join(f"{name} {value}" for name, value in result.environment.items())
    return (
        f"Settings: {tuned}. Seed {plan.seed}, replicates {plan.replicates[0]} to "
        f"{plan.replicates[-1]}, shared by all; widths: {plan.task.width}. The test set was read "
        f"once for each reported network, after its training. {said}."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '¦') for cell in row)} |" for row in lines)
