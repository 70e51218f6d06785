"""`evoact diagnose`: one training, and what its network does, layer by layer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evoact import api
from evoact.cli.exporting import candidate_of, refuse_path
from evoact.cli.looking import print_json, wide_console
from evoact.cli.showing import check_figure, save_plot
from evoact.errors import InputError
from evoact.language import resolve
from evoact.records import Candidate
from evoact.study import Study
from evoact.tracking.figures import layers_figure
from evoact.training import Diagnosed

Column = tuple[str, str]

_SIGNAL: Final[tuple[Column, ...]] = (
    ("units", "units"),
    ("mean", "mean"),
    ("variance", "variance"),
    ("zero_fraction", "zeros"),
    ("dead", "dead"),
    ("probability", "active"),
    ("dispersion", "dispersion"),
    ("gradient", "gradient"),
    ("curve_length", "length"),
    ("fold_depth", "folds"),
)
_CLASSES: Final[tuple[Column, ...]] = (
    ("effective_rank", "rank"),
    ("information_lost", "lost"),
    ("contraction", "within/total"),
    ("separation", "separation"),
    ("neighbour_accuracy", "1-NN"),
    ("support", "local SV"),
)
_LEGENDS: Final = (
    "zeros: exactly 0; active: above 0, mean over units; gradient: norm before it (output = 1); "
    "length, folds: of a circle through two samples (log2)",
    "rank: effective; lost: variance of the input that no affine map gives back; local SV: share "
    "of training samples on the wrong side of their neighbours",
)


def run_diagnose(
    what: str,
    task: str | None,
    *,
    rank: int | None,
    seed: int | None,
    plot: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train a function, or a study's candidate, once; print what its network does."""
    if plot is not None:
        check_figure(plot, "--plot")
    candidate, told, own_seed = _chosen(what, task, rank)
    found = api.diagnose(candidate, told, seed=own_seed if seed is None else seed, **settings)
    data = found.to_dict()
    if plot is not None:
        title = f"{found.candidate.late} on {found.task.label}"
        save_plot(layers_figure(title, data["layers"]), plot)
    if as_json:
        print_json(data)
    else:
        _print(wide_console(), found, data)


def _chosen(what: str, task: str | None, rank: int | None) -> tuple[Candidate, Any, int]:
    """Return whom to train, on what, and from which seed by default."""
    if os.path.exists(os.path.join(what, "journal.jsonl")):  # Path raises on long texts
        study = Study.load(what)
        return candidate_of(study, rank)[0], task or study.spec.task, study.run.seed
    refuse_path(what)
    if rank is not None:
        raise InputError(f"--rank is for the folder of a study; {what!r} is an expression")
    if task is None:
        raise InputError(
            "--task is missing; wanted digits, mnist1d, module:Class or a space's YAML file, on "
            f"which {what!r} is to be trained"
        )
    return Candidate(resolve(what)), task, 0


def _print(console: Console, found: Diagnosed, data: Mapping[str, Any]) -> None:
    task = found.task
    console.print(Text(found.candidate.text, style="bold"), soft_wrap=True)
    scores = ", ".join(f"{name} {value:.4g}" for name, value in found.scores.items())
    console.print(f"trained once on {task.label}, {task.epochs} epochs: {scores}", highlight=False)
    rows = [{**row, "support": _last(row["support_vectors"])} for row in data["layers"]]
    for columns, legend in zip((_SIGNAL, _CLASSES), _LEGENDS, strict=True):
        console.print(_table(rows, columns))
        console.print(Text(legend, style="dim"))
    for title in ("whole", "activation"):
        console.print(_pairs(title, data[title]))
    for name, note in data["notes"].items():
        console.print(Text(f"{name.replace('_', ' ')}: {note}", style="dim"))


def _last(shares: Mapping[str, float] | None) -> float | None:
    """Return the share at the largest order."""
    return None if not shares else list(shares.values())[-1]


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("layer", no_wrap=True)
    shown = [column for column in columns if any(row[column[0]] is not None for row in rows)]
    for _, label in shown:
        table.add_column(label, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(Text(str(row["name"])), *(_cell(row[measure]) for measure, _ in shown))
    return table


def _pairs(title: str, values: Mapping[str, Any]) -> Table:
    titles = {"whole": "the network", "activation": "the activation, in wide random networks"}
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(titles[title], no_wrap=True)
    table.add_column("", justify="right")
    for name, value in values.items():
        if value is not None:
            table.add_row(name.replace("_", " "), _cell(value))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
