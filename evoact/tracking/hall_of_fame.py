"""The best candidates of a search as rows, and as a file that is always whole."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from evoact.files import write_atomically
from evoact.records import Candidate, GenerationTold, History, Record, SearchSpec
from evoact.tracking.describe import GENES, csv_text, genes_of, known_name, spec_of

SIZE: Final = 20

_ALWAYS: Final = ("cost", "nodes")
_RUNGS: Final = ("rung", "epochs")


def hall_of_fame_columns(spec: SearchSpec) -> list[str]:
    """Return the names of the columns: all that is measured, and what people ask for besides.

    With rungs, also how far a candidate came: its values are of then.

    >>> hall_of_fame_columns(SearchSpec(objectives={"cost": "min"}))[4:8]
    ['cost', 'val_accuracy', 'nodes', 'generation']
    """
    values = dict.fromkeys(_measures(spec))
    rungs = _RUNGS if spec.evaluate.rungs else ()
    about = ["generation", "origin", *GENES, *_head(spec)]
    return ["rank", "id", "expression", "known_as", *rungs, *values, *about]


def hall_of_fame_rows(history: History) -> list[dict[str, str | float | int]]:
    """Return the hall of fame as plain rows, best first.

    With one objective the best 20; with more, all candidates that no other
    one dominates. Only what is the same on every executor: no timings, no
    facts about hosts. What does not apply (genes without annealing, a value
    that was not measured) is the empty text.
    """
    spec = spec_of(history)
    best = history.hall_of_fame(spec, SIZE if len(spec.objectives) == 1 else None)
    return [_row(rank, candidate, spec, history) for rank, candidate in enumerate(best, start=1)]


def _row(
    rank: int, candidate: Candidate, spec: SearchSpec, history: History
) -> dict[str, str | float | int]:
    evaluation = history.evaluations[candidate.id, 0]
    measured, rungs = evaluation.objectives, _RUNGS if spec.evaluate.rungs else ()
    static = {"cost": candidate.late.cost}
    return {
        "rank": rank,
        "id": candidate.id,
        "expression": candidate.text,
        "known_as": known_name(candidate.late),
        **{name: getattr(evaluation, name) for name in rungs},
        **{n: measured.get(n, static.get(n, "")) for n in _measures(spec)},
        "nodes": candidate.late.nodes,
        "generation": history.born[candidate.id],
        "origin": candidate.origin,
        **genes_of(candidate),
        **dict.fromkeys(_head(spec), candidate.head or ""),
    }


def _head(spec: SearchSpec) -> tuple[str, ...]:
    """Return the column of the head, where it is a gene."""
    return ("head",) if len(spec.task.head) > 1 else ()


def _measures(spec: SearchSpec) -> list[str]:
    """Return what is told of a candidate; of several tasks the mean first, then of each."""
    return [
        *spec.measures,
        *(key for n in spec.measures for key in spec.keys(n)),
        f"val_{spec.metric}",
        *_ALWAYS,
    ]


class HallOfFameCsv:
    """Writes `hall_of_fame.csv` anew after every generation.

    The bytes depend on the journal's candidates and scores alone.

    Args:
        path: the file; its folder is made when missing.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def on_record(self, record: Record, history: History) -> None:
        """Write the file when a generation was told."""
        if isinstance(record, GenerationTold):
            columns = hall_of_fame_columns(spec_of(history))
            text = csv_text(columns, hall_of_fame_rows(history))
            write_atomically(self._path, text.encode())

    def close(self) -> None:
        """Do nothing: the file is whole after every record."""
