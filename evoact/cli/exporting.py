"""`evoact export`."""

from __future__ import annotations

import os
from pathlib import Path

from evoact.errors import InputError
from evoact.export import export
from evoact.language import resolve
from evoact.records import Candidate
from evoact.study import Study


def run_export(
    what: str,
    rank: int | None,
    formats: str,
    params: str,
    output: Path | None,
    name: str | None,
) -> None:
    """Export a study's candidate, or an expression, and print the files."""
    wanted = [part.strip() for part in formats.split(",") if part.strip()]
    if os.path.exists(os.path.join(what, "journal.jsonl")):  # Path raises on long expressions
        study = Study.load(what)
        candidate, label = _chosen(study, rank)
        files = export(
            candidate.late,
            output or study.folder / "winners",
            formats=wanted,
            params=params,
            trained=study.trained_params(candidate),
            stem=name or f"{label}_{params}",
            about=f"Discovered by evoact, study {study.name}, candidate {candidate.short_id}.",
        )
    else:
        _refuse_path(what)
        if rank is not None or params != "recipe":
            raise InputError(
                "--rank and --params trained are for the folder of a study; "
                f"{what!r} is an expression"
            )
        files = export(resolve(what), output or Path(), formats=wanted, stem=name or "activation")
    for file in files:
        print(file)  # noqa: T201  # the command's result


def _chosen(study: Study, rank: int | None) -> tuple[Candidate, str]:
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


def _refuse_path(what: str) -> None:
    """Say that a folder is no study, rather than that it is no expression."""
    if os.path.exists(what) or what.startswith(("runs/", "./", "/")):
        raise InputError(f"{what} is no study: it has no journal.jsonl")
