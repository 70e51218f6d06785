"""`evoact compare`: functions against baselines, under fresh seeds."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from evoact import api
from evoact.cli.looking import wide_console
from evoact.cli.searching import command
from evoact.cli.showing import check_figure, check_folder
from evoact.cli.signals import exit_code, signals_interrupt
from evoact.comparison import ComparisonResult, differences_figure, markdown, print_comparison
from evoact.errors import InputError, StudyError
from evoact.files import write_atomically
from evoact.language import resolve
from evoact.records import Anneal
from evoact.tracking import save_figure

STEM: Final = "comparison"
_AUTO: Final = "auto"


def run_compare(
    task: str,
    expressions: Sequence[str],
    *,
    rates: str | None,
    anneal: Anneal | None,
    files: dict[str, Path | None],
    output: Path | None,
    **settings: Any,
) -> None:
    """Compare functions; show how far it is, then what was found; write the files asked for."""
    console = wide_console()
    wanted = _wanted(files, output)

    begun: list[str] = []

    def tell(line: str) -> None:
        begun.append(line)
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    grid = None if rates is None else _rates(rates)
    try:
        with signals_interrupt():
            result = api.compare(
                task, expressions, rates=grid, anneal=anneal, tell=tell, **settings
            )
    except KeyboardInterrupt as interrupt:
        _say_interrupted(begun)
        sys.exit(exit_code(interrupt))
    except StudyError:
        _say_interrupted(begun)
        raise
    print_comparison(console, result)
    for kind, path in wanted.items():
        _write(kind, path, result)
        console.print(f"Written: {path}", highlight=False, markup=False, soft_wrap=True)


def _say_interrupted(begun: Sequence[str]) -> None:
    if begun:
        again = shlex.join([*shlex.split(command()), *sys.argv[1:]])
        print(  # noqa: T201  # the command line's own voice
            f"stopped; what was trained is kept. The same command goes on:\n  {again}",
            file=sys.stderr,
        )


def genes(
    early: str | None, path: str | None, schedule: str, start: float, end: float
) -> Anneal | None:
    """Return how contestants are annealed; None if neither early function nor path is given.

    Raises:
        InputError: a value is not what it must be.

    >>> genes(None, None, "linear", 0.0, 0.5) is None
    True
    >>> genes(None, "ladder", "linear", 0.0, 0.5).to_dict()["early"]
    'auto'
    """
    if early is None and path is None:
        return None
    first = None if early in (None, _AUTO) else resolve(str(early))
    return Anneal(first, schedule, start, end, path or "blend")


def _rates(text: str) -> list[float]:
    try:
        return [float(item) for item in text.split(",")]
    except ValueError:
        raise InputError(
            f"--rates is {text!r}; wanted learning rates such as 0.003,0.01,0.03"
        ) from None


def _wanted(files: dict[str, Path | None], output: Path | None) -> dict[str, Path]:
    """Return where each file goes; checked before anything is trained."""
    wanted = {kind: path for kind, path in files.items() if path is not None}
    for kind, path in wanted.items():
        (check_figure if kind == "figure" else check_folder)(path, f"--{kind}")
    if output is not None:
        if output.exists() and not output.is_dir():
            raise InputError(f"--output is {output}, a file; wanted a folder, which may be new")
        names = {"json": "json", "markdown": "md", "figure": "svg"}
        in_folder = {kind: output / f"{STEM}.{suffix}" for kind, suffix in names.items()}
        wanted = {**in_folder, **wanted}
    return wanted


def _write(kind: str, path: Path, result: ComparisonResult) -> None:
    try:
        if kind == "figure":
            save_figure(differences_figure(result), path)
        else:
            text = markdown(result) if kind == "markdown" else _json(result)
            write_atomically(path, text.encode())
    except OSError as error:
        raise InputError(f"--{kind} {path} cannot be written: {error.strerror}") from error


def _json(result: ComparisonResult) -> str:
    return json.dumps(result.to_dict(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
