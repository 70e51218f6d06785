"""`evoact show --anneal`: how a network's activations get from early to late."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evoact.cli.looking import print_json
from evoact.cli.plotting import draw_lines
from evoact.cli.showing import save_plot
from evoact.language import Expression, FloatArray, auto_early, resolve
from evoact.nn import Annealed, Schedule

_FRAMES: Final = 6
_MIDDLE: Final = _FRAMES // 2
_RANGE: Final = 4.0
_POINTS: Final = 401
_MOMENTS: Final = 11

Frame = tuple[float, float, FloatArray]  # progress, g, values


def show_annealing(
    text: str, early: str, path: str, schedule: Schedule, plot: Path | None, as_json: bool
) -> None:
    """Print g over a training and the function on its way; draw both if asked."""
    late = resolve(text)
    first = auto_early(late, path) if early == "auto" else resolve(early)
    module = annealed(late, early, path)
    title = f"{first} -> {late} ({path}, {schedule.name} {schedule.start:g}-{schedule.end:g})"
    x, frames = film(module, late, schedule)
    if plot is not None:
        from evoact.tracking import annealing_figure

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
    shown = {f"g = {g:.2g}": values for _, g, values in (frames[0], frames[_MIDDLE], frames[-1])}
    markers = dict(zip(shown, ("·", ":"), strict=False))
    console.print(Text(draw_lines(x, shown, min(console.width, 72), markers)))


def annealed(late: Expression, early: str, path: str) -> Annealed:
    """Return the module with as many channels as its groups need.

    Raises:
        InputError: the path cannot serve the function.
    """
    channels = 2 * late.channel_multiple
    first = early if early == "auto" else resolve(early)
    return Annealed(first, late, channels, -1, path=path).double()


def film(module: Annealed, late: Expression, schedule: Schedule) -> tuple[FloatArray, list[Frame]]:
    """Return inputs, and the function's values at moments between start and end.

    Of a groupwise function the first output by the first input channel, the
    others being at fixed values.
    """
    x = np.linspace(-_RANGE, _RANGE, _POINTS)
    inputs: Any = torch.from_numpy(x)[:, None]
    if late.is_groupwise:
        inputs = torch.linspace(-1.0, 1.0, 2 * late.channel_multiple, dtype=torch.float64)
        inputs = inputs.repeat(_POINTS, 1)
        inputs[:, 0] = torch.from_numpy(x)
    elif module.late.channels:
        inputs = inputs.repeat(1, module.late.channels)
    frames = []
    for moment in np.linspace(schedule.start, schedule.end, _FRAMES).tolist():
        g = schedule(moment)
        module.set_g(g)
        with torch.no_grad():
            frames.append((moment, g, module(inputs)[:, 0].numpy()))
    return x, frames


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
