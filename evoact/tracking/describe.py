"""How trackers put parts of a study into words and files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from evoact.language import ZOO, Expression, nearest_named
from evoact.records import BY, LAYERS, Candidate, History, SearchSpec

GENES: Final = ("early", "early_function", "path", "schedule", "start", "end", "layers", "by")
"""The annealing genes, as columns; `early_function` is what `early: auto` derived."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t")


def spec_of(history: History) -> SearchSpec:
    """Return the study's specification; it is parsed once, not once a record."""
    assert history.started is not None, "the journal has no first line yet"
    return _parse(json.dumps(history.started.spec))


@lru_cache(maxsize=8)
def _parse(text: str) -> SearchSpec:
    return SearchSpec.model_validate_json(text)


@lru_cache(maxsize=4096)
def known_name(expression: Expression) -> str:
    """Return the name that a function is known by up to scales and shift, or nothing.

    >>> from evoact.language import parse
    >>> known_name(parse("1.71286 * relu(x) - 0.683332")), known_name(parse("x + sin(cube(x))"))
    ('relu', '')
    """
    matches = nearest_named(expression)
    return matches[0].name if matches and matches[0].same else ""


def novelty_text(expression: Expression, who: str = "The winner") -> str:
    """Say whether a function is in the zoo, and which of it is nearest.

    >>> from evoact.language import parse
    >>> novelty_text(parse("x / (1 + exp(-x))"))
    'The winner is in the zoo of named functions: = silu.'
    >>> novelty_text(parse("square(x) * sin(5 * x)")).partition("zoo, ")[2]
    'and not near any named function (nearest gcu, distance 0.6).'
    """
    matches = nearest_named(expression)
    if not matches:
        return f"{who} could not be compared with the zoo of named functions."
    if matches[0].same:
        return f"{who} is in the zoo of named functions: {matches[0].text}."
    found = f"but {matches[0].text}" if matches[0].is_near else f"and {matches[0].not_near}"
    return f"{who} is none of the {len(ZOO)} functions of the zoo, {found}."


def annealing_text(candidate: Candidate) -> str:
    """Return the annealing genes in one short text, `-` for none; the head, if it is a gene.

    >>> from evoact.language import resolve
    >>> from evoact.records import Anneal
    >>> annealing_text(Candidate(resolve("silu"), Anneal(resolve("relu"), "cosine", 0.0, 0.5)))
    'relu -> late, blend, cosine 0-0.5'
    >>> annealing_text(Candidate(resolve("silu")))
    '-'
    >>> annealing_text(Candidate(resolve("silu"), head="expgb"))
    'head expgb'
    """
    genes, head = candidate.anneal, [f"head {candidate.head}"] if candidate.head else []
    if genes is None:
        return ", ".join(head) or "-"
    # A derived function has many numbers; `genes_of` tells it.
    start = genes.early_text if genes.early is None else known_name(genes.early)
    parts = [
        f"{start or genes.early_text} -> late",
        genes.path,
        f"{genes.schedule} {genes.start:g}-{genes.end:g}",
        *([] if genes.layers == LAYERS[0] else [genes.layers]),
        *([] if genes.by == BY[0] else [f"by {genes.by}"]),
        *head,
    ]
    return ", ".join(parts)


def genes_of(candidate: Candidate) -> dict[str, str | float]:
    """Return the annealing genes by name, with the function that networks start from.

    Without annealing each is the empty text.

    >>> from evoact.language import resolve
    >>> genes_of(Candidate(resolve("silu")))["early"]
    ''
    """
    if candidate.anneal is None:
        return dict.fromkeys(GENES, "")
    genes = {**candidate.anneal.to_dict(), "early_function": str(candidate.early)}
    return {name: genes[name] for name in GENES}


def objective_text(name: str, value: float) -> str:
    """Return an objective's value as people read it.

    >>> objective_text("val_accuracy", 0.612), objective_text("cost", 3.8)
    ('0.6120', '3.8')
    """
    return f"{value:.4f}" if name.endswith("accuracy") else f"{value:.4g}"


def duration_text(seconds: float) -> str:
    """Return a duration as people say it.

    >>> duration_text(42.4), duration_text(130), duration_text(5400)
    ('42 s', '2 min', '1 h 30 min')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    r"""Return rows as CSV: numbers by `repr`, None as nothing, lines end in `\n`.

    A text that a spreadsheet would take for a formula gets a leading `'`,
    so that opening the file runs nothing.

    >>> csv_text(["expression", "value"], [{"expression": "-x", "value": -0.5}])
    "expression,value\n'-x,-0.5\n"
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return buffer.getvalue()


def _cell(value: str | float | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        line = value.replace("\r", " ")  # Python 3.11 writes it bare, as the end of a row
        return f"'{line}" if line.startswith(_FORMULA_STARTS) else line
    return repr(value)
