"""`evoact export`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evoact.errors import InputError
from evoact.export import DEFAULT, export, write_package
from evoact.language import Expression, resolve
from evoact.records import Candidate
from evoact.study import Study, is_study


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is to be exported, and where to and how named by default."""

    expression: Expression
    folder: Path = Path()
    stem: str = "activation"
    about: str = ""
    trained: Mapping[str, Mapping[str, Any]] | None = None


def run_export(
    what: str,
    rank: int | None,
    formats: str | None,
    params: str,
    output: Path | None,
    name: str | None,
    channels: int | None,
    package: str | None,
) -> None:
    """Export a study's candidate, or an expression, and print the files."""
    if package is not None and (formats, name) != (None, None):
        raise InputError(
            "--as-package writes the torch source under the name given; "
            "leave out --format and --name"
        )
    wanted = DEFAULT if formats is None else [p.strip() for p in formats.split(",") if p.strip()]
    if is_study(what):
        chosen = _of_study(what, rank, params)
    else:
        refuse_path(what)
        _refuse_options_of_studies(what, rank, params)
        chosen = _Chosen(resolve(what))
    folder = output or chosen.folder
    more: dict[str, Any] = {
        "params": params,
        "trained": chosen.trained,
        "about": chosen.about,
        "channels": channels,
    }
    files = (
        export(chosen.expression, folder, formats=wanted, stem=name or chosen.stem, **more)
        if package is None
        else write_package(chosen.expression, folder, package, **more)
    )
    for file in files:
        print(file)  # noqa: T201  # the command's result


def _of_study(what: str, rank: int | None, params: str) -> _Chosen:
    study = Study.load(what)
    candidate, label = candidate_of(study, rank)
    return _Chosen(
        candidate.late,
        folder=study.folder / "winners",
        stem=f"{label}_{params}",
        about=f"Discovered by evoact, study {study.name}, candidate {candidate.short_id}.",
        # Not for a recipe: a study may be kept without the files of its parameters.
        trained=None if params == "recipe" else study.trained_params(candidate),
    )


def candidate_of(study: Study, rank: int | None) -> tuple[Candidate, str]:
    """Return the candidate at a rank, by default the winner, and what to call it."""
    if rank is None and (winner := study.winner()) is not None:
        return winner, "winner"
    best = study.best()
    place = rank or 1
    if place > len(best):
        raise InputError(
            f"--rank is {place}, but the hall of fame of {study.name} has {len(best)} entries"
        )
    return best[place - 1].candidate, f"rank{place}"


def _refuse_options_of_studies(what: str, rank: int | None, params: str) -> None:
    if rank is not None or params != "recipe":
        raise InputError(
            f"--rank and --params {params} are for the folder of a study; {what!r} is an expression"
        )


def refuse_path(what: str) -> None:
    """Say that a folder is no study, rather than that it is no expression."""
    if os.path.exists(what) or what.startswith(("runs/", "./", "/")):
        raise InputError(f"{what} is no study: it has no journal.jsonl, nor one packed")
