"""The winner's curse: by how much the search flattered those it found best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from evoact.records import Candidate, History, SearchSpec
from evoact.stats import Interval, mean_interval
from evoact.tracking.describe import objective_text, spec_of


@dataclass(frozen=True, slots=True)
class Flattered:
    """A finalist's score in the search, and what fresh seeds gave.

    `by` is by how much the search made it look better; negative for worse.
    """

    candidate: Candidate
    search: float
    confirmed: Interval
    by: float


def curse_measure(spec: SearchSpec) -> str:
    """Return in what the curse is measured: the first objective that training decides.

    >>> curse_measure(SearchSpec(objectives={"cost": "min", "val_loss": "min"}))
    'val_loss'
    >>> curse_measure(SearchSpec(objectives={"cost": "min"}))
    'val_accuracy'
    """
    return next(iter(spec.trained), f"val_{spec.metric}")


def flattered(history: History) -> list[Flattered]:
    """Return search score minus confirmed score of each finalist, more being better.

    Whoever is the best of many was lucky too, so its score in the search is too good
    (Capen, Clapp and Campbell 1971, "Competitive bidding in high-risk situations").
    Left out is who stopped at a rung, and of whom every fresh training failed.
    """
    asked, spec = history.confirmation, spec_of(history)
    measure = curse_measure(spec)
    sign = -1.0 if spec.objectives.get(measure) == "min" else 1.0
    found = []
    for candidate in asked.finalists.values() if asked else ():
        score = history.evaluations.get((candidate.id, 0))
        fresh = [e for e in history.confirmed(candidate) if measure in e.objectives]
        if score and measure in score.objectives and fresh and score.epochs == fresh[0].epochs:
            search = score.objectives[measure]
            confirmed = mean_interval(e.objectives[measure] for e in fresh)
            by = sign * (search - confirmed.mean)
            found.append(Flattered(candidate, search, confirmed, by))
    return found


def winners_curse(found: Sequence[Flattered]) -> Interval | None:
    """Return by how much the search flattered finalists in the mean, with its interval.

    The interval is over the finalists. They share the luck of the one seed of the
    search, so another search may flatter otherwise.
    """
    return mean_interval(one.by for one in found) if found else None


def curse_table(found: Sequence[Flattered], measure: str) -> Table:
    """Return the table of both scores of each finalist."""
    table = Table(title=f"Winner's curse in {measure}", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("expression", overflow="fold")
    for name in ("search", "confirmed", "flattered by"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        scores = (objective_text(measure, v) for v in (one.search, one.confirmed.mean))
        by = round(one.by, 4) + 0.0  # no -0.0000
        table.add_row(Text(one.candidate.text), *scores, f"{by:+.4f}")
    return table


def curse_told(history: History) -> list[str]:
    """Say by how much the search flattered its finalists; nothing where none was confirmed."""
    found = flattered(history)
    curse = winners_curse(found)
    if curse is None:
        return []
    bounds = "" if math.isnan(curse.low) else f" [{curse.low:+.4f}, {curse.high:+.4f}]"
    many = f"the {curse.n} finalists" if curse.n > 1 else "the finalist"
    return [
        f"Winner's curse: in {curse_measure(spec_of(history))} the search flattered {many} by "
        f"{curse.mean:+.4f}{bounds}, their score there minus that under fresh seeds."
    ]
