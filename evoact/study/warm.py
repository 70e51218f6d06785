"""Warm starts: what an earlier search found enters the first generation of another."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evoact.errors import InputError
from evoact.language import Expression, ExpressionError, parse, strip_affine
from evoact.records import SearchSpec
from evoact.records.possible import check_seed
from evoact.study.journal import read_history
from evoact.study.lines import NAME

_KEY: Final = "evolution.warm_start"
_COLUMN: Final = "expression"


def warmed(spec: SearchSpec) -> SearchSpec:
    """Return a specification whose `evolution.warm_start` is expressions.

    Of a study or a `hall_of_fame.csv`, its best ones, each once, as many as fill
    half of what the seeds leave of a generation. Texts are parsed, and never
    executed. Those that the language would not breed are left out, with a
    warning. What names no file comes back as it is.

    With `normalise: full`, scales and shifts are taken off: those that the other
    search put there, and this one puts there again.

    Raises:
        InputError: there is nothing to read, or nothing in it that fits.

    >>> warmed(SearchSpec()).evolution.warm_start
    ()
    """
    source = spec.evolution.warm_start
    if not isinstance(source, str):
        return spec
    room = max(1, (spec.evolution.population - len(spec.evolution.seeds)) // 2)
    texts, refused = list[str](), list[str]()
    for expression in _best(Path(source)):
        if len(texts) == room:
            break
        text = str(strip_affine(expression) if spec.language.normalise == "full" else expression)
        try:
            check_seed(text, spec.language, _KEY)
        except ValueError as error:
            refused.append(str(error))
        else:
            texts += [text] if text not in texts else []
    _tell(source, texts, refused)
    evolution = spec.evolution.model_copy(update={"warm_start": tuple(texts)})
    return spec.model_copy(update={"evolution": evolution})


def _tell(source: str, texts: list[str], refused: list[str]) -> None:
    first = f"the first: {refused[0]}" if refused else "it has none"
    if not texts:
        raise InputError(
            f"{_KEY} is {source!r}, but none of its expressions can enter this search; {first}"
        )
    if refused:
        warnings.warn(
            f"{_KEY} {source!r}: {len(refused)} expressions are left out; {first}", stacklevel=3
        )


def _best(path: Path) -> Iterator[Expression]:
    """Yield what a study or a table found, best first."""
    if (path / NAME).is_file():
        history = read_history(path)
        return (candidate.late for candidate in history.hall_of_fame(history.spec))
    if not path.is_file():
        raise InputError(
            f"{_KEY} is {str(path)!r}; wanted the folder of a study, such as runs/first, "
            "a hall_of_fame.csv, or a list of expressions"
        )
    return _of_table(path)


def _of_table(path: Path) -> Iterator[Expression]:
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{_KEY}: cannot read {path}: {error}") from error
    if not rows or _COLUMN not in rows[0]:
        raise InputError(f"{_KEY}: {path} has no column {_COLUMN!r}; wanted a hall_of_fame.csv")
    for number, row in enumerate(rows, 2):
        try:
            # What a spreadsheet would take for a formula was written with a quote.
            yield parse((row[_COLUMN] or "").removeprefix("'"))
        except ExpressionError as error:
            raise InputError(f"{_KEY}: {path}:{number}: {error}") from error
