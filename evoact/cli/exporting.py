"""`evoact export`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evoact.errors import InputError
from evoact.export import export
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
    formats: str,
    params: str,
    output: Path | None,
    name: str | None,
    channels: int | None,
) -> None:
    """Export a study's candidate, or an expression, and print the files."""
    wanted = [part.strip() for part in formats.split(",") if part.strip()]
    if is_study(what):
        chosen = _of_study(what, rank, params)
    else:
        refuse_path(what)
        _refuse_options_of_studies(what, rank, params)
        chosen = _Chosen(resolve(what))
    files = export(
        chosen.expression,
        output or chosen.folder,
        formats=wanted,
        params=params,
        trained=chosen.trained,
        stem=name or chosen.stem,
        about=chosen.about,
        channels=channels,
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
        trained=study.trained_params(candidate) if params == "trained" else None,
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
            f"--rank and --params trained are for the folder of a study; {what!r} is an expression"
        )


def refuse_path(what: str) -> None:
    """Say that a folder is no study, rather than that it is no expression."""
    if os.path.exists(what) or what.startswith(("runs/", "./", "/")):
        raise InputError(f"{what} is no study: it has no journal.jsonl, nor one packed")
