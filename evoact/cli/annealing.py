"""`evoact show --anneal`: how a network's activations get from early to late."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evoact.cli.looking import print_json
from evoact.cli.plotting import draw_lines
from evoact.cli.showing import save_plot
from evoact.language import Expression, auto_early, resolve
from evoact.nn import Annealed, Schedule
from evoact.tracking.figures import FRAMES, annealing_figure, film

_POINTS: Final = 401
_MOMENTS: Final = 11


def show_annealing(
    text: str, early: str, path: str, schedule: Schedule, plot: Path | None, as_json: bool
) -> None:
    """Print g over a training and the function on its way; draw both if asked."""
    late = resolve(text)
    first = auto_early(late, path) if early == "auto" else resolve(early)
    _check(late, early, path)
    title = f"{first} -> {late} ({path}, {schedule.name} {schedule.start:g}-{schedule.end:g})"
    shares = np.linspace(schedule.start, schedule.end, FRAMES).tolist()
    x, frames = film(late, first, path, [(p, schedule(p)) for p in shares])
    if plot is not None:
        progress = np.linspace(0.0, 1.0, _POINTS)
        g = np.array([schedule(p) for p in progress])
        save_plot(annealing_figure(title, progress, g, x, frames), plot)
    moments = [(p, schedule(p)) for p in np.linspace(0.0, 1.0, _MOMENTS).tolist()]
    if as_json:
        print_json(_description(late, first, path, schedule, moments))
        return
    console = Console()
    console.print(Text(title, style="bold"), soft_wrap=True)
    console.print(_table(moments))
    shown = {
        f"g = {g:.2g}": values for _, g, values in (frames[0], frames[FRAMES // 2], frames[-1])
    }
    markers = dict(zip(shown, ("·", ":"), strict=False))
    console.print(Text(draw_lines(x, shown, min(console.width, 72), markers)))


def _check(late: Expression, early: str, path: str) -> None:
    """Raise `InputError` where no network could be annealed so."""
    channels = 2 * late.channel_multiple
    Annealed(early if early == "auto" else resolve(early), late, channels, -1, path=path)


def _table(moments: list[tuple[float, float]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("done", justify="right")
    table.add_column("g", justify="right")
    table.add_column("")
    for progress, g in moments:
        table.add_row(f"{progress:.0%}", f"{g:.3f}", "█" * round(40 * g))
    return table


def _description(
    late: Expression,
    first: Expression,
    path: str,
    schedule: Schedule,
    moments: list[tuple[float, float]],
) -> dict[str, Any]:
    return {
        "late": str(late),
        "early": str(first),
        "path": path,
        "schedule": schedule.name,
        "start": schedule.start,
        "end": schedule.end,
        "cost_relative_to_relu": {"early": round(first.cost, 3), "late": round(late.cost, 3)},
        "g": [{"progress": round(p, 3), "g": round(g, 6)} for p, g in moments],
    }
